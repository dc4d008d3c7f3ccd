"""HTTP/1 of both sides, with what mitmproxy's leaves out: limits, interim answers, trailers, and JSON for errors.

* What is held of a peer that never comes to an end is bounded, on either side.
* Interim answers (100, 103) are passed over; they are not the answer.
* Trailers are read and dropped; mitmproxy fails on them.

Source: RFC 9110 (interim answers, trailers) and RFC 9112 (framing).
"""

from __future__ import annotations

from typing import Any, override

import h11
from h11._readers import ChunkedReader
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import Http1Server, ResponseData, ResponseHeaders, ResponseProtocolError
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Connection

from addons.gateway.http import routes
from addons.gateway.http.admission import path_of
from addons.gateway.http.answers import raw_error
from mapping.dialect import Dialect
from mapping.faults import Fault

MAX_REQUEST_HEAD = 64 * 2**10
"""Bytes of the largest request head that is read."""

MAX_ANSWER_HEAD = 256 * 2**10
"""Bytes of the largest head of an upstream's answer. Those of Google have a few kB; proxies in between add to them."""

MAX_FRAMING = 64 * 2**10
"""Bytes of a chunk's head or of trailers, and of what a client sends before its last request was answered."""

MAX_REQUEST_LINE = 500
"""Bytes at the beginning of a request that are looked at where the rest of it can't be read."""

NO_PROXY = (
    "This gateway is no HTTP proxy: give its address to the client as the base URL of the API, and not in HTTPS_PROXY "
    "or the like."
)
"""What those are told who ask for a tunnel (CONNECT)."""

MAX_INTERIM = 20
"""How many interim answers may come before the answer."""


class _Chunks(ChunkedReader):
    """Reads a chunked body; trailers after it are dropped, and its framing is bounded."""

    def __call__(self, buf: Any) -> Any:
        event = super().__call__(buf)
        if event is None:
            if len(buf) > MAX_FRAMING:
                raise h11.RemoteProtocolError("the framing of the chunked body has no end")
        elif isinstance(event, h11.EndOfMessage):
            return h11.EndOfMessage()
        return event


class _Bounded(Http1Connection):
    """What both sides have in common."""

    _reader: Any = None

    @property
    def body_reader(self) -> Any:
        """What takes a body apart, as mitmproxy chooses it for each message."""
        return self._reader

    @body_reader.setter
    def body_reader(self, reader: Any) -> None:
        self._reader = _Chunks() if type(reader) is ChunkedReader else reader

    def refuse(self, message: str) -> CommandGenerator[None]:
        """Hang up, and tell the stream why."""
        self.state = self.done
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            yield ReceiveHttp(self.ReceiveProtocolError(self.stream_id, message, self.ReceiveProtocolError.code))

    def has_endless_head(self, limit: int) -> bool:
        """What has come is larger than a head may be, and none is in it."""
        return len(self.buf) > limit and b"\r\n\r\n" not in bytes(self.buf)[:limit]


class GatewayHttp1Server(_Bounded, Http1Server):
    """The client's side, with errors of the gateway's in place of mitmproxy's HTML pages.

    A client is told in the words of the dialect that its path belongs to, also where its request can't be read: the
    request line names the path, and it is most often the rest that is wrong. Where there is no path either, nothing is
    known of the client, and it gets what unknown paths get (`dialects.spoken`).
    """

    _begin = b""
    """Of a request whose head is not read yet."""

    _chunked = False
    """The body of the answer goes out in chunks; looked up once, not for each."""

    @override
    def send(self, event: Any) -> CommandGenerator[None]:
        """As mitmproxy does, but for errors: those are told in the dialect of the path, and hang up."""
        if isinstance(event, ResponseData):
            data = event.data
            if data:
                yield commands.SendData(self.conn, b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)
        elif isinstance(event, ResponseHeaders):
            self._chunked = "chunked" in event.response.headers.get("transfer-encoding", "").lower()
            yield from super().send(event)
        elif isinstance(event, ResponseProtocolError):
            if not self.response and (status := event.code.http_status_code()) is not None:
                is_tunnel = self.request is not None and self.request.method == "CONNECT"
                message = NO_PROXY if is_tunnel else event.message
                yield commands.SendData(self.conn, raw_error(Fault(status, message), self._spoken()))
            yield commands.CloseConnection(self.conn)
        else:
            yield from super().send(event)

    @override
    def read_headers(self, event: events.ConnectionEvent) -> CommandGenerator[None]:
        """As mitmproxy does, up to `MAX_REQUEST_HEAD`: a larger head gets 431, one that can't be read 400.

        Empty lines before it do not count (RFC 9112, 2.2).
        """
        if isinstance(event, events.DataReceived):
            come = bytes(self.buf)
            begun = come.lstrip(b"\r\n")  # mitmproxy takes an empty line for a head, and waits for another one
            if len(begun) < len(come):
                self.buf.maybe_extract_at_most(len(come) - len(begun))
            self._begin = begun[:MAX_REQUEST_LINE]
        if self.has_endless_head(MAX_REQUEST_HEAD):
            message = f"The request's headers are larger than {MAX_REQUEST_HEAD // 2**10} kB."
            problem = Fault(431, message, code="headers_too_large")
            yield commands.SendData(self.conn, raw_error(problem, self._spoken()))
            yield commands.CloseConnection(self.conn)
            self.state = self.done
            return
        for command in super().read_headers(event):
            if isinstance(command, commands.SendData) and command.data.startswith(b"HTTP/1.1 400"):
                command.data = raw_error(Fault(400, "The HTTP request could not be read."), self._spoken())
            yield command
        if self.request is not None:
            self._begin = b""

    def _spoken(self) -> Dialect | None:
        """The dialect of the request's path, as far as that is known."""
        if self.request is not None:
            return routes.dialect_of(self.request.method, path_of(self.request))
        method, _, rest = self._begin.decode("latin-1").partition(" ")
        return routes.dialect_of(method, rest.split(maxsplit=1)[0].partition("?")[0]) if rest.strip() else None

    @override
    def wait(self, event: events.Event) -> CommandGenerator[None]:
        """The request is there and not answered yet: of what comes after it, `MAX_FRAMING` bytes are kept."""
        if len(self.buf) > MAX_FRAMING:
            yield from self.refuse("The client went on sending before its request was answered.")
        else:
            yield from super().wait(event)


class GatewayHttp1Client(_Bounded, Http1Client):
    """The upstream's side."""

    _interim = 0

    @override
    def read_headers(self, event: events.ConnectionEvent) -> CommandGenerator[None]:
        """As mitmproxy does, up to `MAX_ANSWER_HEAD`, and past at most `MAX_INTERIM` interim answers (1xx)."""
        if isinstance(event, events.DataReceived):
            if self.request is None:  # a second answer, or anything else that nobody asked for
                yield from self.refuse("")
                return
            if self.has_endless_head(MAX_ANSWER_HEAD):
                yield from self.refuse(f"The head of the answer is larger than {MAX_ANSWER_HEAD // 2**10} kB.")
                return
        while not (yield from self._read_head(event)):
            self._interim += 1
            if self._interim > MAX_INTERIM:
                yield from self.refuse("There are only interim answers.")
                return

    def _read_head(self, event: events.ConnectionEvent) -> CommandGenerator[bool]:
        """Read a head, if a whole one has come. False: it was that of an interim answer, and there may be more."""
        for command in super().read_headers(event):
            if isinstance(command, ReceiveHttp) and isinstance(command.event, ResponseHeaders):
                status = command.event.response.status_code
                if status == 101:
                    yield from self.refuse("It switched to another protocol, which nobody asked for.")
                    return True
                if 100 <= status < 200:
                    return False
                self._interim = 0
            yield command
        return True
