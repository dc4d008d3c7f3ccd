"""For each turn of a conversation what its prompt has in common with the turns before, and what the cache had of it.

Gemini's documentation ("Context caching", as of 2026-10-13): implicit caching is on for every model from 2.5 on; it
takes prompts of at least `MINIMUM` tokens, and gives no guarantee. How long a prompt is cached is not documented. A
cache belongs to a project, so an account has nothing of what another one has cached.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mapping.inspect.printable import one_line
from mapping.inspect.prompt_cache.beginning import Beginning, common
from mapping.inspect.prompt_cache.breaks import Break
from mapping.inspect.prompt_cache.sections import HEAD, Section, sections
from mapping.values import JSON

ACCOUNT = "account"
"""What stands before every section: a cache belongs to one."""
HIT = "hit"
PART = "part"
MISSED = "missed"
SMALL = "small"
FIRST = "first"
UNKNOWN = "unknown"
"""What became of a turn: most of what could be cached was; some; none; the prompt is too small to be cached; there was
no turn before; Gemini has told of no tokens."""

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {HIT: "hit", PART: "hit in part", MISSED: "missed", SMALL: "too small", FIRST: "the first turn", UNKNOWN: ""}
)
"""For people."""

_ENOUGH = 0.5
"""How much of what could be cached has to be. Estimates are by bytes, and caches go in steps."""
LOOKED_AT = 8
"""Turns before one that may have left it something in the cache."""
_SHOWN_BREAKS = 6
_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


def minimum(model: str) -> int | None:
    """Tokens from which on a prompt is cached implicitly; None: not documented for that model."""
    found = _VERSION.match(model.removeprefix("models/"))
    if not found:
        return None
    version = int(found[1]), int(found[2] or 0)
    return 4096 if version >= (3, 0) else 2048 if version >= (2, 5) else None


@dataclass(frozen=True, slots=True)
class PromptTurn:
    """One call to Gemini, as far as it matters here."""

    id: str
    """Of its exchange."""
    time: float | None
    """When it was asked, in Unix seconds."""
    ended: float | None
    account: str | None
    """None: not known (a case does not tell)."""
    model: str
    request: Any
    """Gemini's, as it was sent."""
    prompt: int | None = None
    """Tokens that Gemini has counted; None: it has told nothing."""
    cached: int | None = None
    """Of them, from a cache."""


@dataclass(slots=True)
class TurnReport:
    """What there is to say of a turn."""

    turn: PromptTurn
    number: int
    """From 1 on."""
    outcome: str
    """One of the module's."""
    before: int | None = None
    """The number of the turn that it is set against: the latest that begins with the same messages, else the latest of
    all. None: there is none."""
    beginning: Beginning | None = None
    """With that turn."""
    broken: Sequence[Break] = ()
    """What ended it: that of the beginning, and the account."""
    idle: float | None = None
    """Seconds since the end of that turn; None: not known."""
    could: int | None = None
    """About how many tokens a cache could have had: the common beginning with one of the turns before on the same
    account and model, by share."""

    def plain(self) -> JSON:
        """For JSON."""
        turn = self.turn
        return {
            "number": self.number,
            "id": turn.id,
            "time": turn.time,
            "idle": None if self.idle is None else round(self.idle, 3),
            "account": turn.account,
            "model": turn.model,
            "outcome": self.outcome,
            "before": self.before,
            "tokens": {"prompt": turn.prompt, "cached": turn.cached, "could": self.could},
            "minimum": minimum(turn.model),
            "why": self.why,
            "beginning": self.beginning.plain() if self.beginning else None,
        }

    @property
    def why(self) -> list[str]:
        """Why the cache had no more, in words; empty for a hit."""
        if self.outcome in (HIT, FIRST):
            return []
        told = [one.words for one in self.broken]
        least = minimum(self.turn.model)
        if self.outcome == SMALL:
            told.append(f"the prompt is too small: {self.turn.model} caches prompts from {least:,} tokens on")
        elif self.outcome == UNKNOWN:
            told.append("Gemini has told of no tokens")
        elif not told:
            told.append("nothing in the request broke it: Gemini's implicit cache gives no guarantee")
            if self.idle is not None:
                told.append(f"{_span(self.idle)} went by; how long a prompt is cached is not documented")
        return told

    def lines(self) -> list[str]:
        """A head line, and what there is to say below it."""
        turn = self.turn
        head = [f"turn {self.number}", turn.id, OUTCOMES[self.outcome]]
        if self.idle is not None:
            before = "the one before" if self.before == self.number - 1 else f"turn {self.before}"
            head.append(f"{_span(self.idle)} after {before}")
        if turn.prompt is not None:
            head.append(f"{turn.prompt:,} tokens")
            share = f" ({100 * (turn.cached or 0) // turn.prompt} %)" if turn.prompt else ""
            head.append(f"cached {turn.cached or 0:,}{share}")
        if self.could is not None:
            head.append(f"could be some {self.could:,}")
        made = [one_line(" · ".join(part for part in head if part))]
        if beginning := self.beginning:
            other = "" if self.before == self.number - 1 else f", set against turn {self.before}"
            made.append(f"    same: {_same(beginning)}{other}")
        why = self.why
        made += [f"    {'     ' if at else 'why: '}{one_line(words)}" for at, words in enumerate(why[:_SHOWN_BREAKS])]
        if len(why) > _SHOWN_BREAKS:
            made.append(f"         and {len(why) - _SHOWN_BREAKS} more")
        return made


@dataclass(slots=True)
class CacheReport:
    """See the module."""

    turns: Sequence[TurnReport]

    def plain(self) -> JSON:
        """For JSON."""
        prompt, cached = (self._sum(name) for name in ("prompt", "cached"))
        return {"tokens": {"prompt": prompt, "cached": cached}, "turns": [one.plain() for one in self.turns]}

    def lines(self) -> list[str]:
        """As text."""
        prompt, cached = (self._sum(name) for name in ("prompt", "cached"))
        share = f" ({100 * cached // prompt} %)" if prompt else ""
        turns = f"{len(self.turns)} turn{'s' if len(self.turns) != 1 else ''}"
        return [
            f"{turns} · {prompt:,} tokens asked · {cached:,} of them cached{share}",
            *(line for one in self.turns for line in one.lines()),
        ]

    def _sum(self, name: str) -> int:
        return sum(getattr(one.turn, name) or 0 for one in self.turns)


def report(turns: Sequence[PromptTurn]) -> CacheReport:
    """Of the turns of one conversation, in order of time."""
    read = [sections(turn.model, turn.request) for turn in turns]
    return CacheReport([_reported(turns, read, index) for index in range(len(turns))])


def _reported(turns: Sequence[PromptTurn], read: Sequence[Sequence[Section]], index: int) -> TurnReport:
    turn = turns[index]
    if index == 0:
        return TurnReport(turn, 1, FIRST)
    near = range(max(0, index - LOOKED_AT), index)
    at = max(near, key=lambda other: (_same_messages(read[other], read[index]), other))
    before = turns[at]
    beginning = common(read[at], read[index])
    broken = list(beginning.broken)
    if before.account and turn.account and before.account != turn.account:
        names = f"{one_line(before.account, 60)} -> {one_line(turn.account, 60)}"
        broken.insert(0, Break(ACCOUNT, f"the account changed: {names}; a cache belongs to one"))
    could = None
    if turn.prompt is not None:  # what the same cache can have of one of the turns before
        mine = [other for other in near if turns[other].account == turn.account]
        shares = [common(read[other], read[index]).share for other in mine] if broken else [beginning.share]
        could = round(turn.prompt * max(shares, default=0.0))
    idle = turn.time - before.ended if turn.time is not None and before.ended is not None else None
    if idle is not None and idle < 0:
        idle = None  # it was asked while that one was under way
    return TurnReport(turn, index + 1, _outcome(turn, could), at + 1, beginning, broken, idle, could)


def _same_messages(before: Sequence[Section], after: Sequence[Section]) -> int:
    """How many messages two requests begin with that are the same."""
    count = 0
    for one, other in zip(before[HEAD:], after[HEAD:], strict=False):
        if one.role != other.role or [piece.data for piece in one.pieces] != [piece.data for piece in other.pieces]:
            break
        count += 1
    return count


def _outcome(turn: PromptTurn, could: int | None) -> str:
    if turn.prompt is None or could is None:
        return UNKNOWN
    cached = turn.cached or 0
    if cached and cached >= _ENOUGH * could:
        return HIT
    least = minimum(turn.model)
    if not cached and least is not None and turn.prompt < least:
        return SMALL
    return PART if cached else MISSED


def _same(beginning: Beginning) -> str:
    """`tools, system, messages 1-4, and 120 bytes of message 5 (96 % of the prompt)`."""
    whole = [row.name for row in beginning.rows if row.size and row.same == row.size]
    numbers = [name.rpartition(" ")[2] for name in whole if name.startswith("message ")]
    told = [name for name in whole if not name.startswith("message ")]
    if numbers:
        told.append(f"messages {numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else f"message {numbers[0]}")
    part = next((row for row in beginning.rows if 0 < row.same < row.size), None)
    if part is not None:
        told.append(f"{part.same:,} bytes of {part.name}")
    return f"{', '.join(told) or 'nothing'} ({round(100 * beginning.share)} % of the prompt)"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
