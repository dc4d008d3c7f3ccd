"""Answers that go on behind a summary: two upstream calls one after the other, one message.

Rules of this module (Anthropic's documentation, "Compaction at a token threshold"):

* The first call makes the summary; the second is about the summary, and its answer follows the `compaction` block.
* Nothing goes out before the second has content. So both may be tried again, and the summary is made once.
* Where there is no second call, the summary is the whole answer, as if the client had wanted to pause behind it.
* The numbers of the message are those of the second call; `usage.iterations` has those of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Self

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.messages.answer.answer import MessagesAnswer
from mapping.messages.answer.exchange import AskedMessage, EarlierSummary
from mapping.messages.answer.stream import MessagesStream
from mapping.notes import Notes
from mapping.totals import Totals, add_up
from mapping.values import JSON, RawTurn

ON = "\n(summary)"
"""The `continuation` of a summary: no token of Gemini's looks like it."""

type Then = Callable[[EarlierSummary], AskedMessage]
"""What is asked behind a summary. Raises Fault."""


class CompactedAnswer:
    """Whole answers; implements `mapping.translators.WholeTranslator`."""

    def __init__(self, asked: AskedMessage, then: Then, notes: Notes) -> None:
        self._first = MessagesAnswer(replace(asked, notes=notes))
        self._then = then
        self._notes = notes
        self._second: MessagesAnswer | None = None
        self._waits = False
        """The summary is there, and nothing of what follows."""

    @property
    def continuation(self) -> str | None:
        """See `ON`."""
        return ON if self._waits else (self._second or self._first).continuation

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Take in an upstream answer."""
        if self._second is not None:
            self._second.add(data, needs_content=needs_content)
            self._waits = False
            return
        self._first.add(data, needs_content=needs_content)
        if self._first.continuation is None:
            summary = EarlierSummary(self._first.message["content"][0], self._first.totals())
            self._second = MessagesAnswer(replace(self._then(summary), notes=self._notes))
            self._waits = True

    def close(self) -> None:
        """Take what was added as it is."""
        self._latest.close()

    def finish(self) -> bytes:
        """The Message object."""
        return self._latest.finish()

    def remember(self) -> Mapping[str, RawTurn]:
        """The turn behind the summary."""
        return self._latest.remember()

    def totals(self) -> Totals:
        """The tokens of both calls."""
        if self._second is None:
            return self._first.totals()
        return add_up([self._first.totals(), self._second.totals()])

    def finish_reasons(self) -> list[str]:
        """How the answer ended, in chat's words."""
        return self._latest.finish_reasons()

    @property
    def _latest(self) -> MessagesAnswer:
        return self._first if self._second is None or self._waits else self._second


class CompactedStream:
    """Streams; implements `mapping.translators.StreamTranslator`."""

    def __init__(self, asked: AskedMessage, then: Then, is_asked: Callable[[], bool]) -> None:
        """`is_asked`: whether the second call was made."""
        self._first = MessagesStream(asked)
        self._then = then
        self._is_asked = is_asked
        self._second: MessagesStream | None = None
        self._alone: bytes | None = None
        """The events of the summary, while nothing of what follows has come: they may be the whole stream."""
        self._ended = False
        """They were."""
        self._told = False
        """The tokens of the summary are counted elsewhere."""

    @property
    def started(self) -> bool:
        """The client has content."""
        return self._ended or self._latest.started

    @property
    def fault(self) -> UpstreamError | None:
        """What ended the stream."""
        return self._latest.fault

    @property
    def enough(self) -> bool:
        """A stop sequence has come."""
        return self._latest.enough

    @property
    def continuation(self) -> str | None:
        """See `ON`."""
        if self._alone is not None:
            return ON
        return None if self._ended else self._latest.continuation

    def feed(self, data: bytes) -> bytes:
        """What the client gets for these bytes."""
        if data:
            self._alone = None
        return self._latest.feed(data)

    def end(self, *, needs_content: bool = False) -> bytes:
        """The upstream's answer is over."""
        if self._alone is not None:
            told, self._alone = self._alone, None
            if not self._is_asked():
                self._ended = True
                return told
        if self._ended or self._second is not None:
            return b"" if self._ended else self._latest.end(needs_content=needs_content)
        first = self._first
        opened, left = first.again(), first.continuation is not None
        told = first.end(needs_content=needs_content)
        if left:  # nothing of what it would have gone on with has come
            self._ended = True
            return told
        if first.continuation is None:
            summary = EarlierSummary(first.blocks[0], first.totals())
            self._second = opened.followed_by(self._then(summary))
            self._alone = told
        return b""

    def open(self) -> bytes:
        """The first events."""
        return self._latest.open()

    def keep_alive(self) -> bytes:
        """A sign of life."""
        return self._latest.keep_alive()

    def cut(self, fault: Fault) -> bytes:
        """The event that tells of the fault."""
        return self._latest.cut(fault)

    def again(self) -> Self:
        """A stream for another attempt: at the answer behind the summary, where that is there."""
        fresh = copy(self)
        if self._second is None:
            fresh._first = self._first.again()
        else:
            fresh._second, fresh._told = self._second.again(), True
        return fresh

    def add_answer(self, data: bytes) -> None:
        """Take in a whole upstream answer in the place of a streamed one."""
        self._latest.add_answer(data)

    def remember(self) -> Mapping[str, RawTurn]:
        """The turn behind the summary."""
        return self._latest.remember()

    def totals(self) -> Totals:
        """The tokens of both calls; of a further attempt at the second, those of that one alone."""
        if self._told or self._second is None:
            return self._latest.totals()
        return add_up([self._first.totals(), self._second.totals()])

    def finish_reasons(self) -> list[str]:
        """How the answer ended, in chat's words."""
        return self._latest.finish_reasons()

    @property
    def _latest(self) -> MessagesStream:
        return self._second or self._first
