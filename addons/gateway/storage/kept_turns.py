"""Thought signatures in the store, so that after a restart they are known for clients that drop them.

* Of a turn only its signatures are kept, with the names and ids of calls (`remembered.bare`): nothing that was said.
* Bounded by age, by count and by size; the oldest go first.
* What is written by this process is in its memory. So nothing is looked for here but what was there at the start, whose
  keys are known: no request waits for the disk in vain.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import MAX_AGE
from mapping import jsonio
from mapping.request.conversation.remembered import bare
from mapping.values import RawTurn

logger = logging.getLogger("antigravity")

MOST = 10_000
"""Keys."""
MOST_BYTES = 32 * 1024
"""Of a turn. A longer one is not kept."""
_TIDY_EVERY = 500
"""Turns that are kept."""


class KeptTurns:
    """See the module, and `storage.memory.FarTurns`. `there`: the keys that it had at the start; `clock` tells Unix
    seconds."""

    def __init__(self, database: Database, there: Collection[bytes], *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._there = set(there)
        self._clock = clock
        self._kept = 0

    @classmethod
    def open(cls, database: Database, *, clock: Callable[[], float] = time.time) -> KeptTurns:
        """With what is there from before. Waits; for the start only. Raises sqlite3.Error, OSError."""
        return cls(database, database.wait(_tidied, clock() - MAX_AGE), clock=clock)

    @property
    def knows_more(self) -> bool:
        """Whether not all that was there at the start has been looked for."""
        return bool(self._there)

    def keep(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        """These are remembered; they are written some time soon."""
        made: dict[int, bytes | None] = {}
        rows = []
        for key, turn in turns.items():
            if id(turn) not in made:
                made[id(turn)] = _packed(turn)
            if (packed := made[id(turn)]) is not None:
                rows.append((_name(tenant, key), self._clock(), packed))
        if rows:
            self._database.soon(_keep, rows)
            self._kept += len(rows)
        if self._kept >= _TIDY_EVERY:
            self._kept = 0
            self._database.soon(_tidied, self._clock() - MAX_AGE)

    def unknown(self, tenant: str, keys: Sequence[str]) -> list[str]:
        """Which of the keys were there at the start, and have not been looked for since."""
        return [key for key in keys if _name(tenant, key) in self._there] if self._there else []

    async def fetch(self, tenant: str, keys: Sequence[str]) -> dict[str, RawTurn]:
        """What is kept of these; nothing where that can't be read."""
        names = {key: _name(tenant, key) for key in keys}
        wanted = [name for name in names.values() if name in self._there]
        if not wanted:
            return {}
        self._there.difference_update(wanted)
        try:
            packed = await self._database.ask(_packed_of, wanted, self._clock() - MAX_AGE)
        except (sqlite3.Error, OSError) as e:
            logger.warning(f"Thought signatures that were kept can't be read: {e}")
            return {}
        return {key: turn for key, name in names.items() if (turn := _unpacked(packed.get(name))) is not None}


def _name(tenant: str, key: str) -> bytes:
    return hashlib.blake2b(f"{tenant}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _packed(turn: RawTurn) -> bytes | None:
    kept = bare(turn)
    if kept is None:
        return None
    packed = jsonio.dumps([kept.model, kept.parts, kept.call_ids])
    return packed if len(packed) <= MOST_BYTES else None


def _unpacked(packed: bytes | None) -> RawTurn | None:
    """None for what this gateway can't have written, too."""
    if packed is None:
        return None
    try:
        model, parts, call_ids = jsonio.loads(packed)
    except (ValueError, TypeError):
        return None
    return RawTurn(model, parts, call_ids)


# --- on the thread of the database


def _keep(connection: sqlite3.Connection, rows: Sequence[tuple[bytes, float, bytes]]) -> None:
    connection.executemany("insert or replace into turns values (?, ?, ?)", rows)


def _packed_of(connection: sqlite3.Connection, names: Sequence[bytes], oldest: float) -> dict[bytes, bytes]:
    found = {}
    for name in names:
        row = connection.execute("select turn from turns where key = ? and at >= ?", (name, oldest)).fetchone()
        if row:
            found[name] = row[0]
    return found


def _tidied(connection: sqlite3.Connection, oldest: float) -> list[bytes]:
    """Drop what is too old or too much; gives the keys that are left."""
    connection.execute("delete from turns where at < ?", (oldest,))
    beyond = "select at from turns order by at desc limit 1 offset ?"
    connection.execute(f"delete from turns where at <= ({beyond})", (MOST,))  # noqa: S608
    return [row[0] for row in connection.execute("select key from turns")]
