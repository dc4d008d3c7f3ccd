"""What an answer of the Responses API must be: OpenAI's types in pydantic's strict mode, and what types cannot say.

Source of the rules: the OpenAI API reference (`Response`, `ResponseStreamEvent`), and what clients were seen to need.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from openai.types.responses import (
    CompactedResponse,
    InputTokenCountResponse,
    Response,
    ResponseItemList,
    ResponseStreamEvent,
)
from pydantic import BaseModel, TypeAdapter

type JSON = dict[str, Any]

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_STATES = ("response.created", "response.queued", "response.in_progress", *_ENDS)

MEMBERS = frozenset(
    (
        *("background", "completed_at", "created_at", "error", "id", "incomplete_details", "instructions"),
        *("max_output_tokens", "max_tool_calls", "metadata", "model", "object", "output", "parallel_tool_calls"),
        *("previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "status"),
        *("store", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "usage"),
        "user",
    )
)
"""What is always there, null where it says nothing."""

_BEYOND_THE_SDK = {
    ("Response", "store"),
    ("Response", "choices"),
    ("Response", "extra_content"),
    ("ResponseFunctionCallArgumentsDoneEvent", "name"),
    ("ResponseShellCallCommandAddedEvent", "item_id"),
    ("ResponseShellCallCommandDeltaEvent", "item_id"),
    ("ResponseShellCallCommandDoneEvent", "item_id"),
    ("ResponseCustomToolCall", "status"),
    ("ResponseErrorEvent", "error"),
}
"""Members without a type in the SDK that go out on purpose."""

_CODES_BEYOND_THE_SDK = ("context_length_exceeded", "insufficient_quota")
"""Codes of a failed response that Codex knows, and the SDK's types do not."""

_TEXTS = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.reasoning_summary_text": "text",
    "response.code_interpreter_call_code": "code",
    "response.shell_call_command": "command",
}
"""Events of a text: the member of `.done` that has all of the deltas."""


def check_json(path: str, answer: JSON) -> None:
    """The JSON answer of one of the endpoints under `/responses`."""
    kind, text = answer["object"], json.dumps(answer)
    if path.endswith("/input_items"):
        _check_page(answer)
    elif kind == "response.input_tokens":
        InputTokenCountResponse.model_validate_json(text, strict=True)
    elif kind == "response.compaction":
        CompactedResponse.model_validate_json(text, strict=True)
        check_usage(answer["usage"])
    elif "deleted" in answer:
        assert answer == {"id": path.rpartition("/")[2], "object": "response", "deleted": True}
    else:
        check_response(answer)


def check_response(response: JSON) -> None:
    """A Response object."""
    known = response
    if response["status"] == "failed" and response["error"]["code"] in _CODES_BEYOND_THE_SDK:
        known = {**response, "error": {**response["error"], "code": "server_error"}}
    parsed = Response.model_validate_json(json.dumps(known), strict=True)
    assert set(_extras(parsed)) <= _BEYOND_THE_SDK
    assert response.keys() >= MEMBERS
    status = response["status"]
    assert (response["completed_at"] is not None) == (status == "completed")
    assert (response["error"] is not None) == (status == "failed")
    assert (response["incomplete_details"] is not None) == (status == "incomplete")
    if status in ("completed", "incomplete"):
        check_usage(response["usage"])
        assert any(item["type"] != "reasoning" for item in response["output"]), "clients ask again otherwise"
    else:
        assert response["usage"] is None
    for item in response["output"]:
        _check_item(item)
    ids = [item["id"] for item in response["output"]]
    assert len(set(ids)) == len(ids)


def check_usage(usage: JSON) -> None:
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["input_tokens_details"].keys() >= {"cached_tokens", "cache_write_tokens"}
    assert 0 <= usage["output_tokens_details"]["reasoning_tokens"] <= usage["output_tokens"]


def check_stream(body: bytes) -> list[JSON]:
    """The events of a whole stream, or of its end from some event on; gives them."""
    events = read_events(body)
    assert events, "no event came"
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "no gaps"
    for event in events:
        _check_event(event)
    if numbers[0] == 0:
        _StreamedItems().check(events)
    states = [event["response"] for event in events if event["type"] in _STATES]
    assert len({state["id"] for state in states}) <= 1, "all events are of one response"
    assert not any("choices" in state for state in states)
    # The SDK raises an error where it stands, and reads no further.
    assert events[-1]["type"] in (*_ENDS, "error")
    assert not any(event["type"] in _ENDS for event in events[:-1])
    return events


def read_events(body: bytes) -> list[JSON]:
    """The events as a client reads them; the name of each is its type."""
    text = body.decode()
    assert text.endswith("\n\n")
    events = []
    for frame in text[:-2].split("\n\n"):
        if frame.startswith(":"):
            continue
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def _check_event(event: JSON) -> None:
    if event["type"] in _STATES:
        check_response(event["response"])
        if event["type"] == "response.failed":
            return
    parsed = _EVENT.validate_json(json.dumps(event), strict=True)
    assert set(_extras(parsed)) <= _BEYOND_THE_SDK
    if event["type"] == "error":
        assert event["error"].keys() == {"message", "type", "param", "code"}
        assert event["message"] == event["error"]["message"]


class _StreamedItems:
    """Items come dense and one by one; what is told of one is told while it is open, and adds up to it."""

    def __init__(self) -> None:
        self._open: JSON | None = None
        self._done: list[JSON] = []
        self._pieces: dict[str, str] = {}

    def check(self, events: list[JSON]) -> None:
        assert events[0]["type"] == "response.created"
        for event in events[1:]:
            match event["type"]:
                case "response.created":
                    raise AssertionError("a response is created once")
                case "response.output_item.added":
                    assert self._open is None, "items are closed before the next one opens"
                    assert event["output_index"] == len(self._done)
                    assert event["item"].get("status") in (None, "in_progress")
                    self._open = event["item"]
                case "response.output_item.done":
                    self._item_done(event)
                case "response.output_text.annotation.added":
                    assert event["output_index"] <= len(self._done), "sources come last, also of messages before"
                case _ if "item_id" in event:
                    self._told(event)
        self._check_end(events[-1])

    def _told(self, event: JSON) -> None:
        assert self._open is not None
        assert (event["item_id"], event["output_index"]) == (self._open["id"], len(self._done))
        name, _, stage = event["type"].rpartition(".")
        if name not in _TEXTS:
            return
        if stage == "delta":
            assert event["delta"], "an empty delta says nothing"
            self._pieces[name] = self._pieces.get(name, "") + event["delta"]
        elif stage == "done":
            assert event[_TEXTS[name]] == self._pieces.pop(name, "")

    def _item_done(self, event: JSON) -> None:
        item = event["item"]
        assert self._open is not None
        assert event["output_index"] == len(self._done)
        for name in ("id", "type", "call_id", "name"):
            assert item.get(name) == self._open.get(name)
        assert item.get("status") != "in_progress"
        assert item.keys() >= self._open.keys()
        assert not self._pieces, "texts are done before their item"
        self._done.append(item)
        self._open = None

    def _check_end(self, last: JSON) -> None:
        if last["type"] not in _ENDS or last["type"] == "response.failed":
            return  # what was open stays open: nothing must look complete
        assert self._open is None
        assert [_without_annotations(i) for i in last["response"]["output"]] == [
            _without_annotations(i) for i in self._done
        ]


def _without_annotations(item: JSON) -> JSON:
    """Sources may come after the item that they belong to."""
    content = [{**part, "annotations": []} for part in item.get("content", ())]
    return {**item, "content": content} if content else item


def _check_item(item: JSON) -> None:
    """An output item."""
    assert item["id"] != item.get("call_id")
    if item["type"] == "function_call":
        assert item["status"] in ("in_progress", "completed")
        assert not item["arguments"] or isinstance(json.loads(item["arguments"]), dict)
    for part in item.get("content", ()):
        if part["type"] == "output_text":
            assert part.keys() >= {"text", "annotations", "logprobs"}
            for annotation in part["annotations"]:
                assert 0 <= annotation["start_index"] <= annotation["end_index"] <= len(part["text"])


def _check_page(page: JSON) -> None:
    data = page["data"]
    ids = [item["id"] for item in data]
    assert len(set(ids)) == len(ids)
    if data:
        ResponseItemList.model_validate_json(json.dumps(page), strict=True)
        assert (page["first_id"], page["last_id"]) == (ids[0], ids[-1])
    else:
        assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def _extras(model: Any) -> Iterator[tuple[str, str]]:
    """The members that the SDK has no type for."""
    if isinstance(model, list):
        for item in model:
            yield from _extras(item)
    if isinstance(model, BaseModel):
        yield from ((type(model).__name__, name) for name in model.model_extra or ())
        for name in type(model).model_fields:
            yield from _extras(getattr(model, name))
