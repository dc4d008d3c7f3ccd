"""Whole Gemini answers -> the Message object: the same that a stream adds up to (`mapping.messages.answer.output`)."""

from __future__ import annotations

from typing import override

from mapping import jsonio
from mapping.answer.whole import OneWholeAnswer
from mapping.gemini.errors.upstream_errors import broken
from mapping.messages.answer.compaction import output_of
from mapping.messages.answer.events import NoBlockEvents
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.output import MessageOutput
from mapping.messages.answer.usage import usage_object
from mapping.values import JSON, RawTurn


class MessagesAnswer(OneWholeAnswer["_Answer"]):
    """Takes the upstream answer of one exchange with `add`, gives the client's with `finish`.

    Raises UpstreamError; an answer that `add` refused leaves no trace, another one may be added in its place.
    """

    def __init__(self, asked: AskedMessage) -> None:
        super().__init__()
        self._asked = asked

    @property
    def message(self) -> JSON:
        """The Message object. Raises UpstreamError where no answer has come."""
        return self._whole().message

    def finish(self) -> bytes:
        """The same as bytes."""
        try:
            return jsonio.dumps(self.message)
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None

    @override
    def remember(self) -> dict[str, RawTurn]:
        stopped = self._answer is not None and self._answer.output.stopped
        return {} if stopped else super().remember()

    @override
    def _begin(self) -> _Answer:
        return _Answer(self._asked)

    @override
    def _end(self, answer: _Answer) -> None:
        answer.close()


class _Answer:
    """One upstream answer."""

    def __init__(self, asked: AskedMessage) -> None:
        self.message: JSON = {}
        self._asked = asked
        self.output = output_of(asked, NoBlockEvents(), live=False)
        self.reader = asked.reader(self._writer, enough=self.output.until_stopped)

    def close(self) -> None:
        """Nothing more comes."""
        output, reader = self.output, self.reader
        output.close(reader)
        asked = self._asked
        usage = usage_object(asked.counted(reader.usage.totals(), output.uses))
        begun = [asked.summary.block] if asked.summary else []
        self.message = asked.message([*begun, *output.blocks], output.end(reader), usage)

    def _writer(self, index: int) -> MessageOutput:
        return surplus(self._asked, index) if index else self.output


def surplus(asked: AskedMessage, index: int) -> MessageOutput:
    """What takes a further candidate. A message has no place for it."""
    asked.notes.add("part-unknown", f"candidates[{index}]")
    return MessageOutput(asked, NoBlockEvents(), live=False)
