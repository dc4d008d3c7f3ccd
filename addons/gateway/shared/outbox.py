"""What a worker has acknowledged while it could not write it to the shared state: in a file, until it is written.

So a worker that is killed meanwhile loses nothing. Each worker of one machine has a file of its own in a folder of
theirs, and holds a lock on it for as long as it lives; whoever gets the lock takes over what is in there. And what is
in the file of one that lives is found by the others.

A line is a change. A worker that is killed while it writes leaves half a line at the end, which was not acknowledged.
"""

from __future__ import annotations

import contextlib
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from addons.gateway.shared.contract import Change, Claim, Drop, Put, Revise, Swap
from mapping import jsonio

try:
    import fcntl
except ImportError:  # where there is none, there are no several workers either
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("antigravity")

SUFFIX = ".outbox"
_PUTS: dict[str, type[Put]] = {"put": Put, "revise": Revise, "claim": Claim}
_NAMES = {kind: name for name, kind in _PUTS.items()}


class Outbox:
    """See the module. Of the worker `me`. Nothing is there before something is kept."""

    def __init__(self, folder: Path, me: str) -> None:
        self._folder = folder
        self._path = folder / f"{me}{SUFFIX}"
        self._handle = -1
        self.size = 0
        """Bytes that are kept."""

    def keep(self, changes: Iterable[Change]) -> None:
        """Add changes. Raises nothing: where the file can't be written, they are in this worker's memory only."""
        data = b"".join(_line(change) for change in changes if not isinstance(change, Swap))
        if not data:
            return
        try:
            if self._handle < 0:
                self._open()
            written = 0
            while written < len(data):
                written += os.write(self._handle, data[written:])
            self.size += written
        except OSError as e:
            if self._handle >= 0:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._handle, self.size)  # the next line would begin behind half of this one
            logger.warning(f"What the shared state has to be told can't be kept in {self._path}: {e}")

    def _open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._path.with_suffix(".new")
        self._handle = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _lock(self._handle)
        made.rename(self._path)  # the others see it when it is locked

    def clear(self) -> None:
        """All is written."""
        self.size = 0
        if self._handle >= 0:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = -1

    def take_over(self, take: Callable[[list[Change]], object]) -> None:
        """Hand to `take` what workers have left that died, each one's in its order; after that their files are gone."""
        for path in self._others():
            with contextlib.suppress(OSError):
                handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    if _lock(handle) and path.exists():  # else it lives, or another was quicker
                        take(_changes(path.read_bytes()))
                        path.unlink(missing_ok=True)
                finally:
                    os.close(handle)

    def find(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """What others will make of things, of those keys that they have changed: None where there will be none."""
        found: dict[str, bytes | None] = {}
        for path in self._others():
            try:
                data = path.read_bytes()
            except OSError:  # all is written just now
                continue
            if any(key.encode() in data for key in keys):
                for change in _changes(data):
                    if isinstance(change, Put | Drop) and change.key in keys:
                        found[change.key] = change.value if isinstance(change, Put) else None
        return found

    def _others(self) -> list[Path]:
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        return [self._folder / name for name in names if name.endswith(SUFFIX) and name != self._path.name]


def _lock(handle: int) -> bool:
    """Whether a file is this process's from now on."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _line(change: Put | Drop) -> bytes:
    if isinstance(change, Drop):
        holds = None if change.holds is None else b64encode(change.holds).decode()
        return jsonio.dumps(["drop", change.key, holds]) + b"\n"
    return jsonio.dumps([_NAMES[type(change)], change.key, b64encode(change.value).decode(), change.life]) + b"\n"


def _changes(data: bytes) -> list[Change]:
    """What a file holds; a line that nobody can read does not keep the others from being written."""
    found = []
    for line in data.split(b"\n")[:-1]:
        try:
            found.append(_change(jsonio.loads(line)))
        except (ValueError, TypeError, LookupError) as e:
            logger.warning(f"A change that a worker has kept for the shared state can't be read, and is lost: {e}")
    return found


def _change(line: list[Any]) -> Change:
    kind, key, value, *life = line
    if kind == "drop":
        return Drop(key, None if value is None else b64decode(value, validate=True))
    return _PUTS[kind](key, b64decode(value, validate=True), *life)
