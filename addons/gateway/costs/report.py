"""What recorded exchanges have cost together: by model, account, day and conversation.

What the record says counts, since it was worked out with the settings of then. Of an exchange whose record says nothing
(the settings did not want it, or it is a case) the cost is worked out of Gemini's answers, by list prices.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mitmproxy import http

from addons.gateway.accounts.quota_day import day_of
from addons.gateway.cases import exchanges
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.record.flow_record import CLIENT, record_of
from mapping.answer.usage import Usage
from mapping.inspect.printable import one_line
from mapping.inspect.transcript import members, number_of, string
from mapping.prices.cost import NAMES, Cost, PriceBook
from mapping.prices.shown import ESTIMATE, dollars, not_counted
from mapping.totals import CallUsage
from mapping.values import JSON

NO_DAY = f"{ESTIMATE}nobody knows the day, so today's prices count"
_BOOK = PriceBook()
_MADE = frozenset(("candidates", "embedding", "embeddings", "predictions"))
"""Members of Gemini's answers that are paid for, also where an answer does not tell its tokens."""
_LONGEST = 60
"""Characters of a name."""


@dataclass(frozen=True, slots=True)
class ExchangeCost:
    """What one exchange has cost, and what it is counted under."""

    id: str
    model: str
    account: str
    day: str
    """`2026-11-29`, in Pacific time; empty: nobody knows."""
    conversation: str
    cost: Cost

    def plain(self) -> JSON:
        """As JSON has it."""
        cost = self.cost
        return {
            **{name: getattr(self, name) for name in ("id", "model", "account", "day", "conversation")},
            "cost": cost.usd,
            "cost_note": cost.note,
            "cost_parts": cost.parts,
        }


@dataclass(slots=True)
class SumOfCosts:
    """What several have cost."""

    usd: float = 0.0
    """As far as costs are known."""
    exchanges: int = 0
    unknown: int = 0
    """How many of them have no known cost."""
    parts: dict[str, float] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)
    """What is not in it -> of how many of them."""

    def add(self, cost: Cost) -> None:
        """One more."""
        self.exchanges += 1
        for name in not_counted(cost.note):
            self.beside[name] = self.beside.get(name, 0) + 1
        if cost.usd is None:
            self.unknown += 1
            return
        self.usd += cost.usd
        for name, usd in cost.parts.items():
            self.parts[name] = self.parts.get(name, 0.0) + usd

    def plain(self) -> JSON:
        """As JSON has it."""
        made: JSON = {"cost": self.usd, "exchanges": self.exchanges, "unknown": self.unknown, "cost_parts": self.parts}
        return made | ({"not_counted": self.beside} if self.beside else {})


@dataclass(frozen=True, slots=True)
class CostReport:
    """See the module."""

    exchanges: Sequence[ExchangeCost]

    def plain(self) -> JSON:
        """As JSON has it."""
        return {
            "total": self._sum(self.exchanges).plain(),
            **{
                f"by_{name}": [{name: key or None, **made.plain()} for key, made in self._by(key_of)]
                for name, key_of in _KEYS.items()
            },
            "exchanges": [one.plain() for one in self.exchanges],
        }

    def lines(self) -> list[str]:
        """As text: the sum and its parts, tables, and why costs are unknown or estimates."""
        if not self.exchanges:
            return ["Nothing here has cost anything."]
        total = self._sum(self.exchanges)
        made = [f"{_words(total)} for {_counted(total.exchanges)}"]
        made += [f"  {_PARTS[name]:<16}{dollars(total.parts[name]):>12}" for name in NAMES if name in total.parts]
        for name, key_of in _KEYS.items():
            rows = self._by(key_of)
            if not any(key for key, _ in rows):
                continue
            table = [(_name(key), _words(one), _counted(one.exchanges)) for key, one in rows]
            first, second, _ = (max(map(len, column)) for column in zip(*table, strict=True))
            made += ["", f"By {name}:", *(f"  {a:<{first}}  {b:>{second}}  {c}" for a, b, c in table)]
        notes: dict[str, int] = {}
        for one in self.exchanges:
            if one.cost.note:
                why = one.cost.note if one.cost.usd is not None else f"unknown: {one.cost.note}"
                notes[why] = notes.get(why, 0) + 1
        if notes:
            made += ["", *(f"{_counted(count)}: {one_line(why)}" for why, count in notes.items())]
        return made

    def _by(self, key_of: Callable[[ExchangeCost], str]) -> list[tuple[str, SumOfCosts]]:
        """The dearest first; days in their order."""
        found: dict[str, list[ExchangeCost]] = {}
        for one in self.exchanges:
            found.setdefault(key_of(one), []).append(one)
        sums = [(key, self._sum(all)) for key, all in found.items()]
        return sorted(sums, key=(lambda one: one[0]) if key_of is _day else (lambda one: -one[1].usd))

    @staticmethod
    def _sum(found: Iterable[ExchangeCost]) -> SumOfCosts:
        made = SumOfCosts()
        for one in found:
            made.add(one.cost)
        return made


def _day(one: ExchangeCost) -> str:
    return one.day


_KEYS: dict[str, Callable[[ExchangeCost], str]] = {
    "model": lambda one: one.model,
    "account": lambda one: one.account,
    "day": _day,
    "conversation": lambda one: one.conversation,
}
_PARTS = {
    "input": "input",
    "cached": "cached input",
    "media_in": "media in",
    "thinking": "thinking",
    "output": "output",
    "media_out": "media out",
}


def report(all: Iterable[TakenExchange]) -> CostReport:
    """Of those exchanges that have cost anything, or of which nobody knows."""
    costs = [(one, cost) for one in all if (cost := cost_of(one)) is not None]
    return CostReport([_of(one, cost) for one, cost in costs])


def taken(flows: Sequence[http.HTTPFlow]) -> TakenExchange:
    """An exchange of its flows, of which no more is read than its cost takes. Raises CaseError."""
    record = next((record for one in flows if (record := record_of(one)).get("side") == CLIENT), {})
    if _says(record):
        return TakenExchange(record, "", "", None, b"", None, "")
    return exchanges.from_flows(flows)


def _says(record: JSON) -> bool:
    """Whether a record tells the cost, or why it is unknown."""
    return number_of(record.get("cost")) is not None or isinstance(record.get("cost_note"), str)


def cost_of(taken: TakenExchange) -> Cost | None:
    """What an exchange has cost. None: nothing that is paid for was used."""
    record = taken.record
    if _says(record):
        parts = {name: usd for name, part in members(record.get("cost_parts")).items() if (usd := number_of(part))}
        return Cost(number_of(record.get("cost")), parts, string(record.get("cost_note")) or None)
    calls = [used for call in taken.calls if (used := _used(call.answer)) is not None]
    if not calls and not any(_MADE & members(call.answer).keys() for call in taken.calls):
        return None
    when = number_of(record.get("time"))
    cost = _BOOK.cost(calls, string(record.get("model")), time.time() if when is None else when)
    if when is None and cost.usd is not None:
        cost.note = "; ".join(filter(None, (cost.note, NO_DAY)))
    return cost


def _used(answer: Any) -> CallUsage | None:
    """What an answer of Gemini's says of its tokens."""
    metadata = members(answer).get("usageMetadata")
    if not isinstance(metadata, dict):
        return None
    usage = Usage()
    usage.merge(metadata)
    usage.model = string(members(answer).get("modelVersion")) or None
    usage.looked_up_for(members(answer))
    return next(iter(usage.totals().calls), None)


def _of(taken: TakenExchange, cost: Cost) -> ExchangeCost:
    record = taken.record
    model, account, conversation = (string(record.get(name)) for name in ("model", "account", "conversation"))
    return ExchangeCost(taken.id, model, account, _day_of(number_of(record.get("time"))), conversation, cost)


def _day_of(when: float | None) -> str:
    try:
        return "" if when is None else day_of(when)
    except (ValueError, OverflowError, OSError):  # of a damaged file
        return ""


def _words(found: SumOfCosts) -> str:
    """A sum, and how many are not in it."""
    if found.unknown == found.exchanges:
        return "unknown"
    known = " + ".join((dollars(found.usd), *found.beside))
    return known + (f" and {found.unknown} unknown" if found.unknown else "")


def _counted(exchanges: int) -> str:
    return f"{exchanges:,} exchange{'' if exchanges == 1 else 's'}"


def _name(key: str) -> str:
    return one_line(key, _LONGEST) or "not known"
