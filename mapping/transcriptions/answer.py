"""Gemini's answers -> a transcript, as a whole.

Rules of this module:

* A transcript is what was said and nothing else. What is no text in an answer has no place in it, and an answer that
  Gemini's filter has cut is an error: half a transcript looks like a whole one.
* Of turns whose times are known the earlier stands first.
"""

from __future__ import annotations

from typing import Any, override

from mapping.answer import finish
from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.reader import AnswerReader
from mapping.answer.single import SingleWriter
from mapping.answer.whole import WholeAnswers
from mapping.faults import Fault
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.transcriptions import formats, words
from mapping.transcriptions.formats import Said
from mapping.transcriptions.settings import TranscriptionPlan
from mapping.transcriptions.words import SpeakerTurn
from mapping.values import JSON, RawTurn


class Heard(SingleWriter):
    """Takes the text of an answer."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(notes)
        self._pieces: list[str] = []

    @property
    @override
    def content(self) -> str:
        """What was said, as far as it came."""
        return "".join(self._pieces)

    @override
    def text(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)


class TranscriptReader(AnswerReader):
    """Reads an answer, and the turns that stand beside its texts. Only the first candidate counts: one is asked for."""

    __slots__ = ("_last", "heard", "turns_heard")

    def __init__(self, plan: TranscriptionPlan, mint: Mint, notes: Notes, heard: Heard, *, live: bool = False) -> None:
        super().__init__(
            plan, CallMaker(plan, mint), notes, lambda index: heard if not index else Heard(notes), live=live
        )
        self.heard = heard
        self.turns_heard: list[SpeakerTurn] = []
        self._last = ("", "")
        """The speaker and the text of the part before."""

    @override
    def add(self, response: JSON) -> None:
        super().add(self._with_texts(response))

    def check(self) -> None:
        """After `end`: raises UpstreamError for what can't be taken as a transcript."""
        if finish.CONTENT_FILTER in self.finish_reasons:
            message = (
                "Gemini's filter has cut the transcript off, so that there is none. It does so where it finds what it "
                "must not repeat: a known text, say, or what is dangerous. Another model may do it."
            )
            error = Fault(400, message, code="content_policy_violation", should_retry=False)
            raise UpstreamError(error, Kind.REQUEST, status=200, reason="the transcript was filtered")

    def _with_texts(self, response: JSON) -> JSON:
        """The response with its turns as texts."""
        candidates = response.get("candidates")
        first = candidates[0] if isinstance(candidates, list) and candidates else None
        content = first.get("content") if isinstance(first, dict) else None
        parts = content.get("parts") if isinstance(content, dict) else None
        if not isinstance(parts, list) or not any(
            isinstance(one, dict) and "audioTranscription" in one for one in parts
        ):
            return response
        assert isinstance(first, dict)
        assert isinstance(content, dict)
        plain = [self._plain(part) for part in parts]
        return {**response, "candidates": [{**first, "content": {**content, "parts": plain}}]}

    def _plain(self, part: Any) -> Any:
        """A part as its text; a turn of another speaker is apart from the one before."""
        told = part.get("audioTranscription") if isinstance(part, dict) else None
        if not isinstance(told, dict):
            return part
        text = part.get("text")
        turn = words.turn_of(told, text if isinstance(text, str) else "")
        speaker, before = self._last
        if turn.text:
            if before and speaker != turn.speaker and not before[-1].isspace() and not turn.text[0].isspace():
                turn.text = f" {turn.text}"
            self._last = (turn.speaker, turn.text)
            self.turns_heard.append(turn)
        return {"text": turn.text}


class TranscriptReading:
    """One upstream answer while it is read."""

    def __init__(self, plan: TranscriptionPlan, mint: Mint, notes: Notes) -> None:
        self.reader = TranscriptReader(plan, mint, notes, Heard(notes))


class TranscriptAnswer(WholeAnswers[TranscriptReading]):
    """Gives the transcript in the form that the client asked for."""

    def __init__(self, plan: TranscriptionPlan, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._plan, self._mint, self._notes = plan, mint, notes
        self._taken: TranscriptReading | None = None
        self._said = Said()

    def finish(self) -> bytes:
        """The body for the client."""
        self.close()
        if self._taken is None:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        return formats.made(self._plan, self._said)

    def remember(self) -> dict[str, RawTurn]:
        """Nothing goes on from a transcript."""
        return {}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._said.totals

    def finish_reasons(self) -> list[str]:
        """How the answer ended."""
        return self._taken.reader.finish_reasons if self._taken else []

    @override
    def _begin(self) -> TranscriptReading:
        return TranscriptReading(self._plan, self._mint, self._notes)

    @override
    def _take(self, answer: TranscriptReading) -> None:
        reader = answer.reader
        reader.check()
        turns = words.in_order(reader.turns_heard)
        text = reader.heard.content
        if turns != reader.turns_heard:
            text = " ".join(turn.text.strip() for turn in turns)
        said = Said(text.strip(), turns, reader.usage.totals())
        formats.check(self._plan, said)
        if finish.LENGTH in reader.finish_reasons:
            self._notes.add("finish", "MAX_TOKENS")
        self._taken, self._said = answer, said
