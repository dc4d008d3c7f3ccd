"""Server-sent events: upstream bytes in any slicing -> the payloads of the events; and the framing for clients.

Rules of this module:

* The same bytes give the same payloads, however the network cut them.
* Only CR, LF and CRLF end a line (WHATWG HTML, server-sent events). U+2028, U+2029 and U+0085 stand raw inside the
  JSON of Gemini and end nothing.
* JSON that comes without `data:` counts too: errors in the middle of a stream are sent so, over several lines, and
  without `alt=sse` the whole answer is one JSON array. Each element of such an array is a payload of its own.
* Nothing is parsed twice, and what is held back is bounded.
"""

from __future__ import annotations

import re

from mapping.gemini.errors.upstream_errors import broken

MAX_EVENT = 64 * 1024 * 1024
"""Bytes of one unfinished event. Images come as base64 in one event; nothing Gemini sends comes near this."""

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which says nothing."""

_BOM = b"\xef\xbb\xbf"

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Strings, also those cut off at the end, so that their brackets do not count; and brackets."""


def frame(data: bytes) -> bytes:
    """One event as a client gets it. `data` is JSON on one line."""
    return b"data: " + data + b"\n\n"


class EventParser:
    """Feed it bytes as they come; it returns the payloads that are complete. One parser reads one stream.

    Raises UpstreamError when an event grows beyond `limit` bytes.
    """

    __slots__ = ("_after_cr", "_data", "_first", "_held", "_idle", "_json", "_limit", "_rest")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        """The pieces of a line whose end has not come yet."""
        self._data: list[bytes] = []
        """The `data` lines of an event whose blank line has not come yet."""
        self._json = _JSONText()
        self._after_cr = False
        self._first = True
        self._held = 0
        self._idle = False
        """Nothing is held back: the next byte begins an event, and not the first."""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order."""
        if self._idle and data[:6] == b"data: ":
            # Nearly always a read is one whole event. LF first: JSON on one line holds none.
            end = data.find(b"\n")
            if data[end:] == b"\n\n" and data.find(b"\r") < 0:
                return [data[6:end]]
            if data[end - 1 :] == b"\r\n\r\n" and data.find(b"\r") == end - 1:
                return [data[6 : end - 1]]
        return self._feed(data)

    def end(self) -> list[bytes]:
        """The payloads that the end of the stream completes: the final blank line may be missing."""
        payloads = self._lines([b"".join(self._rest)]) if self._rest else []
        self._dispatch(payloads)
        return payloads + self._json.end()

    def _feed(self, data: bytes) -> list[bytes]:
        payloads = self._lines(self._whole_lines(data))
        self._idle = not (self._rest or self._data or self._json.open or self._after_cr or self._first)
        if payloads or self._idle:
            self._held = 0
        else:
            self._held += len(data)
            if self._held > self._limit:
                raise broken("An event of the upstream's stream is too large.", code="upstream_event_too_large")
        return payloads

    def _whole_lines(self, data: bytes) -> list[bytes]:
        """The lines that `data` ends, without their ends; the last piece is kept for the next call."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
        if not data:
            return []
        self._after_cr = data.endswith(b"\r")
        lines = data.splitlines()  # of bytes: at CR, LF and CRLF only
        ended = data.endswith((b"\r", b"\n"))
        if self._rest and (ended or len(lines) > 1):
            self._rest.append(lines[0])
            lines[0] = b"".join(self._rest)
            self._rest.clear()
        if not ended:
            self._rest.append(lines.pop())
        return lines

    def _lines(self, lines: list[bytes]) -> list[bytes]:
        if not (self._data or self._json.open):
            # Most reads are a row of events of one line each: these are found without a look at each line.
            blank = lines[1::2]
            if blank and not any(blank):
                payloads = [line[6:] for line in lines[::2] if line[:6] == b"data: "]
                if len(payloads) == len(blank) and not len(lines) % 2:
                    self._first = False
                    return payloads
        payloads = []
        for line in lines:
            if self._first:
                self._first = False
                line = line.removeprefix(_BOM)
            if self._json.open:
                payloads += self._json.line(line)
            elif line.startswith(b"data:"):
                self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            elif not line:
                self._dispatch(payloads)
            elif line.lstrip()[:1] in (b"{", b"["):
                self._dispatch(payloads)
                payloads += self._json.line(line)
            # Comments, other fields and text that is neither say nothing.
        return payloads

    def _dispatch(self, payloads: list[bytes]) -> None:
        if self._data:
            payloads.append(b"\n".join(self._data))
            self._data.clear()


class _JSONText:
    """JSON without framing, line by line: a value, or an array whose elements come one by one.

    No line of JSON ends within a string, so brackets can be counted line by line.
    """

    __slots__ = ("_depth", "_kept", "_top", "open")

    def __init__(self) -> None:
        self.open = False
        self._depth = 0
        self._top = 0
        """The depth at which a payload begins and ends: 0, or 1 within an array."""
        self._kept: list[bytes] = []

    def line(self, line: bytes) -> list[bytes]:
        """The payloads that the line completes."""
        payloads = []
        start = 0
        for match in _TOKEN.finditer(line):
            bracket = match[0]
            if bracket in (b"{", b"["):
                if not self.open:
                    self.open = True
                    self._top = int(bracket == b"[")
                if self._depth == self._top:
                    start = match.start()
                self._depth += 1
            elif self.open and bracket in (b"}", b"]"):
                self._depth -= 1
                if self._depth == self._top:
                    self._kept.append(line[start : match.end()])
                    payloads.append(b"\n".join(self._kept))
                    self._kept.clear()
                self.open = self._depth > 0
        if self._depth > self._top:
            self._kept.append(line[start:])
        return payloads

    def end(self) -> list[bytes]:
        """What was begun and not completed, so that its reader finds it broken."""
        return [b"\n".join(self._kept)] if self._kept else []
