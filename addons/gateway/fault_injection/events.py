"""The events of a client's stream, whatever the dialect: found, counted, and edited where they are JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping import jsonio

END = b"\n\n"
_DATA = b"data: "


def split(out: bytes) -> list[bytes]:
    """The events in these bytes, each with its end. Bytes that are no events are one."""
    parts = out.split(END)
    last = parts.pop()
    return [part + END for part in parts] + ([last] if last else [])


def edited(event: bytes, change: Callable[[Any], Any]) -> bytes:
    """An event, or a whole body, with its JSON changed. What has none stays as it is."""
    lines = event.split(b"\n")
    at = next((n for n, line in enumerate(lines) if line.startswith(_DATA)), None)
    body = event if at is None else lines[at][len(_DATA) :]
    try:
        made = jsonio.dumps(change(jsonio.loads(body)))
    except ValueError:
        return event
    if at is None:
        return made
    lines[at] = _DATA + made
    return b"\n".join(lines)
