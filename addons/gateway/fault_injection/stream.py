"""A stream translator with a fault: Gemini's events are changed before it, and the client's cut off behind it.

* Gemini's events are given on one by one, so that nothing is translated that the client is not to get.
* Where it is cut, no more is listened to (`enough`), and `end` raises the fault. The exchange tells it to the client by
  `cut`: that is the dialect's error event, or nothing if the connection is torn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self, override

from addons.gateway.fault_injection import events
from addons.gateway.fault_injection.changes import Changes
from addons.gateway.fault_injection.grammar import CALLS, CUT, TORN, FaultTurn
from addons.gateway.fault_injection.pacing import Pacer
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.translators import StreamTranslator
from mapping.values import RawTurn


class FaultyStream(StreamTranslator):
    """See the module. `inner` does the work."""

    def __init__(
        self,
        inner: StreamTranslator,
        turn: FaultTurn,
        changes: Changes,
        *,
        pacer: Pacer | None,
        end: Callable[[], Fault],
    ) -> None:
        """`end` gives the fault of a stream that is cut, when it is."""
        self.inner = inner
        self._turn = turn
        self._changes = changes
        self._pacer = pacer
        self._make_end = end
        self._end: Fault | None = None
        self._cut = next((fault for fault in turn if fault.kind in CUT), None)
        self._parser = sse.EventParser()
        self._sent = 0
        """Events that the client has got, or is about to get."""
        self._held = b""
        """What is to go out before the end of a stream that was cut as its upstream's ended."""
        self._opened = False
        self.over = False
        """The stream was cut."""

    @property
    @override
    def started(self) -> bool:
        return self.inner.started or self.over

    @property
    @override
    def fault(self) -> UpstreamError | None:
        return self.inner.fault

    @property
    @override
    def enough(self) -> bool:
        return self.over or self.inner.enough

    @property
    @override
    def continuation(self) -> str | None:
        return None if self.over else self.inner.continuation

    @override
    def feed(self, data: bytes) -> bytes:
        if self.over:
            return b""
        if not self._changes and self._cut is None:
            return self._paced(events.split(self.inner.feed(data)), data)
        going: list[bytes] = []
        for payload in self._parser.feed(data):
            going += self._translated(payload)
            if self.over or self.inner.fault or self.inner.enough:
                break
        return self._paced(going, data)

    @override
    def end(self, *, needs_content: bool = False) -> bytes:
        if not self.over:
            going = []
            for payload in self._parser.end():
                going += self._translated(payload)
            self._parser = sse.EventParser()
            if not self.over:
                tail = self.inner.end(needs_content=needs_content)
                if self.inner.continuation is not None:
                    return b"".join(going) + tail
                going += self._until_cut(events.split(tail))
            if not self.over:
                return b"".join(going)
            self._held = b"".join(going)
        self._end = self._make_end()
        raise self._end

    @override
    def cut(self, fault: Fault) -> bytes:
        if fault is not self._end:
            return self._broken(self.inner.cut(fault))
        opening = b"" if self._sent or self._opened else self.inner.open()
        ending = self.inner.cut(fault)  # also where nobody gets it: so it is stored as what has failed
        is_torn = self._cut is not None and self._cut.kind in TORN
        return self._held if is_torn else self._held + opening + self._broken(ending)

    @override
    def open(self) -> bytes:
        self._opened = True
        return b"" if self._pacer and self._pacer.holds_the_first else self.inner.open()

    @override
    def keep_alive(self) -> bytes:
        pacer = self._pacer
        if pacer and ((ready := pacer.ready()) or pacer.holds_the_first):
            return ready
        return self.inner.keep_alive()

    @override
    def again(self) -> Self:
        return self.goes_on_with(self.inner.again())

    def goes_on_with(self, inner: StreamTranslator) -> Self:
        """For another attempt."""
        self.inner = inner
        self._parser = sse.EventParser()
        return self

    @override
    def add_answer(self, data: bytes) -> None:
        self.inner.add_answer(data)

    @override
    def remember(self) -> Mapping[str, RawTurn]:
        return self._changes.remembered(self.inner.remember())

    @override
    def totals(self) -> Totals:
        return self.inner.totals()

    @override
    def finish_reasons(self) -> list[str]:
        return list(self.inner.finish_reasons())

    # --- inside

    def _translated(self, payload: bytes) -> list[bytes]:
        """The client's events for one of Gemini's."""
        changed = self._changes.of(payload) if self._changes else payload
        return self._until_cut(events.split(self.inner.feed(sse.frame(changed))))

    def _until_cut(self, made: list[bytes]) -> list[bytes]:
        mark, going = self._changes.mark, []
        for event in made:
            marked = mark is not None and mark.find(event) >= 0
            if self._is_cut_here():
                self.over = True
                break
            going.append(self._broken(event))
            self._sent += 1
            if marked and self._cut is not None and self._cut.kind in CALLS:
                self.over = True
                break
        return going

    def _is_cut_here(self) -> bool:
        return self._cut is not None and self._cut.numbers.get("after") == self._sent

    def _broken(self, event: bytes) -> bytes:
        mark = self._changes.mark
        if mark is None or mark.find(event) < 0:
            return event
        return b"".join(events.edited(one, mark.cut) for one in events.split(event))

    def _paced(self, going: list[bytes], data: bytes) -> bytes:
        return self._pacer.offer(going, data) if self._pacer else b"".join(going)
