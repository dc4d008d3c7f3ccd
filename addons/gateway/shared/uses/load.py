"""How many requests the other workers have under way: the limit holds for all together.

Told a few times a second, so that it may be passed by what comes in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from addons.gateway.shared.hub import Hub

TELL_AFTER = 0.05
"""Seconds between two words of one worker."""
AGAIN_AFTER = 1.0
"""Seconds after which the same is told again."""
HOLDS_FOR = 3.0
"""Seconds for which a worker's word counts: it may have died since."""


class SharedLoad:
    """See the module. `mine`: how many this worker has. `clock` is in seconds."""

    def __init__(self, hub: Hub, mine: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._mine = mine
        self._clock = clock
        self._others: dict[str, tuple[int, float]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._told = 0
        hub.on("load", self._heard)

    def changed(self) -> None:
        """A request has come, or is over."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_AFTER, self._tell)

    def others(self) -> int:
        """How many the others have under way."""
        since = self._clock() - HOLDS_FOR
        return sum(count for count, told in self._others.values() if told > since)

    def _tell(self) -> None:
        self._timer = None
        mine = self._mine()
        if mine or self._told:
            self._hub.say("load", [self._hub.me, mine])
        if mine:
            self._timer = asyncio.get_running_loop().call_later(
                AGAIN_AFTER if mine == self._told else TELL_AFTER, self._tell
            )
        self._told = mine

    def _heard(self, body: Any) -> None:
        worker, count = body
        now = self._clock()
        self._others = {name: one for name, one in self._others.items() if one[1] > now - HOLDS_FOR}
        if count:
            self._others[worker] = int(count), now
        else:
            self._others.pop(worker, None)
