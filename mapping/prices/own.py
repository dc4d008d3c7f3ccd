"""Prices that a person sets for models: they come before those of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from mapping.prices.rates import Rates, Unpriced, rate, rates
from mapping.prices.table import STANDARD


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """What the tokens of some models cost, in US dollars for a million."""

    prices: Mapping[str, Decimal]
    """By what is counted, see `mapping.prices.rates`."""
    above: int | None = None
    """The length of input, in tokens, above which `long` counts for all tokens."""
    long: Mapping[str, Decimal] = field(default_factory=dict)
    factors: Mapping[str, Decimal] = field(default_factory=dict)
    """Service tier -> what all prices are multiplied by. A tier that is not here has no price."""


class OwnPrices:
    """By names of models, in which `*` stands for anything: the exact one counts, or else the longest that fits."""

    def __init__(self, models: Mapping[str, OwnPrice]) -> None:
        self._exact = {name.lower(): price for name, price in models.items()}
        wild = [(name, price) for name, price in self._exact.items() if "*" in name]
        self._wild: Sequence[tuple[str, OwnPrice]] = sorted(wild, key=lambda one: len(one[0]), reverse=True)

    def rates(self, model: str, tier: str) -> Rates | None:
        """What a model's tokens cost; None: nothing is said of it. Raises Unpriced."""
        name = model.lower()
        own = self._exact.get(name) or next((price for like, price in self._wild if fnmatchcase(name, like)), None)
        if own is None:
            return None
        factor = Decimal(1) if tier == STANDARD else own.factors.get(tier)
        if factor is None:
            raise Unpriced(f"no price for {name} with the service tier {tier}")
        made = {}
        for counted, price in own.prices.items():
            more = own.long.get(counted)
            tiers = [] if own.above is None or more is None else [(own.above, more * factor)]
            made[counted] = rate(price * factor, tiers)
        return rates(made)
