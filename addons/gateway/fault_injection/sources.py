"""Which request meets which fault: by its header, by what somebody has commanded, by the rules of the settings.

* The first of the three that has something for a request decides, even if it says `ok`. Among the rules the first that
  concerns a request and is due decides.
* A list of turns goes on from one request to the next. In a header it counts for the requests of one caller that carry
  the same text: for a client that sends it with all its requests, also when it tries again.
* Commands and rules concern model calls; a header concerns whatever carries it, but for the gateway's own paths.
* A turn whose fault found nothing to act on (there was no tool call, say) is the next request's.
* Workers of one machine count requests and turns together, but for commands: each is for the worker that has it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from addons.gateway.fault_injection.grammar import FaultTurn, parse
from addons.gateway.fault_injection.order import Order
from addons.gateway.settings.settings import FaultRuleSettings
from addons.gateway.workers.counts import TurnCounts

MOST_LISTS = 1000
"""Lists of headers whose turns are counted; those that were not used for the longest time are forgotten."""


@dataclass(slots=True)
class AskedFor:
    """A request, as far as rules tell requests apart."""

    path: str
    names: tuple[str, ...]
    """The model, by the client's name and by Gemini's."""


class TurnList:
    """A list of turns, and how far it has gone: that is counted by `counts`, under this key."""

    def __init__(self, turns: Sequence[FaultTurn], counts: TurnCounts, key: str) -> None:
        self._turns = turns
        self._counts = counts
        self._key = key

    def next(self) -> Order:
        """The order for the next request; the last turn stays."""
        last = len(self._turns) - 1
        begun = self._counts.take(self._key) if last else 0
        return Order(self._turns[min(begun, last)], self._back)

    def _back(self) -> None:
        if len(self._turns) > 1:
            self._counts.give_back(self._key)


class Commanded:
    """What somebody has ordered for the next requests."""

    def __init__(self, text: str, count: int) -> None:
        """`count`: how many requests; 0: all. Raises OrderError."""
        self.text = text
        self._turns = TurnList(parse(text), TurnCounts(), text)
        self._left = count or None

    @property
    def over(self) -> bool:
        """All of them have come."""
        return self._left == 0

    def next(self) -> Order:
        """The order for the next request."""
        order = self._turns.next()
        if self._left is None:
            return order
        self._left -= 1
        return Order(order.turn, lambda: self._back(order))

    @property
    def left(self) -> int | None:
        """How many more requests; None: all."""
        return self._left

    def _back(self, order: Order) -> None:
        order.give_back()
        if self._left is not None:
            self._left += 1


class FaultRule:
    """One `[[faults.rules]]`. What it has counted is in `counts`, under keys that begin with its name."""

    def __init__(self, settings: FaultRuleSettings, seed: int, counts: TurnCounts, name: str) -> None:
        """Raises OrderError. `seed` and the name decide which requests of a share are meant."""
        self._settings = settings
        self._turns = TurnList(parse(settings.fault), counts, f"{name} begun")
        self._counts = counts
        self._seen = f"{name} seen"
        self._seed = f"{seed}/{name}"

    def next(self, asked: AskedFor) -> Order | None:
        """The order for a request; None: the rule has none for it."""
        settings = self._settings
        if not fnmatch.fnmatchcase(asked.path, settings.path):
            return None
        if not any(fnmatch.fnmatchcase(name, settings.model) for name in asked.names):
            return None
        if settings.nth or settings.probability < 1:
            number = self._counts.take(self._seen) + 1
            if settings.nth and number not in settings.nth:
                return None
            if settings.probability < 1 and _drawn(f"{self._seed}/{number}") >= settings.probability:
                return None
        return self._turns.next()


def _drawn(seed: str) -> float:
    """A number from 0 to 1, the same each time, and whichever worker draws it."""
    return random.Random(seed).random()  # noqa: S311


class Sources:
    """What is ordered at present."""

    def __init__(self, rules: Sequence[FaultRuleSettings], seed: int, counts: Path | None = None) -> None:
        """Raises OrderError for a rule whose fault is none. `counts`: of a file in which several workers count."""
        self.commanded: Commanded | None = None
        told = TurnCounts(counts)
        self._rules = [FaultRule(rule, seed, told, f"rule {number}") for number, rule in enumerate(rules)]
        self._lists = TurnCounts(counts and counts.with_stem(f"{counts.stem}-headers"), most=MOST_LISTS)

    @property
    def are_idle(self) -> bool:
        """Nothing is ordered but by headers."""
        return not self._rules and (self.commanded is None or self.commanded.over)

    def by_header(self, tenant: str, text: str) -> Order:
        """The order for a request with this header. Raises OrderError."""
        key = hashlib.sha256(f"{tenant}\0{text}".encode()).hexdigest()
        return TurnList(parse(text), self._lists, key).next()

    def for_model_call(self, asked: AskedFor) -> Order | None:
        """The order for a model call without a header; None: there is none."""
        if self.commanded is not None and not self.commanded.over:
            return self.commanded.next()
        for rule in self._rules:
            if (order := rule.next(asked)) is not None:
                return order
        return None
