"""All that a gateway shares with others: the hub, and each thing that goes over it.

Nothing is shared, and nothing of this is loaded, while there is one worker and no `[state] url`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.affinity import MAX_IDLE, MAX_KEYS, Affinity
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.credentials.credentials import GoogleCredential
from addons.gateway.accounts.owners import MOST as MOST_OWNED
from addons.gateway.accounts.owners import Owners
from addons.gateway.accounts.pool import Pool
from addons.gateway.grouping_observer import GroupingObserver
from addons.gateway.money.money import Money
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.opening import SharedSource
from addons.gateway.shared.outbox import Outbox
from addons.gateway.shared.uses import asides, conversations, rests
from addons.gateway.shared.uses.costs import SharedCosts
from addons.gateway.shared.uses.jobs import SharedJobs
from addons.gateway.shared.uses.labels import SharedLabels
from addons.gateway.shared.uses.load import SharedLoad
from addons.gateway.shared.uses.responses import SharedResponses
from addons.gateway.shared.uses.rotation import SharedRotation
from addons.gateway.shared.uses.tokens import SharedTokens
from addons.gateway.shared.uses.turns import SharedTurns
from addons.gateway.status.statistics import Statistics
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.sealing import Sealer
from addons.gateway.storage.store import KeptResponses


class Sharer(Protocol):
    """What is shared of a gateway, as it stands. Settings replace the pool."""

    pool: Pool
    news: PoolNews
    cooldowns: Cooldowns
    memory: TurnMemory
    affinity: Affinity
    owners: Owners
    grouping: GroupingObserver
    money: Money
    statistics: Statistics

    @property
    def exchanges(self) -> Collection[object]:
        """What is under way."""


OWNED_FOR = 30 * 86400.0
"""Seconds for which it is known which account has something. Google deletes files after two days."""


class Sharing:
    """See the module. `name` is this worker's. Raises OSError."""

    def __init__(self, source: SharedSource, name: str, sharer: Sharer) -> None:
        place, self.vault = source.open()
        self._by_url = source.url is not None
        outbox = None if source.folder is None else Outbox(source.folder, name)
        self.hub = hub = Hub(place, me=name, limit=source.answer_within, outbox=outbox)
        rests.share(hub, sharer.cooldowns)
        asides.share(hub, self.vault, sharer.news, lambda: sharer.pool.accounts)
        self.rotation = SharedRotation(hub, sharer.news, lambda: sharer.pool.accounts)
        self.load = SharedLoad(hub, lambda: len(sharer.exchanges))
        sharer.affinity.shared = SharedLabels(hub, "conversations", most=MAX_KEYS, life=MAX_IDLE)
        sharer.owners.shared = SharedLabels(hub, "owners", most=MOST_OWNED, life=OWNED_FOR)
        conversations.share(hub, sharer.grouping.known)
        sharer.memory.far = SharedTurns(hub, self.vault)
        before = 0.0 if self._by_url else sharer.statistics.today().cost  # else it is in the part of who has spent it
        self._costs = SharedCosts(hub, before)
        sharer.money.budget.together = self._costs
        self._tokens = SharedTokens(hub, self.vault)

    def meet(self, accounts: Iterable[Account]) -> None:
        """These serve from now on."""
        for account in accounts:
            if isinstance(account.credential, GoogleCredential):
                account.credential.shared = self._tokens.fetch

    def responses(self, max_age: float) -> tuple[KeptResponses, Sealer] | None:
        """Where responses are kept, and what seals texts for clients; None: in the file that all workers have."""
        if not self._by_url:
            return None
        return SharedResponses(self.hub, self.vault, max_age=max_age), Sealer(self.vault.client_key())

    def jobs(self, end: Callable[[str], object], when_stored: Callable[[Callable[[], None]], object]) -> SharedJobs:
        """What the others know of background responses. `end` ends one that runs here; `when_stored` does something
        when what was to be stored in the file that all workers have is there."""
        return SharedJobs(self.hub, end, None if self._by_url else when_stored)

    def settling(self, database: Database) -> Awaitable[None] | None:
        """What to wait for before a client hears the end of its answer: its next request may go to another worker.

        None: for nothing.
        """
        if self.hub.is_settled and (self._by_url or database.is_settled):
            return None
        return self._settle(database)

    async def _settle(self, database: Database) -> None:
        await self.hub.settled()
        if not self._by_url:
            await database.settled(self.hub.limit)

    async def start(self) -> None:
        """Connect; where that fails, go on trying beside."""
        await self.hub.start()

    async def stop(self) -> None:
        """Write what waits, and let go."""
        self._costs.flush()
        await self.hub.stop()
