"""Closes the sockets of connections that mitmproxy has given up without closing them.

mitmproxy ends a connection by cancelling the task that reads from it. When data keeps coming, the task can be ended at
a place where it does not close its socket (`ConnectionHandler.handle_connection`, where it waits to hand on what it
has read). The other side then sends into nowhere, and the file descriptor is lost until memory is tidied up.
"""

from __future__ import annotations

from typing import Any

from mitmproxy import ctx
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.gateway.wire import compat


class Sockets:
    """An addon that is told of every connection that has ended."""

    name = "antigravity_sockets"

    def __init__(self) -> None:
        self._able = compat.offers(compat.SOCKETS)

    def client_disconnected(self, client: Client) -> None:
        """mitmproxy's hook: a client's connection has ended."""
        self._close(client, client)

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """mitmproxy's hook: a connection to an upstream has ended."""
        self._close(data.client, data.server)

    def _close(self, client: Client, connection: Connection) -> None:
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        handler = proxyserver.connections.get(client.id) if proxyserver else None
        if handler and self._able:
            close_socket(handler, connection)


def close_socket(handler: ConnectionHandler, connection: Connection) -> None:
    """Close the socket of a connection that has ended, if it is still open."""
    io = handler.transports.pop(connection, None)
    if io and io.writer:
        io.writer.close()
