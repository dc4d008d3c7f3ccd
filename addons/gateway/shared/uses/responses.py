"""Stored responses in the shared state, for gateways on several machines: whoever stored one, all find it.

* What a Response is, and its events, are one thing, which is replaced until it is final; its items, which never change,
  are another; and for each item there is a word of which response it is of.
* What is final stays: a response that was cancelled is not completed after that, and one that was deleted does not come
  back, whatever another worker is about to store.
* All is sealed. Keys are digests of the tenant, and the ids.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from addons.gateway.shared.contract import FINAL, Away, Change, Drop, Put, Revise
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.vault import Vault
from addons.gateway.storage.bounded import Bounded
from addons.gateway.storage.store import MAX_CHAIN, is_finished, unavailable
from mapping import jsonio
from mapping.dialect import Kept
from mapping.values import JSON

OPEN = b"-"
"""How a response begins that may still change."""
GONE = FINAL + b"deleted"
GONE_FOR = 86400.0
"""Seconds for which it is known that a response was deleted: longer than any is made for."""
AHEAD = 64
"""Responses before one that are read in one go."""
MOST_CHAINS = 2000


class SharedResponses:
    """See `storage.store.ResponseStore`, in whose place it is. `max_age` is in seconds."""

    def __init__(self, hub: Hub, vault: Vault, *, max_age: float) -> None:
        self._hub = hub
        self._vault = vault
        self._max_age = max_age
        self._chains: Bounded[str, tuple[str, ...]] = Bounded(MOST_CHAINS)
        """The responses before one, the oldest first, as far as they were read here of late."""

    # --- storing

    def put(self, tenant: str, kept: Kept) -> None:
        """Store a response, some time soon."""
        before: tuple[str, ...] = ()
        if kept.previous is not None:
            before = (*(self._chains.get(kept.previous) or ()), kept.previous)[-AHEAD:]
            self._chains.put(kept.id, before)
        items: JSON = {"input": kept.input_items, "output": kept.output_items, "before": before}
        self._soon(tenant, "items", kept.id, items)
        for item in (*kept.input_items, *kept.output_items):
            if id := item.get("id"):
                self._soon(tenant, "item", str(id), {"response": kept.id})
        self._hub.soon(self._revision(tenant, kept.id, kept.response, kept.events))

    def replace(self, tenant: str, id: str, response: JSON) -> None:
        """Store a newer state of a response that is not finished, some time soon."""
        self._hub.soon(self._revision(tenant, id, response, None))

    async def finish(self, tenant: str, id: str, response: JSON) -> JSON | None:
        """Make a response this, unless it is finished already: what it is then. None: there is none."""
        await self._hub.settled()
        found = await self.get(tenant, id)
        if found is None or is_finished(found[0]):
            return found[0] if found else None
        change = self._revision(tenant, id, response, None)
        (left,) = await self._make([change])
        read = self._response(change.key, left)
        return read[0] if read else None

    async def delete(self, tenant: str, id: str) -> bool:
        """False: there is no such response."""
        await self._hub.settled()  # what this worker is about to store counts
        if await self.get(tenant, id) is None:
            return False
        response, items = self._name(tenant, "response", id), self._name(tenant, "items", id)
        await self._make([Put(response, GONE, GONE_FOR), Drop(items)])
        return True

    # --- finding

    async def get(self, tenant: str, id: str) -> tuple[JSON, bytes | None] | None:
        """The Response object, and its events if it was a stream."""
        name = self._name(tenant, "response", id)
        (found,) = await self._get([name])
        return self._response(name, found)

    async def history(self, tenant: str, id: str) -> list[JSON] | None:
        """All items of the conversation that ends with a response, in order; None when a part of it is not there."""
        chain = await self._chain(tenant, id)
        if chain is None:
            return None
        return [item for one in chain for item in (*one["input"], *one["output"])]

    async def input_items(self, tenant: str, id: str) -> list[JSON] | None:
        """The input items of the conversation up to and including a response's own, in order."""
        chain = await self._chain(tenant, id)
        if chain is None:
            return None
        before = [item for one in chain[:-1] for item in (*one["input"], *one["output"])]
        return [*before, *chain[-1]["input"]]

    async def items(self, tenant: str, ids: Iterable[str]) -> dict[str, JSON]:
        """Single items by their ids."""
        wanted = list(dict.fromkeys(ids))
        words = await self._opened(tenant, "item", wanted)
        responses = list(dict.fromkeys(word["response"] for word in words if word))
        found: dict[str, JSON] = {}
        for one in await self._with_items(tenant, responses):
            for item in (*one["input"], *one["output"]) if one else ():
                if item.get("id") in wanted:
                    found[item["id"]] = item
        return found

    # --- inside

    async def _chain(self, tenant: str, id: str) -> list[JSON] | None:
        """What is kept of the items of a conversation's responses, the oldest first."""
        known: dict[str, JSON | None] = {}
        chain: list[JSON] = []
        ids: list[str] = []
        following: str | None = id
        while following is not None:
            if following not in known:
                wanted = [following, *((ids and chain[-1]["before"]) or ())]
                wanted = [one for one in dict.fromkeys(wanted) if one not in known]
                known |= dict(zip(wanted, await self._with_items(tenant, wanted), strict=True))
            one = known[following]
            if one is None or len(chain) == MAX_CHAIN:
                return None
            chain.append(one)
            ids.append(following)
            following = one["before"][-1] if one["before"] else None
        self._chains.put(id, tuple(ids[:0:-1])[-AHEAD:])
        return chain[::-1]

    async def _with_items(self, tenant: str, ids: Sequence[str]) -> list[JSON | None]:
        """The items of responses; None for what is not there, or was deleted."""
        names = [self._name(tenant, kind, id) for id in ids for kind in ("items", "response")]
        found = await self._get(names)
        return [
            None if found[at + 1] in (None, GONE) else self._json(names[at], found[at])
            for at in range(0, len(names), 2)
        ]

    def _revision(self, tenant: str, id: str, response: JSON, events: bytes | None) -> Revise:
        name = self._name(tenant, "response", id)
        head = jsonio.dumps(response)
        data = b"%d %b%b" % (len(head), head, b"" if events is None else b"+" + events)
        mark = FINAL if is_finished(response) else OPEN
        return Revise(name, mark + self._vault.seal(name, zlib.compress(data, 1)), self._max_age)

    def _response(self, name: str, value: bytes | None) -> tuple[JSON, bytes | None] | None:
        if value is None or value == GONE:
            return None
        sealed = self._vault.open(name, value[len(OPEN) :])
        if sealed is None:
            return None
        length, _, data = zlib.decompress(sealed).partition(b" ")
        head, rest = data[: int(length)], data[int(length) :]
        return jsonio.loads(head), rest[1:] if rest else None

    def _soon(self, tenant: str, kind: str, id: str, value: JSON) -> None:
        name = self._name(tenant, kind, id)
        self._hub.soon(Put(name, self._vault.seal(name, zlib.compress(jsonio.dumps(value), 1)), self._max_age))

    async def _opened(self, tenant: str, kind: str, ids: Sequence[str]) -> list[JSON | None]:
        names = [self._name(tenant, kind, id) for id in ids]
        return [self._json(name, value) for name, value in zip(names, await self._get(names), strict=True)]

    def _json(self, name: str, value: bytes | None) -> JSON | None:
        sealed = None if value is None else self._vault.open(name, value)
        if sealed is None:
            return None
        made: Any = jsonio.loads(zlib.decompress(sealed))
        return dict(made)

    def _name(self, tenant: str, kind: str, id: str) -> str:
        return f"{kind}:{self._vault.digest(tenant)}:{id[:200]}"

    async def _get(self, names: Sequence[str]) -> list[bytes | None]:
        try:
            return await self._hub.get(names, needed=True)
        except Away:
            raise unavailable() from None

    async def _make(self, changes: Sequence[Change]) -> list[bytes | None]:
        try:
            return await self._hub.make(changes, needed=True)
        except Away:
            raise unavailable() from None
