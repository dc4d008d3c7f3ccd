"""The waterfall of an exchange, as values. Times are seconds after the client's request began to arrive.

`phases` makes one of a recorded exchange, `drawing` makes text of it. Phases of one attempt follow one another; those
of further calls (`part`) run beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from addons.gateway.look.time_bar import ANSWERING, CALLING, PAUSED, THINKING, WAITING
from mapping.values import JSON

PHASES = {
    "receive": (WAITING, "the request comes in"),
    "queue": (WAITING, "it is admitted, understood, translated; an account is chosen"),
    "pause": (PAUSED, "nothing is asked before the next attempt"),
    "token": (WAITING, "the account's token is fetched"),
    "hooks": (WAITING, "other addons look at the call, or a person holds it"),
    "connect": (WAITING, "the name is looked up, a connection opened"),
    "first byte": (WAITING, "the call is sent, and Gemini says nothing yet"),
    "first content": (WAITING, "Gemini's answer has begun, and holds nothing yet"),
    "thinking": (THINKING, "thoughts come"),
    "text": (ANSWERING, "text comes"),
    "tools": (CALLING, "tool calls come"),
    "media": (ANSWERING, "pictures or sound come"),
    "answer": (ANSWERING, "the answer comes; nobody wrote down when each piece did"),
    "error": (WAITING, "what comes is no answer that is of use"),
    "end": (WAITING, "all is said, and the answer is not over yet"),
    "finish": (WAITING, "the answer is made and sent to its end"),
}
"""Each phase: what it is spent with, and what happens in it. In the order in which they come."""


@dataclass(frozen=True, slots=True)
class TimedPhase:
    """A time in which one thing happened."""

    name: str
    """One of `PHASES`."""
    begin: float
    end: float
    events: int = 0
    """Pieces of Gemini's stream that came in it."""

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin

    @property
    def spent(self) -> str:
        """What it was spent with, roughly."""
        return PHASES[self.name][0]


@dataclass(frozen=True, slots=True)
class TimedGap:
    """A time in the middle of a stream in which nothing came."""

    begin: float
    end: float
    before: str
    """What came after it: the name of a phase."""


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """One call to Gemini."""

    number: int
    part: int
    """0: a call for the exchange itself; from 1 on: the further calls that are parts of the same answer."""
    account: str
    upstream: str
    outcome: str
    begin: float
    end: float
    connection: str
    """`new`, `reused`; empty: nothing went up, or it is not known."""
    tcp: float | None
    tls: float | None
    """Seconds that the steps of opening a connection took; None: it is not known, or there was none."""
    phases: Sequence[TimedPhase]
    gaps: Sequence[TimedGap]
    fine: bool
    """It is known when each piece of the answer came."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A whole exchange. Without any phase nothing is known of its times."""

    id: str
    title: str
    """Path, models and outcome, on one line."""
    total: float
    before: Sequence[TimedPhase]
    """Before the first attempt."""
    attempts: Sequence[TimedAttempt]
    after: Sequence[TimedPhase]
    """After the last one."""
    marks: dict[str, float]
    """`sent`, `first_byte`, `first_content`, `first_text` of the last attempt; `first_sent`: when the client got the
    first bytes of a stream. What is not known is not there."""
    speed: float | None
    """Tokens of the answer, thoughts apart, for each second in which they came; None: it can't be told."""

    @property
    def known(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.before or self.attempts)

    def main(self) -> list[TimedPhase]:
        """The phases of the exchange itself, one after the other."""
        own = [phase for attempt in self.attempts if not attempt.part for phase in attempt.phases]
        return [*self.before, *own, *self.after]

    def plain(self) -> JSON:
        """For JSON, and for whoever draws it."""
        return {
            "id": self.id,
            "title": self.title,
            "known": self.known,
            "total": _seconds(self.total),
            "marks": {name: _seconds(at) for name, at in self.marks.items()},
            "tokens_per_second": None if self.speed is None else round(self.speed, 1),
            "before": [_phase(phase) for phase in self.before],
            "attempts": [_attempt(attempt) for attempt in self.attempts],
            "after": [_phase(phase) for phase in self.after],
        }


def _attempt(attempt: TimedAttempt) -> JSON:
    made = asdict(attempt)
    made |= {name: _seconds(made[name]) for name in ("begin", "end", "tcp", "tls")}
    made["phases"] = [_phase(phase) for phase in attempt.phases]
    made["gaps"] = [{**asdict(gap), "begin": _seconds(gap.begin), "end": _seconds(gap.end)} for gap in attempt.gaps]
    return made


def _phase(phase: TimedPhase) -> JSON:
    return {
        "name": phase.name,
        "spent": phase.spent,
        "about": PHASES[phase.name][1],
        "begin": _seconds(phase.begin),
        "end": _seconds(phase.end),
        "events": phase.events,
    }


def _seconds(at: Any) -> float | None:
    return None if at is None else round(at, 6)
