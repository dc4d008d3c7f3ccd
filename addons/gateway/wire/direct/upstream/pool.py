"""Upstream connections, shared by all clients.

* A connection serves one call at a time. One that is free is kept for the next call to the same place, by whomever.
* The one that was used last is used next: those that are not needed grow old, and are closed.
* Before it is used, a connection is looked at: one that the upstream has closed is not used. One that is closed just as
  a call goes up is seen by the exchange, which makes the call once more (`Machine.cut`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from mitmproxy.connection import Client

from addons.gateway.wire.direct.upstream.connection import UpstreamConnection

MAX_IDLE = 60.0
"""Seconds for which a free connection is kept. Google's front ends close theirs after four minutes; what stands in
between may do so sooner."""
MAX_FREE = 256
"""Free connections to one place that are kept."""

type Place = tuple[str, int, bool, int]
"""Host, port, whether TLS is spoken, and how often all was closed before."""
type Dial = Callable[[str, int, bool, Client, Callable[[UpstreamConnection], None]], Awaitable[UpstreamConnection]]


class ConnectionPool:
    """See the module."""

    def __init__(self, dial: Dial) -> None:
        """`dial` opens a connection; it raises OSError."""
        self._dial = dial
        self._free: dict[Place, deque[UpstreamConnection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = 0
        """How often all was closed."""

    def idle(self, host: str, port: int, secure: bool) -> UpstreamConnection | None:
        """A free connection; None: one has to be dialled."""
        free = self._free.get((host, port, secure, self._closed))
        while free:
            connection = free.pop()
            if connection.is_open():
                return connection
        return None

    async def dial(self, host: str, port: int, secure: bool, client: Client) -> UpstreamConnection:
        """A new connection, for a call of `client`. Raises OSError, with words for a person."""
        place = (host, port, secure, self._closed)
        connection = await self._dial(host, port, secure, client, self.free)
        connection.place = place
        return connection

    def free(self, connection: UpstreamConnection) -> None:
        """A call is over, and another one may be made; or the connection is closed."""
        place = connection.place
        if not connection.usable or place is None:
            return
        if place[3] != self._closed:
            connection.abandon()
            return
        free = self._free.get(place)
        if free is None:
            free = self._free[place] = deque(maxlen=MAX_FREE)
        if len(free) == MAX_FREE:
            free[0].abandon()
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        free.append(connection)
        if self._timer is None:
            self._timer = loop.call_later(MAX_IDLE, self._tidy)

    def close(self) -> None:
        """Hang up on all that are free, and later on those that are used now: others are to be opened."""
        self._closed += 1
        for free in self._free.values():
            for connection in free:
                connection.abandon()
        self._free.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _tidy(self) -> None:
        """Close what has been free for too long, and come again while there is something."""
        loop = asyncio.get_running_loop()
        oldest = loop.time() - MAX_IDLE
        for place, free in list(self._free.items()):
            while free and (free[0].idle_since <= oldest or not free[0].usable):
                free.popleft().abandon()
            if not free:
                del self._free[place]
        self._timer = loop.call_later(MAX_IDLE, self._tidy) if self._free else None
