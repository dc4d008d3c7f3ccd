"""Requests for a summary, and conversations that begin with one."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.messages.request.compaction import behind
from mapping.request.conversation.summaries import COMPACTION_PROMPT
from mapping.values import JSON
from tests.mapping.messages.request.ask import G3, HI, SAID, SCHEMA, TOOL, Asked, assistant, result, text, use, user

SUMMARIZE: JSON = {"type": "summarize"}
SUMMARY: JSON = {"type": "compaction", "content": "Before."}
SHOWN: JSON = {"text": "[Summary of the conversation so far]\nBefore."}
TURNS = [HI, assistant(text("Yes?")), user(text("Go on."))]


def last_part(asked: Asked) -> Any:
    return asked.contents[-1]["parts"][-1]["text"]


@pytest.mark.parametrize(
    ("instructions", "prompt"), [(None, COMPACTION_PROMPT), (" \n", COMPACTION_PROMPT), ("In short.", "In short.")]
)
def test_a_summary_is_asked_for(instructions: str | None, prompt: str) -> None:
    asked = Asked({"messages": TURNS, "compaction": {**SUMMARIZE, "instructions": instructions}})
    assert asked.contents[-1] == {"role": "user", "parts": [{"text": "Go on."}, {"text": prompt}]}
    assert asked.plan.tool_changes == []
    assert asked.notes == [("emulated", "compaction")]


def test_what_shapes_a_reply_is_left_out() -> None:
    reply: JSON = {
        "stop_sequences": ["END"],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "tools": [TOOL],
        "tool_choice": {"type": "any"},
    }
    asked = Asked({"compaction": SUMMARIZE, **reply})
    assert asked.plan.stops == []
    assert "responseMimeType" not in asked.config
    assert asked.functions == ["f"], "the conversation may hold calls of it"
    assert asked.body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    ignored = {detail for code, detail in asked.notes if code == "ignored"}
    assert ignored == {"stop_sequences", "output_config.format", "tool_choice"}


def change(kind: str, name: str) -> JSON:
    return {"type": kind, "tool": {"type": "tool_reference", "name": name}}


def test_what_has_become_of_the_tools() -> None:
    """It goes into the block, and from there into the requests that follow."""
    tools = [{**TOOL, "name": "old"}, {**TOOL, "name": "late", "defer_loading": True}]
    fresh = {"name": "fresh", "input_schema": SCHEMA}
    defined = {"type": "tool_definition", "definition": {**fresh, "cache_control": {"type": "ephemeral"}}}
    system = {
        "role": "system",
        "content": [change("tool_removal", "old"), {"type": "tool_addition", "tool": defined}],
    }
    found = [{"type": "tool_reference", "tool_name": "late"}]
    messages = [HI, assistant(use(name="old")), user(result(found)), system, user(text("a"))]
    asked = Asked({"messages": messages, "tools": tools, "compaction": SUMMARIZE})
    changes = asked.plan.tool_changes
    assert changes == [
        change("tool_addition", "late"),
        change("tool_removal", "old"),
        {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": fresh}},
    ]
    later = Asked({"messages": [assistant({**SUMMARY, "tool_changes": changes}), HI], "tools": tools})
    assert later.functions == ["late", "fresh"]


def pausing(value: int | None = None, **more: Any) -> JSON:
    trigger = {} if value is None else {"trigger": {"type": "input_tokens", "value": value}}
    edit = {"type": "compact_20260112", "pause_after_compaction": True, **trigger, **more}
    return {"context_management": {"edits": [edit]}}


def test_the_edit_asks_for_a_summary_once_its_trigger_is_reached() -> None:
    long = [user(text("x" * 4000)), *TURNS]
    asked = Asked({"messages": long, **pausing(1000, instructions="In short.")})
    assert last_part(asked) == f"{COMPACTION_PROMPT}\n\nIn short."
    path = "context_management.edits[0]"
    assert asked.notes == [("emulated", path), ("estimated", path)]
    assert asked.plan.tool_changes == []

    behind = Asked({"messages": [*long, assistant(SUMMARY), user(text("Go on."))], **pausing(1000)})
    assert behind.plan.tool_changes is None, "the summary is short"
    assert behind.notes == []


@pytest.mark.parametrize("management", [pausing(50_000), pausing()], ids=["below", "below the default"])
def test_below_the_trigger_nothing_happens(management: JSON) -> None:
    asked = Asked({"messages": TURNS, **management})
    assert last_part(asked) == "Go on."
    assert asked.plan.tool_changes is None


def test_without_the_pause_the_answer_goes_on() -> None:
    body = {"messages": TURNS, "stop_sequences": ["END"], **pausing(1, pause_after_compaction=False)}
    asked = Asked(body, strict=True)
    assert last_part(asked) == COMPACTION_PROMPT
    assert asked.plan.goes_on
    path = "context_management.edits[0]"
    assert asked.notes == [("emulated", path), ("estimated", path)], "the reply is still to come"

    second = Asked(behind({"model": "claude-x", "max_tokens": 9, **body}, SUMMARY))
    assert second.contents == [{"role": "user", "parts": [SHOWN, {"text": "Go on."}]}]
    assert second.plan.tool_changes is None
    assert second.plan.stops == ["END"]


def test_nothing_is_summarised_for_a_warm_cache() -> None:
    asked = Asked({"messages": TURNS, "max_tokens": 0, **pausing(1)})
    assert asked.plan.tool_changes is None


ON: JSON = {"text": "Go on from here."}
SYSTEM: JSON = {"role": "system", "content": "Be brief."}
CALLED = [HI, assistant(use())]
GONE_ON: list[tuple[list[JSON], list[JSON]]] = [
    ([HI], [SHOWN, ON]),
    ([HI, HI], [SHOWN, {"text": "hi"}]),
    ([*TURNS, user(text("And?"))], [SHOWN, {"text": "Go on."}, {"text": "And?"}]),
    ([*CALLED, user(result("done"))], [SHOWN, ON]),
    ([*CALLED, user(result("done")), user(text("And?"))], [SHOWN, {"text": "And?"}]),
    ([*CALLED, user(result("done"), text("And?"))], [SHOWN, {"text": "And?"}]),
    ([*CALLED, user(result("done"), result("done")), user(text("And?"))], [SHOWN, {"text": "And?"}]),
    ([*CALLED, user(text("So."), result("done"), text("And?"))], [SHOWN, {"text": "So."}, {"text": "And?"}]),
    ([*TURNS, user({**SUMMARY, "content": "Older."}, text("And?"))], [SHOWN, {"text": "And?"}]),
    ([*TURNS, assistant(text("b"))], [SHOWN, ON]),
    ([*TURNS, assistant({**SUMMARY, "content": "Older."}), HI], [SHOWN, {"text": "hi"}]),
]


@pytest.mark.parametrize(("messages", "parts"), GONE_ON)
def test_what_follows_a_summary(messages: list[JSON], parts: list[JSON]) -> None:
    second = Asked(behind({"messages": messages, **pausing(0, pause_after_compaction=False)}, SUMMARY))
    assert second.contents == [{"role": "user", "parts": parts}]


def test_what_the_system_has_said_last_is_said_again() -> None:
    messages = [HI, assistant(text("a")), HI, SYSTEM]
    second = Asked(behind({"messages": messages, **pausing(0, pause_after_compaction=False)}, SUMMARY))
    assert "Be brief." in str(second.body)


def test_places_behind_a_summary_are_those_of_the_client() -> None:
    messages = [*TURNS, assistant(text("b")), user({"type": "newest", "text": "x"})]
    second = Asked(behind({"messages": messages, **pausing(0, pause_after_compaction=False)}, SUMMARY))
    assert ("unknown", "messages[4].content[0].type newest") in second.notes
    messages = [*CALLED, user(result("done"), {"type": "newest", "text": "x"})]
    second = Asked(behind({"messages": messages, **pausing(0, pause_after_compaction=False)}, SUMMARY))
    assert ("unknown", "messages[2].content[1].type newest") in second.notes


UNFINISHED = [HI, assistant(text("a"), use())]
REFUSED = [
    ({"compaction": {}}, "compaction.type", "missing_required_parameter"),
    ({"compaction": {"type": "newest"}}, "compaction.type", "invalid_value"),
    ({"compaction": {**SUMMARIZE, "instructions": 5}}, "compaction.instructions", "invalid_type"),
    ({"compaction": SUMMARIZE, "messages": UNFINISHED}, "messages[1]", "compaction_incomplete_turn"),
    (pausing(trigger={"type": "hours", "value": 1}), "context_management.edits[0].trigger.type", "invalid_value"),
    (pausing(instructions=5), "context_management.edits[0].instructions", "invalid_type"),
]


@pytest.mark.parametrize(("body", "param", "code"), REFUSED)
def test_refused(body: JSON, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked(body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


# summaries of earlier requests

BEHIND: list[tuple[list[Any], list[JSON]]] = [
    ([assistant(SUMMARY)], [{"role": "user", "parts": [SHOWN]}]),
    ([user(SUMMARY), HI], [{"role": "user", "parts": [SHOWN, {"text": "hi"}]}]),
    ([*TURNS, assistant(SUMMARY), HI], [{"role": "user", "parts": [SHOWN, {"text": "hi"}]}]),
    (
        [*TURNS, assistant(text("a"), SUMMARY, text("b")), HI],
        [{"role": "user", "parts": [SHOWN]}, {"role": "model", "parts": [{"text": "b"}]}, SAID],
    ),
    (
        [assistant({**SUMMARY, "content": "First."}), HI, assistant(SUMMARY), HI],
        [{"role": "user", "parts": [SHOWN, {"text": "hi"}]}],
    ),
    ([HI, assistant({**SUMMARY, "content": None})], [SAID]),
]


@pytest.mark.parametrize(("messages", "contents"), BEHIND)
def test_the_conversation_begins_with_its_last_summary(messages: list[JSON], contents: list[JSON]) -> None:
    asked = Asked({"messages": messages}, G3)
    assert asked.contents == contents
    assert asked.notes == []


def test_places_are_those_of_the_client() -> None:
    messages = [*TURNS, assistant(text("a"), SUMMARY, {"type": "newest", "text": "b"}), HI]
    assert Asked({"messages": messages}).notes == [("unknown", "messages[3].content[2].type newest")]
