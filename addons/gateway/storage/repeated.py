"""What large bodies began with, so that the next request of the conversation need not be parsed from its beginning.

Bounded by count, by size and by idle time, and bound to the tenant. See `mapping.request.repeats`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count
from typing import Any

from addons.gateway.storage.bounded import Bounded
from mapping import jsonio
from mapping.request.repeats import KnownPart, known_part

LEAST = 2**17
"""Bytes of a body that is worth it: parsing takes about 2 ms for a megabyte."""
MOST = 2**22
"""Bytes of the largest: what is larger is files rather than what was said."""
MOST_BYTES = 2**23
"""Of all that is kept. With what was parsed of them it is two to six times as much."""
MOST_PARTS = 32
IDLE = 300.0
"""Seconds: about as long as Gemini's own cache keeps the beginning of a conversation."""


class RepeatedBodies:
    """Parses bodies, and keeps what the next one may begin with; for that it needs a running event loop.

    `forgotten` is told when something was let go of because it had not been used for long.
    """

    def __init__(
        self, forgotten: Callable[[], None], *, least: int = LEAST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._forgotten = forgotten
        self._least = least
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._known: Bounded[int, tuple[int, str, KnownPart]] = Bounded(
            MOST_PARTS, seconds=IDLE, idle=True, most_weight=MOST_BYTES, clock=clock
        )
        """Number -> itself, the tenant, the part."""

    def __len__(self) -> int:
        """How many parts are held."""
        return len(self._known)

    def loads(self, tenant: str, text: bytes) -> Any:
        """Parse JSON as `jsonio.loads` does. Raises ValueError.

        The value shares objects with those of other requests of the tenant: it is not to be changed.
        """
        if not self._least <= len(text) <= MOST:
            return jsonio.loads(text)
        known = self._known
        for number, owner, part in reversed(known.values()):
            if owner != tenant or not text.startswith(part.text):
                continue
            value = part.loads(text)
            if value is None:
                if part.is_none:
                    known.drop(number)
                break
            known.use(number)
            if longer := part.longer(text):
                known.drop(number)
                self._keep(tenant, longer)
            return value
        value = jsonio.loads(text)
        if isinstance(value, dict) and (first := known_part(text)):
            self._keep(tenant, first)
        return value

    def _keep(self, tenant: str, part: KnownPart) -> None:
        number = next(self._numbers)
        self._known.put(number, (number, tenant, part), len(part.text))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE, self._forget)

    def _forget(self) -> None:
        held = len(self._known)
        self._known.drop_old()
        left = len(self._known)
        self._timer = asyncio.get_running_loop().call_later(IDLE, self._forget) if left else None
        if left < held:
            self._forgotten()
