"""The statistics in the database, so that a restart does not lose them."""

from __future__ import annotations

import asyncio
from typing import Protocol

from addons.gateway.exchange.steps import Steps
from addons.gateway.settings.settings import Settings
from addons.gateway.status.statistics import Statistics
from addons.gateway.storage.state import StateStore

KEEP_EVERY = 5.0
"""Seconds of work that may be missing after a sudden end."""


class Keeper(Protocol):
    """Where they are kept, as it stands: the gateway. New settings may name another database."""

    settings: Settings
    state: StateStore
    statistics: Statistics
    steps: Steps


class KeptStatistics:
    """See the module."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.by_others = False
        """Somebody else keeps them, together with those of others (`everyone`)."""
        self._timer: asyncio.TimerHandle | None = None
        """Until they are kept."""

    def soon(self) -> None:
        """They have changed, and are kept in a while, where the settings want that."""
        if self._timer is None and not self.by_others and self._keeper.settings.responses.store:
            self._timer = asyncio.get_running_loop().call_later(KEEP_EVERY, self.now)

    def now(self) -> None:
        """Keep them, if they have changed. Raises nothing."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
            self.keep(self._keeper.statistics)

    def keep(self, statistics: Statistics) -> None:
        """Keep these. Raises nothing."""
        self._keeper.steps.run("keeping the statistics", self._keep, statistics)

    def _keep(self, statistics: Statistics) -> None:
        self._keeper.state.keep("statistics", statistics.plain())
