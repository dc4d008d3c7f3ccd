"""A small table that every worker has a copy of: what is asked on the way of a request is asked of the copy.

* A change is in the copy at once, and in the shared state soon; the others hear of it.
* Two workers may change a field at once, or one while the shared state is away: `Merge` says what comes of both. It has
  to be the same whoever merges, in whatever order, and however often.
* Values are JSON objects. Each says in `until` (Unix seconds) when it is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from addons.gateway.shared.contract import Swap
from mapping import jsonio
from mapping.values import JSON

type Merge = Callable[[JSON, JSON], JSON]
"""What comes of two values of one field."""
type Changed = Callable[[str, JSON], None]
"""Is told what another worker has made of a field."""

KEPT_FOR = 31 * 86400.0
"""Seconds after its last change for which a field is kept at least: longer than anything that is on a board lasts."""


def nobody_cares(field: str, value: JSON) -> None:
    """Nothing follows from a change but that it is in the copy."""


class Board:
    """See the module. At most `most` fields: those that are over first go first. `clock` tells Unix seconds."""

    def __init__(
        self,
        name: str,
        merge: Merge,
        *,
        changed: Changed = nobody_cares,
        most: int = 2000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.changed = changed
        self.wake: Callable[[], None] = lambda: None
        """There is something to write."""
        self._merge = merge
        self._most = most
        self._clock = clock
        self._values: dict[str, JSON] = {}
        self._written: dict[str, bytes] = {}
        """As far as it is known, what the shared state has."""
        self._dirty: dict[str, None] = {}
        """The fields whose values it has not, in the order of their changes."""
        self._over: dict[str, bytes] = {}
        """What is over there."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, field: str) -> JSON | None:
        """The value, None where there is none, or it is over."""
        value = self._values.get(field)
        return value if value is not None and value["until"] > self._clock() else None

    def values(self) -> dict[str, JSON]:
        """All that are not over."""
        now = self._clock()
        return {field: value for field, value in self._values.items() if value["until"] > now}

    def set(self, field: str, value: JSON) -> None:
        """Change a field."""
        former = self._values.get(field)
        value = value if former is None else self._merge(former, value)
        if value == former:
            return
        self._values[field] = value
        self._dirty[field] = None
        if len(self._values) > self._most:
            self._forget_some()
        self.wake()

    # --- for the hub

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._dirty or self._over)

    def swaps(self, most: int) -> Iterator[Swap]:
        """What is to be written: at most so many."""
        for field in [*self._dirty][:most]:
            value = self._values.get(field)
            if value is None:
                del self._dirty[field]
            else:
                yield Swap(self.name, field, self._written.get(field), jsonio.dumps(value), KEPT_FOR)
        for field, over in [*self._over.items()][:most]:
            yield Swap(self.name, field, over, None, KEPT_FOR)

    def swapped(self, swap: Swap, found: bytes | None) -> JSON | None:
        """What is there after a swap. What the others are to be told of it, if anything."""
        field = swap.field
        if swap.after is None:
            self._over.pop(field, None)
            return None
        self._note(field, found)
        if found == swap.after:
            mine, theirs = self._values.get(field), jsonio.loads(found)
            if mine == theirs:
                self._dirty.pop(field, None)
            value: JSON = theirs
            return value
        self._take(field, None if found is None else jsonio.loads(found))
        return None

    def heard(self, field: str, value: JSON) -> None:
        """Another worker has written this."""
        self._written[field] = jsonio.dumps(value)
        self._take(field, value)

    def read(self, fields: Mapping[str, bytes]) -> None:
        """This is all that is there. What is not, and is not over, is written once more."""
        now, known, values = self._clock(), self._written, self._values
        # What is as it was before is not looked into: there may be many.
        found = {
            f: values[f] if known.get(f) == raw and f in values else jsonio.loads(raw) for f, raw in fields.items()
        }
        surplus: set[str] = set()
        if len(found) > self._most:
            by_end = sorted(found, key=lambda field: float(found[field]["until"]))
            surplus.update(by_end[: len(by_end) - self._most])
        self._written = dict(fields)
        for field, value in found.items():
            if value["until"] <= now or field in surplus:
                self._over[field] = fields[field]
            elif value is not values.get(field):
                self._take(field, value)
        for field in [*values]:
            if values[field]["until"] <= now or field in surplus:
                del values[field]
                self._dirty.pop(field, None)
            elif field not in found:
                self._dirty[field] = None

    def _note(self, field: str, found: bytes | None) -> None:
        if found is None:
            self._written.pop(field, None)
        else:
            self._written[field] = found

    def _take(self, field: str, theirs: JSON | None) -> None:
        """Take up what another worker has written."""
        mine = self._values.get(field)
        if theirs is None:
            return
        merged = theirs if mine is None else self._merge(mine, theirs)
        if merged == theirs:
            self._dirty.pop(field, None)
        else:
            self._dirty[field] = None
            self.wake()
        if merged != mine:
            self._values[field] = merged
            self.changed(field, merged)

    def _forget_some(self) -> None:
        by_end = sorted(self._values, key=lambda field: float(self._values[field]["until"]))
        for field in by_end[: self._most // 10 + 1]:
            del self._values[field]
            self._dirty.pop(field, None)
            if field in self._written:
                self._over[field] = self._written[field]
