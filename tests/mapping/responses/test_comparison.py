"""mapping.responses.comparison: what a response says of the prompt cache, beside an earlier one."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses.response import PromptCacheDiagnosticsCacheMiss

from mapping.faults import Fault
from mapping.responses import comparison
from mapping.responses.comparison import compare, diagnostics
from mapping.responses.request.echo import echo
from mapping.responses.request.input_list import listed_items
from mapping.totals import Totals
from mapping.values import JSON

TOOL: JSON = {"type": "function", "name": "read", "parameters": {"type": "object"}}
OTHER: JSON = {"type": "function", "name": "write", "parameters": {"type": "object"}}
FIRST: JSON = {"model": "m", "input": "Read the file, and tell what it says.", "tools": [TOOL, OTHER]}
ANSWER: JSON = {
    "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
    "content": [{"type": "output_text", "text": "It says abc.", "annotations": [], "logprobs": []}],
}  # fmt: skip
THOUGHT: JSON = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}


def mint(prefix: str, size: int = 12) -> str:
    return f"{prefix}1"


def response(body: JSON, tokens: int = 1000) -> JSON:
    """As it is stored."""
    members = echo(body, reasoning=body.get("reasoning") or {}, text=body.get("text") or {})
    return {**members, "model": body["model"], "usage": {"input_tokens": tokens}}


def compared(before: JSON, after: JSON, history: list[JSON] | None = None) -> JSON:
    return compare(after, history or [], {}, response(before), listed_items(before, mint=mint))


def told(before: JSON, after: JSON, *, cached: int = 0, history: list[JSON] | None = None) -> JSON:
    totals = Totals(prompt=2000, completion=10, cached=cached)
    return diagnostics(compared(before, after, history), totals)


def message(text: str, role: str = "user") -> JSON:
    return {"role": role, "content": text}


LONGER = [message(FIRST["input"]), THOUGHT, ANSWER, message("And then?")]


@pytest.mark.parametrize(
    ("after", "history"),
    [
        (FIRST, []),
        ({**FIRST, "input": LONGER}, []),
        ({**FIRST, "input": [LONGER[0], {"role": "assistant", "content": "It says abc."}, LONGER[3]]}, []),
        ({**FIRST, "input": "And then?"}, [*listed_items(FIRST, mint=mint), THOUGHT, ANSWER]),
        ({**FIRST, "tool_choice": "none", "temperature": 0, "metadata": {"a": "b"}}, []),
    ],
)
def test_a_request_that_goes_on_from_the_other(after: JSON, history: list[JSON]) -> None:
    """Whether the client gives back what was said, or names the response."""
    assert told(FIRST, after, history=history, cached=900) == {"type": "cache_hit"}
    assert told(FIRST, after, history=history) == {"type": "unavailable"}


REASONS: list[tuple[JSON, str]] = [
    ({"model": "n"}, "model_changed"),
    ({"tools": [OTHER, TOOL]}, "tools_changed"),
    ({"tools": [TOOL]}, "tools_changed"),
    ({"instructions": "Be kind."}, "input_changed"),
    ({"input": "Read another file."}, "input_changed"),
    ({"input": [message("Something else."), *LONGER]}, "input_changed"),
    (
        {"input": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "x"}, message("And then?")]},
        "context_compacted",
    ),
    ({"prompt_cache_key": "k"}, "prompt_cache_key_changed"),
    ({"text": {"format": {"type": "json_object"}}}, "text_format_changed"),
    ({"reasoning": {"effort": "high"}}, "reasoning_effort_changed"),
    ({"text": {"verbosity": "low"}}, "verbosity_changed"),
    ({"service_tier": "flex"}, "service_tier_changed"),
]


@pytest.mark.parametrize(("change", "reason"), REASONS)
def test_each_reason(change: JSON, reason: str) -> None:
    found = told(FIRST, {**FIRST, **change})
    assert PromptCacheDiagnosticsCacheMiss(**found).reason == reason
    assert 0 < found["cache_missed_tokens"] <= 2000
    assert 0 <= found["comparison_reusable_tokens"] <= 1000


def test_every_reason_of_the_sdk_is_known() -> None:
    told = set(get_args(PromptCacheDiagnosticsCacheMiss.model_fields["reason"].annotation))
    assert told == {reason for _, reason in REASONS}


def test_what_changes_no_prompt_is_no_miss_where_something_was_cached() -> None:
    assert told(FIRST, {**FIRST, "prompt_cache_key": "k"}, cached=900) == {"type": "cache_hit"}
    assert told(FIRST, {**FIRST, "tools": []}, cached=900)["reason"] == "tools_changed"


def test_tokens_are_estimated_by_bytes() -> None:
    long = {**FIRST, "input": [message("x" * 10_000), message("One.")]}
    found = told(long, {**long, "input": [message("x" * 10_000), message("Two.")]})
    assert found["reason"] == "input_changed"
    assert found["cache_missed_tokens"] < 50
    assert found["comparison_reusable_tokens"] > 980
    assert told(long, {**long, "model": "n"})["cache_missed_tokens"] == 2000


def test_without_the_other_response() -> None:
    none = compare(FIRST, [], {}, None, [])
    assert diagnostics(none, Totals(prompt=1)) == {"type": "comparison_response_not_found"}
    assert diagnostics(comparison.UNREADABLE, Totals(prompt=1)) == {"type": "unavailable"}


def test_nothing_that_was_said_is_in_what_is_recorded() -> None:
    assert "abc" not in str(compared(FIRST, {**FIRST, "input": LONGER}))


@pytest.mark.parametrize("options", [None, {}, [], "x", {"comparison_response_id": None}])
def test_nobody_wants_to_know(options: Any) -> None:
    assert comparison.wanted({"prompt_cache_options": options}) is None


def test_an_id_is_a_text() -> None:
    with pytest.raises(Fault) as caught:
        comparison.wanted({"prompt_cache_options": {"comparison_response_id": 5}})
    assert caught.value.param == "prompt_cache_options.comparison_response_id"


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.lists(st.text(min_size=1), max_size=3))
def test_input_that_only_grows_is_never_a_miss(before: list[str], further: list[str]) -> None:
    first = {**FIRST, "input": [message(text) for text in before]}
    after = {**FIRST, "input": [message(text) for text in [*before, *further]]}
    assert compared(first, after)["strong"] is None
