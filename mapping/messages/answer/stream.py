"""A streamed Gemini answer -> the events of a Messages stream.

Rules of this module, beside those of `mapping.answer.stream` (Anthropic's API reference; what clients need was tried
with them):

* `message_start`, `ping`, the blocks one by one, `message_delta` with the reason and the numbers, `message_stop`.
* A broken stream ends with an `error` event, with no `message_delta` and no `message_stop`: nothing must look complete.
  Before it every block is closed: Claude Code loses one that is not, and says nothing.
* Where a stop sequence comes, the answer ends: nothing that follows is read, neither texts nor numbers.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from typing import Self, override

from mapping.answer.stream import OneAnswerStream
from mapping.faults import Fault
from mapping.messages.answer.answer import surplus
from mapping.messages.answer.compaction import output_of
from mapping.messages.answer.events import PING, BehindSummary, MessageLog, event
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.output import MessageOutput
from mapping.messages.errors import error_object
from mapping.values import JSON, RawTurn


class MessagesStream(OneAnswerStream):
    """Translates one exchange; see `mapping.answer.stream`."""

    def __init__(self, asked: AskedMessage) -> None:
        super().__init__()
        self._asked = asked
        self._events = MessageLog(self._out, self._begun)
        behind = asked.summary and BehindSummary(self._events, asked.summary.block)
        self._output = output_of(asked, behind or self._events, live=True)
        self._reader = asked.reader(self._writer, enough=self._output.until_stopped, live=True)

    def open(self) -> bytes:
        """The first events, for an upstream that is silent for long. Faults are still raised after it: either `again`
        goes on with another attempt, or `cut` ends the stream."""
        self._events.begin(early=True)
        return self._opened()

    def keep_alive(self) -> bytes:
        """A sign of life, after `open`."""
        return PING

    def again(self) -> Self:
        """A stream for another attempt after a fault was raised; it goes on from what `open` sent."""
        return self.followed_by(self._asked)

    def followed_by(self, asked: AskedMessage) -> Self:
        """The stream of an answer that goes on from what `open` sent of this one."""
        fresh = type(self)(asked)
        fresh._events.begun = self._events.begun
        return fresh

    @property
    def blocks(self) -> list[JSON]:
        """The content, once it is over."""
        return self._output.blocks

    @override
    def cut(self, error: Fault) -> bytes:
        """The event that tells of the fault, behind the end of the block that is open."""
        self._output.interrupt()
        self._out.append(event("error", error_object(error, self._asked.request_id)))
        self._over = self._failed = True
        return self._take()

    @override
    def remember(self) -> dict[str, RawTurn]:
        return {} if self._output.stopped else super().remember()

    def _begun(self, early: bool) -> JSON:
        """The message that `message_start` tells, with what is known of the tokens."""
        return self._asked.begun(None if early else self._reader.usage.totals())

    def _writer(self, index: int) -> MessageOutput:
        return surplus(self._asked, index) if index else self._output

    @override
    def _close(self) -> None:
        output, reader, events = self._output, self._reader, self._events
        output.close(reader)
        events.begin()
        usage = self._asked.counted(reader.usage.totals(), output.uses)
        events.add("message_delta", {"delta": output.end(reader), "usage": usage, **self._asked.edits()})
        events.add("message_stop", {})
