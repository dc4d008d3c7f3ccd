"""The body of a message -> the JSON values in it, one of a whole body or one an event of a stream.

What can't be read is counted and left out; nothing raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from addons.gateway.views import cut_json
from mapping.sse import EventParser

_BOM = b"\xef\xbb\xbf"
_STREAM = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How a stream of server-sent events begins."""
_LOOKED_AT = 64
"""Bytes at the beginning that tell what a body is."""

CUT = "(cut off here: the rest is not there)"


@dataclass(slots=True)
class Body:
    """What there is to read of a body."""

    values: list[Any] = field(default_factory=list)
    stream: bool = False
    cut: bool = False
    """The last value breaks off."""
    done: bool = False
    """`[DONE]` was said."""
    unreadable: int = 0
    """Values that are not JSON."""

    def add(self, data: bytes) -> None:
        """A value, whole or cut off."""
        try:
            value, cut = cut_json.loads(data)
        except ValueError:
            self.unreadable += 1
        else:
            self.values.append(value)
            self.cut = cut


def begins_as_json(data: bytes) -> bool:
    return _start(data).startswith((b"{", b"["))


def begins_as_stream(data: bytes) -> bool:
    return _start(data).startswith(_STREAM)


def read(data: bytes) -> Body:
    """The values of a body."""
    body = Body(stream=begins_as_stream(data))
    if not body.stream:
        body.add(data.removeprefix(_BOM))
        return body
    parser = EventParser(limit=len(data) + 1)
    for payload in parser.feed(data) + parser.end():
        if payload.strip() == b"[DONE]":
            body.done = True
        else:
            body.add(payload)
    return body


def _start(data: bytes) -> bytes:
    return data[:_LOOKED_AT].removeprefix(_BOM).lstrip()
