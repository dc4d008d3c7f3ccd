"""Exchanges that no connection of a client began: calls that the gateway makes itself. See `wire.inner_call`."""

from __future__ import annotations

import asyncio
from typing import override

from mitmproxy import http

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.wire.direct.peers import Peer, Surroundings
from addons.gateway.wire.direct.turn import Turn


class Nobody(Peer):
    """In the client's place. What comes is in the exchange, and needs to be sent nowhere."""

    @override
    def send_whole(self, response: http.Response, content: bytes) -> None:
        pass

    @override
    def send_head(self, response: http.Response, data: bytes) -> None:
        pass

    @override
    def send(self, data: bytes) -> None:
        pass

    @override
    def done(self) -> None:
        pass

    @override
    def break_off(self) -> None:
        pass

    @override
    def drop(self) -> None:
        pass


async def carry(shared: Surroundings, exchange: Exchange, result: asyncio.Future[bytes]) -> bytes:
    """Have an exchange go its way, and wait for `result`. Raises what the future holds."""
    exchange.flow.live = True
    turn = Turn(shared, Nobody(), exchange)
    turn.start()
    try:
        return await result
    except asyncio.CancelledError:
        turn.client_left()
        raise
