"""Model turns that any worker can replay, with the thought signatures that clients drop.

Each turn is sealed, under the digest of the tenant and its key; a turn with several keys is kept once. What was looked
for in vain is not looked for again for a while, except the latest turns of a conversation: these may just have come.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from addons.gateway.shared.contract import Away, Put
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.vault import Vault
from addons.gateway.storage.bounded import Bounded
from addons.gateway.storage.memory import MAX_AGE
from mapping import jsonio
from mapping.values import JSON, RawTurn

MOST_AT_ONCE = 256
"""Keys that are looked for at once: the latest of a conversation."""
LATEST = 8
"""Keys that are looked for each time."""
IN_VAIN_FOR = 60.0
"""Seconds."""
MOST_IN_VAIN = 50_000


class SharedTurns:
    """See the module, and `storage.memory.FarTurns`."""

    def __init__(self, hub: Hub, vault: Vault) -> None:
        self._hub = hub
        self._vault = vault
        self._in_vain: Bounded[str, bool] = Bounded(MOST_IN_VAIN, seconds=IN_VAIN_FOR)

    knows_more = True
    """Others may have remembered something just now."""

    def keep(self, tenant: str, turns: Mapping[str, RawTurn]) -> None:
        """A worker remembers these."""
        homes: dict[int, str] = {}
        for key, turn in turns.items():
            name = self._name(tenant, key)
            home = homes.setdefault(id(turn), name)
            plain = {"of": home} if home != name else {"turn": [turn.model, turn.parts, turn.call_ids]}
            value = self._vault.seal(name, zlib.compress(jsonio.dumps(plain), 1))
            self._hub.soon(Put(name, value, MAX_AGE))

    def unknown(self, tenant: str, keys: Sequence[str]) -> list[str]:
        """Which of the keys, in the order of their turns, may have been remembered by others."""
        latest = list(dict.fromkeys(keys))[-MOST_AT_ONCE:]
        return [
            key
            for number, key in enumerate(reversed(latest))
            if number < LATEST or not self._in_vain.get(self._name(tenant, key))
        ]

    async def fetch(self, tenant: str, keys: Sequence[str]) -> dict[str, RawTurn]:
        """What is remembered of these; nothing while that can't be found out."""
        names = {key: self._name(tenant, key) for key in keys}
        try:
            plain = await self._read(list(names.values()))
            homes = {one["of"] for one in plain.values() if "of" in one}
            plain |= await self._read([home for home in homes if home not in plain])
        except Away:
            return {}
        found: dict[str, RawTurn] = {}
        made: dict[str, RawTurn] = {}
        for key, name in names.items():
            home = plain.get(name, {}).get("of", name)
            turn = plain.get(home, {}).get("turn")
            if turn is None:
                self._in_vain.put(name, True)
            else:
                found[key] = made[home] = made.get(home) or RawTurn(*turn)
        return found

    async def _read(self, names: Sequence[str]) -> dict[str, JSON]:
        values = await self._hub.get(names) if names else []
        return {
            name: jsonio.loads(zlib.decompress(plain))
            for name, value in zip(names, values, strict=True)
            if value is not None and (plain := self._vault.open(name, value)) is not None
        }

    def _name(self, tenant: str, key: str) -> str:
        return f"turn:{self._vault.digest(tenant, key)}"
