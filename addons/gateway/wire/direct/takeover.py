"""Serving the connections of mitmproxy's reverse-mode servers here; what is not plain HTTP/1.1 goes to its own layers.

The sockets that mitmproxy listens on stay as they are; only what is made of a new connection changes. A server that is
started later (another mode, another port) is taken over when mitmproxy tells that its servers have changed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Protocol

from mitmproxy import ctx, http
from mitmproxy.proxy import mode_servers, mode_specs

from addons.gateway.accounts.address import Address
from addons.gateway.exchange.exchange import Exchange, Exchanges
from addons.gateway.wire import compat
from addons.gateway.wire.direct.client import ClientConnection
from addons.gateway.wire.direct.listeners import Listeners
from addons.gateway.wire.direct.peers import Surroundings
from addons.gateway.wire.direct.upstream.dial import dial
from addons.gateway.wire.direct.upstream.pool import ConnectionPool
from addons.gateway.workers import open_files
from addons.gateway.workers.handed import HandedServer

logger = logging.getLogger("antigravity")

TLS_OPTIONS = {
    "ciphers_server", "client_certs", "ssl_insecure", "ssl_verify_upstream_trusted_ca",
    "ssl_verify_upstream_trusted_confdir", "tls_ecdh_curve_server", "tls_version_server_max", "tls_version_server_min",
}  # fmt: skip
"""mitmproxy's options that say how a connection to an upstream is made (`dial`)."""

LOOK_EVERY = 30.0
"""Seconds between two looks for clients that say nothing."""


class Service:
    """What the connections of one server share."""

    def __init__(self, wire: DirectWire, instance: Any) -> None:
        self._instance = instance
        self.mode: mode_specs.ProxyMode = instance.mode
        self.clients = wire.clients
        self.serve_for(wire)
        host, port = instance.mode.address
        self.address = Address(instance.mode.scheme, host, port)

    def serve_for(self, wire: DirectWire) -> None:
        """Be of this wire from now on: mitmproxy has loaded the script anew."""
        self._wire = wire
        self.listeners = wire.listeners
        self.pool = wire.pool
        wire.clients |= self.clients
        self.clients = wire.clients

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived."""
        return self._wire.open(flow, request)

    def hand_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """Have mitmproxy serve a connection, of which `data` has been read."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, self._instance.handle_stream, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def connection(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        if self._wire.is_wanted():
            return ClientConnection(self)
        loop = asyncio.get_running_loop()
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), self._instance.handle_stream, loop=loop)


class WireOwner(Exchanges, Protocol):
    """Whose exchanges are carried: the gateway."""

    address: Address
    direct: Surroundings | None


class DirectWire:
    """Takes over the servers, while it is installed."""

    def __init__(self, owner: WireOwner, listeners: Listeners) -> None:
        self._owner = owner
        self.listeners = listeners
        self.pool = ConnectionPool(dial)
        self.clients: set[ClientConnection] = set()
        self._servers: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._taking = asyncio.Lock()
        self._complaints = open_files.Complaints()

    async def install(self) -> None:
        """Take over the servers that there are, and those to come, where mitmproxy is as this expects."""
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        if proxyserver is None or not compat.offers(compat.DIRECT):
            return
        open_files.allow_many()
        self._complaints.install()
        self._servers = proxyserver.servers
        self._servers.changed.connect(self._take_over)
        await self._take_over()
        self._carry_inner()
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._close_silent)

    def uninstall(self) -> None:
        """Follow nothing any more, but go on serving until another wire takes over (`serve_for`).

        A script that can't be loaded anew must not leave its connections to mitmproxy: that would send the client's
        request, its key included, to the upstream.
        """
        if self._timer is not None:
            self._timer.cancel()
        self._complaints.uninstall()
        if self._servers is not None:
            self._servers.changed.disconnect(self._take_over)
            self._servers = None
        self.pool.close()

    def follow_options(self, updated: set[str]) -> None:
        """Options have changed."""
        self.listeners.forget()
        if updated & TLS_OPTIONS:
            self.pool.close()  # what is open was opened by the options of before
        if "antigravity_wire" in updated and self._servers is not None:
            self._carry_inner()

    def _carry_inner(self) -> None:
        self._owner.direct = self if ctx.options.antigravity_wire == "auto" else None

    @property
    def address(self) -> Address:
        """Where the gateway's own calls would go to if nobody changed it."""
        return self._owner.address

    def open(self, flow: http.HTTPFlow, request: http.Request) -> Exchange:
        """A request has arrived."""
        return self._owner.open(flow, request)

    def is_wanted(self) -> bool:
        """Whether a new connection is served here: not where an option or addons want the layers."""
        return ctx.options.antigravity_wire == "auto" and not self.listeners.touches_layers

    async def _take_over(self) -> None:
        async with self._taking:
            for instance in self._servers or ():
                if isinstance(instance, mode_servers.AsyncioServerInstance) and _is_reverse(instance.mode):
                    instance._servers = [await self._taken(server, instance) for server in instance._servers]

    async def _taken(self, server: Any, instance: Any) -> Any:
        """A server on the same socket, whose connections are served here."""
        if isinstance(server, _Servers):
            server.service.serve_for(self)
            return server
        if not hasattr(server, "sockets"):  # it is UDP
            return server
        if isinstance(server, HandedServer):
            if isinstance(server.service, Service):
                server.service.serve_for(self)
            else:
                server.serve(given := Service(self, instance), given.connection)
            return server
        service = Service(self, instance)
        made: list[asyncio.Server] = []
        for listening in server.sockets:
            made.append(await open_files.listen(listening, service.connection))
        server.close()
        return _Servers(made, service)

    def _close_silent(self) -> None:
        """As mitmproxy does: a client that has said and got nothing for `tcp_timeout` seconds is hung up on."""
        oldest = time.monotonic() - ctx.options.tcp_timeout
        for connection in list(self.clients):
            connection.drop_silent(oldest)
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY, self._close_silent)


class _Servers:
    """Several servers in the place of one."""

    def __init__(self, servers: list[asyncio.Server], service: Service) -> None:
        self._servers = servers
        self.service = service

    @property
    def sockets(self) -> list[Any]:
        return [socket for server in self._servers for socket in server.sockets]

    def close(self) -> None:
        for server in self._servers:
            server.close()


def _is_reverse(mode: mode_specs.ProxyMode) -> bool:
    return isinstance(mode, mode_specs.ReverseMode) and mode.scheme in ("http", "https")
