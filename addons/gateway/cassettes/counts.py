"""How often what was asked: alone in memory, and of several workers of this machine in a file that they share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FILE = "cassette.json"


class TurnCounts:
    """See the module. `folder`: what the workers share (`shared.opening.FOLDER`); None: there are no others."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = folder / _FILE if folder else None
        self._known: dict[str, Any] = {}

    def take(self, key: str) -> int:
        """How often this was taken before."""
        with self._all() as known:
            count: int = known.get(key, 0)
            known[key] = count + 1
        return count

    def settle(self, key: str, value: Any) -> Any:
        """What the first who asked has said; `value` is said here. JSON."""
        with self._all() as known:
            return known.setdefault(key, value)

    @contextmanager
    def _all(self) -> Iterator[dict[str, Any]]:
        if self._path is None:
            yield self._known
            return
        import fcntl  # there are several workers only where there is fork

        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go of when it is closed
            file.seek(0)
            known: dict[str, Any] = json.loads(file.read() or "{}")
            yield known
            file.seek(0)
            file.truncate()
            json.dump(known, file)
