"""The matrix of an upstream's faults: what the client of a whole answer sees, and the client of a stream.

Every row is played over sockets. After each the gateway lives, and nothing is left over (`Watched.check`).
"""

from __future__ import annotations

import gzip
import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.e2e import message_checks
from tests.e2e.conftest import free_port, wait_until
from tests.e2e.faults.conftest import ONE, PARALLEL, TWO, left
from tests.e2e.faults.faulty_upstream import (
    CHUNKED,
    JSON_TYPE,
    KEEP,
    LAST_CHUNK,
    RESET,
    SSE,
    SSE_TYPE,
    STALL,
    STREAM,
    STREAM_HEAD,
    WHOLE,
    FaultyUpstream,
    Script,
    bomb,
    chunk,
    endless,
    endless_trickle,
    head,
    whole,
)
from tests.e2e.faults.seen import (
    ANSWER,
    BROKEN,
    EMPTY,
    EVENT_TOO_LARGE,
    NOT_JSON,
    ODD_STATUS,
    TIMEOUT,
    TOO_LARGE,
    UNREACHABLE,
    sees,
)

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter


@dataclass(frozen=True)
class Row:
    """A fault, as a whole answer and as a stream has it, and what the client sees each time, in the words of `sees`."""

    id: str
    whole: Script
    whole_sees: str
    stream: Script
    stream_sees: str


def both(id: str, script: Script, sees: str) -> Row:
    """A fault that looks the same for both."""
    return Row(id, script, sees, script, sees)


def nothing(id: str, script: Script) -> Row:
    """A good answer with nothing in it."""
    return Row(id, script, NOT_JSON, script, EMPTY)


def endless_text(id: str, script: Script) -> Row:
    """An answer without an end; the stream stops at the largest event that there may be."""
    return Row(id, script, TOO_LARGE, script, EVENT_TOO_LARGE)


HALF = len(WHOLE) // 2
SECOND = STREAM_HEAD + chunk(SSE[0])
"""A stream that has begun."""
BODY = b"".join(SSE)

HTML = [head("Content-Type: text/html", "Content-Length: 13") + b"<html></html>", KEEP]

ROWS = [
    both("closes before its head", [b""], UNREACHABLE),
    both("resets before its head", [RESET], UNREACHABLE),
    both("resets in its head", [b"HTTP/1.1 200 OK\r\nContent-Ty", RESET], UNREACHABLE),
    both("resets after its head", [head(JSON_TYPE, "Content-Length: 99"), RESET], BROKEN),
    Row("resets in its body", [whole()[:-HALF], RESET], BROKEN, [SECOND, RESET], "200, then upstream_broke_off"),
    Row("closes in its body", [whole()[:-HALF]], BROKEN, [SECOND], "200, then upstream_broke_off"),
    both("garbage", [b"\x16\x03\x01\x02\x00" * 50], UNREACHABLE),
    both("garbage with line ends", [b"\x00\xff\r\n\r\n\x00"], UNREACHABLE),
    both("a status that is none", [b"HTTP/1.1 -5 No\r\n\r\n"], UNREACHABLE),
    both("a header without a name", [head(": x")], UNREACHABLE),
    both("two lengths", [head(JSON_TYPE, "Content-Length: 5", "Content-Length: 6") + b"{}   "], UNREACHABLE),
    both("length and chunks", [head(SSE_TYPE, CHUNKED, "Content-Length: 6") + chunk(b"x") + LAST_CHUNK], BROKEN),
    Row("an HTML page", HTML, NOT_JSON, HTML, EMPTY),
    both("an HTML page, 502", [whole(b"<html>x</html>", status="502 Bad Gateway"), KEEP], ODD_STATUS),
    Row(
        "another content type",
        [head("Content-Type: text/plain", f"Content-Length: {len(WHOLE)}") + WHOLE, KEEP],
        ANSWER,
        [head("Content-Type: text/html", f"Content-Length: {len(BODY)}") + BODY, KEEP],
        ANSWER,
    ),
    Row("a stream for a whole answer, and the reverse", [STREAM, KEEP], NOT_JSON, [whole(), KEEP], ANSWER),
    Row(
        "100 and 103 before the answer",
        [head(status="100 Continue") + head("Link: </x>", status="103 Early Hints") + whole(), KEEP],
        ANSWER,
        [head(status="100 Continue") + head("Link: </x>", status="103 Early Hints"), STREAM, KEEP],
        ANSWER,
    ),
    both("101", [head("Upgrade: x", "Connection: upgrade", status="101 Switching Protocols") + WHOLE], UNREACHABLE),
    both("a redirect", [head("Location: http://x/", "Content-Length: 0", status="302 Found"), KEEP], ODD_STATUS),
    nothing("204", [head(status="204 No Content"), KEEP]),
    nothing("an empty 200", [head(JSON_TYPE, "Content-Length: 0"), KEEP]),
    nothing("a stream without events", [STREAM_HEAD + LAST_CHUNK, KEEP]),
    both("a head of 4 MB", [head("X: " + "x" * 4 * 2**20) + WHOLE], UNREACHABLE),
    both("an endless head", [b"HTTP/1.1 200 OK\r\n", endless(b"X-More: and more\r\n")], UNREACHABLE),
    both("an endless line in the head", [b"HTTP/1.1 200 OK\r\nX: ", endless(b"x")], UNREACHABLE),
    both("an endless row of 100s", [endless(head(status="100 Continue"))], UNREACHABLE),
    endless_text("an endless body", [head(SSE_TYPE), endless(b"x")]),
    endless_text("an endless line", [head(SSE_TYPE), b'data: {"a": "', endless(b"x")]),
    endless_text("an endless length", [head(SSE_TYPE, "Content-Length: 99999999999"), endless(b" ")]),
    endless_text("an endless chunk", [STREAM_HEAD, b"FFFFFFFFFF\r\n", endless(b" ")]),
    both("an endless chunk header", [STREAM_HEAD, endless(b"1")], BROKEN),
    both("an endless trailer", [STREAM_HEAD + LAST_CHUNK[:-2], endless(b"X: y\r\n")], BROKEN),
    Row(
        "an endless stream of events",
        [STREAM_HEAD, endless(chunk(SSE[0] * 2000))],
        TOO_LARGE,
        [STREAM_HEAD, endless(chunk(SSE[0].replace(b"\r", b" " * 60_000 + b"\r", 1)))],
        "200, then upstream_too_large",
    ),
    Row(
        "gzip, though identity was asked for",
        [whole(gzip.compress(WHOLE), "Content-Encoding: gzip"), KEEP],
        ANSWER,
        [head(SSE_TYPE, CHUNKED, "Content-Encoding: gzip") + chunk(gzip.compress(BODY)) + LAST_CHUNK, KEEP],
        ANSWER,
    ),
    both("gzip that is none", [whole(WHOLE, "Content-Encoding: gzip")], "502 upstream_encoding"),
    both("an encoding that nobody knows", [whole(WHOLE, "Content-Encoding: x-rot13")], "502 upstream_encoding"),
    endless_text("a gzip bomb", [bomb(300 * 2**20)]),
    Row("HTTP/1.0 without a length", [head(version="1.0") + WHOLE], ANSWER, [head(version="1.0") + BODY], ANSWER),
    Row(
        "HTTP/1.0, cut",
        [head(JSON_TYPE, version="1.0") + WHOLE[:HALF]],
        NOT_JSON,
        [head(version="1.0") + SSE[0]],
        "200, then upstream_incomplete",
    ),
    Row("two answers in one", [whole() * 2, STALL], ANSWER, [STREAM * 2, STALL], ANSWER),
    Row(
        "a length beyond the body",
        [head(JSON_TYPE, f"Content-Length: {len(WHOLE) + 5}") + WHOLE],
        BROKEN,
        [head(SSE_TYPE, f"Content-Length: {len(BODY) + 5}") + BODY],
        "200, then upstream_broke_off",
    ),
    Row(
        "a length short of the body",
        [head(JSON_TYPE, f"Content-Length: {len(WHOLE) - 5}") + WHOLE],
        NOT_JSON,
        [head(SSE_TYPE, f"Content-Length: {len(BODY) - len(SSE[2])}") + BODY],
        "200, then upstream_incomplete",
    ),
    Row(
        "trailers",
        [head(JSON_TYPE, CHUNKED) + chunk(WHOLE) + b"0\r\nX-Checksum: 5\r\n\r\n", KEEP],
        ANSWER,
        [STREAM[:-2] + b"X-Checksum: 5\r\n\r\n", KEEP],
        ANSWER,
    ),
    both("a chunk of no length", [STREAM_HEAD + b"zz\r\nxx\r\n"], BROKEN),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_an_upstream_that(patient: Gateway, faulty_upstream: FaultyUpstream, row: Row, stream: bool) -> None:
    faulty_upstream.play(*(row.stream if stream else row.whole))
    assert sees(patient.chat(ONE, stream=stream), stream=stream) == (row.stream_sees if stream else row.whole_sees)
    faulty_upstream.play(STREAM if stream else whole(), KEEP)
    assert sees(patient.chat(ONE, stream=stream), stream=stream) == ANSWER


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_upstream_that_refuses_connections(starter: Starter, stream: bool) -> None:
    gateway = starter(f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:{free_port()}"\n')
    assert sees(gateway.chat(ONE, stream=stream), stream=stream) == UNREACHABLE


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example", f"https://{'a' * 70}.example"], ids=["http", "https"])
def test_an_upstream_whose_name_can_be_none(starter: Starter, url: str) -> None:
    gateway = starter(f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{url}"\n')
    assert sees(gateway.chat(ONE), stream=False) == UNREACHABLE
    assert "Please report" not in gateway.log


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "fault",
    [
        [b""],
        [RESET],
        [STREAM_HEAD + b"zz\r\nxx\r\n", STALL],
        [head(JSON_TYPE, "Content-Length: 99"), RESET],
        [STREAM_HEAD + LAST_CHUNK, KEEP],
        [head(SSE_TYPE, "Content-Encoding: x-rot13"), STALL],
        [head("X: " + "x" * 2**20), STALL],
        [bomb(300 * 2**20), STALL],
    ],
    ids=["close", "reset", "bad chunk", "reset after its head", "empty", "encoding", "huge head", "gzip bomb"],
)
def test_the_second_account_answers_after(
    patient: Gateway, faulty_upstream: FaultyUpstream, fault: Script, stream: bool
) -> None:
    """What the first connection still has to say must not be taken for the second's."""
    faulty_upstream.play(STREAM if stream else whole(), KEEP)
    faulty_upstream.replies = [fault]
    answer = patient.chat(TWO, stream=stream)
    assert sees(answer, stream=stream) == ANSWER
    assert faulty_upstream.requests == 2
    assert "retried" in answer.headers["x-antigravity-notes"]


STALLS = [
    ("before its head", [STALL], TIMEOUT),
    ("in its head", [b"HTTP/1.1 200 OK\r\n", STALL], TIMEOUT),
    ("after an interim answer", [head(status="100 Continue"), STALL], TIMEOUT),
    ("after its head", [STREAM_HEAD, STALL], TIMEOUT),
    ("in its first event", [STREAM_HEAD, chunk(SSE[0][:-9]), STALL], TIMEOUT),
    ("in mid stream", [SECOND, STALL], "200, then upstream_timeout"),
    ("within a character", [SECOND[: SECOND.index("ü".encode()) + 1], STALL], TIMEOUT),
    ("before its last chunk", [STREAM[: -len(LAST_CHUNK)], STALL], "200, then upstream_timeout"),
    ("after an error event", [SECOND, chunk(b'data: {"error": {"code": 500}}\n\n'), STALL], "200, then None"),
    ("while it trickles", [STREAM_HEAD, endless_trickle(b": x\n\n")], TIMEOUT),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("script", "seen"), [row[1:] for row in STALLS], ids=[row[0] for row in STALLS])
def test_an_upstream_that_stalls(
    hurried: Gateway, faulty_upstream: FaultyUpstream, script: Script, seen: str, stream: bool
) -> None:
    faulty_upstream.play(*script)
    assert sees(hurried.chat(ONE, stream=stream), stream=stream) == (seen if stream else TIMEOUT)
    assert faulty_upstream.requests == 1


def test_a_parallel_call_that_stalls(hurried: Gateway, faulty_upstream: FaultyUpstream) -> None:
    """Of the two calls that make up the answer the other one is never answered."""
    for stream in (False, True):
        faulty_upstream.play(STALL)
        faulty_upstream.replies = [[STREAM if stream else whole(), KEEP]]
        answer = hurried.chat(PARALLEL, n=2, stream=stream)
        assert sees(answer, stream=stream) in (TIMEOUT, "200, then upstream_timeout")


def test_an_upstream_that_does_not_accept(starter: Starter) -> None:
    """Its queue of connections is full: to connect takes as long as the system tries."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for s in waiting:
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
        account = (
            f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:{listener.getsockname()[1]}"\n'
        )
        gateway = starter("[limits]\ndeadline = '300ms'\n" + account)
        before = left(gateway)
        for stream in (False, True):
            assert sees(gateway.chat(ONE, stream=stream), stream=stream) == TIMEOUT
        wait_until(lambda: left(gateway) == before)
        for s in waiting:
            s.close()


DIALECTS = [
    ("closes before its head", [b""], UNREACHABLE, UNREACHABLE),
    ("closes in mid stream", [SECOND], BROKEN, "upstream_broke_off"),
    ("ends without a finish", [SECOND + LAST_CHUNK, KEEP], NOT_JSON, "upstream_incomplete"),
    (
        "sends garbage in mid stream",
        [SECOND + chunk(b"data: {{{\r\n\r\n") + LAST_CHUNK, KEEP],
        NOT_JSON,
        "upstream_not_json",
    ),
    ("has a huge head", [head("X: " + "x" * 2**20)], UNREACHABLE, UNREACHABLE),
    ("never ends", [head(SSE_TYPE), SSE[0], endless(b"x")], TOO_LARGE, "upstream_event_too_large"),
]


def error_code(answer: Answer) -> str:
    """Status and code of an error, in OpenAI's shape or in Anthropic's, which has it in its details."""
    error = answer.json["error"]
    if answer.json.get("type") == "error":
        message_checks.check_error(answer.json, answer.status)
        return f"{answer.status} {error['details']['error_code']}"
    return f"{answer.status} {answer.error['code']}"


def told(path: str, code: str) -> str:
    """What a client of this path is told where others get this status and code."""
    return code.replace("502 ", "500 ") if path == "messages" else code


BODIES = {
    "responses": {"input": "hi"},
    "completions": {"prompt": "hi"},
    "messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("script", "of_whole", "of_stream"), [row[1:] for row in DIALECTS], ids=[r[0] for r in DIALECTS]
)
def test_the_other_dialects_with_an_upstream_that(
    patient: Gateway, faulty_upstream: FaultyUpstream, script: Script, of_whole: str, of_stream: str, path: str
) -> None:
    faulty_upstream.play(*script)
    body = {"model": ONE, **BODIES[path]}
    answer = patient.call("POST", f"/v1/{path}", body)
    assert error_code(answer) == told(path, of_whole)
    stream = patient.call("POST", f"/v1/{path}", {**body, "stream": True}, may_break=path == "messages")
    if stream.status != 200:
        assert error_code(stream) == told(path, of_stream)
        return
    assert b"[DONE]" not in stream.body
    events = [json.loads(line[6:]) for line in stream.body.decode().splitlines() if line.startswith("data: ")]
    last = events[-1]
    if path == "responses":
        assert last["type"] == "response.failed"
        assert last["response"]["status"] == "failed"
        assert last["response"]["error"]["message"]
        assert sum(event["type"] == "response.failed" for event in events) == 1
    elif path == "messages":
        message_checks.check_stream(stream.body)
        assert last["error"]["details"]["error_code"] == of_stream
    else:
        assert last["error"]["code"] == of_stream
