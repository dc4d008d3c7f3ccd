"""Steps that are taken whatever became of those before: at the end of an exchange each listener is told.

* What fails is one collaborator's trouble, not the next one's, and none of the client's.
* A failure is told once in a while, not for each exchange: a full disk would fill the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("antigravity")

FAILURES = (Exception, SystemExit)
"""mitmproxy's log calls `sys.exit` when its terminal is gone: no reason to hang up on those who wait for answers."""
REPORT_EVERY = 60.0
"""Seconds between two reports of the same step."""


class Steps:
    """Runs steps none of which may hold up what follows. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def run[T](self, name: str, step: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
        """What the step returns; None if it fails. `name` is one of few: what can't be done, for the report."""
        try:
            return step(*args, **kwargs)
        except FAILURES as e:
            self.failed(name, e)
            return None

    def failed(self, name: str, error: BaseException) -> None:
        """A step that was run otherwise has failed (`FAILURES`): report it, unless it was reported just now."""
        now = self._clock()
        if now < self._told.get(name, float("-inf")) + REPORT_EVERY:
            self._untold[name] = self._untold.get(name, 0) + 1
            return
        self._told[name] = now
        untold = self._untold.pop(name, 0)
        more = f" ({untold} more since the last report)" if untold else ""
        try:
            logger.warning(f"There is trouble with {name}: {type(error).__name__}: {error}{more}")
        except FAILURES:  # the log itself is what fails
            return
