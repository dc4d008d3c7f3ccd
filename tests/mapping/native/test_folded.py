"""mapping.native.folded: a stream of an interaction as the one answer that it makes, and what each event brings."""

from __future__ import annotations

import pytest

from mapping import dialects
from mapping.native import shown
from mapping.native.bodies import NativeBodies
from mapping.native.folded import folded
from mapping.values import JSON


def event(kind: str, **more: object) -> JSON:
    return {"event_type": kind, **more}


def delta(index: int, **more: object) -> JSON:
    return event("step.delta", index=index, delta=more)


USAGE = {"total_input_tokens": 3}
EVENTS: list[JSON] = [
    event("interaction.created", interaction={"id": "v1_a", "status": "in_progress", "steps": []}),
    event("step.start", index=0, step={"type": "thought"}),
    delta(0, type="thought_summary", content={"type": "text", "text": "Hm."}),
    event("step.stop", index=0),
    event("step.start", index=1, step={"type": "model_output", "content": []}),
    delta(1, type="text", text="He"),
    delta(1, type="text", text="llo"),
    event("step.stop", index=1),
    event("interaction.completed", interaction={"id": "v1_a", "status": "completed", "usage": USAGE}),
]
STEPS = [
    {"type": "thought", "content": [{"type": "thought_summary", "content": {"type": "text", "text": "Hm."}}]},
    {"type": "model_output", "content": [{"type": "text", "text": "Hello"}]},
]


def test_the_interaction_that_events_make() -> None:
    assert folded(EVENTS) == {"id": "v1_a", "status": "completed", "usage": USAGE, "steps": STEPS}
    assert folded(EVENTS) == folded(EVENTS), "the events stay as they are"
    cut = folded([*EVENTS[:6], event("error", error={"code": 500})])
    assert cut["steps"][1]["content"] == [{"type": "text", "text": "He"}]
    assert (cut["status"], cut["error"]) == ("in_progress", {"code": 500})


def test_steps_that_are_told_as_a_whole() -> None:
    whole = {"id": "v1_a", "status": "completed", "steps": [{"type": "model_output"}]}
    assert folded([*EVENTS, event("interaction.completed", interaction=whole)]) == {**whole, "usage": USAGE}


@pytest.mark.parametrize("odd", [{"interaction": 7}, {"index": [], "delta": 7, "step": "x"}, {"index": 0}])
def test_what_is_no_event_is_no_error(odd: JSON) -> None:
    assert "candidates" not in folded([event("x", **odd)])


def test_what_each_event_brings() -> None:
    told = [shown.event(one) for one in EVENTS]
    assert told[2] == ("thought", 3)
    assert told[5:7] == [("text", 2), ("text", 3)]
    assert told[0] == ("interaction.created", 0)
    assert shown.event(delta(0, type="arguments_delta", arguments="{}"))[0] == "functionCall"
    assert shown.event(event("error", error={})) == ("error", 0)
    assert [shown.is_last(one) for one in EVENTS] == [False] * 8 + [True]


def test_who_shows_it() -> None:
    assert isinstance(dialects.bodies("interactions", EVENTS[0]), NativeBodies)
