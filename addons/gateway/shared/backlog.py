"""What a worker has changed that is not in the shared state yet: in its order, and what of it is in the outbox.

As much waits as there is room for; beyond that the oldest changes are lost. What was acknowledged to others is kept in
the worker's outbox until it is written, so that it outlives the worker.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from addons.gateway.shared.contract import Change, Put, Swap
from addons.gateway.shared.outbox import Outbox

MOST_WAITING = 20_000
MOST_BYTES = 64 * 2**20
"""Of changes that wait to be written; beyond that the oldest are lost."""


class _Waiting(NamedTuple):
    change: Change
    size: int


class Backlog:
    """See the module. Without an `outbox` what waits is lost with the worker."""

    def __init__(self, outbox: Outbox | None) -> None:
        self.lost = 0
        """Changes that there was no room for."""
        self.done = 0
        """Changes that are written, or lost, since the start."""
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._pending: dict[str, tuple[_Waiting, bytes | None]] = {}
        """Keys of things -> what they will be once everything is written."""
        self._outbox = outbox
        self._kept = 0
        """Of all changes since the start: up to which they are written, or in the outbox."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def end(self) -> int:
        """What `done` will be when all that waits now is written."""
        return self.done + len(self._waiting)

    @property
    def is_kept(self) -> bool:
        """Whether all that waits is in the outbox; without one nothing can be."""
        return self._outbox is None or self._kept >= self.end

    def add(self, change: Change) -> None:
        """One more change, the last."""
        waiting = _Waiting(change, len(change.value) if isinstance(change, Put) else 0)
        self._waiting.append(waiting)
        self._bytes += waiting.size
        if not isinstance(change, Swap):
            self._pending[change.key] = waiting, change.value if isinstance(change, Put) else None
        while len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
            self.lost += 1
            self._drop_first()

    def first(self, count: int) -> list[Change]:
        """The oldest changes, so many at most. They wait until `written`."""
        return [waiting.change for waiting in islice(self._waiting, count)]

    def written(self, done: int) -> None:
        """All changes up to this count of `done` are in the shared state. Some may have been lost in the meantime."""
        while self.done < done:
            self._drop_first()
        if self._outbox is not None and self._outbox.size and self.done >= self._kept:
            self._outbox.clear()

    def becomes(self, keys: Iterable[str]) -> dict[str, bytes | None]:
        """What things will be, of those keys that wait to be changed: None where there will be none."""
        return {key: self._pending[key][1] for key in keys if key in self._pending}

    def becomes_elsewhere(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """The same of what other workers of this machine have in their outboxes."""
        return {} if self._outbox is None else self._outbox.find(keys)

    def keep(self) -> None:
        """Put what waits into the outbox."""
        if self._outbox is None or self.is_kept:
            return
        if self._outbox.size > 2 * MOST_BYTES:  # most of it was lost since
            self._outbox.clear()
            self._kept = 0
        since = max(0, self._kept - self.done)
        self._outbox.keep(waiting.change for waiting in islice(self._waiting, since, None))
        self._kept = self.end

    def adopt(self) -> None:
        """Take on what workers of this machine have left that died."""
        if self._outbox is not None:
            self._outbox.take_over(self._take_over)

    def _take_over(self, changes: Sequence[Change]) -> None:
        newer = {*self._pending}
        for change in changes:
            if getattr(change, "key", None) not in newer:
                self.add(change)
        self.keep()  # before the file of the other one is gone

    def _drop_first(self) -> None:
        first = self._waiting.popleft()
        self._bytes -= first.size
        self.done += 1
        key = getattr(first.change, "key", None)
        if key is not None and (pending := self._pending.get(key)) and pending[0] is first:
            del self._pending[key]
