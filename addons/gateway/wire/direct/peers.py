"""Whom a turn talks to: who gets the answer, and what all turns share."""

from __future__ import annotations

from typing import Protocol

from mitmproxy import http

from addons.gateway.accounts.address import Address
from addons.gateway.wire.direct.listeners import Listeners
from addons.gateway.wire.direct.upstream.pool import ConnectionPool


class Peer(Protocol):
    """Who gets the answer."""

    def send_whole(self, response: http.Response, content: bytes) -> None:
        """The whole answer."""

    def send_head(self, response: http.Response, data: bytes) -> None:
        """The head of a stream, and its first bytes; there may be none."""

    def send(self, data: bytes) -> None:
        """More of a stream; never b""."""

    def done(self) -> None:
        """The answer is sent to its end."""

    def break_off(self) -> None:
        """What was sent is all that there is, and not the whole of it."""

    def drop(self) -> None:
        """Hang up."""


class Surroundings(Protocol):
    """What all turns share."""

    listeners: Listeners
    pool: ConnectionPool

    @property
    def address(self) -> Address:
        """Where a client's request would go to if nobody changed it: the target of the reverse mode."""
