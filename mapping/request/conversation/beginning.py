"""What tells one conversation from another: its beginning, which all its requests have in common."""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.values import JSON

_LONG = 4096
"""Characters. Of a longer text (a picture, a file) the length and the two ends stand for the whole."""


def beginning(body: JSON) -> bytes:
    """The system instruction and the first content of a Gemini request, in few bytes; empty when it has no contents.

    A request that begins otherwise than the one before finds nothing in Gemini's prompt cache anyway.
    """
    contents = body.get("contents")
    return jsonio.dumps(shortened([body.get("systemInstruction"), contents[0]])) if contents else b""


def shortened(value: Any) -> Any:
    """The value with long texts by their lengths and ends."""
    if isinstance(value, dict):
        return {
            name: member if type(member) is str and len(member) <= _LONG else shortened(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and len(value) > _LONG:
        return [len(value), value[: _LONG // 2], value[-_LONG // 2 :]]
    return value
