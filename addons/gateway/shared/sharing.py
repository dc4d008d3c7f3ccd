"""All that a gateway shares with others: the hub, and each thing that goes over it.

Nothing is shared, and nothing of this is loaded, while there is one worker and no `[state] url`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from addons.gateway.accounts.account import Account, PoolNews
from addons.gateway.accounts.cooldowns import Cooldowns
from addons.gateway.accounts.credentials.credentials import GoogleCredential
from addons.gateway.accounts.pool import Pool
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.opening import SharedSource
from addons.gateway.shared.uses import asides, rests
from addons.gateway.shared.uses.tokens import SharedTokens


class Sharer(Protocol):
    """What is shared of a gateway, as it stands. Settings replace the pool."""

    pool: Pool
    news: PoolNews
    cooldowns: Cooldowns


class Sharing:
    """See the module. `name` is this worker's. Raises OSError."""

    def __init__(self, source: SharedSource, name: str, sharer: Sharer) -> None:
        place, self.vault = source.open()
        self.hub = hub = Hub(place, me=name)
        rests.share(hub, sharer.cooldowns)
        asides.share(hub, self.vault, sharer.news, lambda: sharer.pool.accounts)
        self._tokens = SharedTokens(hub, self.vault)

    def meet(self, accounts: Iterable[Account]) -> None:
        """These serve from now on."""
        for account in accounts:
            if isinstance(account.credential, GoogleCredential):
                account.credential.shared = self._tokens.fetch

    async def start(self) -> None:
        """Connect; where that fails, go on trying beside."""
        await self.hub.start()

    async def stop(self) -> None:
        """Write what waits, and let go."""
        await self.hub.stop()
