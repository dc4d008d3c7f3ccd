"""Background responses, known to all workers: each runs in one, and can be asked for and ended from any.

That one runs is a thing with a short life, which its worker renews: where that has died it ends by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from addons.gateway.shared.contract import Away, Drop, Put
from addons.gateway.shared.hub import Hub

LIFE = 20.0
"""Seconds after which a job counts as ended whose worker says nothing."""
RENEW_EVERY = 5.0
KNOWN_AFTER = 2 * RENEW_EVERY
"""Seconds after which all jobs are known again when the shared state was away."""


class SharedJobs:
    """See the module, and `endpoints.background.OtherWorkers`. `end` ends a job, where it runs here.

    `when_stored` does something once the others find what was stored before; None: what goes over the hub is in its
    order anyhow.
    """

    def __init__(
        self,
        hub: Hub,
        end: Callable[[str], object],
        when_stored: Callable[[Callable[[], None]], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._when_stored = when_stored
        self._running: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        hub.on("end", lambda body: end(str(body)))

    def begun(self, id: str) -> None:
        """A job runs here."""
        self._running.add(id)
        self._hub.soon(self._sign(id))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(RENEW_EVERY, self._renew)

    def ended(self, id: str) -> None:
        """It does not any more. The others hear of it when they find what it has become: a job that does not run, and
        has no end, counts as failed."""
        if self._when_stored is None:
            self._end(id)
        else:
            self._when_stored(partial(self._end, id))

    async def runs(self, id: str) -> bool:
        """Whether it runs anywhere; where that can't be found out it does.

        Nor can it just after the shared state was away: signs of life have ended there, or were lost with all else.
        """
        try:
            (found,) = await self._hub.get([self._name(id)], needed=True)
        except Away:
            return True
        return found is not None or self._clock() < self._hub.back_since + KNOWN_AFTER

    def end(self, id: str) -> None:
        """Have its worker end it."""
        self._hub.say("end", id)

    def _end(self, id: str) -> None:
        self._running.discard(id)
        self._hub.soon(Drop(self._name(id)))

    def _renew(self) -> None:
        self._timer = None
        for id in self._running:
            self._hub.soon(self._sign(id))
        if self._running:
            self._timer = asyncio.get_running_loop().call_later(RENEW_EVERY, self._renew)

    def _sign(self, id: str) -> Put:
        return Put(self._name(id), self._hub.me.encode(), LIFE)

    def _name(self, id: str) -> str:
        return f"job:{id[:200]}"
