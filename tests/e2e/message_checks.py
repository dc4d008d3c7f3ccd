"""What an answer of the Messages API must be: Anthropic's types in pydantic's strict mode, and what types cannot say.

Members without a type are faults. Source of the rules: the Messages API reference, and what the SDKs and Claude Code
were seen to need: they take most of what is wrong without a word, and lose a part of the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from anthropic.types.shared import ErrorResponse
from pydantic import BaseModel, TypeAdapter, ValidationError

type JSON = dict[str, Any]

_EVENTS: tuple[TypeAdapter[Any], ...] = (TypeAdapter(RawMessageStreamEvent), TypeAdapter(BetaRawMessageStreamEvent))
_MESSAGES: tuple[TypeAdapter[Any], ...] = (TypeAdapter(Message), TypeAdapter(BetaMessage))
_MODELS = TypeAdapter(list[ModelInfo])

STATUSES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Status -> the type of its error, by Anthropic's table."""
_UNTYPED = "request_too_large"
"""The one type that the SDK's union lacks."""

_BEYOND_THE_SDK = {
    (f"{begin}{block}", "extra_content") for begin in ("", "Beta") for block in ("ToolUseBlock", "TextBlock")
}
"""Members without a type in the SDK that go out on purpose: signatures, where no thinking block may carry them."""

_MEMBERS = frozenset(("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"))
"""What is always there, null where it says nothing."""
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")

_TEXTS = {"text_delta": ("text", "text"), "thinking_delta": ("thinking", "thinking")}
"""Delta -> the block that it is for, and the member of both that it adds to."""
_CALLS = ("tool_use", "server_tool_use")
_EMPTY = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
    "compaction": {"content": None},
}
"""Block -> what it begins with, in a stream. The others come whole."""


def check_answer(path: str, status: int, content_type: str, body: bytes) -> None:
    """Raise for an answer to an Anthropic client that is not what Anthropic's would be."""
    if content_type.startswith("text/event-stream"):
        assert status == 200
        check_stream(body)
        return
    assert content_type == "application/json"
    answer = json.loads(body)
    if status >= 400:
        check_error(answer, status)
    elif path.endswith("/count_tokens"):
        assert _strict((TypeAdapter(MessageTokensCount),), answer).input_tokens > 0
    elif path.endswith("/models"):
        _check_models(answer)
    elif "/models/" in path:
        _strict((TypeAdapter(ModelInfo),), answer)
    else:
        check_message(answer)


def check_message(message: JSON) -> None:
    """A whole message."""
    _strict(_MESSAGES, message)
    assert message.keys() >= _MEMBERS
    assert message["id"].startswith("msg_")
    if _is_prewarmed(message):
        return
    assert message["content"], "clients ask again, and show nothing"
    for block in message["content"]:
        assert block["type"] != "text" or block["text"], "an empty text is refused when it comes back"
    kinds = [block["type"] for block in message["content"]]
    assert "tool_use" in kinds or kinds[-1] not in ("thinking", "redacted_thinking"), "Claude Code shows nothing of it"
    reason = message["stop_reason"]
    assert reason is not None
    assert (message["stop_sequence"] is not None) == (reason == "stop_sequence")
    assert reason != "tool_use" or "tool_use" in kinds
    assert "tool_use" not in kinds or reason in ("tool_use", "max_tokens", "refusal")
    assert (kinds == ["compaction"]) == (reason == "compaction")
    assert "compaction" not in kinds or message["content"][0]["content"]
    _check_calls(message["content"], paused=reason == "pause_turn")
    _check_usage(message["usage"], message["content"])


def _is_prewarmed(message: JSON) -> bool:
    """The answer to `max_tokens: 0`: it is cut short before it begins."""
    return not message["content"] and message["stop_reason"] == "max_tokens" and not message["usage"]["output_tokens"]


def check_error(answer: JSON, status: int = 0) -> None:
    """The JSON of an error, or of an `error` event, which has no status."""
    error = dict(answer["error"])
    assert error["message"]
    assert error.keys() <= {"type", "message", "details"}
    if status:
        assert error["type"] == STATUSES.get(status, "invalid_request_error" if status < 500 else "api_error")
    if error["type"] == _UNTYPED:
        error["type"] = "invalid_request_error"
    assert isinstance(error.pop("details", {}), dict)
    _strict((TypeAdapter(ErrorResponse),), {**answer, "error": error})
    assert answer["request_id"]


def check_stream(body: bytes) -> list[JSON]:
    """The events of a stream; gives them, without pings."""
    events = read_events(body)
    assert events, "no event came"
    assert events[0]["type"] in ("message_start", "error"), "a ping comes after the start"
    told = [event for event in events if event != {"type": "ping"}]
    streamed = _StreamedMessage()
    for event in told:
        if event["type"] == "error":
            check_error(event)
        else:
            _strict(_EVENTS, event)
        streamed.add(event)
    assert streamed.ended, "the last event is message_stop or error"
    assert events[-1]["type"] != "ping"
    return told


def read_events(body: bytes) -> list[JSON]:
    """The events as a client reads them; the name of each is its type. Comments are no events."""
    text = body.decode()
    assert text.endswith("\n\n")
    events = []
    for frame in text[:-2].split("\n\n"):
        if frame.startswith(":"):
            continue
        name, data = frame.split("\n")
        assert data.startswith("data: ")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


class _StreamedMessage:
    """The message that the events of a stream make. Blocks come dense, one after the other, and all are closed."""

    def __init__(self) -> None:
        self.ended = False
        self._message: JSON = {}
        self._open: JSON | None = None
        self._arguments = ""
        self._told = False

    def add(self, event: JSON) -> None:
        assert not self.ended, "nothing follows the end"
        kind = event["type"]
        assert self._message or kind in ("message_start", "error")
        getattr(self, f"_{kind}")(event)

    def _message_start(self, event: JSON) -> None:
        assert not self._message, "a message starts once"
        self._message = json.loads(json.dumps(event["message"]))
        assert self._message.keys() >= _MEMBERS
        assert self._message["content"] == []
        assert (self._message["stop_reason"], self._message["stop_sequence"]) == (None, None)
        assert self._message["usage"].keys() >= {"input_tokens", "output_tokens"}

    def _content_block_start(self, event: JSON) -> None:
        assert self._open is None, "a block is closed before the next one opens"
        assert not self._told, "no block follows the stop reason"
        assert event["index"] == len(self._message["content"])
        block = dict(event["content_block"])
        for name, value in _EMPTY.get(block["type"], {}).items():
            assert block[name] == value, "what a block says comes in deltas"
        assert not block.get("citations"), "sources come in deltas"
        self._open, self._arguments = block, ""
        self._message["content"].append(block)

    def _content_block_delta(self, event: JSON) -> None:
        assert self._open is not None
        assert event["index"] == len(self._message["content"]) - 1
        assert not self._open.get("signature"), "a signature is the last of its block, and comes at once"
        delta, block = event["delta"], self._open
        if delta["type"] in _TEXTS:
            of, name = _TEXTS[delta["type"]]
            assert block["type"] == of
            assert delta[name], "an empty delta says nothing"
            block[name] += delta[name]
        elif delta["type"] == "signature_delta":
            assert block["type"] == "thinking"
            assert delta["signature"]
            block["signature"] = delta["signature"]
        elif delta["type"] == "compaction_delta":
            assert block["type"] == "compaction"
            assert block["content"] is None, "of several summaries the last one alone is kept"
            assert delta["content"]
            block |= {name: delta[name] for name in ("content", "encrypted_content")}
        elif delta["type"] == "citations_delta":
            assert block["type"] == "text"
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        else:
            assert block["type"] in _CALLS
            self._arguments += delta["partial_json"]

    def _content_block_stop(self, event: JSON) -> None:
        assert self._open is not None
        assert event["index"] == len(self._message["content"]) - 1
        if self._open["type"] in _CALLS:
            self._open["input"] = json.loads(self._arguments or "{}")
            assert isinstance(self._open["input"], dict)
        self._open = None

    def _message_delta(self, event: JSON) -> None:
        assert self._open is None, "all blocks are closed"
        assert not self._told
        assert event["delta"].keys() >= {"stop_reason", "stop_sequence"}
        self._told = True
        for name in ("output_tokens", "input_tokens"):
            assert event["usage"][name] >= (self._message["usage"][name] if name == "output_tokens" else 0)
        self._message["usage"] |= event["usage"]
        self._message |= event["delta"]
        self._message |= {name: event[name] for name in ("context_management",) if name in event}

    def _message_stop(self, event: JSON) -> None:
        assert self._told, "the stop reason comes before"
        check_message(self._message)
        self.ended = True

    def _error(self, event: JSON) -> None:
        assert self._open is None, "all blocks are closed"
        assert not self._told
        self.ended = True


def _check_calls(blocks: list[JSON], *, paused: bool) -> None:
    """Ids are one of a kind, and what the server did has its result; the last may be missing where it paused."""
    ids = [block["id"] for block in blocks if block["type"] in _CALLS]
    assert len(set(ids)) == len(ids)
    waiting = []
    for block in blocks:
        if block["type"] == "tool_use":
            assert block["id"].startswith("toolu_")
        elif block["type"] == "server_tool_use":
            assert block["id"].startswith("srvtoolu_")
            waiting.append(block["id"])
        elif block["type"].endswith("_tool_result"):
            assert block["tool_use_id"] in waiting
            waiting.remove(block["tool_use_id"])
    assert paused or not waiting


def _check_usage(usage: JSON, blocks: list[JSON]) -> None:
    for name in _COUNTS:
        assert usage[name] is None or usage[name] >= 0, name
    details = usage.get("output_tokens_details") or {}
    assert details.get("thinking_tokens", 0) <= usage["output_tokens"]
    searches = [block for block in blocks if block.get("name") == "web_search" and block["type"] == "server_tool_use"]
    assert not searches or (usage.get("server_tool_use") or {}).get("web_search_requests")


def _check_models(answer: JSON) -> None:
    assert answer.keys() == {"data", "has_more", "first_id", "last_id"}
    found = _strict((_MODELS,), answer["data"])
    ids = [model.id for model in found]
    assert len(set(ids)) == len(ids)
    assert (answer["first_id"], answer["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))


def _strict(types: tuple[TypeAdapter[Any], ...], value: Any) -> Any:
    """The value by the first of these types that has a place for all of its members. Raises what the last one lacks."""
    wrong: Exception | None = None
    for one in types:
        try:
            found = one.validate_json(json.dumps(value), strict=True)
        except ValidationError as e:
            wrong = e
            continue
        extras = sorted(set(_extras(found)) - _BEYOND_THE_SDK)
        if not extras:
            return found
        wrong = AssertionError(f"members without a type: {extras}")
    assert wrong
    raise wrong


def _extras(model: Any) -> Iterator[tuple[str, str]]:
    """The members that the SDK has no type for."""
    if isinstance(model, list):
        for item in model:
            yield from _extras(item)
    if isinstance(model, BaseModel):
        yield from ((type(model).__name__, name) for name in model.model_extra or ())
        for name in type(model).model_fields:
            yield from _extras(getattr(model, name))
