"""The built-in demo upstream: a local Gemini server, and two accounts for it."""

from __future__ import annotations

from typing import Any

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import ApiKey

ADDRESS = Address("http", "demo.invalid", 80)
"""What flows name, whatever free port the demo listens on: so what was recorded can be replayed after a restart."""


class BuiltInDemo:
    """Runs the demo upstream inside this process while it is wanted."""

    def __init__(self) -> None:
        self._server: Any = None

    @property
    def running(self) -> bool:
        """It listens."""
        return self._server is not None

    async def start(self) -> list[Account]:
        """Start it, and return accounts that it takes."""
        from addons.demo.server import start  # loaded only by those who want it: start-up time

        self._server = await start()
        found = Address.parse(self._server.url)
        listens = (found.host, found.port)
        return [
            Account(f"demo-{n}@localhost", ApiKey(f"demo-key-{n}"), address=ADDRESS, listens=listens)
            for n in ("one", "two")
        ]

    def stop(self) -> None:
        """End it, if it runs; calls that are under way break off."""
        if self._server:
            self._server.stop()
            self._server = None
