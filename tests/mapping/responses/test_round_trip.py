"""What an answer gave to the client, sent back by it: the same turn reaches Gemini, though nothing is remembered."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.request.request import translate
from mapping.values import Options, nothing_remembered

MODEL = "gemini-3.1-pro-preview"
USER = {"role": "user", "content": "Hello"}
TOOLS = [
    {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}},
    {"type": "custom", "name": "exec"},
    {"type": "namespace", "name": "ns", "description": "d", "tools": [{"type": "function", "name": "g"}]},
    {"type": "local_shell"},
    {"type": "shell"},
    {"type": "apply_patch"},
]


def asked(items: list[Any], history: Any = (), **body: Any) -> Translated:
    return translate(
        {"model": "gpt-x", "input": items, "tools": TOOLS, **body},
        model=MODEL,
        client_model="gpt-x",
        options=Options(),
        recall=nothing_remembered,
        notes=Notes(),
        history=history,
        unseal=json.loads,
    )


def answered(call: Translated, parts: list[Any]) -> ResponsesAnswer:
    count = itertools.count(1)
    answer = ResponsesAnswer(
        call.plan,  # type: ignore[arg-type]
        created=1_700_000_000,
        mint=lambda prefix: f"{prefix}{next(count)}",
        notes=Notes(),
        seal=json.dumps,
        response_id="resp_1",
    )
    answer.add({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    return answer


def model_turn(call: Translated) -> Any:
    (turn,) = [content["parts"] for content in call.body["contents"] if content["role"] == "model"]
    return turn


def outputs(items: list[Any]) -> list[Any]:
    """A result for each call."""
    answers = {
        "function_call": {"type": "function_call_output", "output": "ok"},
        "custom_tool_call": {"type": "custom_tool_call_output", "output": "ok"},
        "local_shell_call": {"type": "local_shell_call_output", "output": "ok"},
        "shell_call": {"type": "shell_call_output", "output": []},
        "apply_patch_call": {"type": "apply_patch_call_output", "status": "completed", "output": "ok"},
    }
    calls = [item for item in items if item["type"] in answers]
    return [{**answers[item["type"]], "call_id": item["call_id"], "id": item["call_id"]} for item in calls]


def call(name: str, id: str, signed: bool = True, **args: Any) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"id": id, "name": name, "args": args}}
    return {**part, "thoughtSignature": "c2lnbmVk"} if signed else part


TURNS = [
    pytest.param([{"text": "Hi."}], id="text"),
    pytest.param([{"text": "Hi.", "thoughtSignature": "c2lnbmVk"}], id="signed-text"),
    pytest.param([call("f", "c1", a=1)], id="call"),
    pytest.param([{"text": "Now."}, call("f", "c1", a=1), call("f", "c2", False, b=2)], id="parallel-calls"),
    pytest.param([call("exec", "c1", input="ls")], id="custom"),
    pytest.param([call("ns__g", "c1", a=1)], id="namespace"),
    pytest.param([call("shell", "c1", commands=["ls"])], id="shell"),
    pytest.param(
        [call("apply_patch", "c1", operation={"type": "delete_file", "path": "a"})],
        id="apply-patch",
    ),
    pytest.param(
        [
            {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
            {"text": "One.", "thoughtSignature": "c2lnbmVk"},
        ],
        id="code",
    ),
    pytest.param(
        [{"toolCall": {"id": "s1", "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "c2lnbmVk"}, call("f", "c1")],
        id="server-side-tools",
    ),
]


@pytest.mark.parametrize("parts", TURNS)
def test_by_the_client(parts: list[Any]) -> None:
    """Stateless clients send all items back."""
    first = asked([USER], store=False, include=["reasoning.encrypted_content"], reasoning={"summary": "auto"})
    items = answered(first, [{"text": "Thinking.", "thought": True}, *parts]).response()["output"]
    again = asked([USER, *items, *outputs(items)], store=False)
    assert model_turn(again) == parts


@pytest.mark.parametrize("parts", TURNS)
def test_by_the_store(parts: list[Any]) -> None:
    """The stored conversation goes on from the output, though the client asked for no encrypted content."""
    answer = answered(asked([USER]), [{"text": "Thinking.", "thought": True}, *parts])
    items = answer.stored_output()
    again = asked(outputs(items) or [USER], history=[USER, *items], previous_response_id="resp_1")
    assert model_turn(again) == parts
