"""Streamed upstream answers, on their way to a client of Gemini's own API.

Rules of this module:

* A chunk is what came, but for the wrapper of the Cloud Code API. With `alt=sse` it is an event of one `data:` line;
  without it, an element of one JSON array.
* Nothing else is in a stream: no comment, no `event:`, no `[DONE]`, each of which breaks clients of Google's (tried).
* A stream without an end (a candidate without a finish reason) is a fault, which these clients don't see by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Self

from mapping import jsonio
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.native import errors
from mapping.native.answer import NativeReading, Seen
from mapping.native.request import STREAM
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.values import RawTurn


class NativeStream:
    """See `mapping.translators.StreamTranslator`."""

    continuation: str | None = None
    """What is to be continued is the client's to ask for."""
    enough = False

    def __init__(self, seen: Seen, notes: Notes, *, events: bool) -> None:
        """`events`: server-sent ones, and not an array."""
        self.started = False
        self.fault: UpstreamError | None = None
        self._sources = (seen, notes)
        self._events = events
        self._parser = sse.EventParser()
        self._reading = NativeReading(STREAM, seen, notes)
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """The chunks that are complete."""
        return b"" if self._is_over else self._written(self._fed(data))

    def end(self, *, needs_content: bool = False) -> bytes:
        """What is left, and the end of an array."""
        if self._is_over:
            return b""
        out = self._written(self._rest())
        if self._is_over:  # by a fault
            return out
        self._is_over = True
        return out if self._events else out + b"]"

    def open(self) -> bytes:
        """Nothing comes before the first chunk."""
        return b""

    def keep_alive(self) -> bytes:
        """These clients take no signs of life."""
        return b""

    def cut(self, fault: Fault) -> bytes:
        """The error as the last chunk."""
        self._is_over = True
        return self._framed(errors.error_body(fault)) + (b"" if self._events else b"]")

    def again(self) -> Self:
        """From the beginning: the client has nothing."""
        return type(self)(*self._sources, events=self._events)

    def add_answer(self, data: bytes) -> None:
        """There is one call."""

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing: these clients send back what they got."""
        return {}

    def totals(self) -> Totals:
        """As Gemini counts."""
        return self._reading.totals()

    def finish_reasons(self) -> Sequence[str]:
        """Of the candidates that have ended."""
        return self._reading.finish_reasons()

    def _written(self, chunks: Iterable[bytes]) -> bytes:
        """Bytes for the client. A fault is raised while it has none, and is a chunk after that."""
        out: list[bytes] = []
        try:
            for chunk in chunks:
                out.append(self._framed(chunk))
        except UpstreamError as problem:
            if not self.started:
                raise
            self.fault = problem
            out.append(self.cut(problem.error))
        return b"".join(out)

    def _fed(self, data: bytes) -> Iterator[bytes]:
        yield from self._chunks(self._parser.feed(data))

    def _rest(self) -> Iterator[bytes]:
        yield from self._chunks(self._parser.end(), last=True)
        if self._reading.is_nothing:
            raise broken("The upstream's answer is empty.", code="upstream_empty")
        if not self._reading.is_whole:
            raise broken("The upstream's answer ended without a finish reason.", code="upstream_incomplete")

    def _chunks(self, payloads: Sequence[bytes], *, last: bool = False) -> Iterator[bytes]:
        for data in payloads:
            value = payload.parsed(data, last=last)
            for response in payload.unwrap(value) if value is not None else ():
                self._reading.read(response)
                yield data if response is value and b"\n" not in data else jsonio.dumps(response)

    def _framed(self, chunk: bytes) -> bytes:
        begun, self.started = self.started, True
        if self._events:
            return sse.frame(chunk)
        return (b",\r\n" if begun else b"[") + chunk
