"""reasoning_effort and its relatives -> thinkingConfig."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.gemini.models import EFFORTS, model_info
from mapping.notes import Notes
from mapping.request.settings.thinking import Reasoning, read_reasoning, show_thoughts, thinking_config
from mapping.values import JSON, Options

PRO, FLASH, LITE = "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"
ARGON, HYDROGEN = "gemini-4-argon", "gemini-4-hydrogen"
MODELS = [PRO, FLASH, LITE, ARGON, HYDROGEN, "gemini-3-pro-preview", "gemini-3.5-flash", "gemma-4-31b-it", "demo-x"]


def config(
    name: str,
    notes: Notes,
    *,
    effort: str | None = None,
    explicit: JSON | None = None,
    show: bool | None = None,
    max_tokens: int | None = None,
) -> JSON | None:
    return thinking_config(
        model_info(name),
        effort=effort,
        explicit=explicit,
        show=show,
        max_tokens=max_tokens,
        notes=notes,
        path="reasoning_effort",
        explicit_path="google.thinking_config",
    )


@pytest.mark.parametrize(
    ("name", "wish", "expected", "noted"),
    [
        # efforts
        pytest.param(FLASH, {}, None, [], id="nothing"),
        pytest.param(FLASH, {"effort": "none"}, {"thinkingBudget": 0}, [], id="off"),
        pytest.param(PRO, {"effort": "none"}, {"thinkingBudget": 128}, ["reasoning_effort"], id="cannot-be-off"),
        pytest.param(ARGON, {"effort": "none"}, {"thinkingLevel": "LOW"}, ["reasoning_effort"], id="level-not-off"),
        pytest.param(ARGON, {"effort": "high"}, {"thinkingLevel": "HIGH"}, [], id="level"),
        pytest.param(ARGON, {"effort": "minimal"}, {"thinkingLevel": "LOW"}, ["reasoning_effort"], id="no-minimal"),
        pytest.param(HYDROGEN, {"effort": "xhigh"}, {"thinkingLevel": "XHIGH"}, [], id="xhigh"),
        pytest.param(PRO, {"effort": "max"}, {"thinkingBudget": 32768}, [], id="max-of-pro"),
        # explicit
        pytest.param(
            FLASH,
            {"effort": "high", "explicit": {"thinking_budget": 2000}},
            {"thinkingBudget": 2000},
            ["reasoning_effort"],
            id="explicit-wins",
        ),
        pytest.param(FLASH, {"explicit": {"thinkingBudget": 2000}}, {"thinkingBudget": 2000}, [], id="camel"),
        pytest.param(FLASH, {"explicit": {"thinkingBudget": -1}}, {"thinkingBudget": -1}, [], id="dynamic"),
        pytest.param(
            FLASH,
            {"explicit": {"thinking_budget": 99999}},
            {"thinkingBudget": 24576},
            ["google.thinking_config.thinking_budget"],
            id="clamp-high",
        ),
        pytest.param(
            PRO,
            {"explicit": {"thinking_budget": 0}},
            {"thinkingBudget": 128},
            ["google.thinking_config.thinking_budget"],
            id="clamp-low",
        ),
        pytest.param(LITE, {"explicit": {"thinking_budget": 0}}, {"thinkingBudget": 0}, [], id="lite-off"),
        pytest.param(ARGON, {"explicit": {"thinking_level": "low"}}, {"thinkingLevel": "LOW"}, [], id="explicit-level"),
        pytest.param(
            "gemini-3.8-flash",
            {"explicit": {"thinkingLevel": "MINIMAL"}},
            {"thinkingLevel": "LOW"},
            ["google.thinking_config.thinkingLevel"],
            id="minimal-on-3.8",
        ),
        pytest.param(
            FLASH,
            {"explicit": {"thinking_level": "MEDIUM"}},
            {"thinkingBudget": 8192},
            ["google.thinking_config.thinking_level"],
            id="level-on-budget-model",
        ),
        pytest.param(
            ARGON,
            {"explicit": {"thinking_budget": 5000}},
            {"thinkingLevel": "MEDIUM"},
            ["google.thinking_config.thinking_budget"],
            id="budget-on-level-model",
        ),
        pytest.param(ARGON, {"explicit": {"thinking_budget": -1}}, None, [], id="dynamic-on-level-model"),
        pytest.param(
            FLASH,
            {"effort": "low", "explicit": {"include_thoughts": True}},
            {"thinkingBudget": 1024, "includeThoughts": True},
            [],
            id="include-beside-effort",
        ),
        # show
        pytest.param(ARGON, {"show": True}, {"includeThoughts": True}, [], id="show"),
        pytest.param(ARGON, {"show": False, "explicit": {"include_thoughts": True}}, None, [], id="never"),
        pytest.param(ARGON, {"show": True, "explicit": {"includeThoughts": False}}, None, [], id="client-says-no"),
        pytest.param(FLASH, {"show": True, "effort": "none"}, {"thinkingBudget": 0}, [], id="no-thoughts-when-off"),
        pytest.param(LITE, {"show": True}, None, [], id="lite-does-not-think-by-itself"),
        # models without thinking
        pytest.param("gemma-4-31b-it", {"effort": "high", "show": True}, None, ["reasoning_effort"], id="gemma"),
        pytest.param("gemma-4-31b-it", {"effort": "none"}, None, [], id="gemma-none"),
        pytest.param(
            "gemini-3-pro-image", {"explicit": {"thinking_level": "LOW"}}, None, ["google.thinking_config"], id="image"
        ),
        # small answers
        pytest.param(ARGON, {"max_tokens": 50}, {"thinkingLevel": "LOW"}, ["max_tokens"], id="small-level"),
        pytest.param(ARGON, {"max_tokens": 1024}, None, [], id="not-small"),
        pytest.param(
            ARGON, {"max_tokens": 100, "effort": "high"}, {"thinkingLevel": "LOW"}, ["max_tokens"], id="small-high"
        ),
        pytest.param("gemini-3.5-flash", {"max_tokens": 1}, {"thinkingLevel": "MINIMAL"}, ["max_tokens"], id="ping"),
        pytest.param(FLASH, {"max_tokens": 1000, "effort": "high"}, {"thinkingBudget": 500}, ["max_tokens"], id="half"),
        pytest.param(FLASH, {"max_tokens": 50}, {"thinkingBudget": 25}, ["max_tokens"], id="half-of-default"),
        pytest.param(FLASH, {"max_tokens": 60000}, None, [], id="room-enough"),
        pytest.param(FLASH, {"max_tokens": 4096, "effort": "low"}, {"thinkingBudget": 1024}, [], id="fits"),
        pytest.param(PRO, {"max_tokens": 50}, {"thinkingBudget": 128}, ["max_tokens"], id="pro-least"),
        pytest.param(LITE, {"max_tokens": 50}, None, [], id="lite-default-off"),
        pytest.param(
            LITE, {"max_tokens": 600, "effort": "high"}, {"thinkingBudget": 0}, ["max_tokens"], id="lite-below-least"
        ),
        pytest.param(
            FLASH,
            {"max_tokens": 100, "explicit": {"thinking_budget": 2000}},
            {"thinkingBudget": 2000},
            [],
            id="explicit-is-left-alone",
        ),
    ],
)
def test_thinking_config(name: str, wish: dict[str, Any], expected: JSON | None, noted: list[str]) -> None:
    notes = Notes()
    assert config(name, notes, **wish) == expected
    assert [detail for _, detail in notes] == noted


@pytest.mark.parametrize(
    ("wish", "param", "said"),
    [
        ({"effort": "extreme"}, "reasoning_effort", "'none', 'minimal', 'low', 'medium', 'high', 'xhigh' and 'max'"),
        ({"explicit": {"thinking_level": "huge"}}, "google.thinking_config.thinking_level", "'LOW'"),
        ({"explicit": {"thinking_budget": "1"}}, "google.thinking_config.thinking_budget", "an integer"),
        ({"explicit": {"thinking_budget": True}}, "google.thinking_config.thinking_budget", "an integer"),
        ({"explicit": {"includeThoughts": 1}}, "google.thinking_config.includeThoughts", "a boolean"),
        (
            {"explicit": {"thinking_budget": 1, "thinking_level": "LOW"}},
            "google.thinking_config.thinking_level",
            "Only one",
        ),
    ],
)
@pytest.mark.parametrize("name", [FLASH, ARGON, "gemma-4-31b-it"])
def test_errors(name: str, wish: dict[str, Any], param: str, said: str) -> None:
    with pytest.raises(Fault) as caught:
        config(name, Notes(), **wish)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("body", "explicit", "expected", "noted"),
    [
        pytest.param({}, None, Reasoning(), [], id="absent"),
        pytest.param({"reasoning_effort": None, "reasoning": None}, None, Reasoning(), [], id="nulls"),
        pytest.param({"reasoning_effort": "low"}, None, Reasoning(effort="low"), [], id="openai"),
        pytest.param(
            {"reasoning": {"effort": "low"}}, None, Reasoning("low", "reasoning.effort"), [], id="reasoning-object"
        ),
        pytest.param(
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            None,
            Reasoning(explicit={"thinking_budget": 2048}, explicit_path="thinking.budget_tokens"),
            [],
            id="anthropic",
        ),
        pytest.param(
            {"thinking": {"type": "disabled", "budget_tokens": 2048}},
            None,
            Reasoning("none", "thinking.type"),
            [],
            id="anthropic-disabled",
        ),
        pytest.param(
            {"thinking": {"type": "adaptive"}},
            None,
            Reasoning(explicit={"thinking_budget": -1}, explicit_path="thinking.type"),
            [],
            id="anthropic-adaptive",
        ),
        pytest.param(
            {"thinking_budget": 99},
            None,
            Reasoning(explicit={"thinking_budget": 99}, explicit_path="thinking_budget"),
            [],
            id="budget",
        ),
        pytest.param(
            {"reasoning_effort": "low", "reasoning": {"effort": "high"}},
            None,
            Reasoning("low"),
            ["reasoning.effort"],
            id="two-efforts",
        ),
        pytest.param(
            {"thinking_budget": 99, "reasoning": {"max_tokens": 5}},
            {"thinking_level": "LOW"},
            Reasoning(explicit={"thinking_level": "LOW"}),
            ["reasoning.max_tokens", "thinking_budget"],
            id="google-wins",
        ),
        pytest.param({"reasoning": {"enabled": False}}, None, Reasoning("none", "reasoning.enabled"), [], id="off"),
        pytest.param(
            {"reasoning": {"enabled": True}},
            None,
            Reasoning(explicit={"thinking_budget": -1}, explicit_path="reasoning.enabled"),
            [],
            id="on",
        ),
        pytest.param(
            {"reasoning": {"effort": "high", "exclude": True}},
            None,
            Reasoning("high", "reasoning.effort", excluded=True),
            [],
            id="not-shown",
        ),
        pytest.param(
            {"reasoning": {"depth": 3}, "thinking": {"type": "disabled", "style": "x"}},
            None,
            Reasoning("none", "thinking.type"),
            ["reasoning.depth", "thinking.style"],
            id="unknown-members",
        ),
        pytest.param(
            {"thinking_budget": 99},
            {"include_thoughts": True},
            Reasoning(explicit={"include_thoughts": True, "thinking_budget": 99}, explicit_path="thinking_budget"),
            [],
            id="budget-beside-include",
        ),
    ],
)
def test_read_reasoning(body: JSON, explicit: JSON | None, expected: Reasoning, noted: list[str]) -> None:
    notes = Notes()
    assert read_reasoning(body, explicit, "thinking_config", notes) == expected
    assert [detail for _, detail in notes] == noted


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"reasoning": "high"}, "reasoning"),
        ({"thinking": True}, "thinking"),
        ({"thinking": {"type": "sometimes"}}, "thinking.type"),
        ({"thinking": {"budget_tokens": "9"}}, "thinking.budget_tokens"),
        ({"thinking_budget": 1.5}, "thinking_budget"),
    ],
)
def test_read_reasoning_errors(body: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        read_reasoning(body, None, "thinking_config", Notes())
    assert caught.value.param == param


def test_the_error_names_where_include_thoughts_was_found() -> None:
    with pytest.raises(Fault) as caught:
        read_reasoning({"thinking_budget": 9}, {"include_thoughts": 1}, "google.thinking_config", Notes())
    assert caught.value.param == "google.thinking_config.include_thoughts"


@pytest.mark.parametrize(
    ("setting", "asked", "expected"),
    [("auto", True, True), ("auto", False, None), ("always", False, True), ("never", True, False)],
)
def test_show_thoughts(setting: str, asked: bool, expected: bool | None) -> None:
    assert show_thoughts(Options(thoughts=setting), asked) is expected


@pytest.mark.parametrize(
    ("reasoning", "asked"),
    [
        (Reasoning(), False),
        (Reasoning(effort="none"), False),
        (Reasoning(effort="low"), True),
        (Reasoning(explicit={"thinking_budget": 5}), True),
    ],
)
def test_asked(reasoning: Reasoning, asked: bool) -> None:
    assert reasoning.asked is asked


@given(
    name=st.sampled_from(MODELS),
    effort=st.none() | st.sampled_from(EFFORTS),
    explicit=st.none()
    | st.fixed_dictionaries({}, optional={"thinking_budget": st.integers(-1, 10**6), "include_thoughts": st.booleans()})
    | st.fixed_dictionaries({}, optional={"thinkingLevel": st.sampled_from(["minimal", "LOW", "HIGH", "XHIGH"])}),
    show=st.none() | st.booleans(),
    max_tokens=st.none() | st.integers(1, 10**6),
)
def test_the_model_takes_what_it_is_sent(
    name: str, effort: str | None, explicit: JSON | None, show: bool | None, max_tokens: int | None
) -> None:
    model = model_info(name)
    sent = config(name, Notes(), effort=effort, explicit=explicit, show=show, max_tokens=max_tokens) or {}
    if model.thinking == "none":
        assert sent == {}
    if "thinkingLevel" in sent:
        assert model.thinking == "level"
        assert sent["thinkingLevel"] in model.levels
    if "thinkingBudget" in sent:
        budget = sent["thinkingBudget"]
        assert model.thinking == "budget"
        assert budget == -1 or model.min_budget <= budget <= model.max_budget or (budget == 0 and model.thinking_off)
    assert show is not False or "includeThoughts" not in sent
