"""The body of a message -> the JSON values in it, one of a whole body or one an event of a stream.

An event that is no JSON stays as its bytes. Nothing raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mitmproxy import http
from mitmproxy.contentviews import Metadata

from addons.gateway.record.flow_record import record_of
from addons.gateway.views import cut_json
from mapping.gemini.sse import EventParser

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
    """Empty, where a whole body is no JSON."""
    stream: bool = False
    cut: bool = False
    """The last value breaks off."""
    times: list[float] = field(default_factory=list)
    """When each value of a stream came, in seconds; empty where that is not known."""

    def take(self, payloads: list[bytes], seconds: float | None = None) -> None:
        """Events of a stream that came after so many seconds."""
        for payload in payloads:
            if not self.add(payload):
                self.values.append(payload)
                self.cut = False
            if seconds is not None:
                self.times.append(seconds)

    def add(self, data: bytes) -> bool:
        """A value, whole or cut off. False: it is no JSON."""
        try:
            value, self.cut = cut_json.loads(data)
        except ValueError:
            return False
        self.values.append(value)
        return True

    def where(self, keep: Sequence[bool]) -> Body:
        """The same with some of its values."""
        values = [value for value, kept in zip(self.values, keep, strict=True) if kept]
        times = [time for time, kept in zip(self.times, keep, strict=False) if kept]
        return replace(self, values=values, times=times)


def begins_as_json(data: bytes) -> bool:
    """An object or a list, blanks before it apart; more is not looked at."""
    return _start(data).startswith((b"{", b"["))


def begins_as_stream(data: bytes) -> bool:
    """The first line is one of server-sent events; more is not looked at."""
    return _start(data).startswith(_STREAM)


def read(data: bytes, arrived: Sequence[Sequence[float]] = ()) -> Body:
    """The values of a body. `arrived`: how much of a stream had come after how many seconds, if it is known."""
    body = Body(stream=begins_as_stream(data))
    if not body.stream:
        body.add(data.removeprefix(_BOM))
        return body
    parser = EventParser(limit=len(data) + 1)
    if not arrived or arrived[-1][0] != len(data):  # nobody wrote it down, or it has been edited
        body.take(parser.feed(data) + parser.end())
        return body
    begin = 0
    for end, seconds in arrived:
        body.take(parser.feed(data[begin : int(end)]), seconds)
        begin = int(end)
    body.take(parser.end(), arrived[-1][1])
    return body


def arrivals(metadata: Metadata) -> Sequence[Sequence[float]]:
    """When the bytes of a recorded answer came, for `read`."""
    flow = metadata.flow
    if not isinstance(flow, http.HTTPFlow) or metadata.http_message is not flow.response:
        return ()
    found = record_of(flow).get("arrived")
    return found if isinstance(found, list) else ()


def _start(data: bytes) -> bytes:
    return data[:_LOOKED_AT].removeprefix(_BOM).lstrip()
