"""How often something has happened: alone in memory, and of several workers of this machine in a file that they share.

For what is counted now and then: each time the file is read and written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any


class TurnCounts:
    """See the module. `path`: of the file (in `shared.opening.FOLDER`); None: there are no others. Raises OSError.

    `most`: how many keys are counted; those that were not taken for the longest time are forgotten. None: all.
    """

    def __init__(self, path: Path | None = None, *, most: int | None = None) -> None:
        self._path = path
        self._most = most
        self._known: dict[str, Any] = {}

    def take(self, key: str) -> int:
        """How often this was taken before."""
        with self._all() as known:
            count: int = known.pop(key, 0)
            known[key] = count + 1  # as the last one
            if self._most is not None:
                for old in [*islice(known, max(0, len(known) - self._most))]:
                    del known[old]
        return count

    def give_back(self, key: str) -> None:
        """Once it was taken for nothing."""
        with self._all() as known:
            if known.get(key):
                known[key] -= 1

    def settle(self, key: str, value: Any) -> Any:
        """What the first who asked has said; `value` is said here. JSON."""
        with self._all() as known:
            return known.setdefault(key, value)

    @contextmanager
    def _all(self) -> Iterator[dict[str, Any]]:
        path = self._path
        with nullcontext() if path is None else _alone(path):
            known = self._known if path is None else _read(path)
            yield known
            if path is not None:
                made = path.with_suffix(".new")
                made.write_text(json.dumps(known), encoding="utf-8")
                made.replace(path)  # whole, also where this worker is killed


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other worker is at the file."""
    import fcntl  # there are several workers only where there is fork

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go of when it is closed
        yield


def _read(path: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        known = {}
    return known
