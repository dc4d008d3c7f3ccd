"""What one connection keeps of its answers while it lasts, whether or not they are stored.

A client on a WebSocket goes on from its last answer also where it asked for nothing to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable

from addons.gateway.storage.bounded import Bounded
from addons.gateway.storage.store import KeptResponses
from mapping.dialect import Kept
from mapping.values import JSON

MOST = 64
"""Answers of one connection that are kept; the oldest go first."""


class ConnectionStore:
    """Looks in what the connection has kept, then in the store."""

    def __init__(self) -> None:
        self._kept: Bounded[str, Kept] = Bounded(MOST)

    def put(self, kept: Kept) -> None:
        """Keep an answer."""
        self._kept.put(kept.id, kept)

    async def history(self, store: KeptResponses, tenant: str, id: str) -> list[JSON] | None:
        """All items of the conversation that ends with a response, in order; None when a part of it is not there."""
        chain: list[Kept] = []
        at: str | None = id
        while at is not None and (kept := self._kept.get(at)) is not None:
            chain.append(kept)
            at = kept.previous
        items = [] if at is None else await store.history(tenant, at)
        if items is None:
            return None
        return [*items, *(item for kept in reversed(chain) for item in (*kept.input_items, *kept.output_items))]

    async def items(self, store: KeptResponses, tenant: str, ids: Iterable[str]) -> dict[str, JSON]:
        """Single items by their ids."""
        wanted = set(ids)
        found = {
            item["id"]: item
            for kept in self._kept.values()
            for item in (*kept.input_items, *kept.output_items)
            if item.get("id") in wanted
        }
        missing = wanted - found.keys()
        return found | (await store.items(tenant, missing) if missing else {})
