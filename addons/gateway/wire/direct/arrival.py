"""The answer to one request as it arrives: passed on at once where it is a stream, kept until it is whole elsewhere.

What can't be dealt with at once is noted, and the coroutine of the turn (`turn`) is woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import override

from mitmproxy import http
from mitmproxy.net.http.validate import validate_headers

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.http.fields import taken
from addons.gateway.wire.bodies import BodyReader
from addons.gateway.wire.direct.peers import Peer, Surroundings
from addons.gateway.wire.direct.upstream.connection import Answered, UpstreamConnection
from mapping.gemini.errors import upstream_errors
from mapping.gemini.errors.upstream_errors import UpstreamError

INFLATED_AT_ONCE = 64 * 2**10
"""Bytes that are decompressed in one step: they may become a thousand times as many."""

MAX_REASON = 200
"""Characters of what is said about a failed connection; it may repeat all that came."""


class Arrival(Answered):
    """See the module."""

    __slots__ = (
        "_body", "_broken", "_connection", "_done", "_ended", "_exchange", "_flow", "_head_sent", "_left",
        "_met_closed", "_peer", "_problem", "_reader", "_shared", "_stopped", "_streams", "_to_tell", "_waiter",
    )  # fmt: skip

    def __init__(self, shared: Surroundings, peer: Peer, exchange: Exchange) -> None:
        self._shared = shared
        self._peer = peer
        self._exchange = exchange
        self._flow = exchange.flow
        self._connection: UpstreamConnection | None = None
        self._reader: BodyReader
        self._waiter: asyncio.Future[None] | None = None
        self._head_sent = False
        self._left = False
        """The client hung up."""
        self._done = False
        self._met_closed = False
        """A connection that had been open came to its end as it was used: others may be as old, so one is dialled."""
        self._fresh()

    def _fresh(self) -> None:
        """Nothing has come of the attempt yet."""
        self._body: list[bytes] = []
        self._broken: str | None = None
        self._problem: UpstreamError | None = None
        self._ended = False
        self._streams = False
        self._stopped = False
        """The exchange wants no more of the stream."""
        self._to_tell = False
        """The head has come, and others are to hear of it before anything else."""

    # --- what the upstream connection tells

    @override
    def head(self, response: http.Response) -> None:
        self._flow.response = response
        self._met_closed = False
        if not self._is_acceptable(response):
            return
        if self._shared.listeners.hears("responseheaders"):
            assert self._connection is not None
            self._connection.hold()
            self._to_tell = True
            self._wake()
        else:
            self._exchange.on_response_headers()
            self._streams = self._exchange.streaming

    def _is_acceptable(self, response: http.Response) -> bool:
        """Whether the body can be read. If not, the answer has been refused."""
        try:
            if self._connection is not None and self._connection.has_odd_framing:
                validate_headers(response)
            self._reader = BodyReader(taken(response, b"content-encoding") or "")
        except ValueError as e:
            self._refuse(upstream_errors.broken_off(f"Received {e} from the upstream."[:MAX_REASON]))
            return False
        except UpstreamError as e:
            self._refuse(e)
            return False
        return True

    @override
    def body(self, data: bytes) -> None:
        if self._reader.inflates and len(data) > INFLATED_AT_ONCE:
            for at in range(0, len(data), INFLATED_AT_ONCE):
                if not (self._stopped or self._problem):
                    self._take(data[at : at + INFLATED_AT_ONCE])
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        """The next bytes of the body."""
        try:
            data = self._reader.read(data)
        except UpstreamError as e:
            self._refuse(e)
            return
        if not self._streams:
            self._body.append(data)
            return
        exchange = self._exchange
        out = exchange.feed(data)
        if out:
            if self._head_sent:
                self._peer.send(out)
            else:
                self._send_head(out)
        if not exchange.streaming:
            self._stopped = True
            self._abandon()
            self._wake()

    @override
    def ended(self) -> None:
        self._ended = True
        self._connection = None
        self._wake()

    @override
    def broke(self, message: str) -> None:
        self._broken = message[:MAX_REASON]
        self._connection = None
        self._wake()

    def _refuse(self, problem: UpstreamError) -> None:
        """What the upstream sends is of no use: hang up on it."""
        self._problem = problem
        self._abandon()
        self._wake()

    def _abandon(self) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    # --- sending

    def _send_head(self, data: bytes) -> None:
        """Commit to the answer: from here on there is no other attempt."""
        self._head_sent = True
        self._flow.response = response = self._exchange.stream_head()
        self._peer.send_head(response, data)

    def _send_pending(self) -> None:
        """Send what the exchange has for the client by itself: the early head, signs of life."""
        if self._done or self._left:
            return
        out = self._exchange.pending()
        if not out:
            return
        if self._head_sent:
            self._peer.send(out)
        else:
            self._send_head(out)

    # --- waiting

    def _wait(self) -> Awaitable[None]:
        """Until something has happened."""
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        return waiter

    def _wake(self, _: object = None) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
