"""The faults of a drill: what is ordered, for which request, and what may be expected of a client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drilled:
    """One row of the table: the client is run once for it."""

    name: str
    fault: str
    """See `addons.gateway.fault_injection.grammar`; without turns."""
    turn: int = 1
    """Which request meets it; 0: each one."""
    has_text: bool = True
    """The whole text of the answer can reach the person: it comes, or comes when the client asks again."""
    may_fail: bool = False
    """A client that says so and ends with an error has done right."""

    def header(self, id: str) -> str:
        """What orders it. `id` is of the run: its turns are no other run's."""
        if not self.turn:
            return self.fault
        before = ["ok"] * (self.turn - 1)
        first, *others = [*before, self.fault, "ok"]
        return ", ".join([f"{first};id={id}", *others])


FIRST = (
    Drilled("429, come back in 1 s", "429;retry-after=1"),
    Drilled("429", "429"),
    Drilled("500", "500"),
    Drilled("503", "503"),
    Drilled("529", "529"),
    Drilled("503 each time", "503", turn=0, has_text=False, may_fail=True),
    Drilled("delay", "delay;seconds=3"),
    Drilled("slow", "slow;seconds=0.2"),
    Drilled("stall", "stall;after=2;seconds=3"),
    Drilled("cut at once", "cut;after=0"),
    Drilled("cut", "cut;after=3"),
    Drilled("error at once", "error;after=0"),
    Drilled("error", "error;after=3"),
    Drilled("cut in a tool call", "cut-call"),
    Drilled("error in a tool call", "error-call"),
    Drilled("broken arguments", "arguments", has_text=False, may_fail=True),
    Drilled("empty answer", "empty", has_text=False, may_fail=True),
    Drilled("content filter", "filter", has_text=False, may_fail=True),
    Drilled("wrong usage", "usage"),
)
"""What the first request meets; of tool calls the first request whose answer has one."""

LATER = tuple(
    Drilled(f"{one.name}, 2nd request", one.fault, 2, one.has_text, one.may_fail)
    for one in FIRST
    if one.turn and one.fault in ("429;retry-after=1", "503", "cut;after=3", "error;after=3", "empty")
)
"""What the second request meets, where there is one."""


def chosen(only: Sequence[str], *, later: bool) -> list[Drilled]:
    """The rows of a drill. `only`: words of which a row's name or fault has one; none: all. `later`: the client makes
    more than one request."""
    rows = [*FIRST, *(LATER if later else ())]
    return [row for row in rows if not only or any(word in row.name or word in row.fault for word in only)]
