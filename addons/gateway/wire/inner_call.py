"""Exchanges that no connection of a client began: the gateway stands in for the client, and takes the answer.

They go through mitmproxy like those of clients: flows like any other, seen in mitmweb, saved, with the same failover
and the same care for credentials. Upstream calls that the gateway makes for itself are such exchanges, and replays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, override

from mitmproxy import ctx, flow, http
from mitmproxy.connection import Client, ConnectionState, Server
from mitmproxy.proxy import commands, events, server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.utils import asyncio_utils

from addons.gateway.accounts.address import Address
from addons.gateway.exchange.exchange import Exchange, Exchanges
from addons.gateway.wire.arriving import ArrivingStream, Nudge
from addons.gateway.wire.layer import GatewayLayer

logger = logging.getLogger("antigravity")

_ENDS = (http_layers.ResponseEndOfMessage, http_layers.ResponseProtocolError)


class Asker(http_layers.HttpConnection):
    """In the client's place: sends one request, and collects the answer."""

    def __init__(self, asked: http.HTTPFlow, context: Context) -> None:
        super().__init__(context, context.client)
        self._flow = asked
        self._received: list[bytes] = []
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        """The body of the answer, as far as it came."""

    def _handle_event(self, event: events.Event) -> Any:
        if isinstance(event, events.Start):
            request = self._flow.request
            content = request.raw_content
            head = http_layers.RequestHeaders(1, request, end_stream=not content, replay_flow=self._flow)
            yield http_layers.ReceiveHttp(head)
            if content:
                yield http_layers.ReceiveHttp(http_layers.RequestData(1, content))
            yield http_layers.ReceiveHttp(http_layers.RequestEndOfMessage(1))
        elif isinstance(event, http_layers.ResponseData):
            self._received.append(event.data)
        elif isinstance(event, _ENDS) and not self.answer.done():
            self.answer.set_result(b"".join(self._received))


class InnerCall(server.ConnectionHandler):
    """One such exchange, with its upstream connections."""

    def __init__(self, exchange: Exchange, exchanges: Exchanges) -> None:
        """`exchanges`: where the exchange comes from."""
        client, address = stand_in(), exchange.services.address
        context = Context(client, ctx.options)
        context.server = Server(address=(address.host, address.port))
        super().__init__(context)
        self.exchange = exchange
        self.asker = Asker(exchange.flow, context.fork())
        http_layer = GatewayLayer(context, exchanges, self._nudge)
        http_layer.connections[client] = self.asker
        self.layer = http_layer

    async def run(self, result: asyncio.Future[bytes] | None = None) -> bytes:
        """Have it go its way, and wait for `result`: what the client would get, unless told otherwise.

        Raises what the future holds.
        """
        await self.server_event(events.Start())
        try:
            return await (self.asker.answer if result is None else result)
        except asyncio.CancelledError:
            # The end of the connection must not look like a failure that asks for another attempt.
            self.exchange.client_left()
            raise
        finally:
            await hang_up(self)

    @override
    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Ask the addons, as for a connection of a client's; one may hold the flow up."""
        (data,) = hook.args()
        await ctx.master.addons.handle_lifecycle(hook)
        if isinstance(data, flow.Flow):
            await data.wait_for_resume()

    @override
    def log(self, message: str, level: int = logging.INFO, exc_info: Any = None) -> None:
        """What mitmproxy says of connections is for debugging: no client of a person's is behind this one."""
        logger.log(logging.DEBUG if level == logging.INFO else level, message, exc_info=exc_info)

    def _nudge(self, stream: ArrivingStream) -> None:
        asyncio_utils.create_task(self.server_event(Nudge(stream)), name="nudge", keep_ref=True)


async def hang_up(handler: server.ConnectionHandler) -> None:
    """End the upstream connections of a handler that has no client."""
    handlers = [io.handler for io in handler.transports.values() if io.handler]
    for task in handlers:
        task.cancel("inner call is over")
    for timer in handler.wakeup_timer:
        timer.cancel()
    if handlers:
        await asyncio.wait(handlers)


def stand_in() -> Client:
    """A client connection that is none."""
    client = Client(peername=("127.0.0.1", 0), sockname=("127.0.0.1", 0), timestamp_start=time.time())
    client.state = ConnectionState.OPEN
    return client


def new_flow(address: Address) -> http.HTTPFlow:
    """A flow for an upstream call of the gateway's own; the exchange fills in where it goes, if not to `address`."""
    made = http.HTTPFlow(stand_in(), Server(address=(address.host, address.port)))
    made.request = http.Request.make("POST", f"http://{address.host}/")
    return made
