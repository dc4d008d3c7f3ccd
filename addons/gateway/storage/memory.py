"""What is remembered of model turns, so that thought signatures survive clients that drop them.

Bounded by age, by count and by size; the oldest goes first. Bound to the tenant: one caller's ids mean nothing
to another. At a restart it is lost but for what a store has kept (`storage.kept_turns`); what remains without one is
described in `mapping.request.signatures`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from addons.gateway.storage.bounded import Bounded
from mapping.values import RawTurn, Recall, nothing_remembered

MAX_AGE = 48 * 3600.0
MAX_BYTES = 64 * 2**20
MAX_TURNS = 20_000


class FarTurns(Protocol):
    """What is remembered elsewhere: by other workers (`shared.uses.turns`), in a store (`storage.kept_turns`)."""

    @property
    def knows_more(self) -> bool:
        """Whether there may be turns there that are not remembered here."""

    def keep(self, tenant: str, turns: Mapping[str, RawTurn], /) -> None:
        """These are remembered here."""

    def unknown(self, tenant: str, keys: Sequence[str], /) -> list[str]:
        """Which of the keys, in the order of their turns, may be known there."""

    async def fetch(self, tenant: str, keys: Sequence[str], /) -> Mapping[str, RawTurn]:
        """What is remembered there of these."""


class TurnMemory:
    """Raw model turns by (tenant, key); a key is a tool call id or the digest of a text turn.

    A turn is good for `max_age` seconds. Beyond `max_turns`, or about `max_bytes`, those go that were used least
    recently.
    """

    def __init__(
        self,
        *,
        max_age: float = MAX_AGE,
        max_bytes: int = MAX_BYTES,
        max_turns: int = MAX_TURNS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.far: FarTurns | None = None
        """None: there are no other workers."""
        self.kept: FarTurns | None = None
        """None: there is no store that lasts."""
        self._turns: Bounded[tuple[str, str], RawTurn] = Bounded(
            max_turns, seconds=max_age, most_weight=max_bytes, clock=clock
        )

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        """Keep turns under their keys. A turn with several calls counts once."""
        self._put(tenant, turns)
        if turns:
            for place in self._elsewhere:
                place.keep(tenant, turns)

    @property
    def _elsewhere(self) -> list[FarTurns]:
        return [place for place in (self.far, self.kept) if place is not None]

    @property
    def is_all(self) -> bool:
        """Whether nothing more is remembered elsewhere."""
        return not any(place.knows_more for place in self._elsewhere)

    def unknown(self, tenant: str, keys: Sequence[str]) -> list[str]:
        """Which of these keys, of which nothing is known here, have to be looked for elsewhere."""
        found = [key for place in self._elsewhere for key in place.unknown(tenant, keys)] if keys else []
        return list(dict.fromkeys(found))

    async def fetch(self, tenant: str, keys: Sequence[str]) -> bool:
        """Take over what is remembered elsewhere under these keys: by workers first, who have whole turns. False:
        nothing."""
        found: dict[str, RawTurn] = {}
        for place in self._elsewhere:
            if missing := [key for key in keys if key not in found]:
                found.update(await place.fetch(tenant, missing))
        self._put(tenant, found)
        return bool(found)

    def _put(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        counted: set[int] = set()
        for key, turn in turns.items():
            size = 200 if id(turn) in counted else 200 + _size(turn.parts)
            counted.add(id(turn))
            self._turns.put((tenant, key), turn, size)

    def recall(self, tenant: str) -> Recall:
        """The look-up for one tenant. Nobody need make keys, each a digest of a text, where nothing is remembered."""
        if not self._turns and self.is_all:
            return nothing_remembered
        use = self._turns.use
        return lambda key: use((tenant, key))


def _size(value: Any) -> int:
    """Roughly the bytes that a JSON value takes. No recursion: an answer may be nested as deeply as JSON is read."""
    size, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            size += 50 + len(one)
        elif isinstance(one, dict):
            size += 60 + 50 * len(one)
            waiting += one.values()
        elif isinstance(one, list):
            size += 60
            waiting += one
        else:
            size += 30
    return size
