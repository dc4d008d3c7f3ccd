"""The checks of messages see what is wrong. The good stream is as Anthropic's reference shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.message_checks import check_error, check_stream

type Events = list[dict[str, Any]]

USAGE = {
    "input_tokens": 25,
    "output_tokens": 1,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}
START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    },
}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}


def block(index: int, begins: dict[str, Any], *deltas: dict[str, Any]) -> Events:
    return [
        {"type": "content_block_start", "index": index, "content_block": begins},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def good() -> Events:
    return json.loads(
        json.dumps(
            [
                START,
                {"type": "ping"},
                *block(
                    0,
                    {"type": "thinking", "thinking": "", "signature": ""},
                    {"type": "thinking_delta", "thinking": "Hm."},
                    {"type": "signature_delta", "signature": "abc"},
                ),
                *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Hello"}),
                *block(
                    2,
                    TOOL,
                    {"type": "input_json_delta", "partial_json": ""},
                    {"type": "input_json_delta", "partial_json": '{"a": 1}'},
                ),
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "tool_use", "stop_sequence": None},
                    "usage": {"output_tokens": 89, "input_tokens": 25},
                },
                {"type": "message_stop"},
            ]
        )
    )


def as_body(events: Events) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def at(events: Events, kind: str, number: int = 0) -> dict[str, Any]:
    return [event for event in events if event["type"] == kind][number]


WRONG: dict[str, Callable[[Events], Any]] = {
    "no start": lambda e: e.pop(0),
    "a ping first": lambda e: e.insert(0, {"type": "ping"}),
    "an unknown member": lambda e: at(e, "content_block_delta")["delta"].update(more=1),
    "an unknown member of the message": lambda e: e[0]["message"].update(more=1),
    "a gap": lambda e: [event.update(index=event["index"] + 1) for event in e if "index" in event],
    "a block that stays open": lambda e: e.remove(at(e, "content_block_stop", 1)),
    "blocks in each other": lambda e: e.insert(3, e.pop(e.index(at(e, "content_block_start", 1)))),
    "a text at the start": lambda e: at(e, "content_block_start", 1)["content_block"].update(text="x"),
    "an empty text": lambda e: e.remove(at(e, "content_block_delta", 2)),
    "a signature in parts": lambda e: e.insert(5, at(e, "content_block_delta", 1)),
    "a delta of another block": lambda e: at(e, "content_block_delta", 2)["delta"].update(
        type="input_json_delta", partial_json="{}"
    ),
    "half of the arguments": lambda e: at(e, "content_block_delta", 4)["delta"].update(partial_json='{"a"'),
    "another reason": lambda e: at(e, "message_delta")["delta"].update(stop_reason="end_turn"),
    "an unknown reason": lambda e: at(e, "message_delta")["delta"].update(stop_reason="stop"),
    "a sequence that did not stop it": lambda e: at(e, "message_delta")["delta"].update(stop_sequence="x"),
    "no usage": lambda e: at(e, "message_delta").pop("usage"),
    "no end": lambda e: e.pop(),
    "no reason": lambda e: e.remove(at(e, "message_delta")),
    "something after the end": lambda e: e.append({"type": "ping"}),
    "an id of another kind": lambda e: e[0]["message"].update(id="chatcmpl-1"),
    "nothing in it": lambda e: [e.remove(event) for event in e.copy() if "index" in event],
}


def test_a_good_stream() -> None:
    assert len(check_stream(as_body(good()))) == len(good()) - 1


@pytest.mark.parametrize("spoil", WRONG.values(), ids=WRONG)
def test_a_wrong_stream(spoil: Callable[[Events], Any]) -> None:
    events = good()
    spoil(events)
    with pytest.raises(Exception):  # noqa: B017
        check_stream(as_body(events))


def test_the_name_of_an_event_is_its_type() -> None:
    with pytest.raises(AssertionError):
        check_stream(as_body(good()).replace(b"event: ping", b"event: pong"))


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}


def test_errors() -> None:
    check_error(ERROR, 529)
    check_error(ERROR)
    for wrong, status in ((ERROR, 500), ({**ERROR, "request_id": ""}, 529), ({**ERROR, "more": 1}, 529)):
        with pytest.raises(AssertionError):
            check_error(wrong, status)
    check_stream(as_body([*good()[:6], ERROR]))
    with pytest.raises(AssertionError):
        check_stream(as_body([*good()[:5], ERROR]))
