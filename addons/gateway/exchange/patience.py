"""Waiting that can be ended from outside: by a deadline, or because nobody is there any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from mapping.faults import Fault


class Patience:
    """What one exchange waits for, one thing at a time."""

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
