"""Gemini's answers -> sound, whole and as it comes.

A sound that is cut off is no sound: where Gemini's filter or its limit has ended it, that is an error, or the end of
the connection in the middle of the stream. In events (`speech.audio.delta`, `speech.audio.done`) an error is an event.

Source: the OpenAI API reference (`SpeechAudioDeltaEvent`, `SpeechAudioDoneEvent`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Self, override

from mapping import jsonio
from mapping.answer import finish
from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.reader import AnswerReader
from mapping.answer.single import SingleWriter
from mapping.answer.stream import OneAnswerStream
from mapping.answer.whole import WholeAnswers
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.speech.encoders import FORMATS, Encoder
from mapping.speech.pcm import RATE, Samples
from mapping.speech.settings import SpeechPlan
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class Spoken(SingleWriter):
    """Takes the pieces of sound, and gives what they are in the client's format to `put`."""

    def __init__(self, plan: SpeechPlan, notes: Notes, put: Callable[[bytes], None], *, whole: bool) -> None:
        super().__init__(notes)
        self.heard = False
        """There is some sound."""
        self._plan, self._put, self._whole = plan, put, whole
        self._samples = Samples()
        self._encoder: Encoder | None = None

    @override
    def audio(self, mime: str, data: str) -> None:
        pcm = self._samples.add(mime, data)
        if not pcm:
            return
        self.heard = True
        if self._encoder is None:
            rate = self._samples.rate
            if self._plan.form == "pcm" and rate != RATE:
                raise broken(f"The upstream speaks with {rate} samples a second; 'pcm' has {RATE}. Ask for 'wav'.")
            self._encoder = FORMATS[self._plan.form].make(rate, whole=self._whole)
        self._put(self._encoder.feed(pcm))

    def close(self) -> None:
        """There is no more."""
        if self._encoder is not None:
            self._put(self._encoder.end())


class SpeechReading:
    """One upstream answer while it is read. `put` takes what the client is to get of it."""

    def __init__(
        self, plan: SpeechPlan, mint: Mint, notes: Notes, put: Callable[[bytes], None], *, live: bool = False
    ) -> None:
        spoken = self.spoken = Spoken(plan, notes, put, whole=not plan.stream)
        self.reader = AnswerReader(
            plan,
            CallMaker(plan, mint),
            notes,
            lambda index: SingleWriter(notes) if index else spoken,
            live=live,
        )

    def close(self) -> None:
        """After the reader's end. Raises UpstreamError for what is no speech, or not all of it."""
        reasons = self.reader.finish_reasons
        if finish.CONTENT_FILTER in reasons:
            raise _refused("Gemini's filter does not let this be said.", "content_policy_violation")
        if finish.LENGTH in reasons:
            raise _refused(
                "The speech is longer than Gemini makes in one answer (some eight minutes). Send the text in parts.",
                "speech_too_long",
            )
        if not self.spoken.heard:
            raise broken("Gemini's answer has no sound.", code="no_speech")
        self.spoken.close()


def _refused(message: str, code: str) -> UpstreamError:
    error = Fault(400, message, code=code, param="input", should_retry=False)
    return UpstreamError(error, Kind.REQUEST, status=200, reason=code)


class SpeechAnswer(WholeAnswers[SpeechReading]):
    """Gives the sound as a whole."""

    def __init__(self, plan: SpeechPlan, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._plan, self._mint, self._notes = plan, mint, notes
        self._taken: SpeechReading | None = None
        self._pieces: list[bytes] = []

    def finish(self) -> bytes:
        """The file."""
        self.close()
        if self._taken is None:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        return b"".join(self._pieces)

    def remember(self) -> dict[str, RawTurn]:
        """Nothing goes on from speech."""
        return {}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._taken.reader.usage.totals() if self._taken else Totals()

    def finish_reasons(self) -> list[str]:
        """How the answer ended."""
        return self._taken.reader.finish_reasons if self._taken else []

    @override
    def _begin(self) -> SpeechReading:
        pieces: list[bytes] = []
        self._pieces = pieces
        return SpeechReading(self._plan, self._mint, self._notes, pieces.append)

    @override
    def _take(self, answer: SpeechReading) -> None:
        answer.close()
        self._taken = answer


class SpeechStream(OneAnswerStream):
    """The sound as it comes, bare or in events. See `mapping.translators.StreamTranslator`."""

    def __init__(self, plan: SpeechPlan, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._plan, self._mint, self._notes = plan, mint, notes
        out, events = self._out, plan.events
        self._reading = SpeechReading(plan, mint, notes, lambda data: _put(out, data, events=events), live=True)
        self._reader = self._reading.reader

    def open(self) -> bytes:
        """Nothing comes first."""
        return b""

    def keep_alive(self) -> bytes:
        """A comment; bare sound has no place for one."""
        return sse.KEEP_ALIVE if self._plan.events else b""

    def again(self) -> Self:
        """Another attempt begins anew."""
        return type(self)(self._plan, self._mint, self._notes)

    @override
    def cut(self, error: Fault) -> bytes:
        """The error event; bare sound just ends, and its connection breaks off (`Dialect.breaks_off`)."""
        sent = self._take()
        self._over = True
        return sent + _event({"type": "error", **error_object(error)}) if self._plan.events else sent

    @override
    def remember(self) -> dict[str, RawTurn]:
        """Nothing goes on from speech."""
        return {}

    @override
    def _close(self) -> None:
        self._reading.close()
        if self._plan.events:
            totals = self.totals()
            usage = {"input_tokens": totals.prompt, "output_tokens": totals.completion, "total_tokens": totals.total}
            self._out.append(_event({"type": "speech.audio.done", "usage": usage}))


def _put(out: list[bytes], data: bytes, *, events: bool) -> None:
    if data:
        out.append(_event({"type": "speech.audio.delta", "audio": b64encode(data).decode()}) if events else data)


def _event(value: JSON) -> bytes:
    return sse.frame(jsonio.dumps(value))
