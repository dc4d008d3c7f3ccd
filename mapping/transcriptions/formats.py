"""A transcript -> the bodies that OpenAI has for it.

Rules of this module:

* A time that stands in an answer was told by Gemini. Without times there are no segments and no words, and what is made
  of nothing else (`srt`, `vtt`, `diarized_json`) is an error, unless nothing was said.
* Segments have all of Whisper's members, because some clients refuse them otherwise. What Gemini does not tell of them
  (`tokens`, `avg_logprob`, `no_speech_prob`) is empty or 0.
* Speakers are called A, B, C in the order in which they begin to speak, as OpenAI calls those that it does not know.

Sources: the OpenAI API reference (`Transcription`, `TranscriptionVerbose`, `TranscriptionDiarized`), SubRip as players
read it, and WebVTT (W3C).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping import jsonio
from mapping.gemini.errors.upstream_errors import broken
from mapping.totals import Totals
from mapping.transcriptions import languages
from mapping.transcriptions.settings import TIMED, TranscriptionPlan
from mapping.transcriptions.words import Segment, SpeakerTurn, segments
from mapping.values import JSON


@dataclass(slots=True)
class Said:
    """A transcript."""

    text: str = ""
    turns: Sequence[SpeakerTurn] = ()
    """As far as Gemini told them, in the order of their times."""
    totals: Totals = field(default_factory=Totals)

    @property
    def segments(self) -> list[Segment]:
        """Those whose times are known."""
        return [segment for turn in self.turns for segment in segments(turn)]

    @property
    def languages(self) -> list[str]:
        """The codes that Gemini told."""
        return list(dict.fromkeys(turn.language for turn in self.turns if turn.language))


def check(plan: TranscriptionPlan, said: Said) -> None:
    """Raises UpstreamError where the form needs times and there are none."""
    if plan.form in TIMED and said.text:
        check_timed(plan, said.turns)


def check_timed(plan: TranscriptionPlan, turns: Sequence[SpeakerTurn]) -> None:
    """Raises UpstreamError unless all of these have times."""
    if not turns or not all(map(segments, turns)):
        raise broken(
            f"Gemini did not say when it was spoken, so that there can be no '{plan.form}'. Ask for 'json' or 'text'.",
            code="no_word_times",
        )


def made(plan: TranscriptionPlan, said: Said) -> bytes:
    """The body."""
    value = _FORMS[plan.form](plan, said)
    return value.encode() if isinstance(value, str) else jsonio.dumps(value)


def usage(totals: Totals) -> JSON:
    """The `usage` of an answer that is paid for by tokens."""
    details = {
        "audio_tokens": totals.prompt_by.get("AUDIO", 0),
        "text_tokens": totals.prompt_by.get("TEXT", 0),
    }
    made: JSON = {
        "type": "tokens",
        "input_tokens": totals.prompt,
        "output_tokens": totals.completion,
        "total_tokens": totals.total,
    }
    return {**made, "input_token_details": details} if any(details.values()) else made


def language_list(said: Said) -> JSON:
    """`languages`, where they are known."""
    codes = [{"code": code} for code in said.languages]
    return {"languages": codes} if codes else {}


class Speakers:
    """The names of speakers, by Gemini's labels."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, label: str) -> str:
        """A, B, ..., Z, AA, AB, ..."""
        if label not in self._names:
            number, name = len(self._names), ""
            while number >= 0:
                name, number = chr(65 + number % 26) + name, number // 26 - 1
            self._names[label] = name
        return self._names[label]


def diarized(segment: Segment, number: int, speakers: Speakers) -> JSON:
    """A segment with its speaker, as `diarized_json` and its stream have it."""
    return {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "start": _rounded(segment.start),
        "end": _rounded(segment.end),
        "speaker": speakers.name(segment.speaker),
        "text": segment.text,
    }


def _json(plan: TranscriptionPlan, said: Said) -> JSON:
    return {"text": said.text, **language_list(said), "usage": usage(said.totals)}


def _text(plan: TranscriptionPlan, said: Said) -> str:
    return f"{said.text}\n"


def _srt(plan: TranscriptionPlan, said: Said) -> str:
    """Numbered, with a comma before the milliseconds."""
    return "".join(
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(segment.end, ',')}\n{segment.text}\n\n"
        for number, segment in enumerate(said.segments, 1)
    )


def _vtt(plan: TranscriptionPlan, said: Said) -> str:
    """`-->` ends what a cue can hold, and `&` and `<` begin something in it."""
    cues = (
        f"{_clock(segment.start, '.')} --> {_clock(segment.end, '.')}\n"
        f"{segment.text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}\n\n"
        for segment in said.segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _verbose(plan: TranscriptionPlan, said: Said) -> JSON:
    answer: JSON = {"task": plan.task}
    told = plan.language or (said.languages[0] if said.languages else "")
    if told:
        answer["language"] = languages.word(told)
    length = _length(plan, said)
    if length is not None:
        answer["duration"] = length
    answer["text"] = said.text
    if plan.with_words and (found := [word for turn in said.turns for word in turn.words]):
        answer["words"] = [
            {"word": word.word, "start": _rounded(word.start), "end": _rounded(word.end)} for word in found
        ]
    if plan.with_segments and (parts := said.segments):
        answer["segments"] = [_whisper(segment, number, plan) for number, segment in enumerate(parts)]
    answer["usage"] = usage(said.totals) if length is None else {"type": "duration", "seconds": math.ceil(length)}
    return answer


def _diarized(plan: TranscriptionPlan, said: Said) -> JSON:
    speakers = Speakers()
    return {
        "task": "transcribe",
        "duration": _length(plan, said) or 0.0,
        "text": said.text,
        "segments": [diarized(segment, number, speakers) for number, segment in enumerate(said.segments)],
        "usage": usage(said.totals),
    }


def _whisper(segment: Segment, number: int, plan: TranscriptionPlan) -> JSON:
    raw = segment.text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": _rounded(segment.start),
        "end": _rounded(segment.end),
        "text": segment.text,
        "tokens": [],
        "temperature": plan.temperature,
        "avg_logprob": 0.0,
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4) if raw else 0.0,
        "no_speech_prob": 0.0,
    }


def _length(plan: TranscriptionPlan, said: Said) -> float | None:
    """Of the recording in seconds; where only the words are known, to the end of the last."""
    if plan.seconds is not None:
        return _rounded(plan.seconds)
    ends = [segment.end for segment in said.segments]
    return _rounded(max(ends)) if ends else None


def _rounded(seconds: float) -> float:
    return round(seconds, 3)


def _clock(seconds: float, point: str) -> str:
    """`01:02:03,450`."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


_FORMS: dict[str, Callable[[TranscriptionPlan, Said], Any]] = {
    "json": _json,
    "text": _text,
    "srt": _srt,
    "vtt": _vtt,
    "verbose_json": _verbose,
    "diarized_json": _diarized,
}
