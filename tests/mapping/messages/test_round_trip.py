"""An answer of Gemini's, as blocks to the client and back again unchanged, to a gateway that remembers nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mapping import dialects, jsonio
from mapping.dialect import Given
from mapping.gemini import sse
from mapping.values import JSON
from tests.e2e import message_checks

MESSAGES: Any = dialects.named("messages")
MODEL = "gemini-3.8-flash"
HI: JSON = {"role": "user", "content": "hi"}
TOOLS = [{"name": name, "input_schema": {"type": "object"}} for name in "fg"]
THINKING = {
    "summarized": {"thinking": {"type": "adaptive"}},
    "omitted": {"thinking": {"type": "adaptive", "display": "omitted"}},
    "none": {},
}


def given() -> Given:
    """As a worker has it that was just started: the key is the same, nothing is remembered."""
    count = itertools.count(1)
    return Given(
        MODEL,
        "claude-x",
        lambda prefix, size=12: f"{prefix}{next(count)}",
        lambda: 0,
        lambda payload: "sealed:" + jsonio.dumps(payload).decode(),
        unseal=lambda text: jsonio.loads(text.removeprefix("sealed:")) if text.startswith("sealed:") else None,
    )


def answered(request: JSON, parts: list[JSON]) -> list[JSON]:
    """The blocks of the answer that Gemini gave in these parts."""
    answering = MESSAGES.translate(request, given())
    whole = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "responseId": "r"}
    if not request.get("stream"):
        translator = answering.whole(answering.given.notes)
        translator.add(whole)
        message = jsonio.loads(translator.finish())
        message_checks.check_message(message)
        return list(message["content"])
    stream = answering.stream()
    data = stream.feed(sse.frame(jsonio.dumps(whole))) + stream.end()
    blocks: list[JSON] = []
    for line in data.split(b"\n"):
        if line.startswith(b"data: "):
            event = jsonio.loads(line[6:])
            if event["type"] == "content_block_start":
                blocks.append(dict(event["content_block"]))
            elif event["type"] == "content_block_delta":
                _add(blocks[-1], event["delta"])
    return blocks


def _add(block: JSON, delta: JSON) -> None:
    if delta["type"] == "input_json_delta":
        block["input"] = jsonio.loads(delta["partial_json"])
    else:
        member = delta["type"].removesuffix("_delta")
        block[member] = block.get(member, "") + delta[member]


def call(name: str, signature: str | None = None, **args: Any) -> JSON:
    signed = {"thoughtSignature": signature} if signature else {}
    return {"functionCall": {"id": f"fc-{name}", "name": name, "args": args}, **signed}


THOUGHT: JSON = {"text": "Hm.", "thought": True}
ANSWERS = {
    "a call": [THOUGHT, call("f", "QUJD", x=1)],
    "text and a call": [{"text": "I look."}, call("f", "QUJD", x=1)],
    "calls at once": [THOUGHT, call("f", "QUJD", x=1), call("g")],
    "calls that are all signed": [call("f", "QUJD"), call("g", "REVG")],
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("thinking", THINKING)
@pytest.mark.parametrize("name", ANSWERS)
def test_what_comes_back_unchanged_loses_nothing(name: str, thinking: str, stream: bool) -> None:
    request: JSON = {"model": "claude-x", "max_tokens": 5000, "messages": [HI], "tools": TOOLS, "stream": stream}
    request |= THINKING[thinking]
    blocks = answered(request, ANSWERS[name])
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "r"}
        for block in blocks
        if block["type"] == "tool_use"
    ]
    messages = [HI, {"role": "assistant", "content": blocks}, {"role": "user", "content": results}]
    following = given()
    [sent] = MESSAGES.translate({**request, "messages": messages}, following).calls
    parts = sent.body["contents"][1]["parts"]
    for part in parts:
        part.get("functionCall", {}).pop("id", None)
    expected = [{**part} for part in ANSWERS[name] if not part.get("thought")]
    for part in expected:
        if "functionCall" in part:
            part["functionCall"] = {member: part["functionCall"][member] for member in ("name", "args")}
    assert parts == expected
    assert not list(following.notes)
