"""What was said, as the conventions have it."""

from __future__ import annotations

import json
from typing import Any

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.telemetry.contents import LONGEST, contents


def taken(request: Any, answer: Any) -> TakenExchange:
    return TakenExchange({}, "POST", "/", None, b"", None, "", [TakenCall({}, request, answer)])


def read(request: Any, answer: Any = None) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in contents(taken(request, answer)).items()}


def test_a_turn_with_tools() -> None:
    request = {
        "systemInstruction": {"parts": [{"text": "Be short."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Sun?"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}},
                                         "thoughtSignature": "s"}]},
            {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"r": 2}}}]},
        ],
    }  # fmt: skip
    parts = [{"text": "think", "thought": True}, {"text": "Sunny"}]
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    assert read(request, answer) == {
        "gen_ai.system_instructions": [{"type": "text", "content": "Be short."}],
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "Sun?"},
                    {"type": "blob", "mime_type": "image/png", "modality": "image", "content": "", "characters": 4},
                ],
            },
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}]},
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "name": "f", "response": {"r": 2}}],
            },
        ],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [{"type": "reasoning", "content": "think"}, {"type": "text", "content": "Sunny"}],
                "finish_reason": "stop",
            }
        ],
    }


def test_long_texts_are_cut() -> None:
    (message,) = read({"contents": [{"parts": [{"text": "x" * (LONGEST + 5)}]}]})["gen_ai.input.messages"]
    assert message["parts"][0]["content"] == "x" * LONGEST + f"… ({LONGEST + 5} characters)"


def test_what_has_no_turns() -> None:
    assert not read({"requests": []}, {"embeddings": []})
    assert not read(None, None)
    assert not contents(TakenExchange({}, "GET", "/", None, b"", None, ""))
