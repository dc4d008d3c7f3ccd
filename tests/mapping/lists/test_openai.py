"""mapping.lists.openai: OpenAI's list of models, and what Codex CLI finds in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mapping import jsonio
from mapping.faults import Fault
from mapping.gemini import models_list
from mapping.gemini.catalogue import AS_OF
from mapping.gemini.models import EFFORTS
from mapping.lists import openai

GOOGLE: list[dict[str, Any]] = [
    {"name": "models/gemini-3.8-flash", "displayName": "Flash", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/gemini-9-mega", "supportedGenerationMethods": ["generateContent"], "inputTokenLimit": 7},
    {"name": "models/gemini-2.5-flash-lite"},
    {"name": "models/gemini-embedding-2", "supportedGenerationMethods": ["embedContent"]},
    {"name": "models/gemini-3.1-flash-image", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/gemini-3.8-flash-tts", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/gemini-live-3-flash", "supportedGenerationMethods": ["bidiGenerateContent"]},
    {"displayName": "nameless"},
]
NAMES = {"gpt-4o": "gemini-3.8-flash", "mine": "gemini-2.5-pro"}


def listed(**more: Any) -> Any:
    return jsonio.loads(openai.answer(GOOGLE, NAMES, **more))


def test_it_lists_what_can_be_served_and_the_mapped_names() -> None:
    names = [entry["id"] for entry in listed()["data"]]
    assert names == ["gpt-4o", "mine", "gemini-3.8-flash", "gemini-9-mega", "gemini-2.5-flash-lite"]
    assert "models" not in listed()


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("gemini-3.8-flash", date(2026, 9, 2)),
        ("gpt-4o", date(2026, 9, 2)),
        ("mine", date(2025, 6, 17)),
        ("gemini-9-mega", AS_OF),
    ],
)
def test_created_is_the_day_of_the_release(name: str, day: date) -> None:
    [entry] = [entry for entry in listed()["data"] if entry["id"] == name]
    assert datetime.fromtimestamp(entry["created"], UTC).date() == day


@pytest.mark.parametrize("name", ["gemini-embedding-2", "models/gemini-3.8-flash", "gemini/gemini-9-mega", "gpt-4o"])
def test_one_model(name: str) -> None:
    assert listed(wanted=name)["id"] == name.rpartition("/")[2]


def test_no_such_model() -> None:
    with pytest.raises(Fault) as e:
        listed(wanted="gemini-3.8-flahs")
    assert (e.value.status, e.value.code) == (404, "model_not_found")


def test_the_built_in_list_has_nothing_retired() -> None:
    before, after = (
        {models_list.name_of(model) for model in models_list.built_in(day)}
        for day in (date(2026, 11, 30), date(2026, 12, 1))
    )
    assert before - after == {"gemini-2.5-pro", "gemini-2.5-flash"}
    assert after < before


NEEDED = {
    "display_name",
    "supported_reasoning_levels",
    "shell_type",
    "visibility",
    "supported_in_api",
    "priority",
    "support_verbosity",
    "truncation_policy",
    "base_instructions",
    "experimental_supported_tools",
}
"""Without one of these Codex 0.171 refuses the whole list."""


def test_what_codex_finds() -> None:
    answer = listed(for_codex=True)
    models = {model["slug"]: model for model in answer["models"]}
    assert list(models) == [entry["id"] for entry in answer["data"]]
    for model in models.values():
        assert model.keys() >= NEEDED
        assert model["base_instructions"].startswith("You are a coding agent")
    assert [model["priority"] for model in answer["models"]] == list(range(5))
    assert models["gemini-9-mega"]["context_window"] == 7
    assert models["gpt-4o"]["display_name"] == "Flash"


@pytest.mark.parametrize(
    ("name", "levels", "default"),
    [
        ("gpt-4o", ["low", "medium", "high"], "medium"),
        ("mine", ["low", "medium", "high"], "medium"),
        ("gemini-4-hydrogen", ["low", "medium", "high", "xhigh"], "medium"),
        ("gemini-3.5-flash-lite", ["minimal", "low", "medium", "high"], "medium"),
        ("gemini-3-pro", ["low", "high"], "high"),
        ("gemma-4-31b-it", [], None),
    ],
)
def test_thinking_levels_for_codex(name: str, levels: list[str], default: str | None) -> None:
    answer = jsonio.loads(openai.answer([{"name": f"models/{name}"}], NAMES, for_codex=True))
    [model] = [model for model in answer["models"] if model["slug"] == name]
    assert [level["effort"] for level in model["supported_reasoning_levels"]] == levels
    assert set(levels) <= set(EFFORTS)
    assert model.get("default_reasoning_level") == default
