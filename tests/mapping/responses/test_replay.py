"""A whole response as a stream: the SDK's accumulator makes the same response of it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from mapping.notes import Notes
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.plan import ResponsesPlan, ToolKind
from mapping.responses.replay import events_of
from mapping.responses.request.echo import echo
from mapping.values import JSON

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
KINDS = {name: ToolKind(name, name) for name in ("custom", "local_shell", "shell", "apply_patch", "tool_search")}
SEARCH = {
    "webSearchQueries": ["q"],
    "groundingChunks": [{"web": {"uri": "https://example.com", "title": "t"}}],
    "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0]}],
}


def response(*parts: Any, finish: str = "STOP", **candidate: Any) -> JSON:
    count = itertools.count(1)
    plan = ResponsesPlan(
        "gpt-x",
        "gemini-3.8-flash",
        echo=echo({}, reasoning={}, text={}),
        summary=True,
        carry=True,
        kinds=KINDS,  # type: ignore[arg-type]
        include=frozenset({"code_interpreter_call.outputs"}),
    )
    answer = ResponsesAnswer(
        plan, created=5, mint=lambda prefix: f"{prefix}{next(count)}", notes=Notes(), seal=json.dumps, response_id="r"
    )
    content = {"role": "model", "parts": list(parts)}
    answer.add({"candidates": [{"content": content, "finishReason": finish, **candidate}]})
    return answer.response()


def call(name: str, **args: Any) -> JSON:
    return {"functionCall": {"name": name, "args": args}, "thoughtSignature": "QUJD"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(response({"text": "a"}, groundingMetadata=SEARCH), id="text-search"),
        pytest.param(response({"text": "t", "thought": True}, {"text": "a"}), id="reasoning"),
        pytest.param(response(finish="SAFETY"), id="refusal"),
        pytest.param(response({"text": "a"}, finish="MAX_TOKENS"), id="incomplete"),
        pytest.param(response(call("f", a=1), call("g")), id="calls"),
        pytest.param(response(call("local_shell", command=["ls"])), id="local_shell"),
        pytest.param(response(call("shell", commands=["a", "b"])), id="shell"),
        pytest.param(response(call("apply_patch", operation={"type": "delete_file", "path": "p"})), id="apply_patch"),
        pytest.param(response({"inlineData": {"mimeType": "image/png", "data": "AA=="}}), id="image"),
        pytest.param(
            response({"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}, {"text": "a"}),
            id="code",
        ),
    ],
)
def test_it_adds_up_to_the_response(given: JSON) -> None:
    *frames, rest = events_of(given).split(b"\n\n")
    assert rest == b""
    events = [json.loads(frame.split(b"\ndata: ", 1)[1]) for frame in frames]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    state: ResponseStreamState[None] = ResponseStreamState(input_tools=omit, text_format=omit)
    snapshot: Any = None
    for event in events:
        parsed = EVENT.validate_json(json.dumps(event), strict=True)
        state.handle_event(parsed)
        if event["type"] == "response.output_item.added":
            assert event["item"].get("status") in (None, "in_progress")
        snapshot = event
    assert snapshot == {
        "type": f"response.{given['status']}",
        "response": given,
        "sequence_number": len(events) - 1,
    }
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == given["output"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_has_no_answer(status: str) -> None:
    told = events_of({"id": "r", "status": status, "output": []})
    assert told.count(b"event: ") == 3
    assert b"event: response.failed\n" in told
