"""Responses that can be asked for again: kept in the gateway's database, bounded by age and size.

* A response belongs to the tenant (the caller's key) that made it; to others it does not exist.
* What is final stays: one that was cancelled is not completed after that, and one that was deleted does not come back,
  whatever another worker is about to store.
* A fault of the disk loses what was to be stored, is logged, and fails no request that does not need what is stored.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Concatenate, Protocol

from addons.gateway.storage.database import Database
from mapping import jsonio
from mapping.dialect import Kept
from mapping.faults import Fault, FaultKind
from mapping.values import JSON

MAX_CHAIN = 1000
"""How many responses a conversation may have behind it."""


COUNT_EVERY = 60.0
"""Seconds after which all bytes are counted again: other processes store, too."""
GONE_FOR = 86400.0
"""Seconds for which it is known that a response was deleted: longer than any is made for."""


class KeptResponses(Protocol):
    """Where responses are kept: `ResponseStore`, or what gateways on several machines share."""

    def put(self, tenant: str, kept: Kept) -> None:
        """Store a response, some time soon."""

    def replace(self, tenant: str, id: str, response: JSON) -> None:
        """Store a newer state of a response that is not finished, some time soon."""

    async def finish(self, tenant: str, id: str, response: JSON) -> JSON | None:
        """Make a response this, unless it is finished already: what it is then. None: there is none."""

    async def get(self, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        """The Response object, and its events if it was a stream."""

    async def delete(self, tenant: str, id: str) -> bool:
        """False: there is no such response."""

    async def history(self, tenant: str, id: str) -> list[JSON] | None:
        """All items of the conversation that ends with a response, in order; None when a part of it is not there."""

    async def input_items(self, tenant: str, id: str) -> list[JSON] | None:
        """The input items of the conversation up to and including a response's own, in order."""

    async def items(self, tenant: str, ids: Iterable[str]) -> dict[str, JSON]:
        """Single items by their ids."""


def unavailable() -> Fault:
    """The store can't be read."""
    return Fault(503, "The stored responses can't be read now.", kind=FaultKind.SERVER, code="store_unavailable")


def is_finished(response: JSON) -> bool:
    """Whether a response will not change any more."""
    return response.get("status") in ("completed", "incomplete", "failed", "cancelled")


class ResponseStore:
    """See the module. What looks something up raises Fault (503) when the database can't be read.

    A response is kept for `max_age` seconds; the oldest go first where all have more than `max_bytes`. `clock` tells
    Unix time.
    """

    def __init__(
        self, database: Database, *, max_age: float, max_bytes: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._clock = clock
        self._room = 0.0
        """Bytes that may come before all are counted again: to count them takes longer the more there are."""
        self._counted = float("-inf")

    # --- from the event loop

    def put(self, tenant: str, kept: Kept) -> None:
        """Store a response, some time soon."""
        self._database.soon(self._put, tenant, kept)

    def replace(self, tenant: str, id: str, response: JSON) -> None:
        """Store a newer state of a response that is not finished, some time soon."""
        self._database.soon(self._replace, tenant, id, response)

    async def finish(self, tenant: str, id: str, response: JSON) -> JSON | None:
        """Make a response this, unless it is finished already: what it is then. None: there is none."""
        return await self._ask(self._finish, tenant, id, response)

    async def get(self, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        """The Response object, and its events if it was a stream."""
        return await self._ask(self._get, tenant, id)

    async def delete(self, tenant: str, id: str) -> bool:
        """False: there is no such response."""
        return await self._ask(self._delete, tenant, id)

    async def history(self, tenant: str, id: str) -> list[JSON] | None:
        """All items of the conversation that ends with a response, in order; None when a part of it is not there."""
        return await self._ask(self._history, tenant, id)

    async def input_items(self, tenant: str, id: str) -> list[JSON] | None:
        """The input items of the conversation up to and including a response's own, in order."""
        return await self._ask(self._input_items, tenant, id)

    async def items(self, tenant: str, ids: Iterable[str]) -> dict[str, JSON]:
        """Single items by their ids."""
        return await self._ask(self._items, tenant, list(ids))

    def secret(self, make: Callable[[], bytes]) -> bytes:
        """A secret that lives as long as the database. Waits; for the start only. Raises sqlite3.Error, OSError."""
        return self._database.wait(self._secret, make)

    async def _ask[**P, R](
        self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        try:
            return await self._database.ask(work, *args, **kwargs)
        except (OSError, sqlite3.Error) as e:
            self._database.complain("Stored responses could not be read from", e)
            raise unavailable() from None

    # --- on the thread

    def _put(self, connection: sqlite3.Connection, tenant: str, kept: Kept) -> None:
        connection.execute("begin immediate")
        if self._is_final(connection, kept.id):
            return
        response = jsonio.dumps(kept.response)
        events = zlib.compress(kept.events, 1) if kept.events is not None else None
        items = [
            (kept.id, side, position, str(item.get("id", "")), jsonio.dumps(item))
            for side, items in (("input", kept.input_items), ("output", kept.output_items))
            for position, item in enumerate(items)
        ]
        size = len(response) + len(events or b"") + sum(len(item[4]) for item in items)
        connection.execute(
            "insert or replace into responses values (?, ?, ?, ?, ?, ?, ?)",
            (kept.id, tenant, self._clock(), kept.previous, response, events, size),
        )
        connection.executemany("insert or replace into items values (?, ?, ?, ?, ?)", items)
        self._tidy(connection, size)

    def _is_final(self, connection: sqlite3.Connection, id: str) -> bool:
        """Whether what is kept of a response, or that it was deleted, must stay so."""
        row = connection.execute("select response from responses where id = ?", (id,)).fetchone()
        if row is not None:
            return is_finished(jsonio.loads(row[0]))
        return connection.execute("select 1 from deleted where id = ?", (id,)).fetchone() is not None

    def _finish(self, connection: sqlite3.Connection, tenant: str, id: str, response: JSON) -> JSON | None:
        self._replace(connection, tenant, id, response)
        row = self._row(connection, tenant, id)
        return jsonio.loads(row[0]) if row else None

    def _replace(self, connection: sqlite3.Connection, tenant: str, id: str, response: JSON) -> None:
        connection.execute("begin immediate")
        if self._is_final(connection, id):
            return
        connection.execute(
            "update responses set response = ? where id = ? and tenant = ?", (jsonio.dumps(response), id, tenant)
        )

    def _tidy(self, connection: sqlite3.Connection, come: int) -> None:
        """Drop what is too old, then the oldest until the rest is small enough. `come`: bytes that are new."""
        now = self._clock()
        connection.execute("delete from responses where created < ?", (now - self._max_age,))
        self._room -= come
        if self._room >= 0 and self._counted <= now < self._counted + COUNT_EVERY:
            return
        connection.execute("delete from deleted where at < ?", (now - GONE_FOR,))
        (size,) = connection.execute("select coalesce(sum(size), 0) from responses").fetchone()
        while size > self._max_bytes:
            id, freed = connection.execute("select id, size from responses order by created, rowid limit 1").fetchone()
            connection.execute("delete from responses where id = ?", (id,))
            size -= freed
        self._room, self._counted = self._max_bytes - size, now

    def _row(
        self, connection: sqlite3.Connection, tenant: str, id: str
    ) -> tuple[bytes, bytes | None, str | None] | None:
        row: tuple[bytes, bytes | None, str | None] | None = connection.execute(
            "select response, events, previous from responses where id = ? and tenant = ? and created >= ?",
            (id, tenant, self._clock() - self._max_age),
        ).fetchone()
        return row

    def _get(self, connection: sqlite3.Connection, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        row = self._row(connection, tenant, id)
        if row is None:
            return None
        return jsonio.loads(row[0]), zlib.decompress(row[1]) if row[1] is not None else None

    def _delete(self, connection: sqlite3.Connection, tenant: str, id: str) -> bool:
        found = connection.execute("delete from responses where id = ? and tenant = ?", (id, tenant)).rowcount > 0
        if found:
            connection.execute("insert or replace into deleted values (?, ?)", (id, self._clock()))
        return found

    def _chain(self, connection: sqlite3.Connection, tenant: str, id: str) -> list[str] | None:
        """The ids of a conversation's responses, the oldest first."""
        chain: list[str] = []
        following: str | None = id
        while following is not None:
            row = self._row(connection, tenant, following)
            if row is None or len(chain) == MAX_CHAIN:
                return None
            chain.append(following)
            following = row[2]
        return chain[::-1]

    def _side(self, connection: sqlite3.Connection, id: str, sides: tuple[str, ...]) -> list[JSON]:
        """The items of a response. Input comes before output by the alphabet."""
        rows = connection.execute("select side, item from items where response_id = ? order by side, position", (id,))
        return [jsonio.loads(item) for side, item in rows if side in sides]

    def _history(self, connection: sqlite3.Connection, tenant: str, id: str) -> list[JSON] | None:
        chain = self._chain(connection, tenant, id)
        if chain is None:
            return None
        return [item for one in chain for item in self._side(connection, one, ("input", "output"))]

    def _input_items(self, connection: sqlite3.Connection, tenant: str, id: str) -> list[JSON] | None:
        chain = self._chain(connection, tenant, id)
        if chain is None:
            return None
        before = [item for one in chain[:-1] for item in self._side(connection, one, ("input", "output"))]
        return before + self._side(connection, chain[-1], ("input",))

    def _items(self, connection: sqlite3.Connection, tenant: str, ids: list[str]) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for id in ids:
            row = connection.execute(
                "select item from items join responses on responses.id = response_id "
                "where items.id = ? and tenant = ? order by created desc limit 1",
                (id, tenant),
            ).fetchone()
            if row:
                found[id] = jsonio.loads(row[0])
        return found

    def _secret(self, connection: sqlite3.Connection, make: Callable[[], bytes]) -> bytes:
        connection.execute("insert or ignore into meta values ('secret', ?)", (make(),))
        (value,) = connection.execute("select value from meta where name = 'secret'").fetchone()
        return bytes(value)
