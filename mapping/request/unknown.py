"""What a newer client sends and this translation does not know: left out with a note, so that no conversation dies of
it. A text that it plainly has is kept. Strict settings refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mapping.notes import Notes
from mapping.request import members
from mapping.values import JSON, Options

_SHOWN = 40
"""Characters of an unknown name that a note has."""


def leave_out(value: Any, path: str, supported: Iterable[str], notes: Notes, options: Options) -> None:
    """Note an unknown role, type or word. Raises 400 for one that is missing or no string, and for all when strict."""
    if options.strict or not isinstance(value, str):
        raise members.unknown(value, path, supported)
    notes.add("unknown", f"{path} {value[:_SHOWN]}")


def plain_text(value: JSON) -> str:
    """The text of an item or part of any kind, in `text` or `content`; "" where it has none."""
    for name in ("text", "content"):
        found = value.get(name)
        if isinstance(found, str):
            return found
        if isinstance(found, list):
            texts = [part.get("text") for part in found if isinstance(part, dict)]
            return "\n".join(text for text in texts if isinstance(text, str))
    return ""
