"""How many tokens an answer has used, in no dialect's words: values, and how they are added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class CallUsage:
    """What one upstream call has told of its tokens, in Gemini's words: each call is paid for by itself."""

    counts: dict[str, int]
    """Member -> tokens."""
    details: dict[str, list[Any]] = field(default_factory=dict)
    """Member -> its list of modalities and tokens, as it came."""
    words: dict[str, str] = field(default_factory=dict)
    """Members that are texts: `serviceTier`, `trafficType`."""
    model: str | None = None
    """The model that has answered, as it says itself."""
    estimated: bool = False
    """Gemini did not tell: the gateway has estimated."""
    searches: int = 0
    """How often Google was searched for it."""
    grounded: bool = False
    """Google was searched for it, or Google's maps."""


@dataclass(slots=True)
class Totals:
    """Counts of tokens: what went in, what came out, and which parts of them are told apart."""

    prompt: int = 0
    completion: int = 0
    """With the thoughts."""
    total: int = 0
    cached: int = 0
    """Part of `prompt`."""
    reasoning: int = 0
    """Part of `completion`."""
    prompt_by: dict[str, int] = field(default_factory=dict)
    """Gemini's modality -> tokens of the prompt. Empty when Gemini did not tell."""
    completion_by: dict[str, int] = field(default_factory=dict)
    calls: tuple[CallUsage, ...] = field(default=(), compare=False, repr=False)
    """What all that has been asked for it has used; more than the numbers say where prompts count once."""


def combine(parts: Iterable[Totals]) -> Totals:
    """The numbers of one answer made by one or more upstream calls; the first counts for the prompt."""
    first, *more = parts
    if not more:
        return first
    completion = first.completion + sum(part.completion for part in more)
    return Totals(
        prompt=first.prompt,
        completion=completion,
        total=first.prompt + completion,
        cached=first.cached,
        reasoning=first.reasoning + sum(part.reasoning for part in more),
        prompt_by=first.prompt_by,
        completion_by=_sum(part.completion_by for part in (first, *more)),
        calls=sum((part.calls for part in more), first.calls),
    )


def add_up(parts: Iterable[Totals]) -> Totals:
    """The numbers of several answers that have prompts of their own."""
    first, *more = parts
    for part in more:
        first = Totals(
            prompt=first.prompt + part.prompt,
            completion=first.completion + part.completion,
            total=first.total + part.total,
            cached=first.cached + part.cached,
            reasoning=first.reasoning + part.reasoning,
            prompt_by=_sum((first.prompt_by, part.prompt_by)),
            completion_by=_sum((first.completion_by, part.completion_by)),
            calls=first.calls + part.calls,
        )
    return first


def _sum(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(+total)
