"""addons.gateway.wire.direct.client and answers: what a client sends, in whatever slices, and what it gets."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.addons.block import Block

from addons.gateway.wire import bodies
from addons.gateway.wire.direct import reading
from addons.gateway.wire.http1 import MAX_FRAMING
from tests.e2e.faults.faulty_upstream import SSE, STREAM, STREAM_HEAD, TEXT, chunk, whole
from tests.gateway.wire.direct.fakes import Wire, answers, run, settle

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MODEL = "gemini-2.5-flash"


def chat(
    *fields: str, stream: bool = False, version: str = "1.1", method: str = "POST", chunked: bool = False
) -> bytes:
    """A request for an answer of the model."""
    body = json.dumps({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = "\r\n".join(
        [f"{method} /v1/chat/completions HTTP/{version}", "Host: localhost", framing, *fields, "", ""]
    ).encode()
    return head + (chunk(body[:7]) + chunk(body[7:]) + b"0\r\n\r\n" if chunked else body)


def slices(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


CUTS = st.lists(st.integers(0, 5000), max_size=12)


# --- what is read


@given(CUTS, st.booleans(), st.booleans())
def test_any_slices(cuts: list[int], stream: bool, chunked: bool) -> None:
    data = HEALTH + chat(stream=stream, chunked=chunked) + HEALTH

    async def test(wire: Wire) -> None:
        wire.replies = [STREAM if stream else whole()]
        client, transport = wire.connect()
        for piece in slices(data, cuts):
            client.data_received(piece)
            await settle()
        await settle()
        first, answer, last = answers(transport.written)
        assert first[2] == last[2] == b'{"status":"ok"}'
        assert answer[0] == 200
        assert TEXT in answer[2].decode() if not stream else answer[2].endswith(b"data: [DONE]\n\n")
        assert not transport.closing

    run(test)


def test_many_requests_one_after_the_other_over_one_upstream_connection() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole()] * 5
        client, transport = wire.connect()
        for _ in range(5):
            client.data_received(chat())
            await settle()
        assert [status for status, _, _ in answers(transport.written)] == [200] * 5
        assert len(wire.upstreams) == 1

    run(test)


def test_clients_share_an_upstream_connection() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole()] * 5
        for _ in range(5):
            client, transport = wire.connect()
            client.data_received(chat())
            await settle()
            assert answers(transport.written)[0][0] == 200
        assert len(wire.upstreams) == 1

    run(test)


def test_pipelined_requests_are_answered_in_their_order() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole(), whole()]
        client, transport = wire.connect()
        client.data_received(chat() + HEALTH + chat() + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [200, 200, 200, 404]

    run(test)


def test_pipelining_has_bounds() -> None:
    """In requests, and in bytes."""

    async def test(wire: Wire) -> None:
        for ahead in ([HEALTH * 100], [b"x" * (MAX_FRAMING + 1)], [b"x" * 1000] * 67, [chat()[:-9]] * 500):
            client, transport = wire.connect()
            client.data_received(chat())  # nobody answers it
            await settle()
            for data in ahead:
                client.data_received(data)
            await settle()
            assert transport.aborted
            assert transport.written == b""

    run(test)


REFUSED: dict[str, tuple[bytes, int]] = {
    "an endless head": (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    "a large head that has an end": (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    "an endless target": (b"GET /" + b"x" * 70_000, 431),
    "a large length": (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857601\r\n\r\n",
        413,
    ),
    "a length beyond all": (
        b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        400,
    ),
    "a bad length": (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: abc\r\n\r\n", 400),
    "two framings": (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", 400),
    "two lengths": (b"POST /a HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "an unknown framing": (b"POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc", 400),
    "a bad chunk": (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "a bad name": (b"GET /a HTTP/1.1\r\na b: c\r\n\r\n", 400),
    "an unknown version": (b"GET /a HTTP/9.9\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /a\r\n\r\n", 400),
    "an unknown method": (b"FOO /a HTTP/1.1\r\n\r\n", 400),
    "two targets": (b"GET /a b HTTP/1.1\r\n\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("size", [100_000, 4096, 100])
def test_what_is_no_request_gets_an_error_in_json(data: bytes, status: int, size: int) -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        for at in range(0, len(data), size):
            client.data_received(data[at : at + size])
        await settle()
        [(got, fields, body)] = answers(transport.written)
        assert got == status
        assert fields[b"content-type"].startswith(b"application/json")
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
        assert transport.closing

    run(test)


@pytest.mark.parametrize("data", [data for data, _ in REFUSED.values()], ids=REFUSED.keys())
def test_what_came_before_it_is_answered(data: bytes) -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole()]
        client, transport = wire.connect()
        client.data_received(chat())
        client.data_received(HEALTH + data[: MAX_FRAMING - 1000] + data[MAX_FRAMING - 1000 :][:500])
        await settle()
        first, second, *rest = answers(transport.written)
        assert (first[0], second[0]) == (200, 200)
        assert all(status >= 400 for status, _, _ in rest)

    run(test)


def test_nothing_is_read_after_a_request_that_was_refused() -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(b"POST /a HTTP/1.1\r\nContent-Length: abc\r\n\r\n" + chat() + HEALTH)
        client.data_received(HEALTH)
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [400]
        assert not wire.flows

    run(test)


def test_requests_after_a_large_one_open_no_exchange() -> None:
    """The rest of a read is not looked at: its exchanges would have nobody to end them."""

    async def test(wire: Wire) -> None:
        large = b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857601\r\n\r\n"
        for first in (large, chat("Connection: close"), HEALTH * 70 + chat() + HEALTH * 70):
            client, _ = wire.connect()
            client.data_received(first + chat() + chat() + HEALTH)
            await settle()
            client.transport.abort()

    run(test)


@pytest.mark.parametrize("size", [1000, 65_536])
def test_a_body_in_chunks_has_a_limit(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("addons.gateway.wire.direct.reading.MAX_BYTES", 100_000)

    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100_000 // size):
            client.data_received(chunk(b"x" * size))
        assert not transport.closing
        client.data_received(chunk(b"x" * size))
        await settle()
        [(status, _, _)] = answers(transport.written)
        assert status == 413
        assert wire.flows[0].error is not None
        assert wire.flows[0].request.host == "gateway.invalid"

    run(test)


def test_the_limit_is_that_of_the_layers() -> None:
    assert reading.MAX_BYTES == bodies.MAX_BYTES


FRAMINGS = {
    "the head of a chunk": b"1" * 70_000,
    "an extension": b"3;a=" + b"x" * 70_000,
    "an extension after a body": chunk(b"abc") + b"3;a=" + b"x" * 70_000,
    "trailers": chunk(b"abc") + b"0\r\nX: " + b"x" * 70_000,
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_framing_without_end_ends_the_connection(framing: bytes) -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(b"POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(framing), 1000):
            client.data_received(framing[at : at + 1000])
        await settle()
        assert transport.closing

    run(test)


def test_trailers_are_dropped() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole(), whole()]
        client, transport = wire.connect()
        client.data_received(chat(chunked=True)[:-2] + b"Authorization: Bearer x\r\n\r\n" + chat())
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [200, 200]
        assert "Authorization" not in wire.flows[0].request.headers

    run(test)


def test_100_continue() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole()]
        client, transport = wire.connect()
        head, _, body = chat("Expect: 100-continue").partition(b"\r\n\r\n")
        client.data_received(head + b"\r\n\r\n")
        assert transport.written == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.data_received(body)
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [100, 200]
        assert "expect" not in wire.flows[0].request.headers

    run(test)


def test_a_body_that_is_too_large_is_not_asked_for() -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(
            b"POST /v1/responses HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n"
        )
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [413]

    run(test)


UPGRADES = {
    "WebSocket": (("Upgrade: websocket",), 426),
    "HTTP/2": (("HTTP2-Settings: AAMAAABk", "Upgrade: h2c"), 200),
    "TLS": (("Upgrade: TLS/1.2",), 200),
    "several": (("Upgrade: h2c, TLS/1.2", "Upgrade: other"), 200),
    "several with WebSocket": (("Upgrade: WebSocket, h2c", "Upgrade: other"), 426),
}


@pytest.mark.parametrize(("upgrade", "status"), UPGRADES.values(), ids=UPGRADES.keys())
@given(cuts=CUTS, chunked=st.booleans(), stream=st.booleans())
def test_who_asks_for_another_protocol_is_answered_in_this_one(
    upgrade: tuple[str, ...], status: int, cuts: list[int], chunked: bool, stream: bool
) -> None:
    """Java's client asks for HTTP/2 with each request, whether it has a body or not; Apache's (5.4) for TLS."""
    asking = ("Connection: Upgrade, HTTP2-Settings", *upgrade)
    data = chat(*asking, chunked=chunked, stream=stream) + HEALTH + chat(*asking) + HEALTH.replace(
        b"\r\n\r\n", ("\r\n" + "\r\n".join(asking) + "\r\n\r\n").encode()
    ) + HEALTH  # fmt: skip

    async def test(wire: Wire) -> None:
        wire.replies = [STREAM if stream else whole(), whole()]
        client, transport = wire.connect()
        for piece in slices(data, cuts):
            client.data_received(piece)
            await settle()
        assert [found for found, _, _ in answers(transport.written)] == [status, 200, status, status, 200]
        assert not transport.closing

    run(test)


def test_who_asks_for_another_protocol_and_closes() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [whole()]
        client, transport = wire.connect()
        client.data_received(chat("Connection: Upgrade, close", "Upgrade: h2c"))
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [200]
        assert transport.closing

    run(test)


TARGETS = {
    "a path": (b"/healthz", 200),
    "a whole URL": (b"http://localhost:8045/healthz", 200),
    "a URL without a path": (b"http://localhost:8045", 200),
    "everything": (b"*", 404),
    "a host": (b"localhost:8045", 400),
}


@pytest.mark.parametrize(("target", "status"), TARGETS.values(), ids=TARGETS.keys())
def test_targets(target: bytes, status: int) -> None:
    """Of requests that are not the first; with another target than a path as the first, it is the layers' turn."""
    method = b"OPTIONS" if target == b"*" else b"GET"

    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(HEALTH + method + b" " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await settle()
        assert [found for found, _, _ in answers(transport.written)] == [200, status]

    run(test)


HANDED_OVER = {
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n\r\n",
    "garbage": b"NONSENSE\r\n\r\n",
    "a whole URL": b"GET http://localhost/healthz HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("data", HANDED_OVER.values(), ids=HANDED_OVER.keys())
def test_what_is_not_spoken_here_goes_to_the_layers(data: bytes) -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(data)
        assert wire.handed_over == [data]
        assert not transport.written
        assert not wire.clients

    run(test)


# --- what is answered

KEPT = {
    "HTTP/1.1": ((), "1.1", True),
    "HTTP/1.1, close": (("Connection: close",), "1.1", False),
    "HTTP/1.0": ((), "1.0", False),
    "HTTP/1.0, keep-alive": (("Connection: keep-alive",), "1.0", True),
}


@pytest.mark.parametrize(("fields", "version", "kept"), KEPT.values(), ids=KEPT.keys())
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_how_long_a_connection_is_kept(fields: tuple[str, ...], version: str, kept: bool, stream: bool) -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [STREAM if stream else whole()]
        client, transport = wire.connect()
        client.data_received(chat(*fields, version=version, stream=stream))
        await settle()
        [(status, got, body)] = answers(transport.written)
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n") if stream else TEXT in body.decode()
        if version == "1.0":
            assert b"transfer-encoding" not in got
        assert transport.closing is (not kept or (stream and version == "1.0"))

    run(test)


def test_head() -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(
            HEALTH.replace(b"GET", b"HEAD") + HEALTH.replace(b"GET /healthz", b"HEAD /nowhere") + HEALTH
        )
        await settle()
        heads = transport.written.split(b"\r\n\r\n")
        assert [head.split()[1] for head in heads[:3]] == [b"200", b"404", b"200"]
        assert heads[3:] == [b'{"status":"ok"}']

    run(test)


def test_bytes_go_out_as_they_come() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [STREAM_HEAD]
        client, transport = wire.connect()
        client.data_received(chat(stream=True))
        await settle()
        assert transport.written == b""
        for event, text in zip(SSE[:2], ("Grüße", "東京"), strict=True):
            assert text.encode() not in transport.written
            wire.upstreams[0].says(chunk(event))
            assert text.encode() in transport.written
        wire.upstreams[0].says(chunk(SSE[2]) + b"0\r\n\r\n")
        await settle()
        assert answers(transport.written)[0][2].endswith(b"data: [DONE]\n\n")

    run(test)


# --- clients that leave, and slow ones

LEAVES: dict[str, tuple[bytes, bytes]] = {
    "before it has said anything": (b"", b""),
    "in the head": (b"POST /v1/chat", b""),
    "in the body": (chat()[:-5], b""),
    "before the answer": (chat(), b""),
    "before a stream": (chat(stream=True), b""),
    "after the head of a stream": (chat(stream=True), STREAM_HEAD),
    "in a stream": (chat(stream=True), STREAM_HEAD + chunk(SSE[0])),
    "while others wait": (chat() + HEALTH + chat(), b""),
    "within the next request": (chat() + chat()[:-5], b""),
    "after the answer": (HEALTH, b""),
}


@pytest.mark.parametrize(("data", "reply"), LEAVES.values(), ids=LEAVES.keys())
@pytest.mark.parametrize("how", ["a reset", "the end of what it sends"])
def test_a_client_that_leaves(data: bytes, reply: bytes, how: str) -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [reply] if reply else []
        client, transport = wire.connect()
        if data:
            client.data_received(data)
        await settle()
        if how == "a reset":
            transport.abort()
        elif not client.eof_received():  # as asyncio does
            transport.close()
        await settle()
        assert all(upstream.transport.closing for upstream in wire.upstreams)
        assert not wire.clients
        assert not wire.gateway.exchanges
        assert not any(flow.live for flow in wire.flows)

    run(test)


def test_a_slow_client_has_the_upstream_wait() -> None:
    async def test(wire: Wire) -> None:
        wire.replies = [STREAM_HEAD + chunk(SSE[0])]
        client, transport = wire.connect()
        client.data_received(chat(stream=True))
        await settle()
        [upstream] = wire.upstreams
        client.pause_writing()
        assert not upstream.transport.reading
        client.resume_writing()
        assert upstream.transport.reading
        upstream.says(chunk(SSE[2]) + b"0\r\n\r\n")
        await settle()
        assert answers(transport.written)[0][0] == 200

    run(test)


def test_a_client_that_is_slow_at_the_end_does_not_spoil_the_connection_for_others() -> None:
    """The last read of an answer fills the client's buffer: the connection that is free then is read all the same."""

    async def test(wire: Wire) -> None:
        wire.replies = [STREAM_HEAD, whole()]
        slow, _ = wire.connect()
        slow.data_received(chat(stream=True))
        await settle()
        [upstream] = wire.upstreams
        write = slow.transport.write

        def full(data: bytes) -> None:
            write(data)
            slow.pause_writing()

        slow.transport.write = full  # type: ignore[method-assign]
        upstream.says(chunk(SSE[0]) + chunk(SSE[2]) + b"0\r\n\r\n")
        await settle()
        other, transport = wire.connect()
        other.data_received(chat())
        await settle()
        assert upstream.transport.reading
        assert answers(transport.written)[0][0] == 200
        assert len(wire.upstreams) == 1

    run(test)


def test_the_next_request_waits_for_a_client_that_is_still_slow() -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(HEALTH)
        client.pause_writing()
        client.data_received(chat())
        client.data_received(HEALTH)
        await settle()
        assert not wire.upstreams
        assert len(answers(transport.written)) == 1
        client.resume_writing()
        await settle()
        assert len(wire.upstreams) == 1
        client.pause_writing()
        client.drop_silent(client.last_heard + 1)
        assert not transport.closing

    run(test)


def test_one_who_never_takes_its_answer_is_hung_up_on() -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(HEALTH)
        client.pause_writing()
        client.data_received(HEALTH)
        client.drop_silent(client.last_heard + 1)
        await settle()
        assert transport.closing

    run(test)


def test_one_who_says_nothing_is_hung_up_on() -> None:
    async def test(wire: Wire) -> None:
        _silent, first = wire.connect()
        spoke, second = wire.connect()
        spoke.data_received(HEALTH)
        waits, third = wire.connect()
        waits.data_received(chat())
        await settle()
        for connection in list(wire.clients):
            connection.drop_silent(connection.last_heard + 1)
        await settle()
        assert (first.closing, second.closing, third.closing) == (True, True, False)

    run(test)


# --- hooks


class Doorkeeper:
    """Looks at clients; turns away those that come from where it does not want them."""

    def __init__(self, *, refuses: bool) -> None:
        self.refuses = refuses
        self.seen: list[str] = []

    async def client_connected(self, client: object) -> None:
        self.seen.append("connected")
        if self.refuses:
            client.error = "not wanted"  # type: ignore[attr-defined]

    def client_disconnected(self, client: object) -> None:
        self.seen.append("disconnected")


@pytest.mark.parametrize("refuses", [False, True])
def test_others_are_asked_whether_a_client_may_connect(refuses: bool) -> None:
    keeper = Doorkeeper(refuses=refuses)

    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        client.data_received(HEALTH)
        await settle()
        assert transport.closing is refuses
        assert bool(transport.written) is not refuses
        transport.abort()
        await settle()
        assert keeper.seen == ["connected", "disconnected"]

    run(test, addons=[keeper])


@pytest.mark.parametrize(("peer", "served"), [("127.0.0.1", True), ("::1", True), ("93.184.215.14", False)])
def test_block_global(peer: str, served: bool) -> None:
    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        transport.get_extra_info = lambda name, default=None: (peer, 1)  # type: ignore[method-assign]
        client.data_received(HEALTH)
        await settle()
        assert bool(transport.written) is served

    run(test, addons=[Block()])


@pytest.mark.parametrize("data", [HEALTH, b"\x16\x03\x01"], ids=["HTTP", "TLS"])
def test_a_client_that_has_reset_its_connection_already_is_not_served(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It has no address any more, which mitmproxy's addons do not bear, though what it sent can still be read."""

    async def test(wire: Wire) -> None:
        client, transport = wire.connect()
        transport.get_extra_info = lambda name, default=None: default  # type: ignore[method-assign]
        client.data_received(data)
        await settle()
        assert (transport.aborted, transport.written, wire.handed_over, wire.clients) == (True, b"", [], set())

    run(test, addons=[Block()])
    assert not caplog.records


def test_a_bug_is_logged_and_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def test(wire: Wire) -> None:
        def fails(*_: object) -> None:
            raise RuntimeError("oops")

        wire.open = fails  # type: ignore[assignment,method-assign]
        client, transport = wire.connect()
        client.data_received(chat())
        await settle()
        assert [status for status, _, _ in answers(transport.written)] == [400]
        assert "oops" in caplog.text

    run(test)
