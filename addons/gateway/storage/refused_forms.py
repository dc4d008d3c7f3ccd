"""Which function declarations an upstream has refused in the form in which they are sent first.

An agent sends its tools with every request: what was refused once would be refused each time, at the price of a call.
So the other form goes first for a while. Bounded by age and by count; lost at a restart.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from mapping import jsonio
from mapping.gemini.second_try import declarations
from mapping.values import JSON

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
        self._until: OrderedDict[tuple[str, str], OrderedDict[bytes, float]] = OrderedDict()
        """(kind of upstream, model) -> digest of a declaration -> until when it counts."""

    def refused(self, upstream: str, model: str, forms: Iterable[JSON]) -> None:
        """An upstream of this kind does not take these declarations for this model."""
        known = self._until.setdefault((upstream, model), OrderedDict())
        self._until.move_to_end((upstream, model))
        until = self._clock() + MAX_AGE
        for form in forms:
            digest = _digest(form)
            known.pop(digest, None)
            known[digest] = until
        while len(known) > MAX_FORMS:
            known.popitem(last=False)
        while len(self._until) > MAX_MODELS:
            self._until.popitem(last=False)

    def among(self, upstream: str, model: str, body: JSON) -> list[int]:
        """The indices of the body's declarations that would be refused. Nothing is digested while nothing is known."""
        known = self._until.get((upstream, model))
        if known is None:
            return []
        now = self._clock()
        while known and next(iter(known.values())) <= now:
            known.popitem(last=False)
        if not known:
            del self._until[upstream, model]
            return []
        return [index for index, form in enumerate(declarations(body)) if _digest(form) in known]


def _digest(form: JSON) -> bytes:
    return hashlib.blake2b(jsonio.dumps(form), digest_size=16).digest()
