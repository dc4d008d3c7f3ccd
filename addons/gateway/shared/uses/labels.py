"""Which account a conversation stays on, and which has what a client has made: digest -> label, known to all workers.

Of two workers that tell it differently the later one is right.
"""

from __future__ import annotations

import time

from addons.gateway.shared.board import Board
from addons.gateway.shared.hub import Hub
from mapping.values import JSON


class SharedLabels:
    """A board of labels. `life`: seconds for which one is known after it was told."""

    def __init__(self, hub: Hub, name: str, *, most: int, life: float) -> None:
        self._board = hub.board(Board(name, later, most=most))
        self._life = life

    def get(self, key: str) -> str | None:
        """The label; None: nobody has told one."""
        value = self._board.get(key)
        return value["account"] if value else None

    def put(self, key: str, label: str) -> None:
        """It is this one from now on. What is known, and will be for long, is not told again."""
        now = time.time()
        known = self._board.get(key)
        if known is None or known["account"] != label or known["until"] < now + self._life / 2:
            self._board.set(key, {"account": label, "at": now, "until": now + self._life})


def later(mine: JSON, theirs: JSON) -> JSON:
    """See the module."""
    return max(mine, theirs, key=lambda value: (value["at"], value["account"], value["until"]))
