"""How the bodies of a dialect are shown to a person, and masked for others.

It is a part of the contract that a dialect need not bring. A package that has a module `bodies` brings `BODIES` in it,
by the names of its dialects (`mapping.dialects`). For all others `Bodies` itself is used, which shows JSON as JSON and
the events of a stream one after another, and masks every text that is not structure everywhere.

What is shown is what stands there, edited and broken bodies too: nothing here raises for any value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mapping.inspect.masking import PLAIN, mask_request
from mapping.inspect.transcript import Transcript, clipped, members, string
from mapping.values import JSON

type Event = Any
"""An event of a stream: its JSON value, or bytes where it is no JSON."""


class Bodies:
    """Of any dialect. Those that know better derive from it."""

    facts: Mapping[str, str] = MappingProxyType({})
    """Words for the members of `mapping.dialect.Answering.facts`. One that is not here is told by its name."""

    structure = PLAIN
    """What stays when an exchange is masked (`mapping.inspect.masking`)."""

    def mask_sealed(self, payload: JSON) -> JSON:
        """What the dialect has sealed (`mapping.dialect.Given.seal`), with fillers for what was said."""
        masked: JSON = mask_request(payload, self.structure)
        return masked

    def likeness(self, value: Event) -> int:
        """How much a body, or the first event of a stream, looks like one of this dialect; 0: not at all.

        It is for bodies that came by a path of nobody's, and for those that are not what their path says.
        """
        return 1

    def show(self, out: Transcript, value: JSON) -> None:
        """A request, or a whole answer."""
        out.facts({name: member if member is None else clipped(member) for name, member in value.items()})

    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        """What the events of a stream make, as far as they came: as the whole answer would be shown."""
        for event in events:
            out.line(_text(event))

    def described(self, event: Event) -> tuple[str, int] | None:
        """For the timeline: what an event brings, and how many characters of text. None: it can't be read."""
        return string(members(event).get("type")) or "event", len(_text(event))

    def is_last(self, event: Event) -> bool:
        """Whether a stream may end after it. One that has no such event is taken for cut off."""
        return True


def _text(event: Event) -> str:
    return event.decode("utf-8", "replace") if isinstance(event, bytes) else clipped(event)
