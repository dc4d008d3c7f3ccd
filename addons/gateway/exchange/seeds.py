"""What an answer has from nowhere else: fresh ids, times, encrypted texts. Written down, and used again in a replay.

So the same recorded exchange gives the same bytes. Where nothing is recorded this costs an append per value.
The translation takes all of it as arguments, because it has no randomness and no clock of its own.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any


def mint(prefix: str, size: int = 12) -> str:
    """A fresh id: the prefix, and `size` random bytes in hexadecimal. It is not written down."""
    return prefix + os.urandom(size).hex()


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def new_id() -> str:
    """A fresh request id, for `x-request-id` and the log: `req_` and 32 letters from a to p, each of four bits.

    There are no digits, since Messages has the id in its errors: opencode 1.18.33 sends whatever failed again if `500`,
    `429` or the like stands anywhere in the answer, which one in 25 ids of hexadecimal digits has.
    """
    return mint("req_", 16).translate(_LETTERS)


class Seeds:
    """The values of one exchange, in the order in which they were needed."""

    def __init__(self, known: dict[str, Any] | None = None) -> None:
        self.times: list[int] = []
        self.ids: list[str] = []
        self.sealed: list[str] = []
        lists = {name: values for name, values in (known or {}).items() if isinstance(values, list)}
        self.are_known = bool(lists)
        """They are those of a record."""
        self._known: dict[str, deque[Any]] = {name: deque(values) for name, values in lists.items()}

    def plain(self) -> dict[str, Any]:
        """As lists, for the record; it is what the constructor takes."""
        return {"times": self.times, "ids": self.ids, "sealed": self.sealed}

    def mark(self) -> tuple[int, int, int]:
        """How far they are: for `back_to`."""
        return len(self.times), len(self.ids), len(self.sealed)

    def back_to(self, mark: tuple[int, int, int]) -> None:
        """Forget what was needed since: what needed it is done anew."""
        times, ids, sealed = mark
        del self.times[times:], self.ids[ids:], self.sealed[sealed:]

    def now(self) -> int:
        """Unix time in whole seconds."""
        found = self._next("times")
        now = found if isinstance(found, int) else int(time.time())
        self.times.append(now)
        return now

    def mint(self, prefix: str, size: int = 12) -> str:
        """A fresh id: the prefix, and `size` random bytes in hexadecimal."""
        found = self._next("ids")
        id = found if isinstance(found, str) and found.startswith(prefix) else mint(prefix, size)
        self.ids.append(id)
        return id

    def seal(self, make: Callable[[], str]) -> str:
        """An encrypted text; `make` encrypts it."""
        found = self._next("sealed")
        text = found if isinstance(found, str) else make()
        self.sealed.append(text)
        return text

    def _next(self, name: str) -> Any:
        known = self._known.get(name)
        return known.popleft() if known else None
