"""Prices of one model on one day, by what is counted: whole numbers, so that sums of them are exact.

Names of what is counted are those of genai-prices without their ending `_mtok`: `input`, `cache_read`, `input_audio`,
`cache_audio_read`, `output`, `output_reasoning`, `output_image` and their like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

SCALE = 10**12
"""Rates are millionths of millionths of a dollar for a million tokens."""
PARTS = SCALE * 10**6
"""A rate times a count of tokens is a price in these parts of a dollar."""

TEXT = "text"
"""The modality of all that is not told apart."""
MEDIA = ("audio", "image", "video")
"""Modalities that may have prices of their own. Documents are priced as images, as genai-prices has it."""

_UNDERSTOOD = frozenset(
    (
        *("input", "cache_read", "output", "output_reasoning"),
        *(f"input_{kind}" for kind in MEDIA),
        *(f"cache_{kind}_read" for kind in MEDIA),
        *(f"output_{kind}" for kind in MEDIA),
    )
)
_SEARCHES = "web_searches_kcount"
"""The price of a thousand searches. They are free up to a number a day or a month that is not known here."""
_ENDING = "_mtok"


class Unpriced(Exception):
    """What was used has no price that is known; the message says why, on one line."""


class Rate(NamedTuple):
    """What a million of one kind of tokens costs, in parts of a dollar (`SCALE`)."""

    base: int
    tiers: tuple[tuple[int, int], ...] = ()
    """(tokens of the whole input above which all tokens cost that, rate), the highest first."""

    def at(self, tokens: int) -> int:
        """The rate for an input of so many tokens."""
        for start, rate in self.tiers:
            if tokens > start:
                return rate
        return self.base


def rate(dollars: Decimal | str, tiers: Iterable[tuple[int, Decimal | str]] = ()) -> Rate:
    """A rate of US dollars for a million tokens. Raises Unpriced for what is no price."""
    return Rate(_whole(dollars), tuple(sorted(((start, _whole(price)) for start, price in tiers), reverse=True)))


def _whole(dollars: Decimal | str) -> int:
    try:
        scaled = Decimal(dollars) * SCALE
        whole = int(scaled)
    except (ArithmeticError, ValueError):
        raise Unpriced(f"{dollars!r} is no price") from None
    if whole != scaled or whole < 0:
        raise Unpriced(f"{dollars!r} is no price")
    return whole


@dataclass(slots=True)
class Rates:
    """What the tokens of a model cost. None: no price is known."""

    full: dict[str, Rate | None]
    """Modality -> of tokens that go in."""
    cached: dict[str, Rate | None]
    """Modality -> of those that Gemini had already."""
    out: dict[str, Rate | None]
    """Modality -> of tokens that come out."""
    thinking: Rate | None
    apart_in: tuple[str, ...]
    """Modalities whose tokens have prices of their own when they go in."""
    apart_out: tuple[str, ...]
    """Modalities whose tokens have prices of their own when they come out."""
    searches: Rate | None = None
    """Of a thousand searches, as a million tokens have theirs."""


def rates(prices: Mapping[str, Rate]) -> Rates:
    """By what is counted, with or without `_mtok`. Raises Unpriced for what is not understood, and for no prices."""
    named = {name.removesuffix(_ENDING): price for name, price in prices.items() if name != _SEARCHES}
    if strange := sorted(named.keys() - _UNDERSTOOD):
        raise Unpriced(f"a price for {strange[0]} is not understood")
    if not named:
        raise Unpriced("the table has no prices for it")
    get = named.get
    base, cached, out = get("input"), get("cache_read"), get("output")
    full: dict[str, Rate | None] = {TEXT: base}
    kept: dict[str, Rate | None] = {TEXT: cached or base}
    made: dict[str, Rate | None] = {TEXT: out}
    for kind in MEDIA:
        full[kind] = get(f"input_{kind}") or base
        kept[kind] = get(f"cache_{kind}_read") or cached or full[kind]
        made[kind] = get(f"output_{kind}") or out
    return Rates(
        full,
        kept,
        made,
        get("output_reasoning") or out,
        tuple(kind for kind in MEDIA if full[kind] != base or kept[kind] != kept[TEXT]),
        tuple(kind for kind in MEDIA if made[kind] != out),
        prices.get(_SEARCHES),
    )
