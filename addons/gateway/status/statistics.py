"""What the status page tells of the past: totals per model and account, the last hour by minutes, the last exchanges.

* The one place where exchanges are counted. What is counted since the start only, for /metrics, is `since_start`.
* Each exchange costs the same, and what is kept is bounded: also the names that clients made up.
* Model calls are counted. What monitors and open pages ask again and again is not, and is listed only when it fails.
* `plain` and `restore` carry the numbers over a restart.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from addons.gateway.exchange.summary import FAULT, LEFT, OK, AttemptSummary, LaterAnswer, Summary
from addons.gateway.http.routes import INTERACTIONS, UNVERSIONED
from addons.gateway.money import days
from addons.gateway.money.days import Costs, Days, Dollars
from addons.gateway.status.counters import Counters
from mapping import dialects
from mapping.late import late

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = late("pydantic")

MINUTES = 60
"""How far back the charts go."""
LAST = 200
"""How many exchanges are listed."""
_MOST_KEYS = 200
"""How many models, and how many accounts, get a line of their own."""
_MOST_UNANSWERED = 50
"""How many of the models may be names that have never answered."""
_LONGEST = 200
"""Characters that are kept of a text that a client wrote."""
_MOST_NOTES = 20

_BOUNDS = tuple(0.02 * 2 ** (step / 4) for step in range(63))
"""Upper bounds of the latency buckets, in seconds: 20 ms to 15 min, each a fifth above the one before."""

ROUTINE = frozenset((*UNVERSIONED, "models", "model"))
"""Endpoints that are asked again and again."""

type Count = Annotated[int, pydantic.Field(ge=0)]
type Seconds = Annotated[float, pydantic.Field(allow_inf_nan=False)]
type _Buckets = Annotated[list[Count], pydantic.Field(min_length=len(_BOUNDS) + 1, max_length=len(_BOUNDS) + 1)]
type _Last = Annotated[list[Summary], pydantic.WrapValidator(_or_none)]


def _or_none(value: Any, check: Callable[[Any], Any]) -> Any:
    """Summaries of another version are no reason to lose the rest."""
    try:
        return check(value)
    except pydantic.ValidationError:
        return []


@dataclass(slots=True)
class ModelTotals:
    """The calls of one Gemini model."""

    requests: Count = 0
    errors: Count = 0
    left: Count = 0
    """Whose client did not wait for the end."""
    prompt: Count = 0
    """Tokens in."""
    completion: Count = 0
    """Tokens out, thoughts included."""
    faults: Count = 0
    """How many met a fault on demand. They are no errors."""
    cost: Dollars = 0.0
    """As far as costs are known."""
    unpriced: Count = 0
    """Calls whose cost is unknown."""


@dataclass(slots=True)
class AccountTotals:
    """The attempts of one account."""

    attempts: Count = 0
    failures: Count = 0
    last_outcome: str = ""
    last_time: Seconds = 0.0
    """Unix seconds: when the exchange of its last attempt began."""
    cost: Dollars = 0.0
    """Of the exchanges that it answered, as far as costs are known."""
    unpriced: Count = 0
    """Exchanges that it answered whose cost is unknown."""


@dataclass(slots=True)
class Minute:
    """What happened in one minute."""

    number: int
    """Minutes since the epoch."""
    requests: Count = 0
    errors: Count = 0
    left: Count = 0
    """Whose client did not wait for the end."""
    latencies: _Buckets = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    """How many answers took how long, by the buckets of `_BOUNDS`; the last one is for all above."""

    def quantile(self, share: float) -> float | None:
        """Seconds within which this share of the answers was complete, rounded up to a bucket; None: no answers."""
        wanted = share * sum(self.latencies)
        if not wanted:
            return None
        seen = 0
        for bound, count in zip((*_BOUNDS, _BOUNDS[-1]), self.latencies, strict=True):
            seen += count
            if seen >= wanted:
                return bound
        return _BOUNDS[-1]


@dataclass(slots=True)
class _State:
    """Everything that is kept."""

    since: Seconds
    version: Literal[1] = 1
    models: dict[str, ModelTotals] = field(default_factory=dict)
    others: ModelTotals = field(default_factory=ModelTotals)
    """Calls of further models, and calls that named none."""
    accounts: dict[str, AccountTotals] = field(default_factory=dict)
    minutes: list[Minute] = field(default_factory=list)
    days: Days = field(default_factory=dict)
    last: _Last = field(default_factory=list)
    """The newest is the last."""


@cache
def _state() -> pydantic.TypeAdapter[_State]:
    """What reads and writes it. It is made when there is something to read: that takes longer than all else here."""
    return pydantic.TypeAdapter(_State)


def get_ready() -> None:
    """Make now what reading and writing need. It takes too long for the event loop of somebody who serves."""
    _state()


class Statistics:
    """The numbers of one gateway. `clock` tells Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.changes = 0
        """How often something was counted."""
        self.since_start = Counters(clock)
        self._use(_State(since=clock()))

    def count(self, summary: Summary) -> None:
        """An exchange is over."""
        self.changes += 1
        self.since_start.count(summary)
        for attempt in (*summary.attempts, *summary.further):
            self._count_attempt(attempt, summary.time)
        is_call, has_cost = is_model_call(summary), summary.cost is not None or summary.cost_note is not None
        if is_call or has_cost:
            totals = self._totals_of(summary)
            if is_call:
                self._count_call(summary, totals)
            if has_cost:
                self._count_cost(totals, summary.account, summary.time, summary.cost)
        if summary.method != "OPTIONS" and (summary.endpoint not in ROUTINE or summary.failed):
            self._last.append(_bounded(summary))

    def count_later(self, answer: LaterAnswer) -> None:
        """An answer was made in the background, for who asks for it later: no request, but it took what it took."""
        self.changes += 1
        self.since_start.count_later(answer)
        for attempt in answer.attempts:
            self._count_attempt(attempt, answer.time)
        known = _entry(self._state.models, answer.model, ModelTotals) if 0 < len(answer.model) <= _LONGEST else None
        totals = known or self._state.others
        if tokens := answer.tokens:
            totals.prompt += tokens.prompt
            totals.completion += tokens.completion
        if answer.cost is not None or answer.cost_note is not None:
            self._count_cost(totals, answer.account, answer.time, answer.cost)

    @property
    def since(self) -> float:
        """Unix seconds: when counting began."""
        return self._state.since

    @property
    def models(self) -> dict[str, ModelTotals]:
        """By Gemini model, as they came."""
        return self._state.models

    @property
    def others(self) -> ModelTotals:
        """Calls of further models, and calls that named none."""
        return self._state.others

    @property
    def accounts(self) -> dict[str, AccountTotals]:
        """By label."""
        return self._state.accounts

    def minutes(self) -> list[Minute]:
        """The last hour, the oldest minute first; the one that runs is the last."""
        now = self._minute_of(self._clock())
        kept = {minute.number: minute for minute in self._minutes.values()}
        return [kept.get(number) or Minute(number) for number in range(now - MINUTES + 1, now + 1)]

    @property
    def days(self) -> Days:
        """What days have cost."""
        return self._state.days

    def today(self) -> Costs:
        """What the day that runs has cost until now."""
        return days.at(self._state.days, self._clock()) or Costs()

    def last(self) -> list[Summary]:
        """The last exchanges, the newest first."""
        return list(reversed(self._last))

    def plain(self) -> dict[str, Any]:
        """Everything as dicts, lists, texts and numbers."""
        minutes = [minute for minute in self.minutes() if minute.requests]
        state = replace(self._state, minutes=minutes, last=list(self._last))
        made: dict[str, Any] = _state().dump_python(state, mode="json")
        return made

    def restore(self, plain: object) -> None:
        """Go on from what `plain` gave, before anything is counted; what can't be understood is left alone."""
        try:
            self._use(_state().validate_python(plain))
        except (pydantic.ValidationError, RecursionError):
            return

    def add(self, plain: object) -> None:
        """Count also what another process has counted, as it gave it by `plain`; not what can't be understood."""
        try:
            more = _state().validate_python(plain)
        except (pydantic.ValidationError, RecursionError):
            return
        self.changes += 1
        state = self._state
        state.since = min(state.since, more.since)
        _add_totals(state.others, more.others)
        for model, totals in more.models.items():
            _add_totals(_entry(state.models, model, ModelTotals) or state.others, totals)
        for label, attempts in more.accounts.items():
            if (known := _entry(state.accounts, label, AccountTotals)) is not None:
                known.attempts += attempts.attempts
                known.failures += attempts.failures
                if attempts.last_time > known.last_time:
                    known.last_outcome, known.last_time = attempts.last_outcome, attempts.last_time
                days.add(known, attempts)
        days.merge(state.days, more.days)
        for minute in more.minutes:
            self._add_minute(minute)
        last = sorted([*self._last, *map(_bounded, more.last)], key=lambda summary: summary.time)
        self._last.clear()
        self._last.extend(last)

    # --- inside

    def _add_minute(self, more: Minute) -> None:
        minute = self._minutes.get(more.number % MINUTES)
        if minute is None or minute.number < more.number:
            self._minutes[more.number % MINUTES] = more
        elif minute.number == more.number:
            minute.requests += more.requests
            minute.errors += more.errors
            minute.left += more.left
            minute.latencies = [sum(pair) for pair in zip(minute.latencies, more.latencies, strict=True)]

    def _use(self, state: _State) -> None:
        self._state = state
        self._minutes = {minute.number % MINUTES: minute for minute in state.minutes}
        self._last = deque(map(_bounded, state.last), maxlen=LAST)

    def _count_attempt(self, attempt: AttemptSummary, when: float) -> None:
        totals = _entry(self._state.accounts, attempt.account, AccountTotals)
        if totals is None:
            return
        totals.attempts += 1
        totals.failures += attempt.outcome not in ("200", LEFT)
        totals.last_outcome, totals.last_time = attempt.outcome, when

    def _count_call(self, summary: Summary, totals: ModelTotals) -> None:
        failed, left = summary.failed, summary.left
        bad = failed and summary.outcome != FAULT
        totals.requests += 1
        totals.errors += bad
        totals.left += left
        totals.faults += summary.fault is not None
        if tokens := summary.tokens:
            totals.prompt += tokens.prompt
            totals.completion += tokens.completion
        minute = self._minute(self._clock())
        minute.requests += 1
        minute.errors += bad
        minute.left += left
        if not failed and not left and summary.fault is None:
            minute.latencies[bisect_left(_BOUNDS, summary.total)] += 1

    def _count_cost(self, totals: ModelTotals, label: str | None, when: float, cost: float | None) -> None:
        account = _entry(self._state.accounts, label, AccountTotals) if label else None
        for counted in (totals, account, days.at(self._state.days, when)):
            if counted is not None:
                days.count(counted, cost)

    def _totals_of(self, summary: Summary) -> ModelTotals:
        models, name = self._state.models, summary.model or summary.client_model
        if not name or len(name) > _LONGEST:
            return self._state.others
        if name not in models and summary.outcome != OK:
            # A client may ask for anything: what was only asked for must not take the places of what answers.
            unanswered = sum(
                totals.requests == totals.errors + totals.left + totals.faults for totals in models.values()
            )
            if unanswered >= _MOST_UNANSWERED:
                return self._state.others
        return _entry(models, name, ModelTotals) or self._state.others

    def _minute(self, now: float) -> Minute:
        number = self._minute_of(now)
        minute = self._minutes.get(number % MINUTES)
        if minute is None or minute.number != number:
            minute = self._minutes[number % MINUTES] = Minute(number)
        return minute

    def _minute_of(self, now: float) -> int:
        return int(now // 60)


def is_model_call(summary: Summary) -> bool:
    """Whether a model was asked, or would have been had the request been right. Interactions name theirs."""
    return summary.method == "POST" and (
        summary.endpoint in dialects.names() or (summary.endpoint == INTERACTIONS and summary.model is not None)
    )


def quantile(minutes: Iterable[Minute], share: float) -> float | None:
    """`Minute.quantile` over several minutes."""
    columns = zip(*(minute.latencies for minute in minutes), strict=True)
    return Minute(0, latencies=[sum(column) for column in columns]).quantile(share)


def _entry[T](entries: dict[str, T], key: str, make: Callable[[], T]) -> T | None:
    """The entry of a key, a new one if need be; None: there are too many."""
    found = entries.get(key)
    if found is None and len(entries) < _MOST_KEYS:
        found = entries[key] = make()
    return found


def _add_totals(totals: ModelTotals, more: ModelTotals) -> None:
    totals.requests += more.requests
    totals.errors += more.errors
    totals.left += more.left
    totals.prompt += more.prompt
    totals.completion += more.completion
    totals.faults += more.faults
    days.add(totals, more)


def _bounded(summary: Summary) -> Summary:
    """The same without what a client may have made long."""
    notes = summary.notes
    if (
        len(summary.path) <= _LONGEST
        and len(summary.client_model or "") <= _LONGEST
        and len(summary.model or "") <= _LONGEST
        and (not notes or (len(notes) <= _MOST_NOTES and max([len(detail) for _, detail in notes]) <= _LONGEST))
    ):
        return summary
    return replace(
        summary,
        path=summary.path[:_LONGEST],
        client_model=summary.client_model[:_LONGEST] if summary.client_model else summary.client_model,
        model=summary.model[:_LONGEST] if summary.model else summary.model,
        notes=tuple((code, detail[:_LONGEST]) for code, detail in notes[:_MOST_NOTES]),
    )
