"""What a place for shared state must do: SQLite on one machine, Valkey or Redis between several.

* *Things* are values by key, each with a life time: responses, turns, tokens, leases.
* *Boards* are small tables that every worker has a copy of (`board.Board`): a board's fields are changed by
  comparing and setting, so that nobody's change is lost.
* What is *said* reaches the other workers soon, as a rule. It may be lost, and whoever hears it must bear that.

Each change is one step: no other worker sees half of it. Each may be made twice without harm, so that what has failed
half-way can be made again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

FINAL = b"!"
"""How a value begins that `Revise` must not replace."""

MISSED = b""
"""What is heard when something may have been lost: boards are to be read again."""


class Away(Exception):
    """The shared state can't be reached now, or not soon enough."""


@dataclass(frozen=True, slots=True)
class Put:
    """A thing. `life` is in seconds; with none left it is gone at once."""

    key: str
    value: bytes
    life: float


@dataclass(frozen=True, slots=True)
class Revise(Put):
    """A thing, unless what is there is final (`FINAL`)."""


@dataclass(frozen=True, slots=True)
class Claim(Put):
    """A thing, unless there is one: of several who claim a key one gets it, for `life` seconds at most."""


@dataclass(frozen=True, slots=True)
class Drop:
    """No thing any more; with `holds`: only where it has this value."""

    key: str
    holds: bytes | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """A field of a board, if it is as it was `before`. None: there is no such field.

    It may be forgotten `life` seconds after its last change, and not before.
    """

    board: str
    field: str
    before: bytes | None
    after: bytes | None
    life: float


type Change = Put | Drop | Swap

type Heard = Callable[[bytes], None]
"""Is told what another worker has said; on the event loop. Raises nothing."""


class SharedPlace(Protocol):
    """See the module. Everything but `close` raises Away when the place can't be reached."""

    gathers: float
    """Seconds for which words are gathered while there are many: what each costs differs."""
    reads_every: float
    """Seconds after which boards are read again, because what was said may be lost without anybody's knowing."""

    async def open(self, heard: Heard) -> None:
        """Connect, and listen. May be called again after it has failed."""

    async def close(self) -> None:
        """Let go of all that is open. Raises nothing."""

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        """The things, None for each that there is not."""

    async def write(self, changes: Sequence[Change]) -> list[bytes | None]:
        """Make changes, in this order. For each: what is there after it. None: nothing."""

    async def board(self, name: str) -> dict[str, bytes]:
        """All fields of a board."""

    def say(self, message: bytes) -> None:
        """Tell the other workers, without waiting. Raises nothing."""
