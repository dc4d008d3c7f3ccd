"""A client's end and an upstream's end of the quick wire, without sockets, over a real gateway."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from mitmproxy import http
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons

from addons.gateway.accounts.address import Address
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.gateway import Gateway
from addons.gateway.settings.settings import checked
from addons.gateway.wire.direct.client import ClientConnection
from addons.gateway.wire.direct.listeners import Listeners
from addons.gateway.wire.direct.upstream.connection import UpstreamConnection
from addons.gateway.wire.direct.upstream.pool import ConnectionPool

ACCOUNT = {"email": "a", "api_key": "k", "base_url": "http://upstream.test"}


class Transport(asyncio.Transport):
    """Keeps what is written. What it tells its protocol it tells as asyncio does: not from within."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = b""
        self.closing = self.aborted = False
        self.reading = True
        self.socket, self.other_end = socket.socketpair()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 8045), "socket": self.socket}.get(name)

    def write(self, data: Any) -> None:
        if not self.closing:
            self.written += bytes(data)

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.socket.close()
            self.other_end.close()
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.aborted = self.aborted or not self.closing
        self.close()


type Reply = bytes | Callable[[FakeUpstream], None]


class FakeUpstream:
    """One connection to the upstream: answers request after request with the next of `replies`."""

    def __init__(self, replies: list[Reply], on_free: Callable[[UpstreamConnection], None]) -> None:
        self.replies = replies
        server = Server(address=("upstream.test", 80))
        server.state = ConnectionState.OPEN
        self.connection = UpstreamConnection(server, on_free)
        self.transport = Transport(self.connection)
        self.transport.write = self.takes  # type: ignore[method-assign]
        self.connection.connection_made(self.transport)
        self.requests: list[bytes] = []
        self._received = b""

    def takes(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if end and len(body) >= (int(length[1]) if length else 0):
            self.requests.append(self._received)
            self._received = b""
            asyncio.get_running_loop().call_soon(self._reply)

    def _reply(self) -> None:
        if self.replies:
            reply = self.replies.pop(0)
            if isinstance(reply, bytes):
                self.says(reply)
            else:
                reply(self)

    def says(self, data: bytes) -> None:
        """Bytes come from the upstream, if they are read."""
        assert self.transport.reading
        self.connection.data_received(data)


class Wire:
    """What `client.Shared` asks for: one server of the gateway, its client connections and upstreams."""

    def __init__(self, master: Any, *, addons: Sequence[Any] = (), settings: dict[str, Any] | None = None) -> None:
        self.gateway = Gateway(environ={})
        self.gateway.use(self.gateway.prepare(checked({"accounts": [ACCOUNT], **(settings or {})})))
        master.addons.add(*addons)
        self.listeners = Listeners(master.addons, master.options, object(), lambda: False)
        self.pool = ConnectionPool(self._dial)
        self.mode = mode_specs.ProxyMode.parse("reverse:https://gateway.invalid@8045")
        self.address = Address("https", "gateway.invalid", 443)
        self.clients: set[ClientConnection] = set()
        self.replies: list[Reply] = []
        self.upstreams: list[FakeUpstream] = []
        self.handed_over: list[bytes] = []
        self.flows: list[http.HTTPFlow] = []

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        self.flows.append(flow)
        return self.gateway.open(flow, request)

    def hand_over(self, _: asyncio.Transport, data: bytes) -> None:
        self.handed_over.append(data)

    async def _dial(
        self, host: str, port: int, secure: bool, client: Client, on_free: Callable[[UpstreamConnection], None]
    ) -> UpstreamConnection:
        assert (host, port, secure) == ("upstream.test", 80, False)
        upstream = FakeUpstream(self.replies, on_free)
        self.upstreams.append(upstream)
        return upstream.connection

    def connect(self) -> tuple[ClientConnection, Transport]:
        """A client connects."""
        connection = ClientConnection(self)
        transport = Transport(connection)
        connection.connection_made(transport)
        return connection, transport


async def settle() -> None:
    """Until all that can happen without anything coming has happened."""
    for _ in range(60):
        await asyncio.sleep(0)


def run(test: Callable[[Wire], Awaitable[None]], **more: Any) -> None:
    """Run a test with a wire of its own. At its end no exchange is under way."""

    async def inside() -> None:
        with taddons.context(Proxyserver()) as context:
            wire = Wire(context.master, **more)
            try:
                await test(wire)
                await settle()
                for connection in list(wire.clients):
                    connection.transport.abort()
                await settle()
                assert not wire.clients
                assert not wire.gateway.exchanges
            finally:
                wire.pool.close()
                wire.gateway.close_store()
            await settle()

    asyncio.run(inside())


def answers(data: bytes) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    """What a client got: answers one after the other, each with status, fields (names in lower case) and body."""
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, head
        first, *lines = head.split(b"\r\n")
        fields = {line.partition(b": ")[0].lower(): line.partition(b": ")[2] for line in lines}
        status = int(first.split()[1])
        if b"content-length" in fields:
            size = int(fields[b"content-length"])
            body, data = data[:size], data[size:]
        elif fields.get(b"transfer-encoding") == b"chunked":
            body = b""
            while True:
                length, _, data = data.partition(b"\r\n")
                piece, data = data[: int(length, 16)], data[int(length, 16) + 2 :]
                if not piece:
                    break
                body += piece
        elif status < 200:
            body = b""
        else:
            body, data = data, b""
        found.append((status, fields, body))
    return found


def ends[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own."""
    return asyncio.run(coroutine)
