"""What was ordered for one request, and what has become of it."""

from __future__ import annotations

from collections.abc import Callable

from addons.gateway.exchange.job import FaultOrder
from addons.gateway.fault_injection.changes import Changes
from addons.gateway.fault_injection.grammar import CUT, STATUS, FaultTurn, OrderedFault, shown
from addons.gateway.fault_injection.statuses import fault_of
from mapping.faults import Fault
from mapping.notes import Notes


class Order(FaultOrder):
    """The faults of one request. `give_back`: the turn was for nothing, and is the next one's.

    `shown` is empty until somebody does something.
    """

    def __init__(self, turn: FaultTurn, give_back: Callable[[], None]) -> None:
        self.turn = turn
        self.give_back = give_back
        self.text = shown(turn)
        self.shown = self.text if self.one(STATUS, "delay") else ""
        self.ended = False
        self.changes = Changes(turn)
        """Of Gemini's answer."""
        cause = self.one(STATUS, *CUT)
        self._end = fault_of(cause) if cause else None

    def taken_up(self) -> Changes:
        """The job of the request is there, and does what was ordered."""
        self.shown = self.text
        return self.changes

    def one(self, *kinds: str) -> OrderedFault | None:
        """The fault of these kinds that was ordered."""
        return next((fault for fault in self.turn if fault.kind in kinds), None)

    def end(self) -> Fault:
        """What the client is told now, instead of what it would get. One of `STATUS` and `CUT` was ordered."""
        assert self._end is not None
        self.ended = True
        return self._end

    def nothing_done(self, notes: Notes) -> None:
        """There was nothing to be done it to: no tool call, say."""
        notes.add("fault", f"{self.text} found nothing to act on")
        self.shown = ""
        self.give_back()
