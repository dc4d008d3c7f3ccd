"""addons.gateway.model_map: exact > wildcard > built in > default."""

from __future__ import annotations

import pytest

from addons.gateway.model_map import BUILT_IN, ModelMap
from mapping.errors import OpenAIError

MAPPING = {
    "gpt-4o": "exact",
    "gpt-*": "widest",
    "gpt-4*": "narrower",
    "*4*o*": "several-stars",
    "a*b": "first-in-file",
    "*ab": "second-in-file",
    "x**y": "longer-pattern",
    "x*y": "shorter-pattern",
    "my-model": "models/gemini-2.5-pro",
    "short": "gemini-3-flash",
}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o", "exact"),
        ("openai/gpt-4o", "exact"),
        ("models/gpt-4o", "exact"),
        ("google/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gpt-4-turbo", "narrower"),
        ("gpt-5", "widest"),
        ("llama4-o1", "several-stars"),
        ("ab", "first-in-file"),
        ("xy", "longer-pattern"),
        ("my-model", "gemini-2.5-pro"),
        ("short", "gemini-3-flash-preview"),
        ("o3-mini", "gemini-3.8-flash"),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash-lite"),
        ("gemini-9-unheard-of", "gemini-9-unheard-of"),
        ("some-llama", "fallback"),
    ],
)
def test_order(name: str, target: str) -> None:
    assert ModelMap(MAPPING, "fallback").resolve(name) == target


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o", "gemini-2.5-flash"),
        ("gpt-4o-2024-08-06", "gemini-2.5-flash"),
        ("gpt-4o-mini", "gemini-2.5-flash-lite"),
        ("gpt-4.1-nano", "gemini-2.5-flash-lite"),
        ("gpt-5", "gemini-3.1-pro-preview"),
        ("gpt-5.1-codex", "gemini-3.1-pro-preview"),
        ("gpt-5-mini", "gemini-3.8-flash"),
        ("gpt-5.6-nano", "gemini-3.5-flash-lite"),
        ("o4-mini", "gemini-3.8-flash"),
        ("text-embedding-3-small", "gemini-embedding-001"),
        ("gemini-3-flash", "gemini-3-flash-preview"),
    ],
)
def test_built_in(name: str, target: str) -> None:
    assert ModelMap({}).resolve(name) == target


@pytest.mark.parametrize("name", ["llama-3", "", "gemini/../../secrets", "gemini-2.5-flash:generateContent?x=1", "gpt"])
def test_unknown_is_404(name: str) -> None:
    with pytest.raises(OpenAIError) as e:
        ModelMap({}).resolve(name)
    assert (e.value.status, e.value.code, e.value.param) == (404, "model_not_found", "model")


def test_a_target_that_is_no_name_is_refused() -> None:
    with pytest.raises(OpenAIError):
        ModelMap({"x": "../etc"}).resolve("x")


def test_every_built_in_target_stands_for_itself() -> None:
    for target in BUILT_IN.values():
        assert ModelMap({}).resolve(target) == target


@pytest.mark.parametrize(
    ("name", "yes"),
    [("gpt-4o", True), ("gemini-2.5-flash", False), ("models/gemini-2.5-flash", False), ("llama", False)],
)
def test_stands_for_another(name: str, yes: bool) -> None:
    assert ModelMap({}).stands_for_another(name) is yes
