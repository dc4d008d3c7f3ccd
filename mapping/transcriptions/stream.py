"""A streamed Gemini answer -> the events of a streamed transcription.

`transcript.text.delta` for each piece, `transcript.text.segment` for what a speaker said if that was asked for, and at
the end `transcript.text.done` with the whole text and the usage. A stream that breaks ends with an error event in the
nested form, which both of OpenAI's SDKs raise, and never with `done`.

Source: the OpenAI API reference (`TranscriptTextDeltaEvent` and its like).
"""

from __future__ import annotations

from typing import Any, Self, override

from mapping import jsonio
from mapping.answer import finish
from mapping.answer.parts.calls import Mint
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.totals import Totals
from mapping.transcriptions import formats
from mapping.transcriptions.answer import Heard, TranscriptReader
from mapping.transcriptions.formats import Said, Speakers
from mapping.transcriptions.settings import TranscriptionPlan
from mapping.transcriptions.words import segments
from mapping.values import JSON, RawTurn


class _Telling(Heard):
    """Tells each piece at once, without blanks before the first."""

    def __init__(self, notes: Notes, out: list[bytes]) -> None:
        super().__init__(notes)
        self._out = out

    @override
    def text(self, text: str) -> None:
        if not self.length:
            text = text.lstrip()
        if text:
            super().text(text)
            self._out.append(_event({"type": "transcript.text.delta", "delta": text}))


class TranscriptStream:
    """See the module, and `mapping.translators.StreamTranslator`."""

    enough = False

    def __init__(self, plan: TranscriptionPlan, mint: Mint, notes: Notes) -> None:
        self.started = False
        self.fault: UpstreamError | None = None
        self._plan, self._mint, self._notes = plan, mint, notes
        self._out: list[bytes] = []
        self._parser = sse.EventParser()
        self._reader = TranscriptReader(plan, mint, notes, _Telling(notes, self._out), live=True)
        self._speakers = Speakers()
        self._turns = 0
        """How many have been told."""
        self._segments = 0
        self._over = False

    @property
    def continuation(self) -> str | None:
        """The answer goes on."""
        return self._reader.continuation

    def feed(self, data: bytes) -> bytes:
        """The events for these bytes."""
        if self._over:
            return b""
        try:
            for event in self._parser.feed(data):
                self._read(event)
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def end(self, *, needs_content: bool = False) -> bytes:
        """The last event, unless the answer goes on."""
        if self._over:
            return b""
        reader = self._reader
        try:
            for event in self._parser.end():
                self._read(event, last=True)
            self._parser = sse.EventParser()
            reader.end(needs_content=needs_content and not self.started and not self._out)
            if reader.continuation is None:
                self._close()
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def open(self) -> bytes:
        """Nothing comes first."""
        return b""

    def keep_alive(self) -> bytes:
        """A comment."""
        return sse.KEEP_ALIVE

    def again(self) -> Self:
        """Another attempt begins anew."""
        return type(self)(self._plan, self._mint, self._notes)

    def cut(self, fault: Fault) -> bytes:
        """The error event."""
        sent = self._take()
        self._over = True
        return sent + _event({"type": "error", **error_object(fault)})

    def add_answer(self, data: bytes) -> None:
        """There is one call only."""

    def remember(self) -> dict[str, RawTurn]:
        """Nothing goes on from a transcript."""
        return {}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._reader.usage.totals()

    def finish_reasons(self) -> list[str]:
        """How the answer ended."""
        return self._reader.finish_reasons

    def _read(self, event: bytes, *, last: bool = False) -> None:
        for response in payload.responses(event, last=last):
            self._reader.add(response)
            if self._plan.form == "diarized_json":
                self._tell_segments()

    def _tell_segments(self) -> None:
        turns = self._reader.turns_heard[self._turns :]
        self._turns += len(turns)
        if turns:
            formats.check_timed(self._plan, turns)
        for segment in (segment for turn in turns for segment in segments(turn)):
            self._out.append(_event(formats.diarized(segment, self._segments, self._speakers)))
            self._segments += 1

    def _close(self) -> None:
        reader = self._reader
        reader.check()
        said = Said(reader.heard.content.rstrip(), reader.turns_heard, reader.usage.totals())
        formats.check(self._plan, said)
        if finish.LENGTH in reader.finish_reasons:
            self._notes.add("finish", "MAX_TOKENS")
        done: JSON = {"type": "transcript.text.done", "text": said.text, **formats.language_list(said)}
        self._out.append(_event({**done, "usage": formats.usage(said.totals)}))
        self._over = True

    def _fail(self, fault: UpstreamError) -> bytes:
        if not self.started and not self._out:
            self._over = True
            raise fault
        self.fault = fault
        return self.cut(fault.error)

    def _take(self) -> bytes:
        taken = b"".join(self._out)
        self._out.clear()
        self.started = self.started or bool(taken)
        return taken


def _event(value: Any) -> bytes:
    return sse.frame(jsonio.dumps(value))
