"""Prices that a person sets for models: they come before those of the table.

In the settings they are US dollars for a million tokens: `input`, `cached`, `output`, `thinking`, and the same of media
(`input_audio`, `cached_audio`, `output_image`, ...). What is not said costs what it is a kind of: `cached` and
`input_audio` what `input` does, `thinking` and `output_image` what `output` does. Once the input is longer than
`long_above` tokens, `long_input`, `long_cached`, `long_output` and `long_thinking` count for all of them. `batch`,
`flex` and `priority` are what all is multiplied by for these service tiers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from mapping.prices.rates import MEDIA, Rates, Unpriced, rate, rates
from mapping.prices.table import STANDARD

_COUNTED: Mapping[str, str] = {
    "input": "input",
    "cached": "cache_read",
    "output": "output",
    "thinking": "output_reasoning",
    **{f"input_{kind}": f"input_{kind}" for kind in MEDIA},
    **{f"cached_{kind}": f"cache_{kind}_read" for kind in MEDIA},
    **{f"output_{kind}": f"output_{kind}" for kind in MEDIA},
}
"""The settings' word -> what is counted."""
_FACTORS = ("batch", "flex", "priority")


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


def own_price(said: Mapping[Any, Decimal]) -> OwnPrice:
    """What the settings say of some models."""
    long = {_COUNTED[name]: said[f"long_{name}"] for name in _COUNTED if f"long_{name}" in said}
    return OwnPrice(
        {counted: said[name] for name, counted in _COUNTED.items() if name in said},
        above=int(said["long_above"]) if "long_above" in said else None,
        long=long,
        factors={tier: said[tier] for tier in _FACTORS if tier in said},
    )


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
