"""addons.gateway.shared.uses.tokens: a lease ends whatever comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from addons.gateway.accounts.credentials.credentials import Outcome
from addons.gateway.accounts.credentials.google_tokens import Token
from addons.gateway.shared.contract import Away, Claim, Drop
from addons.gateway.shared.uses.tokens import SharedTokens
from addons.gateway.shared.vault import Vault
from mapping import jsonio


class OneMoment:
    """A hub in which something happens in the moment in which the lease is got."""

    def __init__(self, then: Callable[[OneMoment], None]) -> None:
        self.things: dict[str, bytes] = {}
        self.broken = False
        self._then = then

    def on(self, kind: str, hear: Callable[[Any], None]) -> None:
        pass

    def say(self, kind: str, body: Any) -> None:
        pass

    async def get(self, keys: list[str]) -> list[bytes | None]:
        if self.broken:
            raise Away("broken off")
        return [self.things.get(key) for key in keys]

    async def make(self, changes: list[Claim]) -> list[bytes]:
        has = [self.things.setdefault(change.key, change.value) for change in changes]
        self._then(self)
        return has

    def soon(self, change: Any) -> None:
        if isinstance(change, Drop):
            if self.things.get(change.key) == change.holds:
                del self.things[change.key]
        else:
            self.things[change.key] = change.value

    def when_settled(self, then: Callable[[], None]) -> None:
        then()


VAULT = Vault(b"k" * 32)
NAME = f"token:{VAULT.digest('someone')}"


def another_has_put_it(hub: OneMoment) -> None:
    hub.things[NAME] = VAULT.seal(NAME, jsonio.dumps(["theirs", time.time() + 3600]))


def it_breaks_off(hub: OneMoment) -> None:
    hub.broken = True


def nothing(hub: OneMoment) -> None:
    pass


async def fetched() -> Outcome:
    return Token("mine", time.time() + 3600), None


@pytest.mark.parametrize(
    ("then", "value"), [(another_has_put_it, "theirs"), (it_breaks_off, "mine"), (nothing, "mine")]
)
def test_the_lease_is_over(then: Callable[[OneMoment], None], value: str) -> None:
    hub: Any = OneMoment(then)
    token, error = asyncio.run(SharedTokens(hub, VAULT).fetch("someone", "old", fetched))
    assert (token and token.value, error) == (value, None)
    assert [key for key in hub.things if key.startswith("lease:")] == []
