"""What is remembered of model turns, so that thought signatures survive clients that drop them.

Bounded by age, by count and by size; the oldest goes first. Bound to the tenant: one caller's ids mean nothing
to another. Lost at a restart; what then remains is described in `mapping.request.signatures`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mapping.values import RawTurn, Recall

MAX_AGE = 48 * 3600.0
MAX_BYTES = 64 * 2**20
MAX_TURNS = 20_000


@dataclass(slots=True)
class _Entry:
    turn: RawTurn
    size: int
    until: float


class TurnMemory:
    """Raw model turns by (tenant, key); a key is a tool call id or the digest of a text turn."""

    def __init__(
        self,
        *,
        max_age: float = MAX_AGE,
        max_bytes: int = MAX_BYTES,
        max_turns: int = MAX_TURNS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._bytes = 0
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._max_turns = max_turns
        self._clock = clock

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        """Keep turns under their keys. A turn with several calls counts once."""
        until = self._clock() + self._max_age
        counted: set[int] = set()
        for key, turn in turns.items():
            size = 200 if id(turn) in counted else 200 + _size(turn.parts)
            counted.add(id(turn))
            self._forget((tenant, key))
            self._entries[tenant, key] = _Entry(turn, size, until)
            self._bytes += size
        while self._entries and (self._bytes > self._max_bytes or len(self._entries) > self._max_turns):
            self._forget(next(iter(self._entries)))

    def recall(self, tenant: str) -> Recall:
        """The look-up for one tenant."""

        def look_up(key: str) -> RawTurn | None:
            entry = self._entries.get((tenant, key))
            if entry is None:
                return None
            if entry.until < self._clock():
                self._forget((tenant, key))
                return None
            self._entries.move_to_end((tenant, key))
            return entry.turn

        return look_up

    def _forget(self, key: tuple[str, str]) -> None:
        if entry := self._entries.pop(key, None):
            self._bytes -= entry.size


def _size(value: Any) -> int:
    """Roughly the bytes that a JSON value takes."""
    if isinstance(value, str):
        return 50 + len(value)
    if isinstance(value, dict):
        return 60 + sum(50 + _size(v) for v in value.values())
    if isinstance(value, list):
        return 60 + sum(map(_size, value))
    return 30
