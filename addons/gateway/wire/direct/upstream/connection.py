"""One connection to an upstream: a call goes out, its answer is read; then the next one.

* Interim answers (100, 103) are passed over; they are not the answer. Trailers are read and dropped.
* What is held of an upstream that never comes to an end is bounded, as in `wire.http1`.
* What comes in one read is handed on as one piece, whatever chunks it came in.
* An answer that nobody waits for ends the connection.

Source: RFC 9110 (interim answers, trailers) and RFC 9112 (framing). httptools reads the messages.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable
from typing import Protocol, cast, override

import httptools
from mitmproxy import http
from mitmproxy.connection import ConnectionState, Server

from addons.gateway.wire.direct import messages
from addons.gateway.wire.http1 import MAX_ANSWER_HEAD, MAX_FRAMING, MAX_INTERIM

TOGETHER = 64 * 2**10
"""Bytes up to which a head and a body are joined for one write; more is not copied for that."""

CLOSED = "server closed connection"
"""What is said of an upstream that hung up before its answer was whole, as mitmproxy says it."""


"""Header fields of which one tells where a body ends."""


class Answered(Protocol):
    """Who made a call, and hears of its answer. Nothing follows `ended` and `broke`."""

    def head(self, response: http.Response) -> None:
        """The head of the answer is there. May call `hold`: then nothing more is told until `release`."""

    def body(self, data: bytes) -> None:
        """The next bytes of the body; never b""."""

    def ended(self) -> None:
        """The answer is whole."""

    def broke(self, message: str) -> None:
        """The connection is gone, or what came is no answer."""


class UpstreamConnection(asyncio.Protocol):
    """See the module."""

    __slots__ = (
        "_bytes", "_closing", "_ended", "_error", "_fields", "_framing", "_held", "_interim", "_is_reading", "_loop",
        "_more", "_old", "_parser", "_paused", "_pieces", "_reason", "_until_close", "has_odd_framing", "idle_since",
        "on_closed", "on_free", "place", "server", "transport", "who",
    )  # fmt: skip

    def __init__(self, server: Server, on_free: Callable[[UpstreamConnection], None]) -> None:
        """`on_free` is called when a call is over and another one may be made."""
        self.server = server
        self.on_free = on_free
        self.on_closed: Callable[[], None] = _nobody
        """Is called once, when the connection is closed."""
        self.place: tuple[str, int, bool, int] | None = None
        """Where the pool keeps it."""
        self.who: Answered | None = None
        """Who waits for the answer; None: nobody, and the connection is idle or given up."""
        self.idle_since = 0.0
        """When the last call was over, by the loop's clock."""
        self.transport: asyncio.Transport | None = None
        self._old = False
        """It has served a call already."""
        self._closing = False
        self._paused = False
        """The client of the call takes nothing at the moment."""
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)  # see `has_odd_framing`
        self._fresh()

    def _fresh(self) -> None:
        self._pieces: list[bytes] = []
        self._fields: messages.Fields = []
        self._reason = b""
        self._framing = 0
        """Bytes that have come since the last one of a body."""
        self._is_reading = False
        """The head of the answer has come."""
        self._interim = 0
        self._until_close = False
        self.has_odd_framing = False
        """The head of the answer says otherwise than most how its body ends. It may be a trick, and is looked at."""
        self._ended = False
        self._more = False
        self._held = False
        self._error = ""

    @property
    def usable(self) -> bool:
        """Whether another call may be made, as far as is known: see `is_open`."""
        return not self._closing and self.transport is not None and not self.transport.is_closing()

    def is_open(self) -> bool:
        """Whether another call may be made, by a look at the socket: its end may not have been told yet."""
        transport = self.transport
        if self._closing or transport is None or transport.is_closing():
            return False
        if not _is_readable(transport.get_extra_info("socket").fileno()):
            return True
        self.abandon()  # it is closed, or something came that nobody asked for
        return False

    @property
    def reused(self) -> bool:
        """Whether it has served a call before."""
        return self._old

    # --- calls

    def call(self, request: http.Request, content: bytes, who: Answered) -> None:
        """Send a request; its answer is told to `who`."""
        assert self.transport is not None
        self.who = who
        head = messages.request_head(request)
        if len(content) < TOGETHER:
            self.transport.write(head + content)
        else:
            self.transport.writelines((head, content))

    def abandon(self) -> None:
        """Hang up, and tell nobody."""
        self.who = None
        self._close()

    def hold(self) -> None:
        """Tell nothing until `release`. What comes is kept, and soon no more is read."""
        self._held = True
        if self.transport is not None:
            self.transport.pause_reading()

    def release(self) -> None:
        """Go on after `hold`."""
        self._held = False
        self._listen()
        self._tell()

    def pause(self) -> None:
        """The client takes nothing at the moment."""
        self._paused = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """The client takes more."""
        self._paused = False
        self._listen()

    def _listen(self) -> None:
        if not self._held and not self._paused and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    # --- asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    @override
    def data_received(self, data: bytes) -> None:
        if self.who is None:
            self._close()
            return
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._error = self._error or "It switched to another protocol, which nobody asked for."
        except httptools.HttpParserError as e:
            cause = e.__context__ if isinstance(e, httptools.HttpParserCallbackError) else e
            self._error = self._error or (
                f"HTTP/1 protocol error: {cause}" if self._is_reading else f"Cannot parse HTTP response: {cause}"
            )
        if self._pieces:
            self._framing = 0
        elif not self._is_reading and self._framing > MAX_ANSWER_HEAD:
            self._error = f"The head of the answer is larger than {MAX_ANSWER_HEAD // 2**10} kB."
        elif self._is_reading and self._framing > MAX_FRAMING and not self._ended:
            self._error = "HTTP/1 protocol error: the framing of the chunked body has no end"
        if not self._held:
            self._tell()

    @override
    def eof_received(self) -> None:
        """The transport closes itself after this."""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        self.server.state = ConnectionState.CLOSED
        self.server.timestamp_end = time.time()
        if self._until_close and exc is None:
            self._ended = True
        elif not self._ended:
            self._error = self._error or CLOSED
        if not self._held:
            self._tell()
        self.on_free(self)
        self.on_closed()

    # --- httptools

    def on_message_begin(self) -> None:
        """An answer begins; a second one is none that anybody asked for."""
        if self._ended:
            self._more = True

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one of the trailers."""
        if not self._is_reading:  # else it is a trailer
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there, of the answer or of an interim one."""
        if self._ended or self._error or self.who is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim += 1
            self._fields, self._reason = [], b""
            self._framing = 0
            if status < 100:
                self._error = "The status of its answer does not exist."
            elif status == 101:
                self._error = "It switched to another protocol, which nobody asked for."
            elif self._interim > MAX_INTERIM:
                self._error = "There are only interim answers."
            return
        self._is_reading = True
        self._framing = 0
        fields = self._fields
        named = messages.by_name(fields)
        coding = named.get(b"transfer-encoding")
        has_length = b"content-length" in named
        self._until_close = status not in (204, 304) and not has_length and not (coding or b"").endswith(b"chunked")
        self.has_odd_framing = coding is not None and (has_length or coding != b"chunked")
        self.who.head(messages.response(status, self._reason, self._parser.get_http_version(), fields))

    def on_body(self, data: bytes) -> None:
        """A piece of the body: of a chunk, or of what came in one read."""
        if self._is_reading and not self._ended:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        """The answer is there as a whole, or an interim one."""
        if self._is_reading and not self._ended:
            self._ended = True
            if not self._parser.should_keep_alive():
                self._closing = True

    # --- inside

    def _tell(self) -> None:
        """Hand on what has come."""
        who = self.who
        if who is None:
            return
        if pieces := self._pieces:
            self._pieces = []
            who.body(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            if self.who is not who or self._held:  # given up meanwhile
                return
        if self._ended:
            self.who = None
            if self._more or self._closing or self._error:
                self._close()
            else:
                self._old = True
                self._fresh()
                if self._paused:
                    self.resume()
            who.ended()
            self.on_free(self)
        elif self._error:
            self.who = None
            self._close()
            who.broke(self._error)

    def _close(self) -> None:
        self._closing = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()


def _nobody() -> None:
    """Nobody is told."""


def _is_readable(descriptor: int) -> bool:
    """Whether something has come, or the other side has closed."""
    if hasattr(select, "poll"):
        looking = select.poll()
        looking.register(descriptor, select.POLLIN)
        return bool(looking.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
