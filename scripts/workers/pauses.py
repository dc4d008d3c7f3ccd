"""How long to wait before a worker is started again."""

from __future__ import annotations

FIRST = 0.5
LONGEST = 30.0
WELL = 60.0
"""Seconds after which a worker is taken to be well: what happens to it then is no matter of its start."""


class Pauses:
    """The pauses of one worker's starts, in seconds: none at first, then growing while it does not live long."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lived: float) -> float:
        """The pause before the next start, for one that lived so many seconds."""
        if lived >= WELL:
            self._next = 0.0
        pause = self._next
        self._next = min(max(FIRST, 2 * pause), LONGEST)
        return pause
