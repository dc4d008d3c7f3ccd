"""The table is genai-prices' own, and each price is what that package itself works out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from mapping.prices.cost import PriceBook
from mapping.prices.table import PATH
from mapping.totals import CallUsage
from scripts.commands import price_table

GOOGLE = next(provider for provider in get_snapshot().providers if provider.id == "google")
NAMES = [model.id for model in GOOGLE.models if not model.id.startswith("claude")]
KNOWN = [name for name in NAMES if not name.startswith(("gemma-3", "gemma-4-26b-a4b-it", "gemma-4-31b-it"))]
"""But for those without any price, which cost nothing there and are unknown here."""
CONTEXTS: dict[str, dict[str, str]] = {
    "": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
BOOK = PriceBook()


def test_the_table_is_that_of_the_pinned_version() -> None:
    assert PATH.read_text(encoding="utf-8") == price_table.text()


numbers = st.integers(0, 500_000)


@st.composite
def usages(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, list[Any]], Usage]:
    """Counts that Gemini may tell, and the same as the package takes them."""
    kinds = ("TEXT", "AUDIO", "IMAGE", "VIDEO")
    sent = {kind: draw(numbers) for kind in kinds}
    kept = {kind: draw(st.integers(0, sent[kind])) if draw(st.booleans()) else 0 for kind in kinds}
    tool = {kind: draw(st.integers(0, 1000)) if draw(st.booleans()) else 0 for kind in kinds}
    made = {kind: draw(numbers) if draw(st.booleans()) else 0 for kind in kinds}
    thoughts = draw(numbers)
    counts = {
        "promptTokenCount": sum(sent.values()) + 1,
        "cachedContentTokenCount": sum(kept.values()),
        "toolUsePromptTokenCount": sum(tool.values()),
        "candidatesTokenCount": sum(made.values()),
        "thoughtsTokenCount": thoughts,
    }
    lists = {
        "promptTokensDetails": sent,
        "cacheTokensDetails": kept,
        "toolUsePromptTokensDetails": tool,
        "candidatesTokensDetails": made,
    }
    details = {
        name: [{"modality": kind, "tokenCount": count} for kind, count in by.items() if count]
        for name, by in lists.items()
    }
    usage = Usage(
        input_tokens=counts["promptTokenCount"] + counts["toolUsePromptTokenCount"],
        cache_read_tokens=counts["cachedContentTokenCount"],
        output_tokens=counts["candidatesTokenCount"] + thoughts,
        output_reasoning_tokens=thoughts,
        **{f"input_{kind.lower()}_tokens": sent[kind] + tool[kind] for kind in kinds},
        **{f"cache_{kind.lower()}_read_tokens": kept[kind] for kind in kinds},
        **{f"output_{kind.lower()}_tokens": made[kind] for kind in kinds},
    )
    return {name: count for name, count in counts.items() if count}, details, usage


@given(
    st.sampled_from(KNOWN),
    st.sampled_from(sorted(CONTEXTS)),
    st.datetimes(datetime(2025, 6, 1), datetime(2027, 6, 1), timezones=st.just(UTC)),
    usages(),
)
def test_each_price_is_the_package_s(
    name: str, tier: str, at: datetime, used: tuple[dict[str, int], dict[str, list[Any]], Usage]
) -> None:
    counts, details, usage = used
    context = CONTEXTS[tier]
    cost = BOOK.cost([CallUsage(counts, details)], name, at.timestamp(), tier)
    if cost.usd is None:
        assert "service tier" in str(cost.note) or "for some of its tokens" in str(cost.note)
        return
    theirs = calc_price(usage, name, provider_id="google", genai_request_timestamp=at, price_context=context or None)
    assert cost.usd == float(theirs.total_price)
    assert sum(cost.parts.values()) == pytest.approx(float(theirs.total_price))


@pytest.mark.parametrize("name", KNOWN)
def test_all_models_have_a_price(name: str) -> None:
    cost = BOOK.cost([CallUsage({"promptTokenCount": 1_000_000})], name, datetime(2026, 11, 29, tzinfo=UTC).timestamp())
    assert cost.usd
    assert cost.note is None or "media" in cost.note


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(KNOWN)))
def test_no_prices_are_not_nothing(name: str) -> None:
    cost = BOOK.cost([CallUsage({"promptTokenCount": 1_000_000})], name, 1.8e9)
    assert calc_price(Usage(input_tokens=1_000_000), name, provider_id="google").total_price == 0 or cost.usd
    assert cost.usd != 0


@pytest.mark.parametrize(
    "name",
    [
        *("gemini-3.8-flash-preview", "gemini-flash-latest", "GEMINI-2.5-PRO", "gemini-2.5-pro-preview-06-05"),
        *(
            "gemini-2.5-pro-preview-tts",
            "gemini-2.5-flash-lite-preview-tts",
            "gemini-2.0-flash-001",
            "gemini-1.5-pro-002",
        ),
        *("gemini-3.5-flash-001", "gemini-4-argon-2", "gemini-pro-latest", "gemini-live-2.5-flash-preview"),
        *("gemini-3-flash", "gemini-9", "imagen-4.0-generate-001", "text-embedding-004", "", "models/gemini-2.5-pro"),
    ],
)
def test_names_are_matched_as_there(name: str) -> None:
    cost = BOOK.cost([CallUsage({"promptTokenCount": 1_000_000})], name, datetime(2026, 11, 29, tzinfo=UTC).timestamp())
    try:
        at = datetime(2026, 11, 29, tzinfo=UTC)
        theirs = calc_price(Usage(input_tokens=1_000_000), name, provider_id="google", genai_request_timestamp=at)
    except LookupError:
        assert cost.usd is None
    else:
        assert cost.usd == float(theirs.total_price)


few = st.integers(0, 5)
MEMBERS = ("promptTokenCount", "cachedContentTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount")
LISTS = ("promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails")
entries = st.lists(st.fixed_dictionaries({"modality": st.sampled_from(["TEXT", "TEXT", "AUDIO"]), "tokenCount": few}))


@given(
    st.sampled_from(KNOWN),
    st.dictionaries(st.sampled_from((*MEMBERS, "thoughtsTokenCount")), few),
    st.dictionaries(st.sampled_from(LISTS), entries.filter(bool)),
)
def test_the_quick_way_gives_the_same(name: str, counts: dict[str, int], details: dict[str, list[Any]]) -> None:
    """One call by itself may be worked out the quick way; beside a second one each goes the other."""
    call = CallUsage(counts, details)
    one, two = BOOK.cost([call], name, 1.8e9), BOOK.cost([call, call], name, 1.8e9)
    assert one.note == two.note
    assert (one.usd is None) == (two.usd is None)
    if one.usd is not None:
        assert two.usd == pytest.approx(2 * one.usd, rel=1e-12)
        assert two.parts == pytest.approx({part: 2 * usd for part, usd in one.parts.items()}, rel=1e-12)
