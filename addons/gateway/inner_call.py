"""Upstream calls that the gateway makes for itself, through mitmproxy like those of its clients.

So they are flows like any other: seen in mitmweb, saved, and with the same failover and the same care for credentials.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx, flow, http
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import commands, events, server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layers

from addons.gateway.layer import GatewayLayer

if TYPE_CHECKING:
    from addons.gateway.exchange import Exchange
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")


class _Asker(http_layers.HttpConnection):
    """In the client's place: has sent one request, and takes no notice of the answer."""

    def __init__(self, exchange: Exchange, context: Context) -> None:
        super().__init__(context, context.client)
        self._flow = exchange.flow

    def _handle_event(self, event: events.Event) -> Any:
        if isinstance(event, events.Start):
            request = self._flow.request
            yield http_layers.ReceiveHttp(
                http_layers.RequestHeaders(1, request, end_stream=True, replay_flow=self._flow)
            )
            yield http_layers.ReceiveHttp(http_layers.RequestEndOfMessage(1))


class InnerCall(server.ConnectionHandler):
    """One such call, with its upstream connections."""

    def __init__(self, exchange: Exchange, gateway: Gateway) -> None:
        client = exchange.flow.client_conn
        context = Context(client, ctx.options)
        context.server = Server(address=(gateway.address.host, gateway.address.port))
        super().__init__(context)
        self._exchange = exchange
        http_layer = GatewayLayer(context, gateway, lambda stream: None)
        http_layer.connections[client] = _Asker(exchange, context.fork())
        self.layer = http_layer

    async def run(self, result: asyncio.Future[bytes]) -> bytes:
        """Make the call and wait for its answer. Raises OpenAIError."""
        await self.server_event(events.Start())
        try:
            return await result
        except asyncio.CancelledError:
            # The end of the connection must not look like a failure that asks for another attempt.
            self._exchange.client_left()
            raise
        finally:
            handlers = [io.handler for io in self.transports.values() if io.handler]
            for handler in handlers:
                handler.cancel("inner call is over")
            for timer in self.wakeup_timer:
                timer.cancel()
            if handlers:
                await asyncio.wait(handlers)

    async def handle_hook(self, hook: commands.StartHook) -> None:
        (data,) = hook.args()
        await ctx.master.addons.handle_lifecycle(hook)
        if isinstance(data, flow.Flow):
            await data.wait_for_resume()

    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        logger.log(logging.DEBUG if level == logging.INFO else level, message, exc_info=exc_info)


def new_flow(gateway: Gateway) -> http.HTTPFlow:
    """A flow for an inner call; the exchange fills in where it goes."""
    client = Client(peername=("127.0.0.1", 0), sockname=("127.0.0.1", 0), timestamp_start=time.time())
    client.state = ConnectionState.OPEN
    made = http.HTTPFlow(client, Server(address=(gateway.address.host, gateway.address.port)))
    made.request = http.Request.make("POST", f"http://{gateway.address.host}/")
    return made
