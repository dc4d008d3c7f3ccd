"""Answers that go on behind a summary: two upstream calls, one message."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from mapping import dialects
from mapping.dialect import Given
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.messages.answer.events import PING
from mapping.notes import Notes
from mapping.values import JSON
from tests.e2e import message_checks
from tests.mapping.messages.samples import CALL, SIGNED, STOP, TEXT, THOUGHT, USAGE, event, folded, sse

MESSAGES: Any = dialects.named("messages")
TOOL: JSON = {"name": "f", "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
EDIT: JSON = {"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 1}}
BODY: JSON = {
    "model": "claude-x",
    "max_tokens": 60_000,
    "tools": [TOOL],
    "messages": [
        {"role": "user", "content": "The word is marmalade."},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "Which word?"},
    ],
    "context_management": {"edits": [EDIT]},
}
SUMMED = event({"text": "A word was said."}, **STOP) | {"usageMetadata": {**USAGE, "promptTokenCount": 1000}}
SAID = event({"text": "That one."}, **STOP) | {"usageMetadata": USAGE}
SUMMARY = {"type": "compaction", "content": "A word was said.", "encrypted_content": None, "tool_changes": []}


def answering(notes: Notes | None = None, **more: Any) -> Any:
    count = itertools.count(1)
    given = Given(
        "gemini-3.8-flash",
        "claude-x",
        lambda prefix, size=12: f"{prefix}{next(count)}",
        lambda: 0,
        json.dumps,
        request_id="req_1",
        notes=Notes() if notes is None else notes,
    )
    return MESSAGES.translate(BODY | more, given)


def as_bytes(response: Any) -> bytes:
    return json.dumps(response).encode()


def whole(*responses: Any, **more: Any) -> Any:
    translator = answering(**more).whole(Notes())
    for response in responses:
        translator.add(as_bytes(response))
    translator.close()
    message = json.loads(translator.finish())
    message_checks.check_message(message)
    return message


def streamed(*responses: Any, **more: Any) -> Any:
    """The message of a stream, and its bytes."""
    stream = answering(stream=True, **more).stream()
    out = b""
    for response in responses:
        out += stream.feed(sse(response)) + stream.end()
    out += stream.end() if stream.continuation else b""
    return folded(message_checks.check_stream(out))


@pytest.mark.parametrize("made", [whole, streamed])
def test_the_answer_follows_the_block(made: Any) -> None:
    message = made(SUMMED, SAID)
    assert message["content"] == [SUMMARY, {"type": "text", "text": "That one."}]
    assert message["stop_reason"] == "end_turn"
    assert message["context_management"] == {"applied_edits": []}
    usage = message["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (6, 4, 8)
    told = [(one["type"], one["input_tokens"], one["output_tokens"]) for one in usage["iterations"]]
    assert told == [("compaction", 996, 8), ("message", 6, 8)]


@pytest.mark.parametrize("made", [whole, streamed])
def test_calls_and_thoughts_behind_it(made: Any) -> None:
    """What carries signatures stands behind the block: what is before it is never looked at again."""
    message = made(SUMMED, event(THOUGHT, {**SIGNED}, **STOP), thinking={"type": "adaptive", "display": "summarized"})
    assert [block["type"] for block in message["content"]] == ["compaction", "thinking", "tool_use"]
    assert "c2ln" in message["content"][1]["signature"]
    assert message["stop_reason"] == "tool_use"


def test_what_is_asked() -> None:
    notes = Notes()
    asked = answering(notes, stop_sequences=["END"], tool_choice={"type": "any"})
    [first] = asked.calls
    assert "marmalade" in str(first.body["contents"])
    assert first.body["toolConfig"]["functionCallingConfig"]["mode"] == "NONE"
    translator = asked.whole(Notes())
    assert asked.further("a-token-of-geminis") is None
    translator.add(as_bytes(SUMMED))
    second = asked.further(translator.continuation)
    parts = [{"text": "[Summary of the conversation so far]\nA word was said."}, {"text": "Which word?"}]
    assert second["contents"] == [{"role": "user", "parts": parts}]
    assert second["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    translator.add(as_bytes(event({"text": "That END one."}, **STOP)))
    assert translator.continuation is None
    message = json.loads(translator.finish())
    assert (message["content"][1]["text"], message["stop_reason"]) == ("That ", "stop_sequence")
    edit = "context_management.edits[0]"
    assert sorted(notes) == [("emulated", edit), ("emulated", "stop_sequences"), ("estimated", edit)]


def test_what_only_the_second_call_has_to_do_with_is_refused_at_once() -> None:
    with pytest.raises(Fault, match="nowhere"):
        answering(tool_choice={"type": "tool", "name": "nowhere"})


@pytest.mark.parametrize("made", [whole, streamed])
def test_without_a_second_call_it_is_a_pause(made: Any) -> None:
    message = made(SUMMED)
    assert (message["content"], message["stop_reason"]) == ([SUMMARY], "compaction")


def test_a_summary_that_goes_on_itself() -> None:
    begun = event({"text": "A word"}, finishReason="CONTINUATION", continuationToken="t1")
    asked = answering()
    translator = asked.whole(Notes())
    translator.add(as_bytes(begun))
    assert translator.continuation == "t1"
    translator.add(as_bytes(event({"text": " was said."}, **STOP)))
    translator.add(as_bytes(SAID))
    assert json.loads(translator.finish())["content"][0] == SUMMARY
    assert streamed(begun, event({"text": " was said."}, **STOP), SAID)["content"][0] == SUMMARY
    left = streamed(begun)
    assert (left["content"][0]["content"], left["stop_reason"]) == ("A word", "compaction")


def test_an_attempt_at_the_second_call_may_fail() -> None:
    translator = answering().whole(Notes())
    translator.add(as_bytes(SUMMED))
    with pytest.raises(UpstreamError):
        translator.add(as_bytes({"candidates": 5}))
    assert translator.continuation
    translator.add(as_bytes(SAID))
    assert json.loads(translator.finish())["content"][1]["text"] == "That one."
    assert translator.totals().prompt == 1010

    stream = answering(stream=True).stream()
    with pytest.raises(UpstreamError):
        stream.feed(sse(event(CALL, finishReason="SAFETY"))) + stream.end()
    stream = stream.again()
    assert stream.feed(sse(SUMMED)) + stream.end() == b""
    assert not stream.started
    spent = [stream.totals().prompt]
    stream = stream.again()  # the call could not be made
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}))
    spent.append(stream.totals().prompt)
    stream = stream.again()
    message = folded(message_checks.check_stream(stream.feed(sse(SAID)) + stream.end()))
    assert message["content"][0] == SUMMARY
    assert (spent, stream.totals().prompt) == ([1000, 0], 10), "nothing is counted twice"


def test_an_answer_of_nothing_behind_a_summary_is_none() -> None:
    """It is no pause, for which nobody has asked: the call is tried again."""
    asked = answering(stream=True)
    stream = asked.stream()
    stream.feed(sse(SUMMED)) + stream.end()
    assert asked.further(stream.continuation)
    with pytest.raises(UpstreamError):
        stream.end(needs_content=True)
    stream = stream.again()
    message = folded(message_checks.check_stream(stream.feed(sse(SAID)) + stream.end()))
    assert message["content"] == [SUMMARY, {"type": "text", "text": "That one."}]


def test_signs_of_life() -> None:
    """A stream that was opened while the summary was made goes on."""
    for when in ("before", "between"):
        stream = answering(stream=True).stream()
        out = stream.open() + stream.keep_alive() if when == "before" else b""
        out += stream.feed(sse(SUMMED)) + stream.end()
        out += stream.open() + stream.keep_alive()
        out += stream.feed(sse(SAID)) + stream.end()
        events = message_checks.check_stream(out)
        assert [told["type"] for told in events].count("message_start") == 1
        assert PING in out
        assert folded(events)["content"][1]["text"] == "That one."


def test_a_stream_that_breaks_off_behind_its_summary() -> None:
    stream = answering(stream=True).stream()
    stream.feed(sse(SUMMED)) + stream.end()
    out = stream.feed(sse(event(TEXT)))
    assert stream.started
    out += stream.cut(Fault(500, "torn"))
    events = message_checks.check_stream(out)
    assert events[-1]["type"] == "error"
