"""What is remembered for a while, bounded by count, age and weight. What was put in or used longest ago goes first.

One helper for all such memories. cachetools has no cache that is bounded by count and by weight, none whose entries get
old by not being used, and its TTLCache takes six times as long to look something up.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Bounded[K: Hashable, V]:
    """Values by key, at most `most` of them: those put in or used longest ago go first. Not for several threads.

    An entry is good for less than `seconds` after it was put in; with `idle`, after it was put in or used last.
    `most_weight` is in whatever unit `put` is told weights in. `clock` tells a time in seconds.
    """

    __slots__ = ("_clock", "_entries", "_idle", "_most", "_most_weight", "_seconds", "_weight")

    def __init__(
        self,
        most: int,
        *,
        seconds: float = math.inf,
        idle: bool = False,
        most_weight: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._idle = idle
        self._most_weight = most_weight
        self._clock = clock
        self._weight = 0
        self._entries: OrderedDict[K, tuple[V, float, int]] = OrderedDict()
        """Key -> value, the time from which on it does not count, weight."""

    def __len__(self) -> int:
        """How many entries are held; also those that are too old, until somebody comes upon them."""
        return len(self._entries)

    def put(self, key: K, value: V, weight: int = 0) -> None:
        """Remember a value, as the newest, and let go of what there is no room for: of itself, if it is too heavy."""
        entries = self._entries
        former = entries.pop(key, None)
        now = self._clock()
        entries[key] = value, now + self._seconds, weight
        self._weight += weight if former is None else weight - former[2]
        self._let_go(now)

    def get(self, key: K) -> V | None:
        """The value; it goes no later for that."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            self.drop(key)
            return None
        return entry[0]

    def use(self, key: K) -> V | None:
        """The value, which counts as the newest from now on."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        now = self._clock()
        if entry[1] <= now:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        if self._idle:
            self._entries[key] = entry[0], now + self._seconds, entry[2]
            self._let_go(now)
        return entry[0]

    def values(self) -> list[V]:
        """All that are held and not too old; they go no later for that."""
        now = self._clock()
        return [value for value, until, _ in self._entries.values() if until > now]

    def drop(self, key: K) -> None:
        """Forget it, if it is known."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[2]

    def drop_old(self) -> None:
        """Forget what is too old, as far as nothing newer was put in or used before it."""
        self._let_go(self._clock())

    def _let_go(self, now: float) -> None:
        entries = self._entries
        while entries:
            _, until, weight = next(iter(entries.values()))
            if until > now and len(entries) <= self._most and self._weight <= self._most_weight:
                return
            entries.popitem(last=False)
            self._weight -= weight
