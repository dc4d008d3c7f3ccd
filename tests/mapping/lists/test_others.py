"""mapping.lists.others: the list of models for Gemini's and Anthropic's clients."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from anthropic.types import ModelInfo

from mapping import jsonio
from mapping.faults import Fault
from mapping.lists import others

TODAY = date(2026, 11, 29)
GOOGLE: list[dict[str, Any]] = [
    {"name": "models/gemini-3.8-flash", "displayName": "Flash", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/gemini-9-mega", "inputTokenLimit": 7, "outputTokenLimit": 3},
    {"name": "models/gemini-2.5-flash", "supportedGenerationMethods": ["countTokens", "generateContent"]},
    {"name": "models/gemini-live-3-flash", "supportedGenerationMethods": ["bidiGenerateContent"]},
    {"name": "models/veo-4", "supportedGenerationMethods": ["predictLongRunning"]},
]
NAMES = {"claude-opus-5-5": "gemini-9-mega", "claude-haiku-4-5": "gemini-3.8-flash"}
ALL = ["claude-opus-5-5", "claude-haiku-4-5", "gemini-3.8-flash", "gemini-9-mega", "gemini-2.5-flash"]


def anthropic(wanted: str | None = None, **query: str) -> Any:
    return jsonio.loads(others.anthropic(GOOGLE, NAMES, wanted, query=query, today=TODAY))


def gemini(wanted: str | None = None, **query: str) -> Any:
    methods = {"generateContent", "embedContent"}
    return jsonio.loads(others.gemini(GOOGLE, NAMES, wanted, query=query, methods=methods))


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ({}, ALL, False),
        ({"limit": "1000"}, ALL, False),
        ({"limit": "2"}, ALL[:2], True),
        ({"limit": "2", "after_id": ALL[1]}, ALL[2:4], True),
        ({"limit": "2", "after_id": ALL[3]}, ALL[4:], False),
        ({"after_id": ALL[4]}, [], False),
        ({"limit": "2", "before_id": ALL[3]}, ALL[1:3], True),
        ({"limit": "2", "before_id": ALL[2]}, ALL[:2], False),
        ({"before_id": ALL[0]}, [], False),
        ({"lifecycle": "active"}, ALL[:4], False),
        ({"lifecycle": "deprecated,retired"}, ALL[4:], False),
        ({"lifecycle": "retired"}, [], False),
    ],
)
def test_pages_of_anthropics(query: dict[str, str], names: list[str], more: bool) -> None:
    page = anthropic(**query)
    assert [entry["id"] for entry in page["data"]] == names
    assert page["has_more"] is more
    assert (page["first_id"], page["last_id"]) == ((names[0], names[-1]) if names else (None, None))


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"after_id": "claude-9"}, "after_id"),
        ({"before_id": "claude-9"}, "before_id"),
    ],
)
def test_a_page_that_is_none(query: dict[str, str], param: str) -> None:
    with pytest.raises(Fault) as e:
        anthropic(**query)
    assert (e.value.status, e.value.param) == (400, param)


def test_an_entry_is_what_the_sdk_says() -> None:
    for entry in anthropic()["data"]:
        info = ModelInfo.model_validate(entry, strict=False)
        assert set(entry) == set(ModelInfo.model_fields)
        assert info.created_at > datetime(2025, 1, 1, tzinfo=UTC)
    opus, haiku, *_, retiring = (ModelInfo.model_validate(entry) for entry in anthropic()["data"])
    assert (opus.max_input_tokens, opus.max_tokens, opus.lifecycle, opus.retires_at) == (7, 3, "active", None)
    assert (haiku.display_name, haiku.created_at) == ("Flash", datetime(2026, 9, 2, tzinfo=UTC))
    assert (retiring.lifecycle, retiring.retires_at) == ("deprecated", datetime(2026, 12, 1, tzinfo=UTC))


def test_one_of_anthropics() -> None:
    assert anthropic("claude-opus-5-5")["id"] == "claude-opus-5-5"
    assert anthropic("google/gemini-9-mega")["id"] == "gemini-9-mega"
    with pytest.raises(Fault) as e:
        anthropic("claude-9")
    assert (e.value.status, e.value.code) == (404, "model_not_found")


def test_geminis_has_what_is_served() -> None:
    names = [model["name"] for model in gemini()["models"]]
    assert names == [f"models/{name}" for name in (*ALL[2:], *NAMES)]
    with pytest.raises(Fault):
        gemini("veo-4")
