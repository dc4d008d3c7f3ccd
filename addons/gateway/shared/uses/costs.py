"""What all workers have spent today: each tells how much it has spent itself, and all add that up.

A field is a worker's, and only that one changes it. A worker that has ended has its part in the sum until the day is
over; the one that comes in its place has a field of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from addons.gateway.accounts.quota_day import day_of
from addons.gateway.shared.board import Board
from addons.gateway.shared.hub import Hub
from mapping.values import JSON

TELL_AFTER = 0.1
"""Seconds between two words of one worker."""
KEPT_FOR = 2 * 86400.0
"""Seconds for which a worker's part is kept: longer than the day that it is of."""
MOST = 1000
"""How many workers' parts are kept."""


class SharedCosts:
    """See the module. `before`: what was spent today before the others began, and is in nobody's part."""

    def __init__(self, hub: Hub, before: float, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._board = hub.board(Board("costs", later, most=MOST, clock=clock))
        self._field = hub.me
        self._day = day_of(clock())
        self._mine = before
        self._timer: asyncio.TimerHandle | None = None
        if before:
            self._tell()

    def spent(self, usd: float, when: float) -> None:
        """This worker has spent that much, on the day of this moment (Unix seconds)."""
        day = day_of(when)
        if day < self._day:
            return
        if day > self._day:
            self._day, self._mine = day, 0.0
        self._mine += usd
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER, self._tell)

    def today(self) -> float:
        """What all have spent today, in US dollars."""
        day = day_of(self._clock())
        mine = self._mine if self._day == day else 0.0
        others = (part for field, part in self._board.values().items() if field != self._field)
        return mine + sum(float(part["usd"]) for part in others if part["day"] == day)

    def flush(self) -> None:
        """This worker ends: what it has spent is told now."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        until = self._clock() + KEPT_FOR
        self._board.set(self._field, {"day": self._day, "usd": self._mine, "until": until})


def later(mine: JSON, theirs: JSON) -> JSON:
    """Of two words of one worker the later one: a sum only grows while the day lasts."""
    return max(mine, theirs, key=lambda part: (part["day"], part["usd"], part["until"]))
