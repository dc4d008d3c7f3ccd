"""The settings file while the gateway runs: read at the start, and read again when it changes.

* What changed is read and made ready off the event loop, and comes into force as a whole or not at all.
* Whatever goes wrong is told, and the file is looked at again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy.utils import asyncio_utils

from addons.gateway.settings.home import expanded
from addons.gateway.settings.settings import SettingsError

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

LOOK_EVERY = 1.0
"""Seconds between two looks at the file."""
SETTLES_IN = 0.1
"""Seconds for which a changed file has to stay as it is: before that it may be half written."""
GONE_AFTER = 3
"""Looks; before that an editor may be replacing the file."""
REPORT_EVERY = 60.0
"""Seconds between two complaints about a look that failed."""

type Stamp = tuple[int, int]
"""What changes when a file does: when it was written, in ns, and its size in bytes."""


class SettingsFile:
    """Keeps a gateway's settings what the file says."""

    def __init__(self, gateway: Gateway) -> None:
        self.path: Path | None = None
        self._gateway = gateway
        self._stamp: Stamp | None = None
        self._missing = 0
        """Looks in a row at which the file was not there."""
        self._watcher: asyncio.Task[None] | None = None
        self._complained = float("-inf")

    def use(self, path: str, *, starting: bool = True) -> bool:
        """Read this file from now on ("": none). False: it can't be used; the log says why, and what was stays.

        `starting`: a store that can't be opened is no reason not to start.
        """
        try:
            self.path = expanded(path) if path else None
            self._stamp = _stamp_of(self.path)
            self._gateway.use(self._gateway.load(self.path, store_in_memory=starting))
        except SettingsError as e:
            logger.error(f"Settings: {e}")
            return False
        except OSError as e:
            logger.error(f"Settings: {path}: {e.strerror}")
            return False
        self._name_unusable()
        return True

    def watch(self) -> None:
        """Begin to look for changes, of the credentials too."""
        if self._watcher is None:
            self._watcher = asyncio_utils.create_task(self._watch(), name="settings file watcher", keep_ref=False)

    def unwatch(self) -> None:
        """Look for changes no more. What was read stays in force."""
        if self._watcher:
            self._watcher.cancel()
            self._watcher = None

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                self._gateway.look_at_credentials()
            except Exception:
                self._complain("The credentials")
            try:
                await self._look()
            except Exception:
                self._complain("The settings file")

    async def _look(self) -> None:
        """Read the file again if it has changed."""
        path = self.path
        if path is None:
            return
        stamp = await asyncio.to_thread(_stamp_of, path)
        self._missing = self._missing + 1 if stamp is None else 0
        if self._missing == GONE_AFTER:
            logger.warning(f"Settings: {path} is gone; what it said stays in force")
        if stamp is None or stamp == self._stamp:
            return
        await asyncio.sleep(SETTLES_IN)
        if await asyncio.to_thread(_stamp_of, path) != stamp or path != self.path:
            return  # it is looked at again
        self._stamp = stamp
        try:
            prepared = await asyncio.to_thread(self._gateway.load, path, store_in_memory=False)
        except SettingsError as e:
            logger.error(f"Settings: {e}. The settings read before stay in force.")
            return
        if path != self.path:  # another file was named in the meantime, and read
            prepared.discard()
            return
        self._gateway.use(prepared)
        self._name_unusable()
        logger.info(f"Settings reloaded from {path}")

    def _name_unusable(self) -> None:
        for account in self._gateway.pool.accounts:
            if account.unusable:
                logger.warning(f"Account {account.label} can't be used: {account.unusable}")

    def _complain(self, what: str) -> None:
        """Log the exception under way, once in a while."""
        now = time.monotonic()
        if now >= self._complained + REPORT_EVERY:
            self._complained = now
            logger.exception(f"{what} could not be looked at; they are looked at again. Please report it.")


def _stamp_of(path: Path | None) -> Stamp | None:
    """None when the file is not there (an editor may be replacing it)."""
    try:
        stat = path.stat() if path else None
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size) if stat else None
