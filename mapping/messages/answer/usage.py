"""The `usage` of a message (Anthropic's API reference, `Usage`).

`input_tokens` does not hold the tokens that were read from a cache; `output_tokens` holds the thoughts.
"""

from __future__ import annotations

from mapping.totals import Totals
from mapping.values import JSON

_NOT_CACHED: JSON = {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}
"""Gemini's own cache has no price for what goes in."""
_WENT_IN = ("input_tokens", "cache_read_input_tokens")


def begun_usage(totals: Totals | None) -> JSON:
    """The object of a message that has just begun. `totals`: what is known so far; None: nothing.

    No tokens of the answer yet: LangChain (Node, 1.5.11) adds them to those of `message_delta`. The prompt's stand in
    both events, because it reads them in this one only, and in Python (1.7.10) in the other only.
    """
    known = Totals() if totals is None else Totals(prompt=totals.prompt, cached=totals.cached)
    return usage_object(counted(known))


def known_later(begun: JSON, ended: JSON) -> JSON:
    """The `begun_usage` of a message of which nothing was known, by what its `message_delta` tells."""
    if any(begun.get(name) for name in _WENT_IN):
        return begun
    return {**begun, **{name: ended.get(name, 0) for name in _WENT_IN}}


def counted(totals: Totals, *, searches: int = 0, fetches: int = 0) -> JSON:
    """The numbers, as `message_delta` has them. `searches`, `fetches`: how often Gemini used the web."""
    used = {"web_search_requests": searches, "web_fetch_requests": fetches} if searches or fetches else None
    return {
        "input_tokens": max(0, totals.prompt - totals.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": totals.cached,
        "output_tokens": totals.completion,
        "output_tokens_details": {"thinking_tokens": totals.reasoning},
        "server_tool_use": used,
    }


def iteration(kind: str, totals: Totals) -> JSON:
    """The numbers of one call of those that have made a message."""
    numbers = counted(totals)
    del numbers["output_tokens_details"], numbers["server_tool_use"]
    return {"type": kind, **numbers, "cache_creation": _NOT_CACHED}


def usage_object(numbers: JSON) -> JSON:
    """The whole object. `numbers`: see `counted`."""
    return {**numbers, "cache_creation": _NOT_CACHED, "inference_geo": None, "service_tier": "standard"}
