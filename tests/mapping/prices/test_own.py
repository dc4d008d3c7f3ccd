"""Prices of one's own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mapping.prices.cost import PriceBook
from mapping.prices.own import OwnPrice, OwnPrices
from mapping.totals import CallUsage

CHEAP = OwnPrice({"input": Decimal("0.1"), "cache_read": Decimal("0.01"), "output": Decimal(1)})
DEAR = OwnPrice(
    {"input": Decimal(4), "output": Decimal(20), "input_audio": Decimal(8), "output_reasoning": Decimal(10)},
    above=1000,
    long={"input": Decimal(5)},
    factors={"flex": Decimal("0.5")},
)
BOOK = PriceBook(OwnPrices({"gemini-*": CHEAP, "gemini-9-*": DEAR, "Gemini-9-mini": CHEAP}))


def cost(model: str, tier: str = "", **counts: int) -> float | None:
    details = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": counts.get("promptTokenCount", 0)}]}
    return BOOK.cost([CallUsage(counts, details)], model, 1.8e9, tier).usd


@pytest.mark.parametrize(
    ("model", "usd"),
    [
        ("gemini-9-mini", 0.1),
        ("gemini-9-quartz", 5.0),
        ("gemini-2.5-pro", 0.1),  # before the table's
        ("gemma-2-27b-it", 0.65),  # the table's
        ("quartz", None),
    ],
)
def test_the_exact_name_counts_or_the_longest(model: str, usd: float | None) -> None:
    assert cost(model, promptTokenCount=1_000_000) == usd


def test_kinds_of_tokens() -> None:
    tokens = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "thoughtsTokenCount": 10}
    assert cost("gemini-9-quartz", **tokens) == pytest.approx((1000 * 4 + 100 * 20 + 10 * 10) / 1e6)
    assert cost("gemini-9-quartz", "flex", **tokens) == pytest.approx((1000 * 4 + 100 * 20 + 10 * 10) / 2e6)
    assert cost("gemini-9-quartz", "priority", **tokens) is None


def test_a_price_of_nothing_is_a_price() -> None:
    book = PriceBook(OwnPrices({"gemma-*": OwnPrice({"input": Decimal(0), "output": Decimal(0)})}))
    assert book.cost([CallUsage({"promptTokenCount": 9})], "gemma-3-27b-it", 1.8e9).usd == 0
