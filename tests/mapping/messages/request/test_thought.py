"""`thinking` and `output_config.effort` -> `thinkingConfig`."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.values import JSON
from tests.mapping.messages.request.ask import G3, G25, HI, Asked, assistant, result, text, use, user

LITE = "gemini-2.5-flash-lite"
SHOWN = {"includeThoughts": True}


def enabled(budget: Any = 2048, **more: Any) -> JSON:
    return {"thinking": {"type": "enabled", "budget_tokens": budget, **more}}


def adaptive(effort: str | None = None, **more: Any) -> JSON:
    return {"thinking": {"type": "adaptive", **more}, "output_config": {"effort": effort}}


DISABLED: JSON = {"thinking": {"type": "disabled"}}


CONFIGS = [
    # request, model, thinkingConfig, notes
    ({}, G25, None, []),
    ({}, G3, None, []),
    (enabled(), G25, {"thinkingBudget": 2048, **SHOWN}, []),
    (enabled(31999), G25, {"thinkingBudget": 24576, **SHOWN}, [("clamped", "thinking.budget_tokens")]),
    (enabled(), G3, {"thinkingLevel": "MEDIUM", **SHOWN}, [("thinking", "thinking.budget_tokens")]),
    (enabled(display="omitted"), G25, {"thinkingBudget": 2048}, []),
    (enabled(display="updates"), G25, {"thinkingBudget": 2048, **SHOWN}, []),
    ({**enabled(), "output_config": {"effort": "low"}}, G25, {"thinkingBudget": 2048, **SHOWN}, "effort"),
    (adaptive(), G25, SHOWN, []),
    (adaptive(), LITE, {"thinkingBudget": -1, **SHOWN}, []),
    (adaptive(), G3, SHOWN, []),
    (adaptive("high"), G3, {"thinkingLevel": "HIGH", **SHOWN}, []),
    (adaptive("max"), G3, {"thinkingLevel": "HIGH", **SHOWN}, [("thinking", "output_config.effort")]),
    (adaptive("low"), G25, {"thinkingBudget": 1024, **SHOWN}, []),
    (adaptive("high", display="omitted"), G25, {"thinkingBudget": 24576}, []),
    (adaptive("high", display="summarized"), G25, {"thinkingBudget": 24576, **SHOWN}, []),
    ({"output_config": {"effort": "medium"}}, G3, {"thinkingLevel": "MEDIUM"}, []),
    (DISABLED, G25, {"thinkingBudget": 0}, []),
    ({"thinking": {"type": "between_tools"}}, G25, {"thinkingBudget": 0}, []),
    ({**DISABLED, "output_config": {"effort": "high"}}, G25, {"thinkingBudget": 0}, "effort"),
    (DISABLED, G3, {"thinkingLevel": "LOW"}, [("thinking", "thinking.type")]),
    (adaptive(block_binding={}), G3, SHOWN, []),
    (adaptive(newest=1), G3, SHOWN, [("ignored", "thinking.newest")]),
    (
        enabled(),
        "gemini-2.5-flash-image",
        None,
        [("clamped", "max_tokens"), ("model-refuses", "thinking.budget_tokens")],
    ),
    ({"google": {"thinking_config": {"thinking_budget": 5000}}}, G25, {"thinkingBudget": 5000}, []),
    (
        {**enabled(), "google": {"thinking_config": {"thinking_budget": 5000}}},
        G25,
        {"thinkingBudget": 5000, **SHOWN},
        [("ignored", "thinking.budget_tokens")],
    ),
]


@pytest.mark.parametrize(("request_", "model", "config", "notes"), CONFIGS)
def test_thinking(request_: JSON, model: str, config: JSON | None, notes: Any) -> None:
    asked = Asked(request_, model)
    notes = [("ignored", "output_config.effort")] if notes == "effort" else notes
    assert asked.config.get("thinkingConfig") == config
    assert asked.notes == notes


PLANS = [
    ({}, False, "summarized"),
    (DISABLED, False, "summarized"),
    (enabled(), True, "summarized"),
    (enabled(display="omitted"), True, "omitted"),
    (adaptive(), True, "summarized"),
    (adaptive(display="omitted"), True, "omitted"),
]


@pytest.mark.parametrize(("request_", "thinking", "display"), PLANS)
def test_what_the_answer_may_show(request_: JSON, thinking: bool, display: str) -> None:
    plan = Asked(request_).plan
    assert (plan.thinking, plan.display) == (thinking, display)


def test_the_settings_have_the_last_word() -> None:
    assert Asked(adaptive("low"), thoughts="never").config == {"thinkingConfig": {"thinkingBudget": 1024}}
    assert Asked({}, G3, thoughts="always").config == {"thinkingConfig": SHOWN}


def test_a_short_answer_leaves_room_beside_the_thoughts() -> None:
    assert Asked({**adaptive(), "max_tokens": 2000}).config == {"thinkingConfig": {"thinkingBudget": 1000, **SHOWN}}


def of_system(effort: Any) -> JSON:
    return {"role": "system", "output_config": {"effort": effort}}


CALLED = [assistant(use()), user(result())]
TURNS = [
    ([HI, of_system("low")], "LOW"),
    ([HI, of_system("low"), *CALLED], "LOW"),
    ([HI, of_system("low"), assistant(use()), user(result(), text("A notice."))], "LOW"),
    ([HI, of_system("low"), assistant(text("a")), HI], "HIGH"),
    ([HI, of_system("low"), of_system(None)], "LOW"),
    ([HI, of_system("low"), of_system("medium")], "MEDIUM"),
]


@pytest.mark.parametrize(("messages", "level"), TURNS)
def test_the_effort_of_a_turn(messages: list[JSON], level: str) -> None:
    asked = Asked({**adaptive("high"), "messages": messages}, G3)
    assert asked.config["thinkingConfig"]["thinkingLevel"] == level


REFUSED = [
    ({"thinking": "on"}, "thinking"),
    ({"thinking": {}}, "thinking.type"),
    ({"thinking": {"type": "deep"}}, "thinking.type"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    (enabled("5"), "thinking.budget_tokens"),
    (enabled(0), "thinking.budget_tokens"),
    (enabled(display="all"), "thinking.display"),
    (adaptive("huge"), "output_config.effort"),
    ({"messages": [HI, of_system("huge")]}, "messages[1].output_config.effort"),
    ({"messages": [HI, {"role": "system", "output_config": 5}]}, "messages[1].output_config"),
]


@pytest.mark.parametrize(("request_", "param"), REFUSED)
def test_refused(request_: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked(request_)
    assert (caught.value.status, caught.value.param) == (400, param)
