"""Responses that can be asked for again: SQLite, on a thread of its own, bounded by age and size.

* Nothing here runs on the event loop: a write or a slow disk never holds up a stream. One thread does everything in
  the order in which it was asked for, so what was put is found by whoever asks afterwards.
* A response belongs to the tenant (the caller's key) that made it; to others it does not exist.
* A fault of the disk loses what was to be stored, is logged, and fails no request.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mapping import jsonio
from mapping.gemini import JSON

logger = logging.getLogger("antigravity")

MAX_CHAIN = 1000
"""How many responses a conversation may have behind it."""

_PRAGMAS = "pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;"

_SCHEMA = """
create table if not exists responses (
    id text primary key,
    tenant text not null,
    created real not null,
    previous text,
    response blob not null,
    events blob,
    size integer not null
);
create index if not exists responses_created on responses (created);
create table if not exists items (
    response_id text not null references responses (id) on delete cascade,
    side text not null,
    position integer not null,
    id text not null,
    item blob not null,
    primary key (response_id, side, position)
) without rowid;
create index if not exists items_id on items (id);
create table if not exists meta (name text primary key, value blob not null);
"""


@dataclass(slots=True)
class Record:
    """A response to be kept."""

    id: str
    tenant: str
    response: JSON
    """The Response object as the client got it."""
    input_items: list[JSON]
    """The items of this request alone, each with an id."""
    output_items: list[JSON]
    """The output, with all that is needed to go on from it."""
    previous: str | None = None
    events: bytes | None = None
    """The stream as the client got it."""


class ResponseStore:
    """See the module. `path` None: in memory, gone when the process ends."""

    def __init__(
        self, path: Path | None, *, max_age: float, max_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="response store")
        self._connection: sqlite3.Connection | None = None

    # --- from the event loop

    def put(self, record: Record) -> None:
        """Store a response, some time soon."""
        self._thread.submit(self._put, record).add_done_callback(_report)

    def replace(self, tenant: str, id: str, response: JSON) -> None:
        """Store a newer state of a response (one that runs in the background), some time soon."""
        self._thread.submit(self._replace, tenant, id, response).add_done_callback(_report)

    async def get(self, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        """The Response object, and its events if it was a stream."""
        return await self._run(self._get, tenant, id)

    async def delete(self, tenant: str, id: str) -> bool:
        """False: there is no such response."""
        return await self._run(self._delete, tenant, id)

    async def history(self, tenant: str, id: str) -> list[JSON] | None:
        """All items of the conversation that ends with a response, in order; None when a part of it is not there."""
        return await self._run(self._history, tenant, id)

    async def input_items(self, tenant: str, id: str) -> list[JSON] | None:
        """The input items of the conversation up to and including a response's own, in order."""
        return await self._run(self._input_items, tenant, id)

    async def items(self, tenant: str, ids: Iterable[str]) -> dict[str, JSON]:
        """Single items by their ids."""
        return await self._run(self._items, tenant, list(ids))

    def secret(self, make: Callable[[], bytes]) -> bytes:
        """A secret that lives as long as the store. Waits; for the start only."""
        return self._thread.submit(self._secret, make).result()

    def close(self) -> None:
        """Write what is to be written, and close."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    async def _run[**P, R](self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))

    # --- on the thread

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(self._path or ":memory:")
            connection.executescript(
                "pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on;"
            )
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection

    def _put(self, record: Record) -> None:
        connection = self._open()
        response = jsonio.dumps(record.response)
        events = zlib.compress(record.events, 1) if record.events is not None else None
        items = [
            (record.id, side, position, str(item.get("id", "")), jsonio.dumps(item))
            for side, items in (("input", record.input_items), ("output", record.output_items))
            for position, item in enumerate(items)
        ]
        size = len(response) + len(events or b"") + sum(len(item[4]) for item in items)
        with connection:
            connection.execute(
                "insert or replace into responses values (?, ?, ?, ?, ?, ?, ?)",
                (record.id, record.tenant, self._clock(), record.previous, response, events, size),
            )
            connection.executemany("insert or replace into items values (?, ?, ?, ?, ?)", items)
            self._tidy(connection)

    def _replace(self, tenant: str, id: str, response: JSON) -> None:
        connection = self._open()
        with connection:
            connection.execute(
                "update responses set response = ? where id = ? and tenant = ?", (jsonio.dumps(response), id, tenant)
            )

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Drop what is too old, then the oldest until the rest is small enough."""
        connection.execute("delete from responses where created < ?", (self._clock() - self._max_age,))
        (size,) = connection.execute("select coalesce(sum(size), 0) from responses").fetchone()
        while size > self._max_bytes:
            id, freed = connection.execute("select id, size from responses order by created, rowid limit 1").fetchone()
            connection.execute("delete from responses where id = ?", (id,))
            size -= freed

    def _row(self, tenant: str, id: str) -> tuple[bytes, bytes | None, str | None] | None:
        row: tuple[bytes, bytes | None, str | None] | None = (
            self._open()
            .execute(
                "select response, events, previous from responses where id = ? and tenant = ? and created >= ?",
                (id, tenant, self._clock() - self._max_age),
            )
            .fetchone()
        )
        return row

    def _get(self, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        row = self._row(tenant, id)
        if row is None:
            return None
        return jsonio.loads(row[0]), zlib.decompress(row[1]) if row[1] is not None else None

    def _delete(self, tenant: str, id: str) -> bool:
        connection = self._open()
        with connection:
            return connection.execute("delete from responses where id = ? and tenant = ?", (id, tenant)).rowcount > 0

    def _chain(self, tenant: str, id: str) -> list[str] | None:
        """The ids of a conversation's responses, the oldest first."""
        chain: list[str] = []
        following: str | None = id
        while following is not None:
            row = self._row(tenant, following)
            if row is None or len(chain) == MAX_CHAIN:
                return None
            chain.append(following)
            following = row[2]
        return chain[::-1]

    def _side(self, id: str, sides: tuple[str, ...]) -> list[JSON]:
        """The items of a response. Input comes before output by the alphabet."""
        rows = self._open().execute("select side, item from items where response_id = ? order by side, position", (id,))
        return [jsonio.loads(item) for side, item in rows if side in sides]

    def _history(self, tenant: str, id: str) -> list[JSON] | None:
        chain = self._chain(tenant, id)
        if chain is None:
            return None
        return [item for one in chain for item in self._side(one, ("input", "output"))]

    def _input_items(self, tenant: str, id: str) -> list[JSON] | None:
        chain = self._chain(tenant, id)
        if chain is None:
            return None
        before = [item for one in chain[:-1] for item in self._side(one, ("input", "output"))]
        return before + self._side(chain[-1], ("input",))

    def _items(self, tenant: str, ids: list[str]) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for id in ids:
            row = (
                self._open()
                .execute(
                    "select item from items join responses on responses.id = response_id "
                    "where items.id = ? and tenant = ? order by created desc limit 1",
                    (id, tenant),
                )
                .fetchone()
            )
            if row:
                found[id] = jsonio.loads(row[0])
        return found

    def _secret(self, make: Callable[[], bytes]) -> bytes:
        connection = self._open()
        with connection:
            connection.execute("insert or ignore into meta values ('secret', ?)", (make(),))
        (value,) = connection.execute("select value from meta where name = 'secret'").fetchone()
        return bytes(value)

    def _close(self) -> None:
        if self._connection is not None:
            with closing(self._connection):
                self._connection = None


def _report(future: Future[None]) -> None:
    error = future.exception()
    if error is not None:
        logger.warning(f"A response could not be stored: {error}")
