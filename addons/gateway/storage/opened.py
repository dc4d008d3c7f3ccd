"""A store that is open: the database of a gateway, with all that was kept in it read, before anybody serves from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from addons.gateway.storage.database import Database
from addons.gateway.storage.kept_turns import KeptTurns
from addons.gateway.storage.sealing import Sealer, new_key
from addons.gateway.storage.state import KeptCooldown, StateStore
from addons.gateway.storage.store import ResponseStore

OWNERS = 64
"""The parts in which it is kept who has what."""


class StorePlace(NamedTuple):
    """What the settings say of a store."""

    path: Path | None
    """None: in memory."""
    max_age: float
    """Seconds."""
    max_bytes: int
    lasts: bool = True
    """What is in it has to outlive the machine; else it is of workers, as long as they run."""


@dataclass(frozen=True, slots=True)
class OpenStore:
    """See the module."""

    place: StorePlace
    database: Database
    responses: ResponseStore
    state: StateStore
    sealer: Sealer
    cooldowns: list[KeptCooldown]
    statistics: Any
    """As `StateStore.kept` gives them."""
    models: Any
    """The models that the accounts listed, likewise."""
    owners: list[Any]
    """Which account has what, likewise: see `accounts.owners`."""
    turns: KeptTurns | None
    """None: the store does not last."""

    @classmethod
    def open(cls, place: StorePlace) -> OpenStore:
        """Open or make it. Takes as long as the disk does. Raises OSError, sqlite3.Error."""
        database = Database(place.path, synchronous="normal" if place.lasts else "off")
        try:
            responses = ResponseStore(database, max_age=place.max_age, max_bytes=place.max_bytes)
            sealer = Sealer(responses.secret(new_key))
            state = StateStore(database)
            cooldowns, statistics, models = state.cooldowns(), state.kept("statistics"), state.kept("models")
            owners = state.several([f"owners-{number}" for number in range(OWNERS)])
            turns = KeptTurns.open(database) if place.path is not None and place.lasts else None
            return cls(place, database, responses, state, sealer, cooldowns, statistics, models, owners, turns)
        except BaseException:
            database.close()
            raise
