"""The matrix of a client's faults: it leaves at every stage, never reads, or never comes to an end.

After each row the gateway lives, and nothing is left over: no exchange, no connection on either side, no task.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.faults.conftest import ONE, PARALLEL, PERSON, TWO, Watched, numbers
from tests.e2e.faults.faulty_upstream import (
    CHUNKED,
    KEEP,
    LAST_CHUNK,
    SSE,
    STALL,
    STREAM,
    STREAM_HEAD,
    FaultyUpstream,
    Script,
    chunk,
    endless,
    until_blocked,
    whole,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway


def request(model: str = ONE, path: str = "chat/completions", **more: Any) -> bytes:
    """A request as bytes."""
    asked: dict[str, Any] = (
        {"input": "hi"} if path == "responses" else {"messages": [{"role": "user", "content": "hi"}]}
    )
    body = json.dumps({"model": model, **asked, **more}).encode()
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def close(s: socket.socket) -> None:
    s.close()


def reset(s: socket.socket) -> None:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def half_close(s: socket.socket) -> None:
    """Say that nothing more will come, and go on listening: to the gateway that is a client that has left."""
    s.shutdown(socket.SHUT_WR)
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    s.close()


HEAD, _, BODY = request().partition(b"\r\n\r\n")
OVERLOADED = whole(b'{"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}}', status="503 Busy")


@dataclass(frozen=True)
class Stage:
    """How far a request has come when its client leaves."""

    sent: bytes
    upstream: Script = (STALL,)
    replies: list[Script] = field(default_factory=list)
    asked: int = 0
    """The requests that have come to the upstream by then."""
    tokens: int = 0
    """The requests that have come to the token server by then."""
    heard: bytes = b""
    """What the client has heard by then."""
    kept: int = 0
    """Connections to the upstream that stay open for the next call, by whomever."""


STAGES = {
    "at once": Stage(b""),
    "in the head": Stage(HEAD[:30]),
    "before the body": Stage(HEAD + b"\r\n\r\n"),
    "within the body": Stage(request()[:-9]),
    "within a chunk": Stage(b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"),
    "while a token is fetched": Stage(request(PERSON), tokens=1),
    "before upstream headers": Stage(request(), asked=1),
    "before upstream headers, stream": Stage(request(stream=True), asked=1),
    "before upstream headers, responses": Stage(request(path="responses", stream=True), asked=1),
    "before upstream headers, completions": Stage(request(path="completions", prompt="x"), asked=1),
    "between headers and first chunk": Stage(request(stream=True), (STREAM_HEAD, STALL), asked=1),
    "within a whole answer": Stage(request(), (whole()[:-9], STALL), asked=1),
    "in mid stream": Stage(request(stream=True), (STREAM_HEAD + chunk(SSE[0]), STALL), asked=1, heard=b"Gr"),
    "in mid stream, responses": Stage(
        request(path="responses", stream=True),
        (STREAM_HEAD + chunk(SSE[0]), STALL),
        asked=1,
        heard=b"response.output_text.delta",
    ),
    "in an endless stream": Stage(
        request(stream=True), (STREAM_HEAD, endless(chunk(SSE[0]))), asked=1, heard=b"Gr"
    ),
    "between attempts": Stage(request(TWO), replies=[[OVERLOADED, KEEP]], asked=1, kept=1),
    "between attempts, stream": Stage(request(TWO, stream=True), replies=[[OVERLOADED, KEEP]], asked=1, kept=1),
    "in the second attempt": Stage(request(TWO), replies=[[OVERLOADED, KEEP]], asked=2),
    "in signs of life": Stage(request(stream=True), asked=1, heard=b": keep-alive"),
    "while calls run beside one another": Stage(request(PARALLEL, n=3), replies=[[whole(), KEEP]], asked=3, kept=1),
    "while calls run beside one another, stream": Stage(request(PARALLEL, n=3, stream=True), asked=3),
    "after the answer": Stage(request(), (whole(), KEEP), asked=1, heard=b"chat.completion", kept=1),
    "after the stream": Stage(request(stream=True), (STREAM, KEEP), asked=1, heard=b"[DONE]", kept=1),
}  # fmt: skip


@pytest.mark.parametrize("leave", [close, reset, half_close], ids=["closes", "resets", "half-closes"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
def test_a_client_that_leaves(
    lively_gateway: Watched,
    faulty_upstream: FaultyUpstream,
    token_server: FaultyUpstream,
    stage: Stage,
    leave: Callable[[socket.socket], None],
) -> None:
    gateway = lively_gateway.gateway
    token_server.play(STALL)
    faulty_upstream.play(*stage.upstream)
    faulty_upstream.replies = list(stage.replies)
    with socket.create_connection(("127.0.0.1", gateway.port), PATIENCE) as s:
        s.sendall(stage.sent)
        wait_until(lambda: faulty_upstream.requests >= stage.asked and token_server.requests >= stage.tokens)
        heard = b""
        while stage.heard not in heard:
            heard += s.recv(65536)
        leave(s)
    wait_until(lambda: faulty_upstream.open == stage.kept)
    wait_until(lambda: numbers(gateway)["gateway_requests_in_flight"] == 1)
    token_server.hang_up()
    lively_gateway.check()
    assert faulty_upstream.requests == stage.asked


def test_a_client_that_does_not_read(patient: Gateway, faulty_upstream: FaultyUpstream) -> None:
    """The upstream is read no quicker than the client; when the client leaves, both connections are closed."""
    blocked = threading.Event()
    faulty_upstream.play(STREAM_HEAD, until_blocked(chunk(SSE[0] * 50), blocked))
    before = numbers(patient)["process_resident_memory_bytes"]
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", patient.port))
        s.sendall(request(stream=True))
        assert s.recv(100).startswith(b"HTTP/1.1 200")
        assert blocked.wait(PATIENCE)
        assert numbers(patient)["process_resident_memory_bytes"] - before < 64 * 2**20
    wait_until(lambda: faulty_upstream.open == 0)


def test_a_client_that_does_not_read_meets_the_deadline(hurried: Gateway, faulty_upstream: FaultyUpstream) -> None:
    faulty_upstream.play(STREAM_HEAD, endless(chunk(SSE[0] * 50)))
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", hurried.port))
        s.sendall(request(stream=True))
        wait_until(lambda: faulty_upstream.requests == 1)
        wait_until(lambda: faulty_upstream.open == 0)
        wait_until(lambda: numbers(hurried)["gateway_requests_in_flight"] == 1)


CHUNKS = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{CHUNKED}\r\n\r\n".encode()
ENDLESS = {
    "head": (b"POST /v1/responses HTTP/1.1\r\n", b"X-More: and more\r\n"),
    "line in the head": (b"POST /v1/responses?", b"x"),
    "body": (CHUNKS, chunk(b" " * 60_000)),
    "chunk header": (CHUNKS, b"1"),
    "trailer": (CHUNKS + chunk(BODY) + LAST_CHUNK[:-2], b"X: y\r\n"),
    "row of bytes after its request": (request(), b"x" * 1000),
    "row of refused requests": (b"", b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n"),
}


@pytest.mark.parametrize(("begin", "more"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_client_with_an_endless(patient: Gateway, faulty_upstream: FaultyUpstream, begin: bytes, more: bytes) -> None:
    """It is hung up on, and no more than the limits allow is taken from it."""
    faulty_upstream.play(STALL)
    with socket.create_connection(("127.0.0.1", patient.port), PATIENCE) as s:
        s.sendall(begin)
        with pytest.raises(ConnectionError):
            endless(more)(s)


def test_trailers_of_a_request_are_dropped(patient: Gateway, faulty_upstream: FaultyUpstream) -> None:
    faulty_upstream.play(whole(), KEEP)
    with socket.create_connection(("127.0.0.1", patient.port), PATIENCE) as s:
        for _ in range(2):
            s.sendall(CHUNKS + chunk(BODY) + b"0\r\nX-Checksum: 5\r\n\r\n")
            response = http.client.HTTPResponse(s)
            response.begin()
            assert response.status == 200
            response.read()


def test_requests_sent_before_the_answer_came(patient: Gateway, faulty_upstream: FaultyUpstream) -> None:
    """Pipelined: each gets its answer, in order."""
    faulty_upstream.play(whole(), KEEP)
    with socket.create_connection(("127.0.0.1", patient.port), PATIENCE) as s:
        s.sendall(request() * 3)
        received = b""
        while received.count(b'"finish_reason"') < 3:
            received += s.recv(65536)
    assert received.count(b"HTTP/1.1 200 OK") == 3
