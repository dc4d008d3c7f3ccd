"""The settings file while the gateway runs: read at the start, and read again when it changes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy.utils import asyncio_utils

from addons.gateway.settings import SettingsError

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""
GONE_AFTER = 3
"""Looks; before that an editor may be replacing the file."""


class SettingsFile:
    """Keeps a gateway's settings what the file says."""

    def __init__(self, gateway: Gateway) -> None:
        self.path: Path | None = None
        self._gateway = gateway
        self._stamp: tuple[int, int] | None = None
        self._watcher: asyncio.Task[None] | None = None

    def use(self, path: str) -> bool:
        """Read this file from now on ("": none). False: it can't be used; the log says why."""
        self.path = Path(path).expanduser() if path else None
        return self.read()

    def read(self) -> bool:
        """Read the file. A broken one is reported, and what was in force stays."""
        self._stamp = self._look()
        try:
            settings = self._gateway.load(self.path)
        except SettingsError as e:
            logger.error(f"Settings: {e}")
            return False
        self._gateway.use(settings)
        for account in self._gateway.pool.accounts:
            if account.unusable:
                logger.warning(f"Account {account.label} can't be used: {account.unusable}")
        return True

    def watch(self) -> None:
        """Begin to look for changes."""
        if self.path and self._watcher is None:
            self._watcher = asyncio_utils.create_task(self._watch(), name="settings file watcher", keep_ref=False)

    def unwatch(self) -> None:
        if self._watcher:
            self._watcher.cancel()
            self._watcher = None

    async def _watch(self) -> None:
        missing = 0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self._gateway.look_at_credentials()
            stamp = self._look()
            missing = missing + 1 if stamp is None else 0
            if missing == GONE_AFTER:
                logger.warning(f"Settings: {self.path} is gone; what it said stays in force")
            if stamp is not None and stamp != self._stamp and self.read():
                logger.info(f"Settings reloaded from {self.path}")

    def _look(self) -> tuple[int, int] | None:
        """What changes when the file does; None when it is not there (an editor may be replacing it)."""
        try:
            stat = self.path.stat() if self.path else None
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size) if stat else None
