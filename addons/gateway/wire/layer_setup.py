"""Putting the gateway's HTTP layer in the place of mitmproxy's, for connections of reverse mode."""

from __future__ import annotations

from typing import Any

from mitmproxy import ctx
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import layer, mode_specs, tunnel
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.tls import ClientTLSLayer
from mitmproxy.utils import asyncio_utils

from addons.gateway.exchange.exchange import Exchanges
from addons.gateway.wire.arriving import ArrivingStream, Nudge
from addons.gateway.wire.layer import HTTP1, GatewayLayer


def install(nextlayer: layer.NextLayer, exchanges: Exchanges) -> None:
    """The `next_layer` hook. mitmproxy's own choice comes later, and leaves alone what is set."""
    context = nextlayer.context
    spec = context.client.proxy_mode
    if (
        nextlayer.layer
        or not isinstance(spec, mode_specs.ReverseMode)
        or spec.scheme not in ("http", "https")
        or len(context.layers) != 1
        or not isinstance(context.layers[0], modes.ReverseProxy)
    ):
        return
    stack = tunnel.LayerStack()
    if starts_like_tls_record(nextlayer.data_client()):
        tls = ClientTLSLayer(context)
        context.client.alpn = HTTP1  # the only one that is chosen, of those that the client offers
        stack /= tls
    stack /= GatewayLayer(context, exchanges, nudge)
    nextlayer.layer = stack[0]


def nudge(stream: ArrivingStream) -> None:
    """Have a stream look whether its exchange has something for the client."""
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    handler = proxyserver.connections.get(stream.context.client.id) if proxyserver else None
    if handler:
        asyncio_utils.create_task(handler.server_event(Nudge(stream)), name="nudge", keep_ref=True)
