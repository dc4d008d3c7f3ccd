"""What is remembered of model turns, so that thought signatures survive clients that drop them.

Bounded by age, by count and by size; the oldest goes first. Bound to the tenant: one caller's ids mean nothing
to another. Lost at a restart; what then remains is described in `mapping.request.signatures`.
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
    """What other workers remember: `shared.uses.turns`."""

    def keep(self, tenant: str, turns: Mapping[str, RawTurn], /) -> None:
        """This worker remembers these."""

    def unknown(self, tenant: str, keys: Sequence[str], /) -> list[str]:
        """Which of the keys, in the order of their turns, others may know."""

    async def fetch(self, tenant: str, keys: Sequence[str], /) -> Mapping[str, RawTurn]:
        """What they remember of these."""


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
        self._turns: Bounded[tuple[str, str], RawTurn] = Bounded(
            max_turns, seconds=max_age, most_weight=max_bytes, clock=clock
        )

    def __len__(self) -> int:
        return len(self._turns)

    def remember(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        """Keep turns under their keys. A turn with several calls counts once."""
        self._put(tenant, turns)
        if turns and self.far is not None:
            self.far.keep(tenant, turns)

    def unknown(self, tenant: str, keys: Sequence[str]) -> list[str]:
        """Which of these keys, of which nothing is known here, have to be looked for among the other workers' turns."""
        return self.far.unknown(tenant, keys) if keys and self.far is not None else []

    async def fetch(self, tenant: str, keys: Sequence[str]) -> bool:
        """Take over what other workers remember under these keys. False: nothing."""
        found = await self.far.fetch(tenant, keys) if self.far is not None else {}
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
        if not self._turns and self.far is None:
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
