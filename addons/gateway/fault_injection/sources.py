"""Which request meets which fault: by its header, by what somebody has commanded, by the rules of the settings.

* The first of the three that has something for a request decides, even if it says `ok`. Among the rules the first that
  concerns a request and is due decides.
* A list of turns goes on from one request to the next. In a header it counts for the requests of one caller that carry
  the same text: for a client that sends it with all its requests, also when it tries again.
* Commands and rules concern model calls; a header concerns whatever carries it, but for the gateway's own paths.
* A turn whose fault found nothing to act on (there was no tool call, say) is the next request's.
"""

from __future__ import annotations

import fnmatch
import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from addons.gateway.fault_injection.grammar import FaultTurn, parse
from addons.gateway.fault_injection.order import Order
from addons.gateway.settings.settings import FaultRuleSettings

MOST_LISTS = 1000
"""Lists of headers whose turns are counted; those that were not used for the longest time are forgotten."""


@dataclass(slots=True)
class AskedFor:
    """A request, as far as rules tell requests apart."""

    path: str
    names: tuple[str, ...]
    """The model, by the client's name and by Gemini's."""


class TurnList:
    """A list of turns, and how far it has gone."""

    def __init__(self, turns: Sequence[FaultTurn]) -> None:
        self._turns = turns
        self._begun = 0

    def next(self) -> Order:
        """The order for the next request; the last turn stays."""
        turn = self._turns[min(self._begun, len(self._turns) - 1)]
        self._begun += 1
        return Order(turn, self._back)

    def _back(self) -> None:
        self._begun -= 1


class Commanded:
    """What somebody has ordered for the next requests."""

    def __init__(self, text: str, count: int) -> None:
        """`count`: how many requests; 0: all. Raises OrderError."""
        self.text = text
        self._turns = TurnList(parse(text))
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
    """One `[[faults.rules]]`, and what it has counted."""

    def __init__(self, settings: FaultRuleSettings, seed: str) -> None:
        """Raises OrderError. `seed` decides which requests of a share are meant."""
        self._settings = settings
        self._turns = TurnList(parse(settings.fault))
        self._random = random.Random(seed)  # noqa: S311 - it is to be the same each time
        self._seen = 0

    def next(self, asked: AskedFor) -> Order | None:
        """The order for a request; None: the rule has none for it."""
        settings = self._settings
        if not fnmatch.fnmatchcase(asked.path, settings.path):
            return None
        if not any(fnmatch.fnmatchcase(name, settings.model) for name in asked.names):
            return None
        self._seen += 1
        if settings.nth and self._seen not in settings.nth:
            return None
        if settings.probability < 1 and self._random.random() >= settings.probability:
            return None
        return self._turns.next()


class Sources:
    """What is ordered at present."""

    def __init__(self, rules: Sequence[FaultRuleSettings], seed: int) -> None:
        """Raises OrderError for a rule whose fault is none."""
        self.commanded: Commanded | None = None
        self._rules = [FaultRule(rule, f"{seed}/{number}") for number, rule in enumerate(rules)]
        self._lists: OrderedDict[tuple[str, str], TurnList] = OrderedDict()

    @property
    def are_idle(self) -> bool:
        """Nothing is ordered but by headers."""
        return not self._rules and (self.commanded is None or self.commanded.over)

    def by_header(self, tenant: str, text: str) -> Order:
        """The order for a request with this header. Raises OrderError."""
        key = (tenant, text)
        turns = self._lists.get(key)
        if turns is None:
            turns = self._lists[key] = TurnList(parse(text))
            while len(self._lists) > MOST_LISTS:
                self._lists.popitem(last=False)
        self._lists.move_to_end(key)
        return turns.next()

    def for_model_call(self, asked: AskedFor) -> Order | None:
        """The order for a model call without a header; None: there is none."""
        if self.commanded is not None and not self.commanded.over:
            return self.commanded.next()
        for rule in self._rules:
            if (order := rule.next(asked)) is not None:
                return order
        return None
