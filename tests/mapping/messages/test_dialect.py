"""The Messages API behind the contract of dialects."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import dialects, jsonio
from mapping.dialect import Given
from mapping.faults import Fault
from mapping.values import JSON

MESSAGES: Any = dialects.named("messages")
HI: JSON = {"role": "user", "content": "hi"}


def given(**more: Any) -> Given:
    return Given("gemini-2.5-flash", "claude-x", lambda prefix, size=12: f"{prefix}1", lambda: 0, str, **more)


def test_a_request() -> None:
    answering = MESSAGES.translate({"model": "claude-x", "max_tokens": 5000, "messages": [HI], "stream": True}, given())
    [call] = answering.calls
    assert (call.model, call.method, call.query) == ("gemini-2.5-flash", "streamGenerateContent", "?alt=sse")
    assert call.body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]
    assert (answering.client_model, answering.streams) == ("claude-x", True)
    assert MESSAGES.lookups({"messages": [HI]}) is None


def test_a_thread_is_refused_in_the_words_that_the_sdk_goes_on_from() -> None:
    with pytest.raises(Fault) as caught:
        MESSAGES.translate({"model": "m", "max_tokens": 5, "messages": [HI], "thread": {"type": "create"}}, given())
    answer = MESSAGES.error(caught.value)
    error = jsonio.loads(answer.body)["error"]
    assert answer.status == 400
    assert error["type"] == "invalid_request_error"
    assert error["details"]["error_code"] == "thread_unsupported_request"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "chat"),
        ({"messages": [HI]}, "chat"),
        ({"messages": [HI], "tools": [{"type": "function", "function": {"name": "f"}}]}, "chat"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}, "chat"),
        ({"messages": [HI], "system": "Be brief."}, "messages"),
        ({"messages": [HI], "stop_sequences": []}, "messages"),
        ({"messages": [HI], "tools": [{"name": "f", "input_schema": {}}]}, "messages"),
        ({"messages": [HI, {"role": "assistant", "content": [{"type": "tool_use"}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}, 5]}, "messages"),
        ({"input": "hi", "system": "Be brief."}, "responses"),
    ],
)
def test_what_a_body_looks_like(body: JSON, name: str) -> None:
    assert dialects.most_like(body).name == name
