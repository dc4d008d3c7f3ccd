"""Shared state of the workers of one machine: an SQLite file in a folder of theirs, and datagrams between them.

The file is on its own thread (`storage.database`), and means nothing after the machine has gone down: nothing waits for
the disk. Of things there are at most `MOST_BYTES`; the oldest go first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from addons.gateway.shared.contract import FINAL, Away, Change, Claim, Drop, Heard, Put, Revise, Swap
from addons.gateway.shared.datagrams import Datagrams
from addons.gateway.storage.database import Database

FILE = "shared.db"
MOST_BYTES = 256 * 2**20
TIDY_EVERY = 60.0
"""Seconds."""

STEPS = (
    """
    create table if not exists things (
        key text primary key,
        value blob not null,
        until real not null,
        put real not null
    );
    create index if not exists things_until on things (until);
    create index if not exists things_put on things (put);
    create table if not exists fields (
        board text not null,
        field text not null,
        value blob not null,
        until real not null,
        primary key (board, field)
    ) without rowid;
    """,
)


class SqlitePlace:
    """See the module. `clock` tells Unix seconds."""

    gathers = 0.002
    reads_every = 10.0

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time, most_bytes: int = MOST_BYTES) -> None:
        self._database = Database(folder / FILE, STEPS, synchronous="off")
        self._datagrams = Datagrams(folder)
        self._clock = clock
        self._most_bytes = most_bytes
        self._tidied = float("-inf")

    async def open(self, heard: Heard) -> None:
        """See `SharedPlace`."""
        await self._ask(lambda connection: None)
        if not self._datagrams.open(heard):
            self.reads_every = 1.0

    async def close(self) -> None:
        """See `SharedPlace`."""
        self._datagrams.close()
        self._database.retire()

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `SharedPlace`."""
        return await self._ask(partial(self._get, keys))

    async def write(self, changes: Sequence[Change]) -> list[bytes | None]:
        """See `SharedPlace`."""
        return await self._ask(partial(self._write, changes))

    async def board(self, name: str) -> dict[str, bytes]:
        """See `SharedPlace`."""
        return await self._ask(partial(self._board, name))

    def say(self, message: bytes) -> None:
        """See `SharedPlace`."""
        self._datagrams.say(message)

    async def _ask[R](self, work: Callable[[sqlite3.Connection], R]) -> R:
        try:
            return await self._database.ask(work)
        except (OSError, sqlite3.Error) as e:
            raise Away(f"{self._database.path}: {e}") from None

    # --- on the thread

    def _get(self, keys: Sequence[str], connection: sqlite3.Connection) -> list[bytes | None]:
        now = self._clock()
        return [_thing(connection, key, now) for key in keys]

    def _board(self, name: str, connection: sqlite3.Connection) -> dict[str, bytes]:
        rows = connection.execute(
            "select field, value from fields where board = ? and until > ?", (name, self._clock())
        )
        return dict(rows.fetchall())

    def _write(self, changes: Sequence[Change], connection: sqlite3.Connection) -> list[bytes | None]:
        connection.execute("begin immediate")
        now = self._clock()
        left = [_DO[type(change)](connection, change, now) for change in changes]
        if now >= self._tidied + TIDY_EVERY or now < self._tidied:
            self._tidied = now
            self._tidy(connection, now)
        return left

    def _tidy(self, connection: sqlite3.Connection, now: float) -> None:
        connection.execute("delete from things where until <= ?", (now,))
        connection.execute("delete from fields where until <= ?", (now,))
        (size,) = connection.execute("select coalesce(sum(length(value)), 0) from things").fetchone()
        while size > self._most_bytes:
            oldest = connection.execute("select key, length(value) from things order by put limit 100").fetchall()
            connection.executemany("delete from things where key = ?", [(key,) for key, _ in oldest])
            size -= sum(length for _, length in oldest)


def _thing(connection: sqlite3.Connection, key: str, now: float) -> bytes | None:
    row = connection.execute("select value from things where key = ? and until > ?", (key, now)).fetchone()
    return bytes(row[0]) if row else None


def _put(connection: sqlite3.Connection, put: Put, now: float) -> bytes | None:
    if put.life <= 0:
        return _drop(connection, Drop(put.key), now)
    connection.execute("insert or replace into things values (?, ?, ?, ?)", (put.key, put.value, now + put.life, now))
    return put.value


def _revise(connection: sqlite3.Connection, put: Put, now: float) -> bytes | None:
    found = _thing(connection, put.key, now)
    return found if found is not None and found.startswith(FINAL) else _put(connection, put, now)


def _claim(connection: sqlite3.Connection, put: Put, now: float) -> bytes | None:
    found = _thing(connection, put.key, now)
    return found if found is not None else _put(connection, put, now)


def _drop(connection: sqlite3.Connection, drop: Drop, now: float) -> bytes | None:
    found = None if drop.holds is None else _thing(connection, drop.key, now)
    if found != drop.holds:
        return found
    connection.execute("delete from things where key = ?", (drop.key,))
    return None


def _swap(connection: sqlite3.Connection, swap: Swap, now: float) -> bytes | None:
    row = connection.execute(
        "select value from fields where board = ? and field = ? and until > ?", (swap.board, swap.field, now)
    ).fetchone()
    found = bytes(row[0]) if row else None
    if found != swap.before:
        return found
    if swap.after is None:
        connection.execute("delete from fields where board = ? and field = ?", (swap.board, swap.field))
    else:
        connection.execute(
            "insert or replace into fields values (?, ?, ?, ?)",
            (swap.board, swap.field, swap.after, now + swap.life),
        )
    return swap.after


_DO: dict[type, Callable[..., bytes | None]] = {
    Put: _put,
    Revise: _revise,
    Claim: _claim,
    Drop: _drop,
    Swap: _swap,
}
"""What makes each kind of change."""
