"""A stream that is slow on demand: events wait for their turn, and go out when a timer says so."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from addons.gateway.fault_injection.grammar import FaultTurn

type PacedEvent = tuple[bytes, bytes]
"""An event for the client, and the upstream's bytes that it came of."""


class Pacer:
    """Lets events through one by one. The first goes at once: with it goes the head of the stream."""

    def __init__(self, turn: FaultTurn, show: Callable[[list[PacedEvent]], None]) -> None:
        """`show`: these events are to be taken from `ready`."""
        self._faults = {fault.kind: fault.numbers for fault in turn}
        self._show = show
        self._passed = 0
        """How many events have had their turn."""
        self._waiting: deque[PacedEvent] = deque()
        self._ready: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._ends = False
        """The end of the stream waits, or a whole answer."""
        self._empty = asyncio.Event()
        self._empty.set()

    def gap(self) -> float:
        """Seconds before the next event."""
        seconds = self._faults["slow"]["seconds"] if "slow" in self._faults and self._passed else 0.0
        return seconds + (self._faults["stall"]["seconds"] if self._stalls else 0.0)

    @property
    def words(self) -> str:
        """What waits for its turn, and why, for people; empty: nothing does."""
        if self._timer is None and not self._ends:
            return ""
        why = "stall" if self._stalls or "slow" not in self._faults else "slow"
        count = len(self._waiting)
        waits = f", {count} event{'s wait' if count > 1 else ' waits'}" if count else ""
        return f"{why} on demand{waits}"

    @property
    def holds_the_first(self) -> bool:
        """The stream has begun, and nothing of it has gone out."""
        return not self._passed and bool(self._waiting)

    def offer(self, events: list[bytes], data: bytes) -> bytes:
        """Events that are there, which came of `data`; what of them goes out now."""
        self._waiting += [(event, data) for event in events]
        return b"" if self._timer else b"".join(event for event, _ in self._go())

    def ready(self) -> bytes:
        """What the timer has let through, which is taken by this."""
        taken = b"".join(self._ready)
        self._ready.clear()
        return taken

    async def empty(self) -> None:
        """Until everything has gone out, and it is the turn of what ends the stream."""
        with self._ending():
            await self._empty.wait()
            await asyncio.sleep(self.gap())

    async def whole(self) -> None:
        """Until it is the turn of a whole answer."""
        seconds = sum(self._faults[kind]["seconds"] for kind in ("slow", "stall") if kind in self._faults)
        with self._ending():
            await asyncio.sleep(seconds)

    def stop(self) -> None:
        """Nobody waits any more."""
        if self._timer:
            self._timer.cancel()
        self._waiting.clear()
        self._empty.set()

    @property
    def _stalls(self) -> bool:
        """The next event is the one before which the stream stands still."""
        stall = self._faults.get("stall")
        return stall is not None and self._passed == stall["after"]

    @contextmanager
    def _ending(self) -> Iterator[None]:
        self._ends = True
        try:
            yield
        finally:
            self._ends = False

    def _go(self) -> list[PacedEvent]:
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
        return out

    def _next(self) -> PacedEvent:
        self._passed += 1
        return self._waiting.popleft()

    def _due(self) -> None:
        self._timer = None
        due = [self._next(), *self._go()]
        self._ready += [event for event, _ in due]
        self._show(due)
