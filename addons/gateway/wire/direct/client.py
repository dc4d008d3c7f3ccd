"""One client connection: its requests are read one after the other, its answers are written.

* Requests that come while another is being answered wait, within bounds: pipelining is rare, and no reason for more.
* What can't be read is answered in JSON, after what came before it, and the connection ended.
* A client that has sent its FIN is taken to have left, as mitmproxy does.
* A client that takes nothing has the upstream wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast, override

import httptools
from mitmproxy import ctx, http
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import mode_specs, server_hooks
from mitmproxy.utils import asyncio_utils

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.http.answers import raw_error
from addons.gateway.wire.direct import messages
from addons.gateway.wire.direct.answers import ReadRequest
from addons.gateway.wire.direct.peers import Surroundings
from addons.gateway.wire.direct.reading import RequestReader
from addons.gateway.wire.direct.turn import Turn
from addons.gateway.wire.direct.websocket import Opened, WebSocket
from addons.gateway.wire.http1 import MAX_FRAMING
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


class ClientConnection(RequestReader, asyncio.Protocol):
    """See the module."""

    __slots__ = (
        "_ahead", "_early", "_has_begun", "_last_words", "_paused", "_shared", "_socket", "_unheard", "_upstream",
        "_waiting", "between", "client", "last_heard",
    )  # fmt: skip

    def __init__(self, shared: ClientSurroundings) -> None:
        super().__init__()
        self._shared = shared
        self._waiting: deque[ReadRequest] = deque()
        """Whole requests that came before it was their turn."""
        self._ahead = 0
        """Bytes that have come since the request that is being answered."""
        self._last_words = b""
        """What is said when all requests that could be read are answered, before the connection ends."""
        self._paused = False
        self._has_begun = False
        self._unheard = b""
        """What has come before others were asked whether the client may connect."""
        self._early: list[bytes] | None = None
        """What has come before it was agreed to be a WebSocket."""
        self._socket: WebSocket | None = None
        """What the connection has become."""
        self.client: Client
        self._upstream: Server
        self.last_heard = time.monotonic()
        self.between: Callable[[ClientConnection], None] | None = None
        """Called when an answer is done and no other request is there yet."""

    # --- asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._shared.clients.add(self)

    def _begin(self, data: bytes) -> bool:
        """The first bytes are there. False: the connection is not served here."""
        self._has_begun = True
        shared, transport = self._shared, self.transport
        peer = transport.get_extra_info("peername")
        if not peer:  # it has left before it was served; what it sent can still be read
            self._hang_up()
            return False
        if not messages.is_plain_http(data):
            shared.clients.discard(self)
            shared.hand_over(transport, data)
            return False
        self.client = Client(
            peername=peer,
            sockname=transport.get_extra_info("sockname") or ("", 0),
            state=ConnectionState.OPEN,
            proxy_mode=shared.mode,
        )
        address = shared.address
        self._upstream = Server(address=(address.host, address.port))
        if address.scheme == "https" and not ctx.options.keep_host_header:
            self._upstream.sni = address.host
        self._log("client connect")
        if shared.listeners.hears("client_connected") or peer[0] not in ("127.0.0.1", "::1"):
            self._unheard = data
            transport.pause_reading()
            asyncio.Task(self._ask_others(), loop=asyncio.get_running_loop(), eager_start=True)
            return False
        return True

    async def _ask_others(self) -> None:
        """Whether the client may connect."""
        await self._shared.listeners.tell(server_hooks.ClientConnectedHook(self.client))
        if self.client.error:
            self._log("client kill connection")
            self._hang_up()
        elif not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(self._unheard)
        self._unheard = b""

    @override
    def data_received(self, data: bytes) -> None:
        self.last_heard = time.monotonic()
        if not self._has_begun and not self._begin(data):
            return
        if self._socket is not None:
            self._socket.received(data)
            return
        if self._answering is not None:
            self._ahead += len(data)
            if self._ahead > MAX_FRAMING:
                self._hang_up()
        if self._closing:
            return
        if self._early is not None:
            self._early.append(data)
            return
        self._read(data)

    @override
    def eof_received(self) -> None:
        """The client has left, though it may still read. The transport closes itself after this."""
        if self._answering is not None:
            self._hang_up()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        shared = self._shared
        shared.clients.discard(self)
        if not hasattr(self, "client"):
            return
        self.client.state = ConnectionState.CLOSED
        self.client.timestamp_end = time.time()
        self._log("client disconnect")
        if self._socket is not None:
            self._socket.client_left()
        under_way = []
        for read in (self._answering, self._current, *self._waiting):
            if read is not None and (turn := read.turn) is not None:
                turn.client_left()
                if turn.task is not None:
                    under_way.append(turn.task)
        if shared.listeners.hears("client_disconnected"):
            asyncio_utils.create_task(self._tell_disconnected(under_way), name="client disconnected", keep_ref=True)

    async def _tell_disconnected(self, under_way: list[asyncio.Task[None]]) -> None:
        if under_way:
            await asyncio.wait(under_way)
        await self._shared.listeners.tell(server_hooks.ClientDisconnectedHook(self.client))

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
            self._next()

    # --- requests

    @override
    def _head_came(self, read: ReadRequest, request: http.Request, *, can_switch: bool) -> None:
        """Make the flow and its exchange, before any hook."""
        address = self._shared.address
        request.data.host, request.data.port = address.host, address.port
        read.flow = flow = messages.flow(self.client, self._upstream)
        exchange = self._shared.open(flow, request)
        exchange.can_switch = can_switch
        flow.request = request
        read.turn = Turn(self._shared, self, exchange)

    @override
    def _request_came(self, read: ReadRequest) -> None:
        if self._answering is None:
            self._answer(read)
        else:
            self._waiting.append(read)
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
        self._ahead = 0
        self.last_heard = time.monotonic()
        if answered.switches:
            self._become_socket(answered)
        elif self._early is not None or not answered.keeps_alive:
            self._closing = True
            self.transport.close()
        elif self._waiting:
            self._answering = self._waiting.popleft()  # now, lest one that comes meanwhile is answered before it
            # not from within: the turn that is over has its last steps to take
            asyncio.get_running_loop().call_soon(self._next)
        elif self._closing:
            self._end()
        elif self.between is not None:
            asyncio.get_running_loop().call_soon(self.between, self)

    @property
    def is_between(self) -> bool:
        """Whether all that was read has been answered, and all that was said has been taken."""
        is_reading = self._current is not None or self._early is not None or self._unheard
        is_answering = self._answering is not None or self._waiting or self._socket is not None
        transport = self.transport
        is_over = self._closing or transport.is_closing()
        return not (is_reading or is_answering or is_over or transport.get_write_buffer_size())

    @override
    def drop(self) -> None:
        self._hang_up()

    def drop_silent(self, oldest: float) -> None:
        """Hang up if nothing was said, and nothing is being answered, since `oldest` (by the monotonic clock)."""
        read = self._answering
        is_served = read is not None and read.turn is not None and read.turn.task is not None
        if not is_served and self.last_heard < oldest and (self._socket is None or self._socket.is_idle):
            self._hang_up()

    def _next(self) -> None:
        """Begin with the request whose turn it is, once the client has taken what it was sent before."""
        read = self._answering
        if read is None or self._paused or self.transport.is_closing():
            return
        assert read.flow is not None
        assert read.turn is not None
        if read.turn.task is None:
            read.flow.request.data.content = read.take_body()
            read.turn.start()

    # --- inside

    @override
    def _after_upgrade(self, rest: bytes) -> None:
        """A request that wanted another protocol has been read. `rest` is what came after it."""
        if self._socket is not None:
            self._socket.received(rest)
        elif self._closing:
            return
        elif self._current is not None:  # nothing else is spoken to one with a body, and that is still to come
            self._parser = httptools.HttpRequestParser(self)
            self._read(messages.framing_head(self._current.fields) + rest)
        elif self._answering is not None and self._answering.wants_socket:
            self._early = [rest]
        elif rest:
            self._read(rest)

    def _become_socket(self, answered: ReadRequest) -> None:
        opened = Opened(answered.path, answered.fields)
        self._socket = WebSocket(self._shared, self.transport, self.client, self._upstream, opened)
        early, self._early = self._early or [], None
        for data in filter(None, early):
            self._socket.received(data)

    def _answer(self, read: ReadRequest) -> None:
        self._answering = read
        self._next()

    @override
    def _refuse(self, problem: Fault) -> None:
        """What comes can't be read: say so when what came before is answered, and end the connection."""
        if self._closing:
            return
        self._closing = True
        self._last_words = raw_error(problem, self._spoken())
        if self._answering is None and not self._waiting:
            self._end()

    def _end(self) -> None:
        self.transport.write(self._last_words)
        self.transport.close()

    @override
    def _hang_up(self) -> None:
        self._closing = True
        self.transport.abort()

    def _log(self, message: str) -> None:
        if logger.isEnabledFor(logging.INFO):
            logger.info(message, extra={"client": self.client.peername})


MAX_WAITING = 64
"""Whole requests that may wait for the answer of the one before."""
