"""What the time of an exchange was spent with, in a few pieces: a small bar of it, from its summary alone."""

from __future__ import annotations

from dataclasses import dataclass

from mapping.inspect.transcript import elements, members, number_of
from mapping.values import JSON

WAITING, PAUSED, THINKING, ANSWERING, CALLING = "waiting", "pause", "thinking", "text", "tools"
"""What time is spent with, roughly: by these it is coloured."""
_LEAST = 0.01
"""The part of the whole that is shown at least."""


@dataclass(frozen=True, slots=True)
class BarPiece:
    """A time spent with one thing."""

    spent: str
    """`waiting`, `pause`, `thinking`, `text`; tool calls are not told from text here."""
    begin: float
    """As a part of the whole, from 0 to 1."""
    share: float
    seconds: float


def pieces(record: JSON) -> list[BarPiece]:
    """The whole time in its order; empty where it is not known. `record`: `summary.Summary` as plain values.

    Waiting is for whatever comes before Gemini's answer begins. Of a stream the time until something other than a
    thought came is thinking, if there were thoughts.
    """
    total = number_of(record.get("total"))
    if not total:
        return []
    ends: list[tuple[float, str]] = []
    attempts = [members(one) for one in elements(record.get("attempts"))]
    for attempt in attempts:
        waited, began = number_of(attempt.get("waited")), number_of(attempt.get("began"))
        if waited and began:
            ends += [(began - waited, WAITING), (began, PAUSED)]
    answered = number_of(attempts[-1].get("answered")) if attempts else None
    spoke = number_of(record.get("spoke"))
    ends.append((total if answered is None else answered, WAITING))
    if spoke is not None:
        thought = members(record.get("tokens")).get("reasoning") != 0
        ends.append((spoke, THINKING if thought else WAITING))
    if answered is not None:
        came = spoke is not None or record.get("tokens") is not None
        ends.append((total, ANSWERING if came else WAITING))
    made, now = [], 0.0
    for end, spent in ends:
        until = max(now, min(end, total))
        if (until - now) / total >= _LEAST:
            made.append(BarPiece(spent, now / total, (until - now) / total, until - now))
        now = until
    return made
