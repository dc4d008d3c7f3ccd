"""One refresh of a token for all workers: who comes second waits for the first, and has its token.

A token is sealed, and kept for as long as it is good. A lease says who fetches one; it ends by itself where its holder
has died. While the shared state is away each worker fetches for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from uuid import uuid4

from addons.gateway.accounts.credentials.credentials import Fetch, Outcome
from addons.gateway.accounts.credentials.google_tokens import DEADLINE, TIMEOUT, Token
from addons.gateway.shared.contract import Away, Claim, Drop, Put
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.vault import Vault
from mapping import jsonio

LEASE = DEADLINE + TIMEOUT + 5.0
"""Seconds: longer than a fetch takes."""
LOOK_EVERY = 0.25
"""Seconds between two looks for the token that another fetches: its word may be lost."""
SHORTEST = 10.0
"""Seconds that a token has to be good for, to be taken from another."""
UNENDING = 3600.0
"""Seconds for which a token is kept that does not say when it ends."""


class SharedTokens:
    """See the module."""

    def __init__(self, hub: Hub, vault: Vault) -> None:
        self._hub = hub
        self._vault = vault
        self._news = asyncio.Event()
        hub.on("token", lambda body: self._news.set())

    async def fetch(self, identity: str, mine: str | None, fetch: Fetch) -> Outcome:
        """A token for the credentials of this identity: another's, if it is not `mine`; else `fetch` asks for one."""
        name = f"token:{self._vault.digest(identity)}"
        lease, holder = f"lease:{name}", uuid4().hex.encode()
        try:
            if (found := await self._wait(name, lease, holder, mine)) is not None:
                return found, None
        except Away:
            return await fetch()
        token: Token | None = None
        try:
            token, error = await fetch()
            return token, error
        finally:
            self._leave(name, lease, holder, token)

    async def _wait(self, name: str, lease: str, holder: bytes, mine: str | None) -> Token | None:
        """Another's token; None: this worker has the lease, and is to fetch. Raises Away."""
        end = time.monotonic() + LEASE
        while True:
            self._news.clear()
            if (found := await self._kept(name, mine)) is not None:
                return found
            (has,) = await self._hub.make([Claim(lease, holder, LEASE)])
            if has == holder:
                return await self._kept_since(name, lease, holder, mine)
            if time.monotonic() >= end:
                raise Away("another worker takes too long for a token")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK_EVERY)

    async def _kept_since(self, name: str, lease: str, holder: bytes, mine: str | None) -> Token | None:
        """A token that came just before this worker got the lease. Then the lease ends, as nobody fetches by it."""
        found = None
        fetches = False
        try:
            found = await self._kept(name, mine)
            fetches = found is None
        finally:
            if not fetches:
                self._leave(name, lease, holder, None)
        return found

    async def _kept(self, name: str, mine: str | None) -> Token | None:
        (sealed,) = await self._hub.get([name])
        plain = None if sealed is None else self._vault.open(name, sealed)
        if plain is None:
            return None
        value, expires = jsonio.loads(plain)
        good = expires is None or expires - time.time() > SHORTEST
        return Token(value, expires) if value != mine and good else None

    def _leave(self, name: str, lease: str, holder: bytes, token: Token | None) -> None:
        """Give the token to the others, and end the lease."""
        if token is not None:
            life = UNENDING if token.expires is None else token.expires - time.time()
            self._hub.soon(Put(name, self._vault.seal(name, jsonio.dumps([token.value, token.expires])), life))
        self._hub.soon(Drop(lease, holder))
        self._hub.when_settled(lambda: self._hub.say("token", name))
