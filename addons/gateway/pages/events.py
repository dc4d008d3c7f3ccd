"""The events of a stream: what each brought, and when it went to the client or came from Gemini."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.timing.phases import GAP
from addons.gateway.views import body as bodies
from mapping import dialects
from mapping.inspect.printable import one_line
from mapping.inspect.transcript import elements, string

_FIRST, _LAST = 20, 30
"""Of more events than these, those between are folded."""
_SHOWN = 200
"""Characters of an event that are shown."""
_MOST = (1000, 50_000)
"""Events that are shown at most, and of a page with everything."""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event."""

    number: int
    at: float | None
    """Seconds after the beginning; None: nobody wrote that down."""
    gap: bool
    """Nothing had come for a while before it."""
    kind: str
    size: int
    """Characters of text that it brought."""
    text: str
    """What it is, cut; empty where that is not shown."""


@dataclass(frozen=True, slots=True)
class EventList:
    """The events of one stream."""

    name: str
    title: str
    first: Sequence[ShownEvent]
    middle: Sequence[ShownEvent]
    """Folded."""
    last: Sequence[ShownEvent]
    left_out: int = 0
    """How many of the middle are not shown at all."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.first) + len(self.middle) + len(self.last) + self.left_out


def listed(taken: TakenExchange, *, everything: bool, texts: bool) -> list[EventList]:
    """The streams of an exchange: the client's, and those of the attempts. `texts` False: not what is in the events."""
    found = [_list("client", "To the client", _of_client(taken, texts), everything)]
    for number, call in enumerate(taken.calls, 1):
        whose = f", call {call.part + 1}" if call.part else ""
        title = f"From Gemini, attempt {call.record.get('number') or number}{whose}"
        found.append(_list(f"gemini-{number}", title, _of_gemini(call), everything))
    return [one for one in found if one.count]


def _of_client(taken: TakenExchange, texts: bool) -> list[ShownEvent]:
    if not taken.sent or not bodies.begins_as_stream(taken.sent):
        return []
    body = bodies.read(taken.sent, elements(taken.record.get("arrived")))
    about = dialects.bodies(taken.endpoint, next((value for value in body.values if isinstance(value, dict)), {}))
    made: list[ShownEvent] = []
    before: Any = None
    for number, value in enumerate(body.values):
        kind, size = about.described(value) or ("no JSON", len(_text(value)))
        at = body.times[number] if number < len(body.times) else None
        text = _text(_new(value, before, about.passing)) if texts else ""
        made.append(_event(made, at, kind, size, one_line(text, _SHOWN)))
        before = value
    return made


def _new(value: Any, before: Any, passing: frozenset[str]) -> Any:
    """An event without what the one before says too, and what differs in all."""
    if not isinstance(value, dict) or not isinstance(before, dict):
        return value
    dull = {*passing, "type", "sequence_number"}
    return {name: member for name, member in value.items() if name not in dull and before.get(name) != member}


def _of_gemini(call: TakenCall) -> list[ShownEvent]:
    made: list[ShownEvent] = []
    for piece in call.pieces:
        made.append(_event(made, piece.at, piece.brought, piece.size, ""))
    return made


def _event(before: Sequence[ShownEvent], at: float | None, kind: str, size: int, text: str) -> ShownEvent:
    earlier = before[-1].at if before else None
    gap = at is not None and earlier is not None and at - earlier > GAP
    return ShownEvent(len(before) + 1, at, gap, kind, size, text)


def _list(name: str, title: str, events: Sequence[ShownEvent], everything: bool) -> EventList:
    if len(events) <= _FIRST + _LAST:
        return EventList(name, title, events, (), ())
    middle = events[_FIRST:-_LAST]
    shown = middle[: _MOST[everything]]
    return EventList(name, title, events[:_FIRST], shown, events[-_LAST:], len(middle) - len(shown))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else string(value)
