"""A streamed Gemini answer -> the events of a streamed transcription.

`transcript.text.delta` for each piece, `transcript.text.segment` for what a speaker said if that was asked for, and at
the end `transcript.text.done` with the whole text and the usage. A stream that breaks ends with an error event in the
nested form, which both of OpenAI's SDKs raise, and never with `done`.

Source: the OpenAI API reference (`TranscriptTextDeltaEvent` and its like).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, override

from mapping import jsonio
from mapping.answer import finish
from mapping.answer.parts.calls import Mint
from mapping.answer.stream import OneAnswerStream
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.openai.errors import error_object
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


class _ToldReader(TranscriptReader):
    """Has what speakers said told, after each response."""

    __slots__ = ("_then",)

    def __init__(
        self, plan: TranscriptionPlan, mint: Mint, notes: Notes, heard: Heard, then: Callable[[], None]
    ) -> None:
        super().__init__(plan, mint, notes, heard, live=True)
        self._then = then

    @override
    def add(self, response: JSON) -> None:
        super().add(response)
        self._then()


class TranscriptStream(OneAnswerStream):
    """See the module, and `mapping.translators.StreamTranslator`."""

    def __init__(self, plan: TranscriptionPlan, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._plan, self._mint, self._notes = plan, mint, notes
        heard = _Telling(notes, self._out)
        self._reader: TranscriptReader = (
            _ToldReader(plan, mint, notes, heard, self._tell_segments)
            if plan.form == "diarized_json"
            else TranscriptReader(plan, mint, notes, heard, live=True)
        )
        self._speakers = Speakers()
        self._turns = 0
        """How many have been told."""
        self._segments = 0

    def open(self) -> bytes:
        """Nothing comes first."""
        return b""

    def keep_alive(self) -> bytes:
        """A comment."""
        return sse.KEEP_ALIVE

    def again(self) -> Self:
        """Another attempt begins anew."""
        return type(self)(self._plan, self._mint, self._notes)

    @override
    def cut(self, error: Fault) -> bytes:
        """The error event."""
        sent = self._take()
        self._over = True
        return sent + _event({"type": "error", **error_object(error)})

    @override
    def remember(self) -> dict[str, RawTurn]:
        """Nothing goes on from a transcript."""
        return {}

    def _tell_segments(self) -> None:
        turns = self._reader.turns_heard[self._turns :]
        self._turns += len(turns)
        if turns:
            formats.check_timed(self._plan, turns)
        for segment in (segment for turn in turns for segment in segments(turn)):
            self._out.append(_event(formats.diarized(segment, self._segments, self._speakers)))
            self._segments += 1

    @override
    def _close(self) -> None:
        reader = self._reader
        reader.check()
        said = Said(reader.heard.content.rstrip(), reader.turns_heard, reader.usage.totals())
        formats.check(self._plan, said)
        if finish.LENGTH in reader.finish_reasons:
            self._notes.add("finish", "MAX_TOKENS")
        done: JSON = {"type": "transcript.text.done", "text": said.text, **formats.language_list(said)}
        self._out.append(_event({**done, "usage": formats.usage(said.totals)}))


def _event(value: Any) -> bytes:
    return sse.frame(jsonio.dumps(value))
