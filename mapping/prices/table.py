"""The table of prices that comes with the gateway: google.json, Google's part of the table of genai-prices.

The file stands for the package, which loads an HTTP client and takes a quarter of a second and 24 MB in every worker.
`scripts/commands/price_table.py` writes it, and the tests compare each price with what the package says. In it are:

* `models`: the first whose `match` fits a name counts; clauses are `equals`, `starts_with`, `ends_with`, `contains`,
  `regex`, and `or` and `and` of them. Names are compared in lower case.
* `prices`: US dollars for a million tokens by what is counted, as texts; or with `base` and `tiers`, which count for
  all tokens once the input is longer than `start`; or a list of such, of which the last one counts whose
  `constraint.start_date` has come (UTC), or else the first.
* `price_variants`: what replaces prices for requests of a kind (`when`: `processing` is `batch`, or `service_tier` is
  `flex` or `priority`) from a day on. The first that fits counts, for each price by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from mapping.prices.rates import Rate, Rates, Unpriced, rate, rates
from mapping.values import JSON

PATH = Path(__file__).with_name("google.json")

STANDARD = "standard"
"""The service tier of a request that says nothing."""
_WHEN: Mapping[str, tuple[str, str]] = {
    "batch": ("processing", "batch"),
    "flex": ("service_tier", "flex"),
    "priority": ("service_tier", "priority"),
}
"""Service tier -> how the table names it."""

_CLAUSES: Mapping[str, Callable[[str, str], bool]] = {
    "equals": lambda name, text: name == text.lower(),
    "starts_with": lambda name, text: name.startswith(text.lower()),
    "ends_with": lambda name, text: name.endswith(text.lower()),
    "contains": lambda name, text: text.lower() in name,
    "regex": lambda name, text: re.search(text, name) is not None,
}


@cache
def _models() -> list[JSON]:
    models: list[JSON] = orjson.loads(PATH.read_bytes())["models"]
    return models


def table_rates(name: str, day: date, tier: str) -> Rates:
    """What a model's tokens cost on a day (UTC), for requests of a service tier. Raises Unpriced."""
    name = name.lower()
    model = next((model for model in _models() if _fits(model["match"], name)), None)
    if model is None:
        raise Unpriced(f"no price for {name}")
    prices = _prices_on(model["prices"], day)
    if tier != STANDARD:
        prices = {**prices, **_variant(model, day, tier, name)}
    return rates({counted: _rate(price) for counted, price in prices.items()})


def _fits(clause: JSON, name: str) -> bool:
    ((kind, value),) = clause.items()
    if kind == "or":
        return any(_fits(one, name) for one in value)
    if kind == "and":
        return all(_fits(one, name) for one in value)
    return _CLAUSES[kind](name, value)


def _prices_on(prices: JSON | list[JSON], day: date) -> JSON:
    if isinstance(prices, dict):
        return prices
    found: JSON = next((one for one in reversed(prices) if _has_begun(one, day)), prices[0])["prices"]
    return found


def _has_begun(one: JSON, day: date) -> bool:
    constraint = one.get("constraint")
    return constraint is None or day >= date.fromisoformat(constraint["start_date"])


def _variant(model: JSON, day: date, tier: str, name: str) -> JSON:
    """The prices that a tier replaces: the package would silently take the standard ones where there are none."""
    known = _WHEN.get(tier)
    found: JSON = {}
    for variant in model.get("price_variants", ()):
        if known is not None and variant["when"] == dict([known]) and _has_begun(variant, day):
            found = {**variant["prices"], **found}
    if not found:
        raise Unpriced(f"no price for {name} with the service tier {tier}")
    return found


def _rate(price: Any) -> Rate:
    if isinstance(price, dict):
        return rate(price["base"], [(tier["start"], tier["price"]) for tier in price["tiers"]])
    return rate(price)
