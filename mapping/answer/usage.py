"""Token counts: Gemini's `usageMetadata` -> the numbers of an answer, in no dialect's words.

Rules of this module (Gemini API reference, `UsageMetadata`):

* `promptTokenCount` holds the cached tokens already; `candidatesTokenCount` does not hold the thoughts.
* Within one upstream call the counts are running totals, and later events may leave out what earlier ones told: the
  highest of each counts, nothing is summed.
* A long answer made of several upstream calls (hops) has the prompt of the first, because later ones count the earlier
  output as prompt; its completion is the sum.
* Choices made by parallel calls share their prompt: it counts once, completions are summed. Several prompts are summed.
* Cached tokens by modality (`cacheTokensDetails`) count where their sum is missing.
* Every number is an integer, never null.
* What Gemini has looked up to answer (`GroundingMetadata`) is charged beside the tokens: it is told with them.
"""

from __future__ import annotations

from typing import Any

from mapping.answer.version import bare
from mapping.gemini import payload
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import CallUsage, Totals, combine
from mapping.values import JSON

_PROMPT_DETAILS = "promptTokensDetails"
_CACHE_DETAILS = "cacheTokensDetails"
_COMPLETION_DETAILS = "candidatesTokensDetails"


class Usage:
    """The counts of one upstream answer. `merge` takes each `usageMetadata`, `next_hop` begins the next hop."""

    __slots__ = ("_counts", "_details", "_earlier", "_grounded", "_made", "_searches", "_words", "model")

    def __init__(self) -> None:
        self.model: str | None = None
        """The model that has answered, as it says itself."""
        self._counts: dict[str, int] = {}
        self._details: dict[str, list[Any]] = {}
        self._words: dict[str, str] = {}
        self._searches, self._grounded = 0, False
        self._earlier: list[Totals] = []
        self._made: Totals | None = None
        """What `totals` gave, as long as nothing comes: it is asked for by the answer and by the statistics."""

    def merge(self, metadata: JSON) -> None:
        """Take in a `usageMetadata`. Members that are no counts are passed over."""
        self._go_on()
        counts = self._counts
        for name, value in metadata.items():
            kind = type(value)
            if kind is int:
                if value > counts.get(name, 0):
                    counts[name] = value
            elif kind is list and value:
                self._details[name] = value
            elif kind is float and 0 < value < 2**53 and int(value) > counts.get(name, 0):
                counts[name] = int(value)
            elif kind is str:
                self._words[name] = value

    def looked_up(self, grounding: JSON) -> None:
        """Take in a `groundingMetadata`: Google was searched, or its maps."""
        queries, chunks = grounding.get("webSearchQueries"), grounding.get("groundingChunks")
        searches = sum(bool(query) for query in queries) if type(queries) is list else 0
        maps = type(chunks) is list and any(type(chunk) is dict and "maps" in chunk for chunk in chunks)
        self._go_on()
        self._searches, self._grounded = max(self._searches, searches), self._grounded or maps or searches > 0

    def looked_up_for(self, response: JSON) -> None:
        """The same of all candidates of a response."""
        candidates = response.get("candidates")
        for candidate in candidates if type(candidates) is list else ():
            if type(candidate) is dict and type(grounding := candidate.get("groundingMetadata")) is dict:
                self.looked_up(grounding)

    def next_hop(self) -> None:
        """The next `merge` belongs to a further upstream call for the same answer."""
        self._earlier.append(self._totals())
        self._made = None
        self._searches, self._grounded = 0, False
        self._counts = {}
        self._details = {}
        self._words = {}

    def totals(self) -> Totals:
        """The numbers over all hops."""
        if self._made is None:
            last = self._totals()
            self._made = combine([*self._earlier, last]) if self._earlier else last
        return self._made

    def _go_on(self) -> None:
        """More comes: what `totals` gave has what there was until now, and keeps it."""
        if self._made is not None:
            self._made = None
            self._counts, self._details, self._words = dict(self._counts), dict(self._details), dict(self._words)

    def _totals(self) -> Totals:
        counts, details = self._counts, self._details
        reasoning = counts.get("thoughtsTokenCount", 0)
        prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
        completion = counts.get("candidatesTokenCount", 0) + reasoning
        return Totals(
            prompt=prompt,
            completion=completion,
            total=counts.get("totalTokenCount") or prompt + completion,
            cached=counts.get("cachedContentTokenCount") or sum(_by_modality(details.get(_CACHE_DETAILS)).values()),
            reasoning=reasoning,
            prompt_by=_by_modality(details.get(_PROMPT_DETAILS)),
            completion_by=_by_modality(details.get(_COMPLETION_DETAILS)),
            calls=(CallUsage(counts, details, self._words, self.model, False, self._searches, self._grounded),)
            if counts
            else (),
        )


def totals_in(answer: bytes) -> Totals:
    """The numbers of a whole upstream answer, whatever else is wrong with it."""
    usage = Usage()
    try:
        responses = payload.responses(answer)
    except UpstreamError:
        return usage.totals()
    for response in responses:
        metadata, version = response.get("usageMetadata"), response.get("modelVersion")
        if isinstance(metadata, dict):
            usage.merge(metadata)
        if isinstance(version, str) and version:
            usage.model = bare(version)
        usage.looked_up_for(response)
    return usage.totals()


def _by_modality(details: list[Any] | None) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in details or ():
        if isinstance(entry, dict):
            modality, tokens = entry.get("modality"), entry.get("tokenCount")
            if isinstance(modality, str) and type(tokens) is int:
                counts[modality] = counts.get(modality, 0) + tokens
    return counts
