"""Signs of life for a streaming client while its upstream is silent.

Clients and proxies in between give up on a connection on which nothing comes. One timer a stream, not one a chunk:
a chunk only sets a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Silence:
    """Calls `broken` whenever nothing was heard for `seconds`."""

    __slots__ = ("_broken", "_heard", "_loop", "_seconds", "_timer")

    def __init__(self, seconds: float, broken: Callable[[], None]) -> None:
        self._seconds = seconds
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look)

    def heard(self) -> None:
        """Something has gone to the client."""
        self._heard = self._loop.time()

    def end(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._heard + self._seconds - self._loop.time()
        if left <= 0:
            self._broken()
            self._heard = self._loop.time()
            left = self._seconds
        self._timer = self._loop.call_later(left, self._look)
