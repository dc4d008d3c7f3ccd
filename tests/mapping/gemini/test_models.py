"""The capability table and the prefixes of model names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini.models import EFFORTS, NEWEST, model_info, strip_prefixes

# effort:                 none       minimal    low     medium    high    xhigh   max
EFFORT_ROWS: dict[str, tuple[int | str, ...]] = {
    "gemini-2.5-pro": (128, 1024, 1024, 8192, 24576, 32768, 32768),
    "gemini-2.5-flash": (0, 1024, 1024, 8192, 24576, 24576, 24576),
    "gemini-2.5-flash-lite": (0, 1024, 1024, 8192, 24576, 24576, 24576),
    "gemini-3-pro-preview": ("LOW", "LOW", "LOW", "HIGH", "HIGH", "HIGH", "HIGH"),
    "gemini-3.1-pro-preview": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3.1-pro-preview-customtools": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3-flash-preview": ("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3.1-flash-lite": ("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3.5-flash": ("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3.5-flash-lite": ("MINIMAL", "MINIMAL", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-3.8-flash": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-4-argon": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-4-carbon": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "gemini-4-hydrogen": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "XHIGH", "XHIGH"),
    "gemini-9-something": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
    "demo-chat": ("LOW", "LOW", "LOW", "MEDIUM", "HIGH", "HIGH", "HIGH"),
}


@pytest.mark.parametrize("name", EFFORT_ROWS)
def test_efforts(name: str) -> None:
    assert tuple(model_info(name).efforts[effort] for effort in EFFORTS) == EFFORT_ROWS[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemini-2.5-pro", {"generation": (2, 5), "thinking": "budget", "thinking_off": False, "max_budget": 32768}),
        ("gemini-2.5-flash", {"thinking": "budget", "thinking_off": True, "min_budget": 0, "max_budget": 24576}),
        ("gemini-2.5-flash-lite", {"min_budget": 512, "thinking_off": True, "thinks_by_default": False}),
        ("gemini-2.5-flash", {"sampling": True, "prefill": True, "candidate_count": True, "output_limit": 65536}),
        ("gemini-2.5-flash", {"functions_with_builtin_tools": False, "tools_with_json": False}),
        ("gemini-live-2.5-flash", {"generation": (2, 5), "thinking": "budget"}),
        ("gemini-2.0-flash", {"generation": (2, 0), "thinking": "none", "tools_with_json": False}),
        ("gemini-3-flash-preview", {"generation": (3, 0), "candidate_count": False, "sampling": True}),
        ("gemini-3.1-pro-preview", {"generation": (3, 1), "prefill": True, "functions_with_builtin_tools": True}),
        ("gemini-3.5-flash", {"sampling": True, "prefill": True, "tools_with_json": True}),
        ("gemini-3.5-flash-lite", {"sampling": False, "prefill": False}),
        ("gemini-3.6-flash", {"sampling": False, "prefill": False, "levels": ("LOW", "MEDIUM", "HIGH")}),
        ("gemini-3.10-flash", {"generation": (3, 10), "sampling": False, "prefill": False}),
        ("gemini-4-argon", {"generation": (4, 0), "sampling": False, "output_limit": 1048576}),
        ("gemini-flash-latest", {"generation": NEWEST, "thinking": "level", "sampling": False}),
        ("something-new", {"generation": NEWEST, "thinking": "level", "candidate_count": False}),
        ("gemini-3-pro-image", {"thinking": "none", "outputs": ("TEXT", "IMAGE"), "output_limit": 32768}),
        ("gemini-2.5-flash-image", {"thinking": "none", "outputs": ("TEXT", "IMAGE"), "tools_with_json": False}),
        ("nano-banana-2.1", {"thinking": "none", "outputs": ("TEXT", "IMAGE"), "sampling": False}),
        ("gemini-3.8-flash-tts", {"thinking": "none", "outputs": ("AUDIO",), "sampling": False, "speech_style": True}),
        ("gemini-3.1-flash-tts-preview", {"outputs": ("AUDIO",), "speech_style": False}),
        ("gemini-3.5-transcribe", {"thinking": "none", "transcribes": True, "outputs": ("TEXT",), "sampling": False}),
        ("gemini-3.5-transcribe-preview", {"transcribes": True, "system_instruction": False}),
        ("gemini-3.8-flash", {"transcribes": False}),
        ("gemini-2.5-pro-preview-tts", {"thinking": "none", "outputs": ("AUDIO",), "sampling": True}),
        ("gemini-embedding-2", {"thinking": "none", "embedding": True, "outputs": ()}),
        ("gemma-4-31b-it", {"thinking": "none", "system_instruction": False, "output_limit": 32768}),
        ("demo-chat", {"thinking": "level", "sampling": True, "prefill": True, "candidate_count": True}),
        ("demo-chat", {"outputs": ("TEXT", "IMAGE", "AUDIO"), "generation": NEWEST}),
        ("demo-chat-n1", {"candidate_count": False, "sampling": True}),
        ("fake-1", {"candidate_count": True, "sampling": True, "thinking": "level"}),
        ("projects/p/locations/l/models/gemini-2.5-pro", {"generation": (2, 5), "thinking": "budget"}),
        ("Gemini-2.5-Pro", {"generation": (2, 5), "thinking": "budget"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_capabilities(name: str, expected: dict[str, Any]) -> None:
    model = model_info(name)
    assert {member: getattr(model, member) for member in expected} == expected


def test_the_id_is_the_name_without_prefixes() -> None:
    assert model_info("models/gemini-2.5-pro").id == "gemini-2.5-pro"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openai/gpt-4o", "gpt-4o"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openai/google/models/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("tunedModels/mine", "tunedModels/mine"),
        ("", ""),
    ],
)
def test_strip_prefixes(name: str, expected: str) -> None:
    assert strip_prefixes(name) == expected


@given(st.text(max_size=30) | st.from_regex(r"(models/)?gemini-[0-9.]{1,12}(-[a-z]{1,8}){0,3}"))
def test_any_name_has_a_consistent_row(name: str) -> None:
    model = model_info(name)
    assert model.generation >= (0, 0)
    if model.thinking == "none":
        assert not model.efforts
    elif model.thinking == "level":
        assert set(model.efforts.values()) <= set(model.levels)
    else:
        assert all(v == 0 or model.min_budget <= int(v) <= model.max_budget for v in model.efforts.values())
    assert bool(model.efforts) == (set(model.efforts) == set(EFFORTS))
