"""Requests that want nothing but a warm cache: an empty answer in shape, and no call to Gemini."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.answer_checks import check_completion
from tests.e2e.response_checks import check_stream

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

PREWARM = {"prompt_cache_options": {"prewarm": True}}
USER = [{"role": "user", "content": "Hello!"}]


def ask(gateway: Gateway, path: str, **body: Any) -> Any:
    answer = gateway.call("POST", path, {"model": "gemini-3-flash", **body})
    assert answer.status == 200, answer.body
    assert "prewarm=" in answer.headers["x-antigravity-notes"]
    assert "empty" not in answer.headers["x-antigravity-notes"]
    return answer


@pytest.mark.parametrize("stream", [False, True])
def test_chat(gateway: Gateway, upstream: Upstream, stream: bool) -> None:
    answer = ask(gateway, "/v1/chat/completions", messages=USER, stream=stream, **PREWARM)
    if stream:
        assert answer.body.endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason":"stop"' in answer.body
    else:
        check_completion(answer.body)
    assert upstream.requests == []


def test_responses(gateway: Gateway, upstream: Upstream) -> None:
    events = check_stream(ask(gateway, "/v1/responses", input="Hello!", stream=True, generate=False).body)
    first, last = events[0], events[-1]
    assert (first["type"], last["type"]) == ("response.created", "response.completed")
    assert last["response"]["usage"]["total_tokens"] == 0
    assert upstream.requests == []
    # Codex goes on from it.
    previous = last["response"]["id"]
    body = {"model": "gemini-3-flash", "input": "Go on.", "previous_response_id": previous}
    assert gateway.call("POST", "/v1/responses", body).status == 200
    assert len(upstream.requests) == 1
