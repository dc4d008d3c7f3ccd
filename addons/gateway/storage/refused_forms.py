"""Which function declarations an upstream has refused in the form in which they are sent first.

An agent sends its tools with every request: what was refused once would be refused each time, at the price of a call.
So the other form goes first for a while. Bounded by age and by count; lost at a restart.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from addons.gateway.storage.bounded import Bounded
from mapping import jsonio
from mapping.late import late
from mapping.values import JSON

if TYPE_CHECKING:
    from mapping.request import second_try
else:
    second_try = late("mapping.request.second_try")

MAX_AGE = 3600.0
"""Seconds. What an upstream takes changes from time to time, mostly for the better."""
MAX_MODELS = 64
"""Pairs of a kind of upstream and a model."""
MAX_FORMS = 1024
"""Declarations of each of them."""


class RefusedForms:
    """See the module. `clock` tells a time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: Bounded[tuple[str, str], Bounded[bytes, bool]] = Bounded(MAX_MODELS)
        """(kind of upstream, model) -> the digests of declarations that it does not take."""

    def refused(self, upstream: str, model: str, forms: Iterable[JSON]) -> None:
        """An upstream of this kind does not take these declarations for this model."""
        known = self._refused.get((upstream, model))
        if known is None:
            known = Bounded(MAX_FORMS, seconds=MAX_AGE, clock=self._clock)
        self._refused.put((upstream, model), known)
        for form in forms:
            known.put(_digest(form), True)

    def among(self, upstream: str, model: str, body: JSON) -> list[int]:
        """The indices of the body's declarations that would be refused. Nothing is digested while nothing is known."""
        known = self._refused.get((upstream, model))
        if known is None:
            return []
        known.drop_old()
        if not len(known):
            self._refused.drop((upstream, model))
            return []
        return [index for index, form in enumerate(second_try.declarations(body)) if known.get(_digest(form))]


def _digest(form: JSON) -> bytes:
    return hashlib.blake2b(jsonio.dumps(form), digest_size=16).digest()
