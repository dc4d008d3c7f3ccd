"""What an interaction has used: its `usage` in the words of `usageMetadata`, which all else counts by.

Source: `Usage` of Gemini's interactions, as google-genai 3.6.1 has it. It is in whole interactions, and of a stream in
the event that ends it. What is asked for later, or in the background, has been counted, or is told to nobody.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.answer.usage import Usage
from mapping.gemini import sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.values import JSON

_COUNTS = {
    "total_input_tokens": "promptTokenCount",
    "total_cached_tokens": "cachedContentTokenCount",
    "total_output_tokens": "candidatesTokenCount",
    "total_thought_tokens": "thoughtsTokenCount",
    "total_tool_use_tokens": "toolUsePromptTokenCount",
    "total_tokens": "totalTokenCount",
}
_DETAILS = {
    "input_tokens_by_modality": "promptTokensDetails",
    "cached_tokens_by_modality": "cacheTokensDetails",
    "output_tokens_by_modality": "candidatesTokensDetails",
    "tool_use_tokens_by_modality": "toolUsePromptTokensDetails",
}
_SEARCH = "google_search"
_MAPS = "google_maps"


class InteractionUsage:
    """Takes in an answer, whole or piece by piece."""

    def __init__(self) -> None:
        self._usage = Usage()
        self._events: sse.EventParser | None = sse.EventParser()

    def whole(self, answer: bytes) -> None:
        """A whole answer. What is no interaction is passed over."""
        self._read(answer)

    def feed(self, data: bytes) -> None:
        """A piece of a stream."""
        if self._events is None:
            return
        try:
            events = self._events.feed(data)
        except UpstreamError:
            self._events = None  # whatever it is, it is no interaction
            return
        for event in events:
            if b'"usage"' in event:
                self._read(event)

    def totals(self) -> Totals:
        """What was told until now."""
        return self._usage.totals()

    def _read(self, text: bytes) -> None:
        try:
            value: Any = jsonio.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(value, dict):
            return
        interaction = value.get("interaction", value)
        used = interaction.get("usage") if isinstance(interaction, dict) else None
        if isinstance(used, dict):
            self._usage.merge(_metadata(used))
            if grounding := _grounding(used.get("grounding_tool_count")):
                self._usage.looked_up(grounding)


def _metadata(used: JSON) -> JSON:
    counts = {name: used[member] for member, name in _COUNTS.items() if type(used.get(member)) is int}
    details = {
        name: [
            {"modality": str(one.get("modality")).upper(), "tokenCount": one.get("tokens")}
            for one in used[member]
            if isinstance(one, dict)
        ]
        for member, name in _DETAILS.items()
        if isinstance(used.get(member), list)
    }
    return counts | details


def _grounding(counts: Any) -> JSON:
    """As a `groundingMetadata` that tells of as many searches."""
    found: JSON = {}
    for one in counts if isinstance(counts, list) else ():
        count = one.get("count") if isinstance(one, dict) else None
        if type(count) is int and 0 < count < 10_000:
            if one.get("type") == _SEARCH:
                found["webSearchQueries"] = [_SEARCH] * count
            elif one.get("type") == _MAPS:
                found["groundingChunks"] = [{"maps": {}}]
    return found
