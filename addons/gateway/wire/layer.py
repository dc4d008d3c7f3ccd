"""The HTTP layer of one client connection, whose requests are `stream.GatewayStream`s.

* Only HTTP/1 is spoken, on both sides, with the limits of `http1`.
* An upstream connection that was given up, or is closed, is neither heard nor used again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, override
from weakref import WeakSet

from mitmproxy.connection import Connection, ConnectionState, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import GetHttpConnection, HttpClient, HttpLayer, HTTPMode, RegisterHttpConnection
from mitmproxy.proxy.layers.http._http1 import Http1Client

from addons.gateway.exchange.exchange import Exchanges
from addons.gateway.wire.arriving import ArrivingStream, Nudge
from addons.gateway.wire.http1 import GatewayHttp1Client, GatewayHttp1Server
from addons.gateway.wire.stream import GatewayStream

HTTP1 = b"http/1.1"
"""The only protocol that is agreed upon with TLS, on both sides. In mitmproxy's HTTP/2 a stream can't be used for
another attempt, and a GOAWAY ends the answers that are under way, too."""


class GatewayLayer(HttpLayer):
    """The HTTP layer of one client connection. `nudger` sends a `Nudge` to a stream, from outside of its events."""

    def __init__(self, context: Context, exchanges: Exchanges, nudger: Callable[[ArrivingStream], None]) -> None:
        super().__init__(context, HTTPMode.transparent)
        self.exchanges = exchanges
        self._nudger = nudger
        self._abandoned: WeakSet[Connection] = WeakSet()

    def _handle_event(self, event: events.Event) -> CommandGenerator[None]:
        if isinstance(event, Nudge):
            if event.stream.stream_id in self.streams:
                if event.stream.exchange.overdue:
                    yield from self.stop_connecting(event.stream)
                yield from self.event_to_child(event.stream, event)
        elif isinstance(event, events.ConnectionEvent) and event.connection in self._abandoned:
            return
        else:
            if isinstance(event, events.Start):
                self.connections.setdefault(self.context.client, GatewayHttp1Server(self.context.fork()))
            yield from super()._handle_event(event)
            if isinstance(event, events.ConnectionClosed):
                self.forget_closed(event.connection)

    @override
    def make_stream(self, stream_id: int) -> CommandGenerator[None]:
        """One request: a stream of the gateway's in place of mitmproxy's."""
        context = self.context.fork()
        self.streams[stream_id] = stream = GatewayStream(context, stream_id, self)
        yield from self.event_to_child(stream, events.Start())

    def nudge_for(self, stream: ArrivingStream) -> Callable[[], None]:
        """What an exchange calls when it has something for its client, or its time is up."""
        return lambda: self._nudger(stream)

    @override
    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> CommandGenerator[None]:
        """Upstream connections speak HTTP/1 only: that is what is read with limits."""
        for command in super().get_connection(event, reuse=reuse):
            if isinstance(command, commands.OpenConnection):
                command.connection.alpn_offers = [HTTP1]
            yield command

    def register_connection(self, command: RegisterHttpConnection) -> CommandGenerator[None]:
        """A connection to an upstream is open, or failed to open: its HTTP/1 is read with limits."""
        layer: Any = self.connections[command.connection]
        while not isinstance(layer, HttpClient):  # below TLS, and below another proxy
            layer = layer.child_layer
        if command.err is None and type(layer.child_layer) is Http1Client:
            layer.child_layer = GatewayHttp1Client(layer.context)
            layer._handle_event = layer.child_layer.handle_event
            yield from layer.child_layer.handle_event(events.Start())
        yield from super().register_connection(command)

    def stop_connecting(self, stream: ArrivingStream) -> CommandGenerator[None]:
        """End the attempt to reach an upstream that a stream alone is waiting for."""
        for connection, waiting in list(self.waiting_for_establishment.items()):
            if all(self.command_sources.get(command) is stream for command in waiting):
                yield commands.CloseConnection(connection)

    def forget_closed(self, connection: Connection) -> None:
        """Drop an upstream connection that is closed; mitmproxy would keep it as long as the client's."""
        closed = connection.state is ConnectionState.CLOSED
        if closed and isinstance(connection, Server) and connection not in self.waiting_for_establishment:
            self.connections.pop(connection, None)

    def forget_failed(self) -> None:
        """Drop connections that could not be opened; mitmproxy would answer their old error for ever."""
        for connection in [c for c in self.connections if isinstance(c, Server) and c.error]:
            del self.connections[connection]
            self._abandoned.add(connection)

    def abandon(self, connection: Connection) -> CommandGenerator[None]:
        """Hang up on an upstream in mid answer, and hear nothing more of it."""
        if connection not in self.connections:
            return
        del self.connections[connection]
        self._abandoned.add(connection)
        yield commands.CloseConnection(connection)
