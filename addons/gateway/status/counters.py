"""What is counted since the start, by labels: for monitoring systems, which see for themselves that a count began anew.

Labels are of few values: endpoints, statuses; models, outcomes and accounts up to a number, what is beyond it counts as
`other`, because clients, upstreams and settings that come into force choose them. So it is with what was counted by
workers that have ended, however many there were.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from addons.gateway.exchange.summary import FAULT, OK, AttemptSummary, LaterAnswer, Summary, Tokens
from mapping.inspect.printable import one_line

OWN = frozenset(("health", "hello", "metrics", "status", "status_json"))
"""Endpoints that monitors and browsers ask: no work of the gateway's."""
OTHER = "other"
MOST_MODELS = 200
MOST_ASKED = 50
MOST_OUTCOMES = 50
MOST_ACCOUNTS = 200
LONGEST = 100
"""Characters of a label."""

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
"""Upper bounds of the buckets for spans of time."""

TALLIES = ("requests", "own", "attempts", "tokens", "costs", "unpriced")
SPANS = ("first", "total")
"""The names of `Counters`' numbers."""

MODEL, ACCOUNT, OUTCOME = "model", "account", "outcome"
_LABELS = {
    "requests": ("", MODEL, "", OUTCOME),
    "own": (),
    "attempts": (ACCOUNT, OUTCOME),
    "tokens": (MODEL, ""),
    **dict.fromkeys(("costs", "unpriced"), (MODEL, ACCOUNT)),
    **dict.fromkeys(SPANS, ("", MODEL)),
}
"""Which labels of each number others choose."""

type Labels = tuple[str, ...]


class Names:
    """The values of a label that other people choose: the first `most` are told by name, the others together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def told(self, name: str) -> str:
        """What the label says for this name: the name, or `OTHER`. A name that is told once is told ever after.

        `name` may be of any length.
        """
        if name in self._known:
            return name
        name = _cut(name)
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


@dataclass(slots=True)
class Tally:
    """A number that only grows."""

    since: float
    """Unix seconds: when it was first counted."""
    value: float = 0


@dataclass(slots=True)
class Spans:
    """How long things took."""

    since: float
    """Unix seconds: when the first was counted."""
    buckets: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    """How many took at most so long, but longer than the bound before; the last one is for all above."""
    seconds: float = 0.0
    """All together."""


class Counters:
    """See the module. `clock` tells Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.requests: dict[Labels, Tally] = {}
        """By endpoint, model, status, outcome."""
        self.own: dict[Labels, Tally] = {}
        """Requests for the gateway's own paths, by endpoint and status."""
        self.attempts: dict[Labels, Tally] = {}
        """By account and outcome."""
        self.tokens: dict[Labels, Tally] = {}
        """By model and kind."""
        self.costs: dict[Labels, Tally] = {}
        """US dollars, by model and account."""
        self.unpriced: dict[Labels, Tally] = {}
        """Exchanges whose cost is unknown, by model and account."""
        self.first: dict[Labels, Spans] = {}
        """Until the first bytes of a stream, by endpoint and model."""
        self.total: dict[Labels, Spans] = {}
        """Until the answer was complete, or had failed, by endpoint and model."""
        self._answering, self._asked = Names(MOST_MODELS), Names(MOST_ASKED)
        self._outcomes, self._attempt_outcomes = Names(MOST_OUTCOMES), Names(MOST_OUTCOMES)
        self._accounts = Names(MOST_ACCOUNTS)

    def count(self, summary: Summary) -> None:
        """An exchange is over."""
        status = str(summary.status or "")
        self._count_attempts(summary.attempts)
        if summary.further:
            self._count_attempts(summary.further)
        if summary.endpoint in OWN:
            self._add(self.own, (summary.endpoint, status))
            return
        endpoint, model = summary.endpoint, self._model(summary)
        outcome = FAULT if summary.fault else summary.outcome
        self._add(self.requests, (endpoint, model, status, self._outcomes.told(outcome)))
        if tokens := summary.tokens:
            self._count_tokens(model, tokens)
        if summary.cost is not None or summary.cost_note is not None:
            self._count_cost((model, self._account(summary.account)), summary.cost)
        if summary.fault:
            return  # how long it took is no measure of anything
        self._measure(self.total, (endpoint, model), summary.total)
        if summary.first is not None:
            self._measure(self.first, (endpoint, model), summary.first)

    def count_later(self, answer: LaterAnswer) -> None:
        """An answer was made in the background."""
        model = self._answering.told(_cut(answer.model)) if answer.model else ""
        self._count_attempts(answer.attempts)
        if answer.tokens:
            self._count_tokens(model, answer.tokens)
        if answer.cost is not None or answer.cost_note is not None:
            self._count_cost((model, self._account(answer.account)), answer.cost)

    def plain(self) -> dict[str, Any]:
        """Everything as dicts, lists, texts and numbers: rows of the labels and what was counted under them."""
        tallies = {
            name: [[*labels, tally.since, tally.value] for labels, tally in self._tallies(name).items()]
            for name in TALLIES
        }
        spans = {
            name: [[*labels, one.since, one.buckets, one.seconds] for labels, one in self._spans(name).items()]
            for name in SPANS
        }
        return tallies | spans

    def add(self, plain: dict[str, Any]) -> None:
        """Count also what another process has counted, as it gave it by `plain`."""
        answered = {row[0] for name in ("tokens", "costs", "unpriced") for row in plain[name]}
        for name in TALLIES:
            for *labels, since, value in plain[name]:
                tally = self._tallies(name).setdefault(self._known(name, labels, answered), Tally(since))
                tally.since = min(tally.since, since)
                tally.value += value
        for name in SPANS:
            for *labels, since, buckets, seconds in plain[name]:
                spans = self._spans(name).setdefault(self._known(name, labels, answered), Spans(since))
                spans.since = min(spans.since, since)
                spans.buckets = [sum(pair) for pair in zip(spans.buckets, buckets, strict=True)]
                spans.seconds += seconds

    def _count_attempts(self, attempts: Iterable[AttemptSummary]) -> None:
        for attempt in attempts:
            labels = self._accounts.told(attempt.account), self._attempt_outcomes.told(attempt.outcome)
            self._add(self.attempts, labels)

    def _count_tokens(self, model: str, tokens: Tokens) -> None:
        self._add(self.tokens, (model, "prompt"), tokens.prompt)
        self._add(self.tokens, (model, "completion"), tokens.completion)
        self._add(self.tokens, (model, "reasoning"), tokens.reasoning)

    def _account(self, label: str | None) -> str:
        return self._accounts.told(label) if label else ""

    def _known(self, name: str, labels: Sequence[str], answered: Collection[str]) -> Labels:
        """The labels of what another process has counted under `name`, as they are told here.

        `answered`: models that have answered there.
        """
        made = list(labels)
        for at, kind in enumerate(_LABELS[name]):
            told = made[at]
            if told in ("", OTHER):
                continue
            if kind == MODEL:
                if told not in self._answering:
                    made[at] = (self._answering if told in answered else self._asked).told(told)
            elif kind == ACCOUNT:
                made[at] = self._accounts.told(told)
            elif kind == OUTCOME:
                made[at] = (self._outcomes if name == "requests" else self._attempt_outcomes).told(told)
        return tuple(made)

    def _count_cost(self, labels: Labels, cost: float | None) -> None:
        if cost is None:
            self._add(self.unpriced, labels)
        else:
            self._add(self.costs, labels, cost)

    def _tallies(self, name: str) -> dict[Labels, Tally]:
        found: dict[Labels, Tally] = getattr(self, name)
        return found

    def _spans(self, name: str) -> dict[Labels, Spans]:
        found: dict[Labels, Spans] = getattr(self, name)
        return found

    def _add(self, tallies: dict[Labels, Tally], labels: Labels, number: float = 1) -> None:
        tally = tallies.get(labels)
        if tally is None:
            tally = tallies[labels] = Tally(self._clock())
        tally.value += number

    def _measure(self, measured: dict[Labels, Spans], labels: Labels, seconds: float) -> None:
        spans = measured.get(labels)
        if spans is None:
            spans = measured[labels] = Spans(self._clock())
        spans.buckets[bisect_left(SECONDS, seconds)] += 1
        spans.seconds += seconds

    def _model(self, summary: Summary) -> str:
        """The Gemini model, or what was asked for where there is none of that name; empty where none was named.

        Names that do not answer have a bound of their own, so that they take no place of those that do.
        """
        name = summary.model or summary.client_model or ""
        if not name or name in self._answering:
            return name
        name = _cut(name)
        if not name:
            return ""
        answers = summary.outcome == OK or name in self._answering
        return (self._answering if answers else self._asked).told(name)


def _cut(name: str) -> str:
    return one_line(name, LONGEST)
