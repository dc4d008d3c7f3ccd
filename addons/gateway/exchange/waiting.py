"""How an exchange waits: for one thing at a time, until it comes or the wait is ended; and not in silence for long.

And for others, where only a few may do a thing at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from mapping.faults import Fault


class Patience:
    """What one exchange waits for. A deadline may end it, or that nobody is there any more."""

    __slots__ = ("_end", "_waiting")

    def __init__(self) -> None:
        self._waiting: asyncio.Future[Any] | None = None
        self._end: Fault | None = None

    async def wait[T](self, what: Awaitable[T]) -> T:
        """What comes of `what`. Once `end` was called it is cancelled, and the error of `end` raised in its place."""
        waiting = asyncio.ensure_future(what)
        self._waiting = waiting
        try:
            if self._end:
                waiting.cancel()
            return await waiting
        except asyncio.CancelledError:
            if self._end:
                raise self._end from None
            raise
        finally:
            self._waiting = None

    def end(self, problem: Fault) -> bool:
        """No waiting any more. Returns whether somebody waited, and gets the error."""
        self._end = problem
        if self._waiting is None:
            return False
        self._waiting.cancel()
        return True


class Silence:
    """Signs of life for a streaming client: calls `broken` whenever nothing was heard for `seconds`.

    Clients and proxies in between give up on a connection on which nothing comes. One timer a stream, not one a chunk:
    a chunk only sets a time.
    """

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
        """The stream is over: nothing is watched any more."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._heard + self._seconds - self._loop.time()
        if left <= 0:
            self._broken()
            self._heard = self._loop.time()
            left = self._seconds
        self._timer = self._loop.call_later(left, self._look)


class Slots:
    """Of many who want to do a thing, a few do it at a time, and no two of them the same."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = asyncio.Event()

    async def take(self, what: str, most: Callable[[], int]) -> Callable[[], None]:
        """Wait until nobody does the same, and fewer than `most` do anything. What it returns ends that."""
        while what in self._held or len(self._held) >= most():
            await self._changed.wait()
        self._held.add(what)
        return partial(self._end, what)

    def _end(self, what: str) -> None:
        self._held.discard(what)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
