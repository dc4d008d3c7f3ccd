"""What the gateway knows of its accounts and its work, kept in its database for the next start.

* Cooldowns, so that a restart does not ask an exhausted account; other values (statistics) by name, as JSON.
* Labels, models and reasons, and what Google said of a limit: no credential, nothing of a conversation.
* What can't be read is reported, and the start goes on without it.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from addons.gateway.storage.database import Database
from mapping import jsonio

logger = logging.getLogger("antigravity")

LONGEST_REST = 7 * 86400.0
"""Seconds. No quota of Google's takes longer to come back; a longer rest is taken for this one."""

STRIKES_COUNT_FOR = 86400.0
"""Seconds after its end for which a cooldown is kept: the next one in a row is longer."""


@dataclass(frozen=True, slots=True)
class KeptCooldown:
    """An account's cooldown for a model."""

    account: str
    """Its label: a cooldown belongs to the label, whatever its credential is."""
    model: str
    seconds: float
    """How much of it is left; 0: it has ended."""
    strikes: int
    reason: str
    cause: str = "rate"
    """The value of a `cooldowns.Cause`."""
    said: str = ""


class StateStore:
    """See the module. `clock` is the wall clock: its times mean the same after a restart."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    # --- values by name

    def keep(self, name: str, value: Any) -> None:
        """Keep a JSON value, some time soon."""
        self._database.soon(_keep, name, value)

    def kept(self, name: str) -> Any:
        """The value, None when there is none. Waits; for the start only."""
        return self._read(_kept, name)

    def several(self, names: list[str]) -> list[Any]:
        """Their values, in one step: a thread is waited for once, not for each."""
        try:
            return self._database.wait(_several, names)
        except (OSError, ValueError, sqlite3.Error):
            return [self.kept(name) for name in names]  # so that what can be read is

    # --- cooldowns

    def keep_cooldown(self, cooldown: KeptCooldown) -> None:
        """Keep a cooldown that begins now; it is written at once, but not waited for."""
        now = self._clock()
        self._database.soon(_keep_cooldown, cooldown, now, now + cooldown.seconds)

    def drop_cooldown(self, account: str, model: str) -> None:
        """The account has served."""
        self._database.soon(_drop_cooldown, account, model)

    def cooldowns(self) -> list[KeptCooldown]:
        """What is kept. Waits; for the start only.

        What is left of one is by the wall clock; one that was put back does not make it longer than it was.
        """
        now = self._clock()
        rows = self._read(_cooldowns, now - STRIKES_COUNT_FOR) or []
        return [cooldown for row in rows if (cooldown := _cooldown(row, now))]

    def _read[T](self, work: Callable[[sqlite3.Connection, T], Any], what: T) -> Any:
        try:
            return self._database.wait(work, what)
        except (OSError, ValueError, sqlite3.Error) as e:
            logger.warning(f"What was kept from before can't be read, and is ignored: {e}")
            return None


# --- on the thread of the database


def _keep(connection: sqlite3.Connection, name: str, value: Any) -> None:
    connection.execute("insert or replace into kept values (?, ?)", (name, jsonio.dumps(value)))


def _kept(connection: sqlite3.Connection, name: str) -> Any:
    row = connection.execute("select value from kept where name = ?", (name,)).fetchone()
    return jsonio.loads(row[0]) if row else None


def _several(connection: sqlite3.Connection, names: list[str]) -> list[Any]:
    return [_kept(connection, name) for name in names]


def _keep_cooldown(connection: sqlite3.Connection, cooldown: KeptCooldown, began: float, until: float) -> None:
    connection.execute(
        "insert or replace into rests (account, model, began, until, strikes, reason, cause, said)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(cooldown.account, cooldown.model, began, until),
            *(cooldown.strikes, cooldown.reason, cooldown.cause, cooldown.said),
        ),
    )


def _drop_cooldown(connection: sqlite3.Connection, account: str, model: str) -> None:
    connection.execute("delete from rests where account = ? and model = ?", (account, model))


def _cooldowns(connection: sqlite3.Connection, oldest: float) -> list[tuple[Any, ...]]:
    connection.execute("delete from rests where until < ?", (oldest,))
    return connection.execute("select account, model, began, until, strikes, reason, cause, said from rests").fetchall()


def _cooldown(row: tuple[Any, ...], now: float) -> KeptCooldown | None:
    """A row as it is now; None for one that this gateway can't have written."""
    account, model, began, until, strikes, reason, cause, said = row
    texts = all(isinstance(value, str) for value in (account, model, reason, cause, said))
    times = all(isinstance(value, float) and math.isfinite(value) for value in (began, until))
    if not (texts and times and isinstance(strikes, int)):
        logger.warning("A kept cooldown can't be read, and is ignored")
        return None
    left = min(until - now, until - began, LONGEST_REST)
    return KeptCooldown(account, model, max(0.0, left), min(max(0, strikes), 100), reason, cause, said)
