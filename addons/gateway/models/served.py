"""Which model really answers under which name: Google serves newer ones under the names of those that it retires.

The catalogue knows the days of that; what answers say of themselves (`modelVersion`) counts more. Bounded by count and
by age; what was seen is forgotten at a restart, and seen again with the first answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

from addons.gateway.storage.bounded import Bounded
from mapping.gemini.model_classes import served_under

MAX_MODELS = 256
MAX_AGE = 86400.0
"""Seconds after which something that was not seen again does not count any more."""


class ServedModels:
    """See the module. `today` and `clock` tell the day and a time in seconds."""

    def __init__(self, today: Callable[[], date], clock: Callable[[], float] = time.monotonic) -> None:
        self._today = today
        self._seen: Bounded[str, str] = Bounded(MAX_MODELS, seconds=MAX_AGE, clock=clock)
        """The model that is asked -> the one that has answered."""

    def saw(self, asked: str, answered: str) -> None:
        """A model of this other name has answered."""
        self._seen.put(asked, answered)

    def instead_of(self, asked: str) -> str | None:
        """The model that answers in the place of the one that is asked; None: itself, as far as is known."""
        answered = self._seen.get(asked) or served_under(asked, self._today())
        return answered if answered != asked else None
