"""One client connection: its requests are read one after the other, its answers are written.

* Requests that come while another is being answered wait, within bounds: pipelining is rare, and no reason for more.
* Limits are those of `wire.http1`; what can't be read is answered in JSON, and the connection ended.
* A client that has sent its FIN is taken to have left, as mitmproxy does.
* A client that takes nothing has the upstream wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Protocol, cast, override

import httptools
from mitmproxy import http
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import mode_specs, server_hooks
from mitmproxy.utils import asyncio_utils

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.http import routes
from addons.gateway.http.answers import raw_error
from addons.gateway.wire.bodies import MAX_BYTES
from addons.gateway.wire.direct import messages
from addons.gateway.wire.direct.answers import AnswerWriter, ReadRequest
from addons.gateway.wire.direct.peers import Surroundings
from addons.gateway.wire.direct.turn import Turn
from addons.gateway.wire.direct.websocket import Opened, WebSocket
from addons.gateway.wire.http1 import MAX_FRAMING, MAX_REQUEST_HEAD
from mapping.dialect import Dialect
from mapping.faults import Fault

logger = logging.getLogger("mitmproxy.proxy.server")
"""mitmproxy's own for such lines; see `banner.quiet_down`."""


class ClientSurroundings(Surroundings, Protocol):
    """What all client connections share."""

    mode: mode_specs.ProxyMode
    clients: set[ClientConnection]

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived."""

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """Have mitmproxy's layers serve a connection, of which this has been read."""


class ClientConnection(AnswerWriter, asyncio.Protocol):
    """See the module."""

    __slots__ = (
        "_current",
        "_early",
        "_framing",
        "_has_begun",
        "_parser",
        "_paused",
        "_shared",
        "_size",
        "_socket",
        "_unheard",
        "_upstream",
        "_waiting",
        "client",
        "last_heard",
    )  # fmt: skip

    def __init__(self, shared: ClientSurroundings) -> None:
        super().__init__()
        self._shared = shared
        self._parser = httptools.HttpRequestParser(self)
        self._current: ReadRequest | None = None
        """The request that is being read."""
        self._waiting: deque[ReadRequest] = deque()
        """Whole requests that came before it was their turn."""
        self._framing = 0
        """Bytes that have come since the last one of a body, or the last whole request."""
        self._size = 0
        self._paused = False
        self._has_begun = False
        self._unheard: list[bytes] | None = None
        """What has come while others were asked whether the client may connect."""
        self._early: list[bytes] | None = None
        """What has come before it was agreed to be a WebSocket."""
        self._socket: WebSocket | None = None
        """What the connection has become."""
        self.client: Client
        self._upstream: Server
        self.last_heard = time.monotonic()

    # --- asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def _begin(self, data: bytes) -> bool:
        """The first bytes are there. False: the connection is not served here."""
        self._has_begun = True
        shared, transport = self._shared, self.transport
        if not messages.is_plain_http(data):
            shared.hand_over(transport, data)
            return False
        peer = transport.get_extra_info("peername") or ("", 0)
        self.client = Client(
            peername=peer,
            sockname=transport.get_extra_info("sockname") or ("", 0),
            state=ConnectionState.OPEN,
            proxy_mode=shared.mode,
        )
        address = shared.address
        self._upstream = Server(address=(address.host, address.port))
        shared.clients.add(self)
        self._log("client connect")
        if shared.listeners.hears("client_connected") or peer[0] not in ("127.0.0.1", "::1"):
            self._unheard = [data]
            asyncio.Task(self._ask_others(), loop=asyncio.get_running_loop(), eager_start=True)
            return False
        return True

    async def _ask_others(self) -> None:
        """Whether the client may connect."""
        await self._shared.listeners.tell(server_hooks.ClientConnectedHook(self.client))
        unheard, self._unheard = self._unheard or [], None
        if self.client.error:
            self._log("client kill connection")
            self.transport.abort()
            return
        for data in unheard:
            self.data_received(data)

    @override
    def data_received(self, data: bytes) -> None:
        self.last_heard = time.monotonic()
        if not self._has_begun and not self._begin(data):
            return
        if self._socket is not None:
            self._socket.received(data)
            return
        if self._unheard is not None or self._early is not None:
            (self._unheard or self._early or []).append(data)
            return
        if self._closing:
            return
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as e:
            self._after_upgrade(data[e.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(Fault(400, "The HTTP request could not be read."))
            return
        current = self._current
        if current is not None and self._size and current.flow is not None:
            self._framing = 0
            if self._size > MAX_BYTES:
                self._too_large()
        elif self._framing > MAX_REQUEST_HEAD and (current is None or current.flow is None):
            if self._answering is not None:
                self._hang_up()  # the client goes on sending before its request was answered
            else:
                message = f"The request's headers are larger than {MAX_REQUEST_HEAD // 2**10} kB."
                self._refuse(Fault(431, message, code="headers_too_large"))
        elif self._framing > MAX_FRAMING:
            self._hang_up()

    @override
    def eof_received(self) -> None:
        """The transport closes itself after this."""

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._has_begun or not hasattr(self, "client"):
            return
        self._closing = True
        shared = self._shared
        shared.clients.discard(self)
        self.client.state = ConnectionState.CLOSED
        self.client.timestamp_end = time.time()
        self._log("client disconnect")
        if self._socket is not None:
            self._socket.client_left()
        for read in (self._answering, self._current, *self._waiting):
            if read is not None and read.turn is not None:
                read.turn.client_left()
        if shared.listeners.hears("client_disconnected"):
            asyncio_utils.create_task(
                shared.listeners.tell(server_hooks.ClientDisconnectedHook(self.client)),
                name="client disconnected",
                keep_ref=True,
            )

    @override
    def pause_writing(self) -> None:
        self._paused = True
        if self._socket is not None:
            self._socket.pause()
        elif self._answering is not None and self._answering.turn is not None:
            self._answering.turn.pause()

    @override
    def resume_writing(self) -> None:
        self._paused = False
        if self._socket is not None:
            self._socket.resume()
        elif self._answering is not None and self._answering.turn is not None:
            self._answering.turn.resume()

    # --- httptools

    def on_message_begin(self) -> None:
        """A request begins."""
        self._current = ReadRequest()
        self._size = 0

    def on_url(self, path: bytes) -> None:
        """A piece of its target."""
        current = self._current
        assert current is not None
        current.path += path

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one of the trailers."""
        current = self._current
        assert current is not None
        if current.flow is None:  # else it is a trailer
            current.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there: make the flow and its exchange, before any hook."""
        current = self._current
        assert current is not None
        self._framing = 0
        request = messages.request(
            self._parser.get_method(), current.path, self._parser.get_http_version(), current.fields
        )
        fields = current.fields
        named = messages.by_name(fields)
        expect, upgrade, size = named.get(b"expect"), named.get(b"upgrade"), named.get(b"content-length")
        if expect is not None:
            current.fields = fields = [pair for pair in fields if pair[0].lower() != b"expect"]
            request.data.headers.fields = tuple(fields)
        if upgrade is not None and upgrade.lower() == b"h2c":  # HTTP/1.1 is as good, and all that is spoken here
            current.fields = fields = [pair for pair in fields if pair[0].lower() not in _H2C]
            request.data.headers.fields = tuple(fields)
            upgrade = None
        current.wants_socket = upgrade is not None
        current.flow = flow = messages.flow(self.client, self._upstream)
        exchange = self._shared.open(flow, request)
        exchange.can_switch = upgrade is not None and upgrade.lower() == b"websocket"
        flow.request = request
        current.turn = Turn(self._shared, self, exchange)
        if not current.path.startswith(b"/"):
            self._refuse(Fault(400, "The HTTP request could not be read."))
            return
        if size is not None and int(size) > MAX_BYTES:
            self._size = int(size)
            self._too_large()
            return
        if size is not None:
            current.expect(int(size))
        if expect is not None and expect.lower() == b"100-continue" and self._answering is None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        current = self._current
        assert current is not None
        if current.block is None:
            current.body.append(data)
        else:
            current.block.write(data)
        self._size += len(data)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        current = self._current
        assert current is not None
        self._framing = 0
        if self._closing:
            return
        self._current = None
        current.is_whole = True
        current.keeps_alive = self._parser.should_keep_alive() or self._parser.should_upgrade()
        if self._answering is None:
            self._answer(current)
        else:
            self._waiting.append(current)
            if len(self._waiting) > MAX_WAITING:
                self._hang_up()

    # --- answers: the peer of a turn

    @override
    def done(self) -> None:
        answered = self._answering
        if answered is None or answered.flow is None:
            return
        if self._chunked and answered.flow.request.data.method != b"HEAD":
            self.transport.write(messages.LAST_CHUNK)
        self._answering = None
        self._framing = 0
        self.last_heard = time.monotonic()
        if answered.switches:
            self._become_socket(answered)
        elif self._closing or self._early is not None or not answered.keeps_alive:
            self._closing = True
            self.transport.close()
        elif self._waiting:
            # not from within: the turn that is over has its last steps to take
            asyncio.get_running_loop().call_soon(self._next)

    @override
    def drop(self) -> None:
        self._hang_up()

    def drop_silent(self, oldest: float) -> None:
        """Hang up if nothing was said, and nothing is being answered, since `oldest` (by the monotonic clock)."""
        if self._answering is None and self.last_heard < oldest and (self._socket is None or self._socket.is_idle):
            self._hang_up()

    def _next(self) -> None:
        if self._waiting and self._answering is None and not self._closing:
            self._answer(self._waiting.popleft())

    # --- inside

    def _after_upgrade(self, rest: bytes) -> None:
        """A request that wanted another protocol has been read. `rest` is what came after it."""
        if self._socket is not None:
            self._socket.received(rest)
        elif self._answering is not None and self._answering.wants_socket:
            self._early = [rest]
        elif not self._closing:  # it was answered, or will be, as plain HTTP: what follows is HTTP, too
            self._parser = httptools.HttpRequestParser(self)
            if rest:
                self.data_received(rest)

    def _become_socket(self, answered: ReadRequest) -> None:
        opened = Opened(answered.path, answered.fields)
        self._socket = WebSocket(self._shared, self.transport, self.client, self._upstream, opened)
        early, self._early = self._early or [], None
        for data in filter(None, early):
            self._socket.received(data)

    def _answer(self, read: ReadRequest) -> None:
        self._answering = read
        flow = read.flow
        assert flow is not None
        assert read.turn is not None
        flow.request.data.content = read.take_body()
        read.turn.start()

    def _too_large(self) -> None:
        """The body of the request is beyond the limit."""
        current = self._current
        message = f"The request body is larger than {MAX_BYTES // 2**20} MB."
        if current is not None and current.turn is not None:
            current.turn.refuse(message)
            current.turn = None
        self._refuse(Fault(413, message))

    def _refuse(self, problem: Fault) -> None:
        """What comes can't be read: say so, if that can be said now, and end the connection."""
        if self._closing:
            return
        if self._answering is None:
            self._closing = True
            self.transport.write(raw_error(problem, self._spoken()))
            self.transport.close()
        else:
            self._hang_up()

    def _spoken(self) -> Dialect | None:
        """The dialect of the path that is being read, as far as it is known."""
        current = self._current
        if current is None or not current.path:
            return None
        return routes.dialect_of(self._parser.get_method().decode(), current.path.decode("latin-1").partition("?")[0])

    def _hang_up(self) -> None:
        self._closing = True
        self.transport.abort()

    def _log(self, message: str) -> None:
        if logger.isEnabledFor(logging.INFO):
            logger.info(message, extra={"client": self.client.peername})


_H2C = (b"upgrade", b"connection", b"http2-settings")
MAX_WAITING = 64
"""Whole requests that may wait for the answer of the one before."""
