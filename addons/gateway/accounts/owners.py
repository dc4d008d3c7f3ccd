"""Which account has what: an uploaded file, a cached content, an interaction belong to the account that made them.

A request that refers to one of them has to go to that account; to any other it does not exist. What a client makes
stays together on one account (its *home*) while that can be asked, so that files and cached contents can be used in one
request.

What is known belongs to the tenant (the caller's key): what another one has made is not found. It is bounded, and kept
where there is a store. Keys are digests; labels are all that can be read there.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Conversation, Labels
from addons.gateway.accounts.pool import Pool
from addons.gateway.storage.opened import OWNERS
from addons.gateway.storage.state import StateStore
from mapping.faults import Fault, FaultKind
from mapping.values import GeminiCall

KEPT = "owners"
"""The name in the state store, followed by the number of a part."""
PARTS = OWNERS
"""One of them is written at a time."""
HOME = ""
"""The name of a tenant's home."""
MOST = 16_000
"""Things and homes that are remembered, some 2 MB. Google deletes files after two days."""


class Owners:
    """See the module."""

    def __init__(self) -> None:
        self._parts: list[OrderedDict[str, str]] = [OrderedDict() for _ in range(PARTS)]
        """Digest of tenant and name -> label of the account."""
        self._state: StateStore | None = None
        self.shared: Labels | None = None
        """What other workers know; None: there are none."""

    def keep_in(self, state: StateStore, kept: Sequence[Any]) -> None:
        """Keep it there from now on, and take up what is kept there, part by part."""
        self._state = state
        for part, known in zip(self._parts, kept, strict=True):
            if isinstance(known, dict):
                part.update((key, label) for key, label in known.items() if isinstance(label, str))

    def of(self, tenant: str, name: str) -> str | None:
        """The label of the account that has it; None: that is not known."""
        key = _key(tenant, name)
        found = self._parts[_part(key)].get(key)
        return found if self.shared is None else self.shared.get(key) or found

    def made(self, tenant: str, names: Iterable[str], account: str) -> None:
        """An account has these from now on."""
        for name in names:
            self._made(tenant, name, account)

    def _made(self, tenant: str, name: str, account: str) -> None:
        key = _key(tenant, name)
        number = _part(key)
        part = self._parts[number]
        if self.shared is not None:
            self.shared.put(key, account)
        if part.get(key) == account:
            return
        part.pop(key, None)
        part[key] = account
        while len(part) > MOST // PARTS:
            part.popitem(last=False)
        if self._state:
            self._state.keep(f"{KEPT}-{number}", dict(part))

    def home(self, tenant: str) -> Conversation:
        """What stays together on an account, as a conversation does. `made` with the name `HOME` says where."""
        return Conversation(self.of(tenant, HOME))

    def pool_for(self, pool: Pool, tenant: str, call: GeminiCall) -> Pool:
        """The pool for a call, narrowed to those that it can be made to. Raises Fault, see `narrowed`."""
        if call.upstream:
            pool = of_kind(pool, call.upstream)
        return self.narrowed(pool, tenant, call.owned) if call.owned else pool

    def narrowed(self, pool: Pool, tenant: str, names: Iterable[str]) -> Pool:
        """The pool for a request that refers to these things: that of their account, or all where nothing is known.

        Raises Fault: 400 where they are on several accounts, 404 where the account is not there any more.
        """
        found = {label: name for name in names if (label := self.of(tenant, name))}
        if not found:
            return pool
        if len(found) > 1:
            raise Fault(
                400,
                f"{' and '.join(found.values())} are on different accounts, and can't be used in one request. "
                "Make one of them anew.",
                code="different_accounts",
            )
        [(label, name)] = found.items()
        return narrowed(pool, label, name)


_KINDS = {
    "gemini": "Add one of the public API, with an API key.",
    "vertex": 'Add one of Vertex AI (upstream = "vertex").',
}
"""What to do where there is no account of a kind."""


def of_kind(pool: Pool, upstream: str) -> Pool:
    """The accounts of a kind of upstream."""
    return pool.only(lambda account: account.upstream == upstream, _KINDS[upstream])


def narrowed(pool: Pool, label: str, name: str) -> Pool:
    """The one account that has something. Raises Fault (404) where it is not there any more."""

    def is_it(account: Account) -> bool:
        return account.label == label

    if not any(map(is_it, pool.accounts)):
        raise Fault(
            404,
            f"{name} is on an account that the gateway does not have any more.",
            kind=FaultKind.REQUEST,
            code="account_gone",
            should_retry=False,
        )
    return pool.only(is_it)


def _key(tenant: str, name: str) -> str:
    return hashlib.blake2b(f"{tenant}\0{name}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _part(key: str) -> int:
    return int(key[:4], 16) % PARTS
