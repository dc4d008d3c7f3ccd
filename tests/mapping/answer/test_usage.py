"""Token counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.answer.usage import Usage
from mapping.openai.usage import usage_object
from mapping.responses import objects
from mapping.totals import Totals, add_up, combine


def totals(*metadata: dict[str, Any]) -> Totals:
    usage = Usage()
    for item in metadata:
        usage.merge(item)
    return usage.totals()


def numbers(found: Totals) -> tuple[int, int, int, int, int]:
    return found.prompt, found.completion, found.total, found.cached, found.reasoning


FULL = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 60,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 5,
    "toolUsePromptTokenCount": 3,
    "totalTokenCount": 115,
}


CACHED = {
    "promptTokenCount": 9,
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "IMAGE", "tokenCount": 3}],
}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param([FULL], (103, 12, 115, 60, 5), id="all-members"),
        pytest.param([], (0, 0, 0, 0, 0), id="none"),
        pytest.param([CACHED], (9, 0, 9, 7, 0), id="cached-by-modality"),
        pytest.param([{**CACHED, "cachedContentTokenCount": 6}], (9, 0, 9, 6, 0), id="cached-in-all"),
        pytest.param([{"promptTokenCount": 4, "totalTokenCount": 4}], (4, 0, 4, 0, 0), id="prompt-only"),
        pytest.param([{"promptTokenCount": 4, "candidatesTokenCount": 2}], (4, 2, 6, 0, 0), id="no-total"),
        pytest.param(
            [{"promptTokenCount": 4, "candidatesTokenCount": 1}, {"promptTokenCount": 4, "candidatesTokenCount": 9}],
            (4, 9, 13, 0, 0),
            id="running-totals-are-not-summed",
        ),
        pytest.param([FULL, {"trafficType": "ON_DEMAND"}], (103, 12, 115, 60, 5), id="traffic-type-only"),
        pytest.param([FULL, {"promptTokenCount": 90}], (103, 12, 115, 60, 5), id="a-count-never-shrinks"),
        pytest.param([{"promptTokenCount": 8.0}], (8, 0, 8, 0, 0), id="whole-float"),
        pytest.param(
            [
                {
                    "promptTokenCount": "x",
                    "candidatesTokenCount": None,
                    "totalTokenCount": True,
                    "thoughtsTokenCount": -3,
                }
            ],
            (0, 0, 0, 0, 0),
            id="no-counts",
        ),
    ],
)
def test_one_call(metadata: list[dict[str, Any]], expected: tuple[int, ...]) -> None:
    assert numbers(totals(*metadata)) == expected


def test_chat_object() -> None:
    found = totals(
        {
            **FULL,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, {"modality": "IMAGE", "tokenCount": 20}, 7],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, {"modality": "TEXT"}],
        }
    )
    assert usage_object(found) == {
        "prompt_tokens": 103,
        "completion_tokens": 12,
        "total_tokens": 115,
        "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 0, "text_tokens": 80, "image_tokens": 20},
        "completion_tokens_details": {
            "reasoning_tokens": 5,
            "audio_tokens": 7,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def test_responses_object() -> None:
    assert objects.usage_object(totals(FULL)) == {
        "input_tokens": 103,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 0},
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 115,
    }


def test_hops_have_the_first_prompt_and_the_sum_of_the_rest() -> None:
    usage = Usage()
    usage.merge({"promptTokenCount": 30, "candidatesTokenCount": 65536, "totalTokenCount": 65566})
    usage.next_hop()
    usage.merge({"promptTokenCount": 65566, "candidatesTokenCount": 100, "thoughtsTokenCount": 20})
    assert numbers(usage.totals()) == (30, 65656, 65686, 0, 20)


def test_parallel_calls_share_the_prompt() -> None:
    assert numbers(combine([totals(FULL), totals(FULL), totals(FULL)])) == (103, 36, 139, 60, 15)


def test_a_single_call_keeps_its_total() -> None:
    only = totals({"promptTokenCount": 1, "totalTokenCount": 5})
    assert combine([only]).total == 5


@given(
    st.dictionaries(
        st.sampled_from([*FULL, "promptTokensDetails", "x"]), st.none() | st.floats() | st.lists(st.integers())
    )
)
def test_any_metadata_gives_integers(metadata: dict[str, Any]) -> None:
    assert all(type(number) is int and number >= 0 for number in numbers(totals(metadata)))


def test_several_prompts_are_summed() -> None:
    one = Totals(prompt=5, completion=2, total=8, cached=1, reasoning=1, prompt_by=Counter(TEXT=5))
    two = Totals(prompt=7, completion=3, total=10, completion_by=Counter(TEXT=3))
    assert add_up([one]) == one
    assert add_up([one, two]) == Totals(
        prompt=12,
        completion=5,
        total=18,
        cached=1,
        reasoning=1,
        prompt_by=Counter(TEXT=5),
        completion_by=Counter(TEXT=3),
    )


def test_what_was_told_stays_when_more_comes() -> None:
    usage = Usage()
    usage.merge({"promptTokenCount": 5, "candidatesTokenCount": 1, "promptTokensDetails": [1], "serviceTier": "flex"})
    (before,) = usage.totals().calls
    usage.merge({"candidatesTokenCount": 9, "promptTokensDetails": [2], "serviceTier": "standard"})
    (after,) = usage.totals().calls
    assert (before.counts["candidatesTokenCount"], before.details, before.words) == (
        1,
        {"promptTokensDetails": [1]},
        {"serviceTier": "flex"},
    )
    assert (after.counts["candidatesTokenCount"], after.details, after.words) == (
        9,
        {"promptTokensDetails": [2]},
        {"serviceTier": "standard"},
    )


def test_what_was_looked_up_is_told_with_its_call() -> None:
    usage = Usage()
    usage.merge({"promptTokenCount": 5})
    usage.looked_up({"webSearchQueries": ["a", "", "b"]})
    (before,) = usage.totals().calls
    usage.looked_up({"webSearchQueries": ["a"], "groundingChunks": [{"web": {}}, 7]})
    usage.merge({"promptTokenCount": 6})
    usage.next_hop()
    usage.merge({"promptTokenCount": 7})
    first, second = usage.totals().calls
    assert (before.searches, before.grounded, before.counts["promptTokenCount"]) == (2, True, 5)
    assert (first.searches, first.grounded, first.counts["promptTokenCount"]) == (2, True, 6)
    assert (second.searches, second.grounded) == (0, False)


def test_maps_are_looked_up_without_a_search() -> None:
    usage = Usage()
    usage.merge({"promptTokenCount": 5})
    usage.looked_up_for({"candidates": [7, {"groundingMetadata": {"groundingChunks": [{"maps": {"title": "A"}}]}}]})
    (one,) = usage.totals().calls
    assert (one.searches, one.grounded) == (0, True)
