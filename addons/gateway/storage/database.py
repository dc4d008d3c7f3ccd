"""An SQLite file of the gateway's: its thread, its connection, its schema, and what happens when the disk fails.

* Nothing here runs on the event loop: a write or a slow disk never holds up a stream. One thread does everything in
  the order in which it was asked for, so what was written is found by whoever asks afterwards.
* Without a path the database is in memory, and gone when the process ends.
* Killing the process loses nothing that was written. (WAL with `synchronous = normal` may lose the last commits when
  the machine goes down, and never more than those.)
* Several gateways may share a file; one waits for the other's write.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Concatenate

logger = logging.getLogger("antigravity")

REPORT_EVERY = 60.0
"""Seconds between two complaints."""

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's write."""

_PRAGMAS = "pragma journal_mode = wal; pragma synchronous = {}; pragma foreign_keys = on;"

STEPS = (
    """
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
    """,
    """
    create table if not exists cooldowns (
        account text not null,
        model text not null,
        began real not null,
        until real not null,
        strikes integer not null,
        reason text not null,
        primary key (account, model)
    ) without rowid;
    create table if not exists kept (name text primary key, value blob not null);
    """,
    """
    create table if not exists rests (
        account text not null,
        model text not null,
        began real not null,
        until real not null,
        strikes integer not null,
        reason text not null,
        cause text not null default 'rate',
        said text not null default '',
        primary key (account, model)
    ) without rowid;
    insert or ignore into rests (account, model, began, until, strikes, reason)
        select account, model, began, until, strikes, reason from cooldowns;
    delete from cooldowns;
    """,
    """
    create table if not exists deleted (id text primary key, at real not null) without rowid;
    create index if not exists deleted_at on deleted (at);
    """,
    """
    create table if not exists turns (key blob primary key, at real not null, turn blob not null) without rowid;
    create index if not exists turns_at on turns (at);
    """,
)
"""From one version of the schema to the next; a file's version (`user_version`) is how many of them it has had.

A step may meet a file that has had it already, if two gateways open it at once: it must do no harm then.
"""


class Database:
    """See the module. What runs on the thread is given the connection, and is one transaction.

    `steps` make its schema, see `STEPS`. `synchronous`: SQLite's word for what waits for the disk.
    """

    def __init__(self, path: Path | None, steps: Sequence[str] = STEPS, *, synchronous: str = "normal") -> None:
        self.path = path
        self._steps = steps
        self._synchronous = synchronous
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._latest: Future[Any] | None = None
        """What is done last of what is to be done."""
        self._complained = float("-inf")
        self._unsaid = 0

    # --- from the event loop

    def soon[**P](
        self, work: Callable[Concatenate[sqlite3.Connection, P], object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Do it some time soon. A failure is logged, once in a while, and fails nothing else."""
        self._submit(lambda connection: work(connection, *args, **kwargs)).add_done_callback(self._report)

    async def ask[**P, R](
        self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Do it and wait for what it returns. Raises sqlite3.Error, OSError."""
        return await asyncio.wrap_future(self._submit(lambda connection: work(connection, *args, **kwargs)))

    async def settled(self, seconds: float) -> None:
        """Wait until what is to be done by now is done, but not for longer than this."""
        if self._latest is not None and not self._latest.done():
            await asyncio.wait([asyncio.wrap_future(self._latest)], timeout=seconds)

    def when_settled(self, then: Callable[[], None]) -> None:
        """Do something on the event loop when what is to be done by now is done."""
        latest, loop = self._latest, asyncio.get_running_loop()
        if latest is None or latest.done():
            then()
            return

        def settled(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended before
                loop.call_soon_threadsafe(then)

        latest.add_done_callback(settled)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is to be done."""
        return self._latest is None or self._latest.done()

    def wait[**P, R](
        self, work: Callable[Concatenate[sqlite3.Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same where nothing else runs yet: it blocks. For the start only."""
        return self._submit(lambda connection: work(connection, *args, **kwargs)).result()

    def complain(self, what: str, error: BaseException) -> None:
        """Log that something has failed, once in a while: a full disk would fill the log, too."""
        now = time.monotonic()
        if now < self._complained + REPORT_EVERY:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more failures since the last report)" if self._unsaid else ""
        self._complained, self._unsaid = now, 0
        logger.warning(f"{what} {self.path or 'memory'}: {error}{more}")

    def close(self) -> None:
        """Write what is to be written, and close. Whoever asks for something later opens it again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(self._close)
            thread.shutdown(wait=True)

    def retire(self) -> None:
        """Write what is to be written, and close, without waiting. Whoever asks for something later opens it again."""
        if self._thread is not None:
            self._thread.submit(self._close)  # its thread ends when nobody has the database any more

    def _submit[R](self, work: Callable[[sqlite3.Connection], R]) -> Future[R]:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        made = self._thread.submit(self._transact, work)
        self._latest = made
        return made

    # --- on the thread

    def _transact[R](self, work: Callable[[sqlite3.Connection], R]) -> R:
        if self._connection is None:
            self._connection = _open(self.path, self._steps, self._synchronous)
        with self._connection:
            return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            with closing(self._connection):
                self._connection = None

    def _report(self, future: Future[object]) -> None:
        if error := future.exception():
            self.complain("What is to be kept could not be stored in", error)


def _open(path: Path | None, steps: Sequence[str], synchronous: str) -> sqlite3.Connection:
    """A connection to a database with the schema of today. Raises sqlite3.Error, OSError."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives the files beside it (-wal, -shm) the permissions of this one.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path or ":memory:", timeout=BUSY_TIMEOUT)
    try:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version > len(steps):
            raise sqlite3.DatabaseError("it was made by a newer version of the gateway")
        connection.executescript(_PRAGMAS.format(synchronous))
        for number, step in enumerate(steps[version:], version + 1):
            connection.executescript(f"begin immediate; {step} pragma user_version = {number}; commit;")
    except BaseException:
        connection.close()
        raise
    return connection
