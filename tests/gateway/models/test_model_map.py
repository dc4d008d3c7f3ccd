"""addons.gateway.models.model_map: exact > wildcard > built in > default."""

from __future__ import annotations

from datetime import date

import pytest

from addons.gateway.models.model_map import BUILT_IN, MAX_NAME, ModelMap, target_of
from mapping.faults import Fault
from mapping.gemini.model_classes import CLASSES, class_of, fallback

TODAY = date(2026, 11, 29)


def model_map(mapping: dict[str, str], default: str | None = None) -> ModelMap:
    return ModelMap(mapping, default, lambda kind: f"the-{kind}")


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
    "mine": "without",
    "mine:thinking": "with-its-suffix",
    "large[1m]": "large",
    "of-a-class": "gemini-flash-lite",
    "of-another": "models/gemini-pro",
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
        ("of-a-class", "the-flash-lite"),
        ("gemini/gemini-2.5-pro", "gemini-2.5-pro"),
        ("litellm_proxy/vertex_ai/gemini-2.5-pro", "gemini-2.5-pro"),
        ("openrouter/google/gemini-2.5-pro:free", "gemini-2.5-pro"),
        ("openrouter/openai/gpt-4o:online", "exact"),
        ("gemini-2.5-pro:thinking", "gemini-2.5-pro"),
        ("mine:thinking", "with-its-suffix"),
        ("mine[1m]", "without"),
        ("large[1m]", "large"),
        ("o3-mini:nitro", "the-flash"),
        ("of-another", "the-pro"),
        ("o3-mini", "the-flash"),
        ("gemini-2.5-flash-lite", "gemini-2.5-flash-lite"),
        ("gemini-9-unheard-of", "gemini-9-unheard-of"),
        ("some-llama", "fallback"),
    ],
)
def test_order(name: str, target: str) -> None:
    assert model_map(MAPPING, "fallback").resolve(name) == target


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("gpt-4o", "the-flash"),
        ("gpt-4o-2024-08-06", "the-flash"),
        ("gpt-4o-mini", "the-flash-lite"),
        ("gpt-4.1-nano", "the-flash-lite"),
        ("gpt-5", "the-pro"),
        ("gpt-5.1-codex", "the-pro"),
        ("gpt-5-mini", "the-flash"),
        ("gpt-5.6-nano", "the-flash-lite"),
        ("o4-mini", "the-flash"),
        ("text-embedding-3-small", "the-embedding"),
        ("dall-e-3", "the-image"),
        ("tts-1-hd", "the-speech"),
        ("whisper-1", "the-transcription"),
        ("gpt-transcribe", "the-transcription"),
        ("claude-opus-5-5", "the-pro"),
        ("claude-3-5-sonnet-20241022", "the-flash"),
        ("anthropic/claude-haiku-5", "the-flash-lite"),
        ("claude-3-5-haiku-20241022", "the-flash-lite"),
        ("claude-haiku-4-5", "the-flash-lite"),
        ("claude-haiku-4-5-20251001", "the-flash-lite"),
        ("claude-3-haiku-20240307", "the-flash-lite"),
        ("claude-instant-1.2", "the-flash-lite"),
        ("claude-3-opus-latest", "the-pro"),
        ("claude-opus-5-5[1m]", "the-pro"),
        ("anthropic/claude-sonnet-4-5[1M]", "the-flash"),
        ("claude-sonnet-4@20250514", "the-flash"),
        ("claude-mythos-preview", "the-pro"),
        ("gemini-flash[1m]", "the-flash"),
        ("gemini-2.5-pro:thinking[1m]", "gemini-2.5-pro"),
        ("gemini-flash", "the-flash"),
        ("gemini-3-flash", "gemini-3-flash-preview"),
    ],
)
def test_built_in(name: str, target: str) -> None:
    assert model_map({}).resolve(name) == target


def test_a_dialect_may_want_another_class() -> None:
    instead = {"transcription": "flash"}
    assert model_map({}).resolve("whisper-1", instead) == "the-flash"
    assert model_map({"whisper-1": "gemini-3.5-transcribe"}).resolve("whisper-1", instead) == "gemini-3.5-transcribe"


@pytest.mark.parametrize(
    "name",
    ["llama-3", "", "gemini/../../secrets", "gemini-2.5-flash:generateContent?x=1", "gpt", "gemini-2.5-pro:nonsense"],
)
def test_unknown_is_404(name: str) -> None:
    with pytest.raises(Fault) as e:
        model_map({}).resolve(name)
    assert (e.value.status, e.value.code, e.value.param) == (404, "model_not_found", "model")


def test_a_target_that_is_no_name_is_refused() -> None:
    with pytest.raises(Fault):
        model_map({"x": "../etc"}).resolve("x")


@pytest.mark.parametrize("kind", sorted(set(BUILT_IN.values())))
def test_the_built_in_table_leads_to_classes(kind: str) -> None:
    assert kind in CLASSES
    assert class_of(fallback(kind, TODAY)) is not None


def test_a_class_is_asked_for_its_model_each_time() -> None:
    models = {"flash": "old"}
    routes = ModelMap({}, None, lambda kind: models[kind])
    assert routes.resolve("gpt-4o") == "old"
    models["flash"] = "new"
    assert routes.resolve("gpt-4o") == "new"


def test_names_without_end_are_not_kept() -> None:
    routes = model_map({"gpt-*": "x"})
    assert routes.resolve("gpt-" + "x" * (MAX_NAME - 4)) == "x"
    with pytest.raises(Fault) as e:
        routes.resolve("gpt-" + "x" * (MAX_NAME - 3))
    assert (e.value.status, e.value.code, e.value.param) == (400, "string_above_max_length", "model")
    for number in range(2000):
        routes.resolve(f"gpt-{number}")
    assert routes._known.cache_info().currsize == 1024


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("gemini-pro", ("", "pro")),
        ("models/gemini-2.5-flash", ("gemini-2.5-flash", "")),
        ("gemini-3-flash", ("gemini-3-flash-preview", "")),
        ("gpt-4o", ("gpt-4o", "")),
    ],
)
def test_target(target: str, leads_to: tuple[str, str]) -> None:
    assert target_of(target) == leads_to


def test_listed() -> None:
    listed = model_map({"mine": "x", "gpt-4o": "y", "z*": "x"}).listed()
    assert listed[:2] == ["mine", "gpt-4o"]
    assert len(set(listed)) == len(listed)
    assert not [name for name in listed if "*" in name]


@pytest.mark.parametrize(
    ("name", "yes"),
    [("gpt-4o", True), ("gemini-2.5-flash", False), ("models/gemini-2.5-flash", False), ("llama", False)],
)
def test_stands_for_another(name: str, yes: bool) -> None:
    assert model_map({}).stands_for_another(name) is yes
