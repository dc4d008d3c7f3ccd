"""addons.gateway.wire.direct.upstream.connection: calls go out, answers come in any slices, and end well or not."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.net.http import http1

from addons.gateway.wire.direct.upstream.connection import TOGETHER, UpstreamConnection
from addons.gateway.wire.http1 import MAX_ANSWER_HEAD, MAX_FRAMING, MAX_INTERIM
from tests.e2e.faults.faulty_upstream import chunk
from tests.gateway.wire.direct.fakes import Transport

CLOSED = "server closed connection"


class Heard:
    """Who made a call: notes what is told."""

    def __init__(self, connection: UpstreamConnection, *, holds: bool = False) -> None:
        self.connection = connection
        self.holds = holds
        self.response: http.Response | None = None
        self.content = b""
        self.pieces = 0
        self.end = ""

    def head(self, response: http.Response) -> None:
        assert self.response is None
        self.response = response
        if self.holds:
            self.connection.hold()

    def body(self, data: bytes) -> None:
        assert self.response is not None
        assert data
        assert not self.end
        self.content += data
        self.pieces += 1

    def ended(self) -> None:
        assert not self.end
        assert self.response is not None
        self.end = "whole"

    def broke(self, message: str) -> None:
        assert not self.end
        self.end = message


class Line:
    """A connection, and what becomes of it."""

    def __init__(self) -> None:
        self.freed: list[bool] = []
        server = Server(address=("upstream.test", 80))
        server.state = ConnectionState.OPEN
        self.connection = UpstreamConnection(server, lambda c: self.freed.append(c.usable))
        self.transport = Transport(self.connection)
        self.connection.connection_made(self.transport)

    def call(self, content: bytes = b"{}", *, holds: bool = False) -> Heard:
        request = http.Request.make("POST", "http://upstream.test/v1beta/x?alt=sse", content)
        heard = Heard(self.connection, holds=holds)
        self.connection.call(request, content, heard)
        return heard

    def comes(self, data: bytes, cuts: list[int]) -> None:
        edges = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
        for a, b in itertools.pairwise(edges):
            if not self.transport.closing:
                self.connection.data_received(data[a:b])


def run(test: Callable[[Line], None]) -> None:
    async def inside() -> None:
        line = Line()
        test(line)
        line.transport.abort()
        await asyncio.sleep(0)

    asyncio.run(inside())


OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"hel") + chunk(b"lo") + b"0\r\n\r\n"
UNTIL_CLOSE = OK + b"Content-Type: text/plain\r\n\r\nhello"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

ANSWERS: dict[str, tuple[bytes, int, bytes, bool]] = {
    "by length": (WHOLE, 200, b"hello", True),
    "in chunks": (CHUNKS, 200, b"hello", True),
    "with trailers": (CHUNKS[:-2] + b"X-Sum: 5\r\n\r\n", 200, b"hello", True),
    "with extensions": (CHUNKS.replace(b"3\r\n", b"3;a=b\r\n"), 200, b"hello", True),
    "after interim answers": (INTERIM * MAX_INTERIM + WHOLE, 200, b"hello", True),
    "after 100": (b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKS, 200, b"hello", True),
    "without a body": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "of length 0": (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", 429, b"", True),
    "without a reason": (WHOLE.replace(b" OK", b""), 200, b"hello", True),
    "with a status that nobody knows": (WHOLE.replace(b"200 OK", b"799 Odd"), 799, b"hello", True),
    "that closes": (WHOLE.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"), 200, b"hello", False),
    "in HTTP/1.0": (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), 200, b"hello", False),
    "in HTTP/1.0, kept": (
        WHOLE.replace(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"), 200, b"hello", True,
    ),
    "that offers another protocol": (
        WHOLE.replace(b"OK\r\n", b"OK\r\nUpgrade: h2\r\nConnection: Upgrade\r\n"), 200, b"hello", True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "status", "content", "kept"), ANSWERS.values(), ids=ANSWERS.keys())
@given(cuts=st.lists(st.integers(0, 5000), max_size=10), holds=st.booleans())
def test_answers_in_any_slices(
    data: bytes, status: int, content: bytes, kept: bool, cuts: list[int], holds: bool
) -> None:
    def test(line: Line) -> None:
        heard = line.call(holds=holds)
        line.comes(data, cuts)
        if holds:
            assert (heard.content, heard.end) == (b"", "")
            assert not line.transport.reading
            line.connection.release()
        assert heard.response is not None
        assert (heard.response.status_code, heard.content, heard.end) == (status, content, "whole")
        assert "link" not in heard.response.headers
        assert "x-sum" not in heard.response.headers
        assert line.freed == [kept]
        assert line.transport.closing is not kept
        assert line.transport.reading
        if kept:
            assert line.connection.reused
            again = line.call()
            line.comes(WHOLE, cuts)
            assert (again.content, again.end) == (b"hello", "whole")

    run(test)


def test_what_comes_in_one_read_is_one_piece() -> None:
    def test(line: Line) -> None:
        heard = line.call()
        line.comes(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x") * 50, [])
        assert (heard.pieces, len(heard.content)) == (1, 50)

    run(test)


@given(cuts=st.lists(st.integers(0, 5000), max_size=10), holds=st.booleans())
def test_an_answer_that_ends_with_its_connection(cuts: list[int], holds: bool) -> None:
    def test(line: Line) -> None:
        heard = line.call(holds=holds)
        line.comes(UNTIL_CLOSE, cuts)
        assert heard.end == ""
        line.connection.connection_lost(None)
        if holds:
            line.connection.release()
        assert (heard.content, heard.end) == (b"hello", "whole")
        assert line.freed[-1] is False
        assert line.connection.server.timestamp_end
        assert line.connection.server.state is ConnectionState.CLOSED

    run(test)


def test_one_that_is_reset_has_not_ended() -> None:
    def test(line: Line) -> None:
        heard = line.call()
        line.comes(UNTIL_CLOSE, [])
        line.connection.connection_lost(ConnectionResetError())
        assert heard.end == CLOSED

    run(test)


CUT = {
    "before the head": b"",
    "in the head": WHOLE[:20],
    "after an interim answer": INTERIM,
    "in a body by length": WHOLE[:-1],
    "before a body": WHOLE[:-5],
    "in a chunk": CHUNKS[:-9],
    "before the last chunk": CHUNKS[:-5],
    "in the last chunk": CHUNKS[:-2],
}


@pytest.mark.parametrize("data", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("holds", [False, True])
def test_an_answer_that_is_cut(data: bytes, holds: bool) -> None:
    def test(line: Line) -> None:
        heard = line.call(holds=holds)
        if data:
            line.comes(data, [3])
        line.connection.connection_lost(None)
        if holds and heard.response:
            line.connection.release()
        assert heard.end == CLOSED
        assert not any(line.freed)

    run(test)


NO_ANSWER: dict[str, tuple[bytes, str]] = {
    "garbage": (b"\x16\x03\x01\x02\x00" * 50, "Cannot parse HTTP response"),
    "HTTP/2": (b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", "Cannot parse HTTP response"),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" + WHOLE, "switched"),
    "101 without more": (b"HTTP/1.1 101 Switching\r\n\r\n" + WHOLE, "switched"),
    "no status that there is": (b"HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello", "does not exist"),
    "only interim answers": (INTERIM * (MAX_INTERIM + 1) + WHOLE, "only interim"),
    "a head without end": (OK + b"X: y\r\n" * (MAX_ANSWER_HEAD // 6 + 1), "larger than 256 kB"),
    "a field without end": (OK + b"X: " + b"y" * MAX_ANSWER_HEAD, "larger than 256 kB"),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "Duplicate Content-Length"),
    "a bad chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1 protocol error"),
    "a chunk's head without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * MAX_FRAMING * 2, "no end"),
    "trailers without end": (CHUNKS[:-2] + b"X: y\r\n" * (MAX_FRAMING // 3), "no end"),
}


@pytest.mark.parametrize(("data", "said"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
@pytest.mark.parametrize("size", [60_000, 30_000, 11])
def test_what_is_no_answer(data: bytes, said: str, size: int) -> None:
    def test(line: Line) -> None:
        heard = line.call()
        line.comes(data, list(range(0, len(data), size)))
        assert said in heard.end
        assert line.transport.closing
        assert not any(line.freed)

    run(test)


def test_odd_framing_is_told() -> None:
    """Who reads the answer refuses what may be a trick (`arrival`)."""
    rows = {
        b"Content-Length: 5": False,
        b"Transfer-Encoding: chunked": False,
        b"Transfer-Encoding: gzip, chunked": True,
        b"Transfer-Encoding: gzip": True,
        b"Transfer-Encoding: chunked\r\nContent-Length: 5": True,
    }
    for fields, odd in rows.items():

        def test(line: Line, fields: bytes = fields, odd: bool = odd) -> None:
            line.call()
            line.comes(OK + fields + b"\r\n\r\n", [])
            assert line.connection.has_odd_framing is odd

        run(test)


UNASKED = {"another answer": WHOLE, "garbage": b"\0\1\2", "the begin of one": b"HTTP/1.1 2"}


@pytest.mark.parametrize("more", UNASKED.values(), ids=UNASKED.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["in the same read", "later"])
def test_what_nobody_asked_for_ends_the_connection(more: bytes, at_once: bool) -> None:
    def test(line: Line) -> None:
        heard = line.call()
        if at_once:
            line.comes(WHOLE + more, [])
        else:
            line.comes(WHOLE, [])
            assert line.freed == [True]
            line.connection.data_received(more)
        assert (heard.content, heard.end) == (b"hello", "whole")
        assert line.transport.closing
        assert not line.connection.is_open()

    run(test)


def test_one_that_is_given_up_hears_nothing_more() -> None:
    def test(line: Line) -> None:
        heard = line.call()
        line.comes(WHOLE[:-3], [])
        line.connection.abandon()
        assert line.transport.aborted
        line.connection.data_received(b"llo")
        line.connection.connection_lost(None)
        assert heard.end == ""

    run(test)


def test_pauses() -> None:
    """One for the client's sake, one for a hook's: it is read again when both are over."""

    def test(line: Line) -> None:
        line.call(holds=True)
        line.comes(WHOLE[:-3], [])
        line.connection.pause()
        line.connection.release()
        assert not line.transport.reading
        line.connection.resume()
        assert line.transport.reading
        line.connection.hold()
        line.connection.resume()
        assert not line.transport.reading
        line.connection.release()
        assert line.transport.reading

    run(test)


def test_a_pause_is_over_with_the_call() -> None:
    def test(line: Line) -> None:
        line.call()
        line.connection.pause()
        line.connection.data_received(WHOLE)  # it had been read before
        assert line.transport.reading

    run(test)


@pytest.mark.parametrize("size", [0, 5, TOGETHER, TOGETHER * 3])
def test_a_call_is_written_as_mitmproxy_writes_it(size: int) -> None:
    content = b"x" * size
    request = http.Request.make("POST", "http://upstream.test/v1beta/x?alt=sse", content, {"X-Ü": "ü"})

    def test(line: Line) -> None:
        line.connection.call(request, content, Heard(line.connection))
        assert line.transport.written == http1.assemble_request(request)

    run(test)


def test_a_look_at_the_socket() -> None:
    """Its end may not have been told yet."""

    def test(line: Line) -> None:
        assert line.connection.is_open()
        line.transport.other_end.close()
        assert not line.connection.is_open()
        assert line.transport.closing

    run(test)


def test_something_unasked_in_the_socket() -> None:
    def test(line: Line) -> None:
        line.transport.other_end.send(gzip.compress(b"x"))
        assert not line.connection.is_open()

    run(test)
