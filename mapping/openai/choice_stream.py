"""A streamed Gemini answer -> the chunks of a stream whose events hold choices, as chat's and completions' do.

Rules of this module, beside those of `mapping.answer.stream` (OpenAI API reference; what clients need was tried with
them):

* Choices begin in their order and end with one finish reason. Then comes the usage chunk, if the client asked for it
  (its `choices` are empty, which others cannot stand), then `[DONE]`.
* A broken stream ends with an error event, with no finish reason and no `[DONE]`: nothing must look complete.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, Self, override

from mapping import jsonio
from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.stream import AnswerStream
from mapping.answer.writer import Writer
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.notes import Notes
from mapping.openai.choices import AskedChoices, Choices
from mapping.openai.errors import error_body
from mapping.openai.usage import usage_object
from mapping.request.plan import Plan
from mapping.totals import Totals
from mapping.values import JSON, RawTurn

DONE = b"data: [DONE]\n\n"
"""Ends a stream."""


class ChunkWriter(Writer, Protocol):
    """Writes one candidate as chunks."""

    begun: bool
    """`start` has been called."""

    def start(self) -> None:
        """Put out what the choice begins with, once. Those of lower choices begin first."""

    def open(self) -> None:
        """Start, with a chunk in any case."""


class Frame:
    """The bytes around what changes from chunk to chunk. `head` holds the members before `choices`.

    `include_usage`: each chunk has a `usage`, which is null but in the last.
    """

    __slots__ = ("_head", "_tail")

    def __init__(self, head: JSON, *, include_usage: bool) -> None:
        self._head = b"data: " + jsonio.dumps(head)[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"

    def usage(self, totals: JSON) -> bytes:
        """The chunk that has the usage and no choice."""
        return self._head + b'],"usage":' + jsonio.dumps(totals) + b"}\n\n"


class ChoiceStream[P: Plan, F: Frame, W: ChunkWriter](AnswerStream):
    """Translates one exchange. `created` is Unix time in seconds; `mint` makes a fresh id with the prefix given."""

    def __init__(self, plan: P, *, created: int, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._exchange = AskedChoices(plan, created, mint, notes)
        self._calls = CallMaker(plan, mint)
        self._frame: F | None = None
        self._first = StreamChoices(self, 0, self._out)
        self._reader = self._first.reader
        self._further: list[StreamChoices[P, F, W]] = []

    def open(self) -> bytes:
        """What the first choice begins with, for an upstream that is silent for long. Faults are still raised after it:
        either `again` goes on with another attempt, or `cut` ends the stream."""
        self._first.writer(0).open()
        return self._opened()

    def keep_alive(self) -> bytes:
        """A sign of life, after `open`: a comment. Clients of chat stand nothing else that carries no news."""
        return sse.KEEP_ALIVE

    def again(self) -> Self:
        """A stream for another attempt after a fault was raised; it goes on from what `open` sent. Answers that were
        added before are to be added again."""
        exchange = self._exchange
        fresh = type(self)(exchange.plan, created=exchange.created, mint=exchange.mint, notes=exchange.notes)
        fresh._frame = self._frame
        if self._first.writers and self._first.writers[0].begun:
            fresh.open()
        return fresh

    @override
    def cut(self, error: Fault) -> bytes:
        """The error event that ends a stream."""
        sent = self._take()
        self._over = self._failed = True
        return sent + sse.frame(error_body(error))

    def add_answer(self, data: bytes | JSON) -> None:
        """Take in a further whole upstream answer: the next choices, where parallel calls make the choices.

        Its chunks come with `end`. Raises UpstreamError; then another answer may be added in its place.
        """
        choices = StreamChoices(self, 1 + len(self._further), [])
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            choices.reader.add(response)
        choices.reader.end()
        if choices.reader.continuation is not None:
            choices.reader.end()
        self._further.append(choices)

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content.

        Before the end, and of a stream that broke off, only turns with calls that the client has got.
        """
        whole = self._over and not self._failed
        return {key: turn for choices in self._all for key, turn in choices.reader.turns(whole=whole).items()}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._totals([choices.reader.usage.totals() for choices in self._all])

    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice that has ended."""
        return [reason for choices in self._all for reason in choices.reader.finish_reasons]

    @property
    def _all(self) -> list[StreamChoices[P, F, W]]:
        return [self._first, *self._further]

    @abstractmethod
    def _make_frame(self, response_id: str | None) -> F:
        """The bytes around every chunk of the stream. `response_id` is the upstream's."""

    @abstractmethod
    def _writer(self, choices: StreamChoices[P, F, W], index: int) -> W:
        """The writer of a candidate."""

    @abstractmethod
    def _complete(self) -> None:
        """All answers are in: finish the choices that none of them has."""

    @abstractmethod
    def _totals(self, totals: list[Totals]) -> Totals:
        """The numbers of the whole answer from those of each upstream answer."""

    @override
    def _close(self) -> None:
        self._complete()
        for further in self._further:
            self._out += further.out
        if self._exchange.plan.include_usage:
            self._out.append(self._first.frame().usage(usage_object(self.totals())))
        self._out.append(DONE)


class StreamChoices[P: Plan, F: Frame, W: ChunkWriter](Choices[W]):
    """The choices that one upstream answer makes, and where they write."""

    def __init__(self, stream: ChoiceStream[P, F, W], answer: int, out: list[bytes]) -> None:
        self.answer = answer
        """The number of the upstream answer."""
        self.out = out
        self._stream = stream
        live = out is stream._out
        super().__init__(stream._exchange, stream._calls, lambda index: stream._writer(self, index), live=live)

    def start_lower(self, writer: W) -> None:
        """Start the choices before this writer's: clients keep choices in a list."""
        for lower in self.writers:
            if lower is writer:
                return
            lower.start()

    def frame(self) -> F:
        """The bytes around every chunk of the stream; the first answer that sends something names it."""
        stream = self._stream
        if stream._frame is None:
            stream._frame = stream._make_frame(self.reader.response_id)
        return stream._frame
