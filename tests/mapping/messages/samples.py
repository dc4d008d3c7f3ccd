"""Requests, Gemini's events, and what becomes of them as Messages."""

from __future__ import annotations

import itertools
import json
from typing import Any

from mapping.messages.answer.answer import MessagesAnswer
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.stream import MessagesStream
from mapping.messages.plan import MessagesPlan
from mapping.notes import Notes
from tests.e2e import message_checks

MODEL = "gemini-3.8-flash"
STOP = {"finishReason": "STOP"}
TEXT = {"text": "a"}
THOUGHT = {"text": "t", "thought": True}
CALL = {"functionCall": {"name": "f", "args": {"n": 5.0}}}
SIGNED = {**CALL, "thoughtSignature": "c2ln"}
USAGE = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 4,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 18,
}


def asked(**plan: Any) -> AskedMessage:
    """A request; its signatures can be read."""
    count = itertools.count(1)
    known = MessagesPlan(**{"client_model": "claude-x", "model": MODEL, "stream": True, "names": {"f": "f"}, **plan})
    return AskedMessage(
        known,
        "msg_0",
        lambda prefix: f"{prefix}{next(count)}",
        Notes(),
        lambda payload: "sealed:" + json.dumps(payload, separators=(",", ":")),
        "req_1",
    )


def streaming(**plan: Any) -> MessagesStream:
    return MessagesStream(asked(**plan))


def event(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """A response with one candidate."""
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, **candidate}], "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in events)


def streamed(*events: Any, **plan: Any) -> list[Any]:
    """The events of the client's stream, which are checked; without the ping."""
    stream = streaming(**plan)
    return message_checks.check_stream(stream.feed(sse(*events)) + stream.end())


def whole(*events: Any, **plan: Any) -> dict[str, Any]:
    """The message of the same as one answer, which is checked."""
    answer = MessagesAnswer(asked(**plan))
    answer.add(json.dumps(events).encode())
    found: dict[str, Any] = json.loads(answer.finish())
    message_checks.check_message(found)
    return found


def folded(events: list[Any]) -> dict[str, Any]:
    """The message that the events make."""
    message: dict[str, Any] = {}
    arguments = ""
    for told in events:
        match told["type"]:
            case "message_start":
                message = told["message"]
            case "content_block_start":
                message["content"].append(dict(told["content_block"]))
                arguments = ""
            case "content_block_delta":
                block, delta = message["content"][told["index"]], told["delta"]
                match delta["type"]:
                    case "input_json_delta":
                        arguments += delta["partial_json"]
                        block["input"] = json.loads(arguments)
                    case "signature_delta":
                        block["signature"] = delta["signature"]
                    case "citations_delta":
                        block.setdefault("citations", []).append(delta["citation"])
                    case "text_delta":
                        block["text"] += delta["text"]
                    case "compaction_delta":
                        block |= {name: delta[name] for name in ("content", "encrypted_content")}
                    case "thinking_delta":
                        block["thinking"] += delta["thinking"]
            case "message_delta":
                message |= told["delta"]
                message["usage"] |= told["usage"]
                message |= {name: told[name] for name in ("context_management",) if name in told}
    return message
