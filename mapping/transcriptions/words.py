"""What Gemini says of when a word was spoken, and by whom -> turns, and the segments that answers are made of.

Rules of this module:

* A part of an answer is a turn: what one speaker says. `audioTranscription` beside its text has the words with their
  times, the speaker and the language (Gemini API reference, `Transcription`). Turns may come out of order.
* A segment is of one speaker and ends with a sentence, before a pause, and before it is too long to be read at once.
  It begins with its first word and ends with its last: no time is made up.
* The text of a segment is cut out of the text of the turn, so that blanks and punctuation are those of Gemini.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping.values import JSON

PAUSE = 1.0
"""Seconds of silence before which a segment ends."""
LONGEST = 7.0
"""Seconds of a segment, and:"""
WIDEST = 84
"""characters of it: two lines of a subtitle."""

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")
_CLOSING = "\"'”’»)]」』"
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
"""Letters of languages that put no blanks between words."""


@dataclass(slots=True)
class Word:
    """A word, and when it was spoken, in seconds from the beginning."""

    word: str
    start: float
    end: float
    spelled: str = ""
    """As it stands in the text of the turn, with what is around it."""


@dataclass(slots=True)
class SpeakerTurn:
    """What one speaker says."""

    text: str
    speaker: str = ""
    """Gemini's label; empty: it gave none."""
    language: str = ""
    words: list[Word] = field(default_factory=list)
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a transcript that is read at once."""

    start: float
    end: float
    text: str
    speaker: str


def turn_of(told: JSON, text: str) -> SpeakerTurn:
    """The turn of an `audioTranscription`. `text`: that of the part, empty where it has none of its own."""
    words = _words(told.get("words"))
    if not text:
        text = _string(told.get("text")) or _joined([word.word for word in words])
    _spell(words, text)
    start: float | None = words[0].start if words else None
    end: float | None = max(word.end for word in words) if words else None
    if start is None and told.get("endOffset") is not None:
        start, end = _seconds(told.get("startOffset"), 0.0), _seconds(told["endOffset"], 0.0)
    return SpeakerTurn(text, _string(told.get("speakerLabel")), _string(told.get("languageCode")), words, start, end)


def _words(told: Any) -> list[Word]:
    """The words with their times; none where they have none."""
    given = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if not any("startOffset" in one or "endOffset" in one for one in given):
        return []
    words: list[Word] = []
    for one in given:
        if word := _string(one.get("word")).strip():
            # A time of zero may be left out, as protobuf does.
            start = _seconds(one.get("startOffset"), words[-1].end if words else 0.0)
            words.append(Word(word, start, max(start, _seconds(one.get("endOffset"), start))))
    return words


def in_order(turns: Sequence[SpeakerTurn]) -> list[SpeakerTurn]:
    """By their beginnings, if all are known; turns that overlap stay whole."""
    if any(turn.start is None for turn in turns):
        return list(turns)
    return sorted(turns, key=lambda turn: turn.start or 0.0)


def segments(turn: SpeakerTurn) -> list[Segment]:
    """The segments of a turn; none where no time is known."""
    if not turn.words:
        if turn.start is None or turn.end is None:
            return []
        return [Segment(turn.start, turn.end, turn.text.strip(), turn.speaker)]
    groups: list[list[Word]] = []
    for word in turn.words:
        if not groups or _ends(groups[-1], word):
            groups.append([])
        groups[-1].append(word)
    return [
        Segment(
            group[0].start,
            max(word.end for word in group),
            "".join(word.spelled for word in group).strip(),
            turn.speaker,
        )
        for group in groups
    ]


def _ends(group: list[Word], following: Word) -> bool:
    """Whether a segment ends before a word."""
    last = group[-1]
    return (
        last.spelled.rstrip().rstrip(_CLOSING).endswith(_SENTENCE_ENDS)
        or following.start - last.end >= PAUSE
        or following.end - group[0].start > LONGEST
        or sum(len(word.spelled) for word in group) + len(following.spelled) > WIDEST
    )


def _spell(words: list[Word], text: str) -> None:
    """Give each word its piece of the text; where it can't be found there, blanks as the language has them."""
    at = 0
    before: Word | None = None
    found = True
    for word in words:
        place = text.find(word.word, at)
        known, found = found, 0 <= place <= at + WIDEST
        if found and known:
            between = text[at:place]
            if before is not None:
                cut = _closing(between)
                before.spelled += between[:cut]
                between = between[cut:]
            word.spelled = between + word.word
        else:
            blank = "" if before is None or _is_spaceless(before.word, word.word) else " "
            word.spelled = blank + word.word
        if found:
            at = place + len(word.word)
        before = word
    if before is not None and found and len(text) - at <= WIDEST:
        before.spelled += text[at:]


def _closing(between: str) -> int:
    """How much of what stands between two words belongs to the first: all up to a blank."""
    return next((i for i, character in enumerate(between) if character.isspace()), len(between))


def _joined(words: Sequence[str]) -> str:
    text = ""
    for word in words:
        text += word if not text or _is_spaceless(text[-1], word) else f" {word}"
    return text


def _is_spaceless(before: str, after: str) -> bool:
    return bool(_SPACELESS.match(before[-1:]) and _SPACELESS.match(after[:1]))


def _seconds(value: Any, otherwise: float) -> float:
    """A duration as protobuf writes it (`1.200s`), or a number."""
    if isinstance(value, str) and (match := _SECONDS.fullmatch(value)):
        return float(match[1])
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    return otherwise


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
