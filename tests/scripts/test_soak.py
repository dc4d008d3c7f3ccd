"""The soak run: what counts as a good end of a request, and a short run that is really one."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from mapping.trial import Wrong
from scripts.commands.soak_run import soak
from scripts.soaking.asks import Request, check, make_request
from scripts.soaking.upstream import NOTED

ERROR = {"error": {"message": "no", "type": "server_error", "param": None, "code": None}}
CHUNK = {"choices": [{"index": 0, "delta": {}, "finish_reason": None}]}
LAST = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def sse(*events: Any) -> bytes:
    return "".join(f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n" for e in events).encode()


def numbered(*types: str) -> bytes:
    response = {"status": "failed", "error": {"message": "no"}}
    return sse(*({"type": t, "sequence_number": n, "response": response} for n, t in enumerate(types)))


CHAT, STREAM = Request("/v1/chat/completions", {"stream": False}, False), {"stream": True}
CHAT_STREAM, TWO = CHAT._replace(body=STREAM), CHAT._replace(body={"stream": True, "n": 2})
RESPONSES = Request("/v1/responses", STREAM, False)


@pytest.mark.parametrize(
    ("request_", "status", "content", "end"),
    [
        (CHAT, 200, LAST, "answer"),
        (CHAT, 200, CHUNK, None),
        (CHAT, 200, {"choices": []}, None),
        (CHAT, 503, ERROR, "503"),
        (CHAT, 503, {"error": "no"}, None),
        (CHAT, 500, {"error": {**ERROR["error"], "code": "gateway_error"}}, None),
        (CHAT_STREAM, 200, LAST, None),
        (CHAT_STREAM, 200, sse(CHUNK, LAST, "[DONE]"), "stream"),
        (CHAT_STREAM, 200, sse(CHUNK, ERROR), "broken stream"),
        (CHAT_STREAM, 200, sse(CHUNK, LAST, ERROR), None),
        (CHAT_STREAM, 200, sse(CHUNK, "[DONE]"), None),
        (CHAT_STREAM, 200, sse(CHUNK), None),
        (CHAT_STREAM, 200, b"", None),
        (TWO, 200, sse(LAST, "[DONE]"), "stream"),
        (TWO, 200, sse({"choices": [{"index": 1, "finish_reason": None}]}, LAST, "[DONE]"), None),
        (TWO, 200, sse(LAST, LAST, "[DONE]"), None),
        (TWO, 200, sse(CHUNK, "[DONE]"), None),
        (RESPONSES, 200, numbered("response.created", "response.completed"), "stream"),
        (RESPONSES, 200, numbered("response.created", "response.failed"), "broken stream"),
        (RESPONSES, 200, numbered("response.created"), None),
    ],
)
def test_the_ends_of_answers(request_: Request, status: int, content: Any, end: str | None) -> None:
    kind, data = (
        ("text/event-stream", content)
        if isinstance(content, bytes)
        else ("application/json", json.dumps(content).encode())
    )
    if end is None:
        with pytest.raises((Wrong, ValueError, LookupError, TypeError)):
            check(request_, status, kind, data)
    else:
        assert check(request_, status, kind, data) == end


def test_the_same_seed_makes_the_same_requests() -> None:
    def some(seed: int) -> list[Request]:
        choose = random.Random(seed)
        return [make_request(choose) for _ in range(50)]

    assert some(1) == some(1) != some(2)


def test_a_short_run() -> None:
    said: list[str] = []
    wrong = soak(3, 6, 7, programs=str(Path(sys.executable).parent), tell=said.append)
    assert wrong == []
    counts = {line.split()[0]: int(line.split()[-1]) for line in said if line.startswith("  ")}
    assert counts["answer"]
    assert counts["stream"]
    assert "left over: nothing" in said


def test_clients_wait_for_what_a_cooldown_is_judged_by() -> None:
    choose = random.Random(1)
    asked = [make_request(choose) for _ in range(3000)]
    noted = [one.leaves for one in asked if NOTED in json.dumps(one.body) or NOTED in one.path]
    assert noted
    assert not any(noted)
    assert any(one.leaves for one in asked)
