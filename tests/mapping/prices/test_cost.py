"""What answers cost, against sums by hand with the prices of genai-prices 0.2.3 (in dollars for a million tokens)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mapping.answer.usage import Usage, totals_in
from mapping.prices.cost import CACHED_UNTOLD, MEDIA_UNTOLD, NO_TOKENS, PriceBook
from mapping.prices.shown import cost_text, dollars
from mapping.totals import CallUsage, combine
from mapping.values import JSON

NOVEMBER = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()


def by(**counts: int) -> list[JSON]:
    return [{"modality": kind.upper(), "tokenCount": count} for kind, count in counts.items()]


def call(usage: JSON, model: str | None = None) -> CallUsage:
    made = Usage()
    made.merge(usage)
    made.model = model
    (one,) = made.totals().calls
    return one


def of(model: str, *, at: float = NOVEMBER, tier: str = "", **usage: Any) -> Any:
    return PriceBook().cost([call(usage)], model, at, tier)


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        # gemini-2.5-flash: 0.30 in, 0.03 cached, 2.50 out, audio in 1.00, cached audio 0.10
        ("gemini-2.5-flash", {"promptTokenCount": 1_000_000, "promptTokensDetails": by(text=1_000_000)}, 0.30),
        (
            "gemini-2.5-flash",
            {
                "promptTokenCount": 1000,
                "promptTokensDetails": by(text=1000),
                "cachedContentTokenCount": 400,
                "cacheTokensDetails": by(text=400),
                "candidatesTokenCount": 100,
                "thoughtsTokenCount": 50,
            },
            (600 * 0.30 + 400 * 0.03 + 150 * 2.50) / 1e6,
        ),
        (
            "gemini-2.5-flash",
            {
                "promptTokenCount": 1000,
                "promptTokensDetails": by(text=300, audio=700),
                "cachedContentTokenCount": 500,
                "cacheTokensDetails": by(text=200, audio=300),
            },
            (100 * 0.30 + 200 * 0.03 + 400 * 1.00 + 300 * 0.10) / 1e6,
        ),
        # Only text was cached: genai-prices itself refuses this without a count of cached audio.
        (
            "gemini-2.5-flash",
            {
                "promptTokenCount": 1000,
                "promptTokensDetails": by(text=300, audio=700),
                "cachedContentTokenCount": 200,
                "cacheTokensDetails": by(text=200),
            },
            (100 * 0.30 + 200 * 0.03 + 700 * 1.00) / 1e6,
        ),
        # What Gemini's own tools have read costs what a prompt costs.
        (
            "gemini-2.5-flash",
            {
                "promptTokenCount": 10,
                "promptTokensDetails": by(text=10),
                "toolUsePromptTokenCount": 90,
                "toolUsePromptTokensDetails": by(text=40, audio=50),
            },
            (50 * 0.30 + 50 * 1.00) / 1e6,
        ),
        # gemini-2.5-pro: 1.25 in, 0.125 cached, 10 out; above 200,000 tokens of input 2.50, 0.25, 15 for all of them
        ("gemini-2.5-pro", {"promptTokenCount": 200_000, "candidatesTokenCount": 10}, (200_000 * 1.25 + 100) / 1e6),
        ("gemini-2.5-pro", {"promptTokenCount": 200_001, "candidatesTokenCount": 10}, (200_001 * 2.50 + 150) / 1e6),
        (
            "gemini-2.5-pro",
            {"promptTokenCount": 200_000, "toolUsePromptTokenCount": 1, "cachedContentTokenCount": 100_000},
            (100_001 * 2.50 + 100_000 * 0.25) / 1e6,
        ),
        # gemini-3.1-flash-image: 0.50 in, 3 out, 60 for images out; thoughts are no images
        (
            "gemini-3.1-flash-image",
            {
                "promptTokenCount": 100,
                "promptTokensDetails": by(text=40, image=60),
                "candidatesTokenCount": 1130,
                "candidatesTokensDetails": by(text=10, image=1120),
                "thoughtsTokenCount": 200,
            },
            (100 * 0.50 + 210 * 3 + 1120 * 60) / 1e6,
        ),
        # gemini-3.8-flash-tts: 0.50 in, 9 out
        (
            "gemini-3.8-flash-tts",
            {
                "promptTokenCount": 20,
                "candidatesTokenCount": 300,
                "candidatesTokensDetails": by(audio=300),
            },
            (20 * 0.50 + 300 * 9) / 1e6,
        ),
        # gemini-embedding-2: 0.20 text, 0.45 images, and documents are read as images
        (
            "gemini-embedding-2",
            {"promptTokenCount": 300, "promptTokensDetails": by(text=100, image=150, document=50)},
            (100 * 0.20 + 200 * 0.45) / 1e6,
        ),
    ],
)
def test_cost(model: str, usage: JSON, usd: float) -> None:
    cost = of(model, **usage)
    assert cost.usd == pytest.approx(usd, rel=1e-12)
    assert cost.note is None
    assert sum(cost.parts.values()) == pytest.approx(usd, rel=1e-12)


def test_the_parts() -> None:
    cost = of(
        "gemini-3.1-flash-image",
        promptTokenCount=1000,
        promptTokensDetails=by(text=700, image=300),
        cachedContentTokenCount=500,
        cacheTokensDetails=by(text=400, image=100),
        candidatesTokenCount=1200,
        candidatesTokensDetails=by(text=80, image=1120),
        thoughtsTokenCount=40,
    )
    assert cost.parts == pytest.approx(
        {
            "input": 300 * 0.50 / 1e6,
            "cached": 500 * 0.50 / 1e6,
            "media_in": 200 * 0.50 / 1e6,
            "thinking": 40 * 3 / 1e6,
            "output": 80 * 3 / 1e6,
            "media_out": 1120 * 60 / 1e6,
        }
    )


@pytest.mark.parametrize(
    ("day", "usd"), [((2026, 12, 31, 23, 59), 0.75), ((2027, 1, 1, 0, 0), 1.5)], ids=["before", "from then on"]
)
def test_the_day_counts(day: tuple[int, ...], usd: float) -> None:
    """gemini-3.8-flash is cheaper until the end of 2026, in UTC."""
    at = datetime(*day, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    assert of("gemini-3.8-flash", at=at, promptTokenCount=1_000_000).usd == usd


@pytest.mark.parametrize(
    ("model", "tier", "usage", "usd"),
    [
        # gemini-3.8-flash-tts: 0.50 and 9; flex 0.25 and 4.50; priority 0.90 and 16.20
        ("gemini-3.8-flash-tts", "flex", {}, 4.75),
        ("gemini-3.8-flash-tts", "priority", {}, 17.1),
        ("gemini-3.8-flash-tts", "batch", {}, 4.75),
        ("gemini-3.8-flash-tts", "standard", {}, 9.5),
        ("gemini-3.8-flash-tts", "priority", {"serviceTier": "standard"}, 9.5),  # it was not to be had
        ("gemini-3.8-flash-tts", "", {"serviceTier": "FLEX"}, 4.75),
        ("gemini-3.8-flash-tts", "", {"trafficType": "ON_DEMAND_PRIORITY"}, 17.1),
        ("gemini-3.8-flash-tts", "", {"trafficType": "ON_DEMAND"}, 9.5),
        # gemini-2.5-flash: batch 0.15 and 1.25
        ("gemini-2.5-flash", "batch", {"promptTokensDetails": by(text=1_000_000)}, 1.4),
    ],
)
def test_service_tiers(model: str, tier: str, usage: JSON, usd: float) -> None:
    million: JSON = {"promptTokenCount": 1_000_000, "candidatesTokenCount": 1_000_000}
    assert of(model, tier=tier, **million, **usage).usd == pytest.approx(usd)


@pytest.mark.parametrize(
    ("model", "usage", "why"),
    [
        ("gemini-9-quartz", {"promptTokenCount": 1}, "no price for gemini-9-quartz"),
        ("imagen-4.0-generate-001", {"promptTokenCount": 1}, "no price for imagen-4.0-generate-001"),
        ("gemma-3-27b-it", {"promptTokenCount": 1}, "the table has no prices for it"),
        (
            "gemini-3.8-flash",
            {"promptTokenCount": 1, "serviceTier": "priority"},
            "no price for gemini-3.8-flash with the service tier priority",
        ),
        (
            "gemini-3.8-flash",
            {"promptTokenCount": 1, "trafficType": "PROVISIONED_THROUGHPUT"},
            "no price for gemini-3.8-flash with the service tier provisioned_throughput",
        ),
        ("gemini-3.8-flash", {"totalTokenCount": 9}, NO_TOKENS),
        (
            "gemini-3.1-flash-image",
            {"promptTokenCount": 1, "candidatesTokenCount": 1120},
            "Gemini did not tell what of the answer was media",
        ),
        (
            "gemini-2.5-flash",
            {"promptTokenCount": 5, "promptTokensDetails": by(audio=6)},
            "Gemini's counts of the prompt contradict each other",
        ),
        (
            "gemini-2.5-flash",
            {"promptTokenCount": 5, "promptTokensDetails": by(text=5), "cachedContentTokenCount": 6},
            "Gemini's counts of cached tokens contradict those of the prompt",
        ),
        (
            "gemini-3.1-flash-image",
            {"candidatesTokenCount": 9, "candidatesTokensDetails": by(image=10)},
            "Gemini's counts of the answer contradict each other",
        ),
        ("gemini-embedding-001", {"candidatesTokenCount": 9}, "the table has no price for some of its tokens"),
    ],
)
def test_unknown_and_why(model: str, usage: JSON, why: str) -> None:
    cost = of(model, **usage)
    assert (cost.usd, cost.parts, cost.note) == (None, {}, why)


def test_no_tokens_are_unknown() -> None:
    assert PriceBook().cost([], "gemini-3.8-flash", NOVEMBER).note == NO_TOKENS


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -1e300])
def test_a_damaged_time_is_no_error(when: float) -> None:
    assert of("gemini-3.8-flash", at=when, promptTokenCount=1).usd is None


def test_one_unknown_call_makes_the_whole_unknown() -> None:
    calls = [call({"promptTokenCount": 1}), call({"promptTokenCount": 1}, "gemini-9-quartz")]
    assert PriceBook().cost(calls, "gemini-9-quartz", NOVEMBER).usd is None


@pytest.mark.parametrize(
    ("usage", "usd", "note"),
    [
        # The text was cached first, and what is more of the audio.
        (
            {"promptTokenCount": 10, "promptTokensDetails": by(text=4, audio=6), "cachedContentTokenCount": 5},
            (4 * 0.03 + 1 * 0.10 + 5 * 1.00) / 1e6,
            CACHED_UNTOLD,
        ),
        (
            {"promptTokenCount": 10, "promptTokensDetails": by(text=4, image=6), "cachedContentTokenCount": 5},
            (5 * 0.03 + 5 * 0.30) / 1e6,
            None,
        ),
        ({"promptTokenCount": 10}, 10 * 0.30 / 1e6, MEDIA_UNTOLD),
    ],
)
def test_estimates_say_so(usage: JSON, usd: float, note: str | None) -> None:
    cost = of("gemini-2.5-flash", **usage)
    assert cost.usd == pytest.approx(usd, rel=1e-12)
    assert cost.note == note


def test_each_call_pays_for_its_prompt() -> None:
    """A long answer that is continued counts its prompt once for the client, and is charged for both."""
    usage = Usage()
    usage.merge({"promptTokenCount": 150_000, "candidatesTokenCount": 65_000})
    usage.next_hop()
    usage.merge({"promptTokenCount": 215_000, "candidatesTokenCount": 1000})
    totals = usage.totals()
    assert totals.prompt == 150_000
    cost = PriceBook().cost(totals.calls, "gemini-2.5-pro", NOVEMBER)
    assert cost.usd == pytest.approx((150_000 * 1.25 + 65_000 * 10 + 215_000 * 2.50 + 1000 * 15) / 1e6)


def test_further_choices_pay_too() -> None:
    one = totals_in(
        b'{"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5},"modelVersion":"gemini-2.5-pro"}'
    )
    both = combine([one, one])
    assert (both.prompt, both.completion) == (10, 10)
    assert PriceBook().cost(both.calls, "", NOVEMBER).usd == pytest.approx(2 * (10 * 1.25 + 5 * 10) / 1e6)


@pytest.mark.parametrize(
    ("said", "asked", "usd"),
    [
        ("gemini-2.5-flash-lite", "gemini-2.5-flash", 0.1),
        ("gemini-2.5-flash-001", "gemini-2.5-flash", 0.3),  # the table does not know the version
        (None, "gemini-2.5-flash", 0.3),
    ],
)
def test_the_model_that_answers_counts(said: str | None, asked: str, usd: float) -> None:
    usage = {"promptTokenCount": 1_000_000, "promptTokensDetails": by(text=1_000_000)}
    assert PriceBook().cost([call(usage, said)], asked, NOVEMBER).usd == usd


@pytest.mark.parametrize(
    ("model", "searches", "note"),
    [
        # gemini-3.8-flash: $14 for a thousand searches; gemini-2.5-flash: $35 for a thousand prompts
        ("gemini-3.8-flash", 2, "not counted: grounding (2 searches: $0.0280 by list price, less what is free)"),
        ("gemini-3.8-flash", 1, "not counted: grounding (1 search: $0.0140 by list price, less what is free)"),
        ("gemini-2.5-flash", 3, "not counted: grounding (3 searches: $0.0350 by list price, less what is free)"),
        ("gemini-3.8-flash", 0, "not counted: grounding (Google Maps)"),
    ],
)
def test_searches_are_not_counted_and_the_note_says_so(model: str, searches: int, note: str) -> None:
    used = CallUsage({"promptTokenCount": 10}, {"promptTokensDetails": by(text=10)}, model=model)
    plain = PriceBook().cost([used], model, NOVEMBER)
    used.searches, used.grounded = searches, True
    cost = PriceBook().cost([used], model, NOVEMBER)
    assert (cost.usd, cost.parts) == (plain.usd, plain.parts)
    assert (plain.note, cost.note) == (None, note)
    assert cost_text(cost.usd, cost.note) == f"{dollars(cost.usd or 0)} + grounding"


def test_what_is_not_counted_stands_behind_a_cost() -> None:
    assert cost_text(None, "not counted: storage (by the hour)") == "cost unknown: storage"
    assert cost_text(0.5, "estimate: a guess; not counted: grounding (Google Maps)") == "~$0.5000 + grounding"
    assert cost_text(0.5, "at least: it broke off; not counted: grounding (1 search)") == ">$0.5000 + grounding"
    assert cost_text(0.5, None) == "$0.5000"
