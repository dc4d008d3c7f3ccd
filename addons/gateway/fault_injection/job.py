"""The job of a request that meets a fault: that of every dialect, with Gemini's answer changed and the client's cut.

* Nothing that goes wrong on demand is an `UpstreamError`, so no account rests for it and no other attempt is made.
* Whole answers that are torn are sent as a stream with one piece: nothing else can break off.
"""

from __future__ import annotations

from typing import Any, cast, override

from addons.gateway.endpoints.answer_job import AnswerJob
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.job import Ask
from addons.gateway.fault_injection import events
from addons.gateway.fault_injection.grammar import CUT, TORN
from addons.gateway.fault_injection.order import Order
from addons.gateway.fault_injection.pacing import PacedEvent, Pacer
from addons.gateway.fault_injection.stream import FaultyStream
from mapping.dialect import Answering, Kept
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.translators import StreamTranslator
from mapping.values import RawTurn

_JSON = b"application/json"
NAMED = 100
"""Characters of an id that are noted."""


class FaultyJob(AnswerJob):
    """See the module."""

    def __init__(
        self, answering: Answering, notes: Notes, ask: Ask, *, order: Order, exchange: Exchange, strict: bool, keep: Any
    ) -> None:
        """`keep`: see `AnswerJob`. `exchange`: the one that it is for."""
        changes = order.taken_up()
        mark = changes.mark

        def kept_clean(kept: Kept) -> None:
            keep(mark.kept(kept) if mark else kept)

        super().__init__(answering, notes, ask, strict=strict, keep=kept_clean)
        self._order = order
        self._changes = changes
        self._exchange = exchange
        self._cut = order.one(*CUT)
        self._pacer = Pacer(order.turn, self._show) if order.one("slow", "stall") else None

    @override
    def begin(self) -> None:
        if self._changes:
            self.needs_content = False  # an answer that was emptied is not asked for again
        super().begin()

    @override
    def stream(self) -> StreamTranslator:
        return FaultyStream(super().stream(), self._order.turn, self._changes, pacer=self._pacer, end=self._end_stream)

    @override
    def stream_again(self, translator: StreamTranslator) -> StreamTranslator:
        assert isinstance(translator, FaultyStream)
        return translator.goes_on_with(super().stream_again(translator.inner))

    @override
    def take(self, content: bytes) -> bool:
        return super().take(self._changes.of(content) if self._changes else content)

    @property
    @override
    def has_others(self) -> bool:
        return self._pacer is not None or super().has_others

    @property
    @override
    def held_up(self) -> str:
        return self._pacer.words if self._pacer is not None else super().held_up

    @override
    async def others(self) -> list[bytes]:
        others = await super().others()
        if self._pacer is not None:
            await (self._pacer.empty() if self.streams else self._pacer.whole())
        return others

    @override
    def finish(self, others: list[bytes]) -> bytes:
        made, mark, cut = super().finish(others), self._changes.mark, self._cut
        if mark:
            self.remember()  # which ids the client has
        at = mark.find(made) if mark else len(made) // 2
        if cut is not None and at >= 0:
            if cut.kind in TORN:
                self._tear(made[:at])
            raise self._order.end()
        return events.edited(made, mark.cut) if mark and at >= 0 else made

    @override
    def instead_of_error(self, problem: Fault) -> bytes | None:
        return None if self._order.ended else super().instead_of_error(problem)

    @override
    def remember(self) -> dict[str, RawTurn]:
        return dict(self._changes.remembered(super().remember()))

    @override
    def totals(self) -> Totals | None:
        spent = self._changes.spent
        return spent.totals() if spent else super().totals()

    @override
    def cancel(self) -> None:
        if self._pacer is not None:
            self._pacer.stop()
        super().cancel()

    @override
    def ended(self) -> None:
        super().ended()
        order = self._order
        if not (order.ended or self._pacer or order.one("delay") or self._changes.found):
            order.nothing_done(self._notes)
        self._note_calls()

    # --- inside

    def _end_stream(self) -> Fault:
        """The stream is cut."""
        exchange = self._exchange
        exchange.machine.committed = True  # the client gets the head of a stream, even if nothing else
        if self._cut is not None and self._cut.kind in TORN:
            self.breaks_off = True
        if exchange.failover is not None:
            exchange.failover.succeeded()  # its account has done nothing wrong
        if self._changes.mark is not None and exchange.machine.translator is not None:
            exchange.machine.translator.remember()  # which ids the client has
        return self._order.end()

    def _note_calls(self) -> None:
        """Who looks for what a client makes of a broken call can find it by its id."""
        for id in self._changes.broken:
            self._notes.add("fault", f"broke the call {id[:NAMED]}")

    def _tear(self, part: bytes) -> None:
        """Send a part of a whole answer, and break off."""
        machine = self._exchange.machine
        machine.committed = self.breaks_off = True
        machine.translator = cast(StreamTranslator, _TornAnswer(part))
        self.content_type = self.content_type or _JSON

    def _show(self, due: list[PacedEvent]) -> None:
        """Events are due: the client gets them as it gets signs of life."""
        exchange = self._exchange
        if exchange.machine.over:
            return
        for event, data in due:
            exchange.brought(data, event)
        exchange.machine.silence()
        exchange.nudge()


class _TornAnswer:
    """What is left of a whole answer: of a stream's translator as much as ends it."""

    def __init__(self, part: bytes) -> None:
        self._part = part

    def cut(self, _: Fault) -> bytes:
        """The part that the client gets."""
        return self._part

    def remember(self) -> dict[str, RawTurn]:
        """Nothing of it is remembered."""
        return {}
