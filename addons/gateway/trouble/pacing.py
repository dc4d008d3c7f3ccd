"""A stream that is slow on demand: events wait for their turn, and go out when a timer says so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from addons.gateway.trouble.grammar import FaultTurn


class Pacer:
    """Lets events through one by one. The first goes at once: with it goes the head of the stream."""

    def __init__(self, turn: FaultTurn, show: Callable[[], None]) -> None:
        """`show`: there is something to be taken from `ready`."""
        self._faults = {fault.kind: fault.numbers for fault in turn}
        self._show = show
        self._passed = 0
        """How many events have had their turn."""
        self._waiting: deque[bytes] = deque()
        self._ready: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    def gap(self) -> float:
        """Seconds before the next event."""
        seconds = self._faults["slow"]["seconds"] if "slow" in self._faults and self._passed else 0.0
        stall = self._faults.get("stall")
        return seconds + (stall["seconds"] if stall and self._passed == stall["after"] else 0.0)

    def whole(self) -> float:
        """Seconds before a whole answer."""
        return sum(self._faults[kind]["seconds"] for kind in ("slow", "stall") if kind in self._faults)

    @property
    def holds_the_first(self) -> bool:
        """The stream has begun, and nothing of it has gone out."""
        return not self._passed and bool(self._waiting)

    def offer(self, events: list[bytes]) -> bytes:
        """Events that are there; what of them goes out now."""
        self._waiting += events
        return b"" if self._timer else self._go()

    def ready(self) -> bytes:
        """What the timer has let through, which is taken by this."""
        taken = b"".join(self._ready)
        self._ready.clear()
        return taken

    async def empty(self) -> None:
        """Until everything has gone out, and it is the turn of what ends the stream."""
        await self._empty.wait()
        await asyncio.sleep(self.gap())

    def stop(self) -> None:
        """Nobody waits any more."""
        if self._timer:
            self._timer.cancel()
        self._waiting.clear()
        self._empty.set()

    def _go(self) -> bytes:
        out = []
        while self._waiting and not self._timer:
            if seconds := self.gap():
                self._timer = asyncio.get_running_loop().call_later(seconds, self._due)
                break
            out.append(self._next())
        if self._waiting:
            self._empty.clear()
        else:
            self._empty.set()
        return b"".join(out)

    def _next(self) -> bytes:
        self._passed += 1
        return self._waiting.popleft()

    def _due(self) -> None:
        self._timer = None
        self._ready.append(self._next())
        if out := self._go():
            self._ready.append(out)
        self._show()
