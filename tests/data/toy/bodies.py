"""How the toy's streams are shown. Whole bodies are JSON like any other."""

from __future__ import annotations

from collections.abc import Sequence

from mapping import jsonio
from mapping.inspect.bodies import Bodies, Event
from mapping.inspect.transcript import Transcript


class ToyBodies(Bodies):
    """The pieces of what is said, joined."""

    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        """What the toy says."""
        out.turn("the toy says")
        out.line("".join(text for event in events if (text := said(event))))

    def described(self, event: Event) -> tuple[str, int] | None:
        """Said, or ended."""
        text = said(event)
        return None if text is None else ("said", len(text))

    def is_last(self, event: Event) -> bool:
        """The end, or an error."""
        return bool(event == b"end" or event.startswith(b"oops "))


def said(event: bytes) -> str | None:
    """What an event says; None: nothing."""
    return jsonio.loads(event.removeprefix(b"toy ")) if event.startswith(b"toy ") else None


BODIES = {"toy": ToyBodies()}
