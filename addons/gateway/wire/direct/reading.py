"""Reading the requests of a client, in HTTP/1.1, with the limits of `wire.http1`.

* httptools reads; what it takes too lightly (HTTP/0.9, heads that are large but come in one piece) is refused here.
* One that asks for another protocol and has a body is read as if it had not asked: httptools would leave the body.
* When something has been refused, nothing more is read.
"""

from __future__ import annotations

import logging

import httptools
from mitmproxy import http

from addons.gateway.http import routes
from addons.gateway.http.fields import asks_for_socket, value
from addons.gateway.wire.bodies import MAX_BYTES
from addons.gateway.wire.direct import messages
from addons.gateway.wire.direct.answers import AnswerWriter, ReadRequest
from addons.gateway.wire.http1 import MAX_FRAMING, MAX_REQUEST_HEAD
from mapping.dialect import Dialect
from mapping.faults import Fault

logger = logging.getLogger("antigravity")


class _Enough(Exception):
    """The parser is to stop: the connection ends."""


UNREADABLE = Fault(400, "The HTTP request could not be read.")
HEAD_TOO_LARGE = Fault(
    431, f"The request's headers are larger than {MAX_REQUEST_HEAD // 2**10} kB.", code="headers_too_large"
)
_UPGRADE = (b"upgrade", b"http2-settings")


class RequestReader(AnswerWriter):
    """See the module. Heads and whole requests are handed to `_head_came` and `_request_came`."""

    __slots__ = ("_current", "_framing", "_parser", "_size")

    def __init__(self) -> None:
        super().__init__()
        self._parser = httptools.HttpRequestParser(self)
        self._current: ReadRequest | None = None
        """The request that is being read."""
        self._framing = 0
        """Bytes that have come since the last one of a body, or the last whole request."""
        self._size = 0
        """Bytes of the body, as far as it has come or is announced."""

    def _head_came(self, read: ReadRequest, request: http.Request, *, can_switch: bool) -> None:
        """The head is there. `can_switch`: the client would like a WebSocket."""
        raise NotImplementedError

    def _request_came(self, read: ReadRequest) -> None:
        """The request is there as a whole."""
        raise NotImplementedError

    def _after_upgrade(self, rest: bytes) -> None:
        """A request that would like another protocol has been read, or its head; this came after it."""
        raise NotImplementedError

    def _refuse(self, problem: Fault) -> None:
        """What comes can't be read."""
        raise NotImplementedError

    def _hang_up(self) -> None:
        raise NotImplementedError

    def _read(self, data: bytes) -> None:
        """Read requests, as far as they have come."""
        self._framing += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as e:
            self._after_upgrade(data[e.args[0] :])
        except httptools.HttpParserError as e:
            if self._closing:
                return
            if isinstance(e, httptools.HttpParserCallbackError):
                logger.error("A request could not be taken. Please report it.", exc_info=e.__context__)
            self._refuse(UNREADABLE)
            return
        if self._closing:
            return
        if self._size > MAX_BYTES:
            self._too_large()
        elif self._framing > MAX_REQUEST_HEAD and (self._current is None or self._current.flow is None):
            self._refuse(HEAD_TOO_LARGE)
        elif self._framing > MAX_FRAMING:
            self._hang_up()

    # --- httptools

    def on_message_begin(self) -> None:
        """A request begins. Raises _Enough when no more is read."""
        if self._closing:
            raise _Enough
        if self._current is not None:
            return  # it is the rest of one that asked for another protocol
        self._current = ReadRequest()
        self._size = 0

    def on_url(self, path: bytes) -> None:
        """A piece of its target."""
        current = self._current
        assert current is not None
        if current.flow is None:
            current.path += path

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or one of the trailers."""
        current = self._current
        assert current is not None
        if current.flow is None:  # else it is a trailer
            current.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is there: make the flow and its exchange, before any hook."""
        current = self._current
        assert current is not None
        if current.flow is not None:
            return  # see on_message_begin
        fields, version, path = current.fields, self._parser.get_http_version(), current.path
        if not path.startswith(b"/"):
            path = messages.origin_form(path)
        if not path or version not in ("1.1", "1.0"):
            self._refuse(UNREADABLE)
            return
        if self._framing > MAX_REQUEST_HEAD and messages.size(path, fields) > MAX_REQUEST_HEAD:
            self._refuse(HEAD_TOO_LARGE)
            return
        self._framing = 0
        request = messages.request(self._parser.get_method(), path, version, fields)
        named = messages.by_name(fields)
        expect, upgrade, size = named.get(b"expect"), named.get(b"upgrade"), named.get(b"content-length")
        if expect is not None:
            current.fields = fields = [pair for pair in fields if pair[0].lower() != b"expect"]
            request.data.headers.fields = tuple(fields)
        if upgrade is not None and not asks_for_socket(value(request, b"upgrade")):  # HTTP/1.1 is all that is spoken
            current.fields = fields = [pair for pair in fields if pair[0].lower() not in _UPGRADE]
            request.data.headers.fields = tuple(fields)
            upgrade = None
        current.wants_socket = upgrade is not None and not messages.has_body(fields)
        self._head_came(current, request, can_switch=current.wants_socket)
        if size is not None and int(size) > MAX_BYTES:
            self._size = int(size)
            self._too_large()
            return
        if size is not None:
            current.expect(int(size))
        if expect is not None and expect.lower() == b"100-continue" and self._answering is None:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        current = self._current
        assert current is not None
        self._framing = 0
        if current.block is None:
            current.body.append(data)
        else:
            current.block.write(data)
        self._size += len(data)

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        current = self._current
        assert current is not None
        if self._closing or (self._parser.should_upgrade() and messages.has_body(current.fields)):
            return  # where it asks for another protocol, its body is still to come: see `_read`
        self._framing = self._size = 0
        self._current = None
        if self._parser.should_upgrade():
            current.keeps_alive = b"close" not in messages.by_name(current.fields).get(b"connection", b"").lower()
        else:
            current.keeps_alive = self._parser.should_keep_alive()
        self._request_came(current)

    # --- inside

    def _too_large(self) -> None:
        """The body of the request is beyond the limit."""
        current = self._current
        message = f"The request body is larger than {MAX_BYTES // 2**20} MB."
        if current is not None and current.turn is not None:
            current.turn.refuse(message)
            current.turn = None
        self._refuse(Fault(413, message))

    def _spoken(self) -> Dialect | None:
        """The dialect of the path that is being read, as far as it is known."""
        current = self._current
        if current is None or not current.path:
            return None
        return routes.dialect_of(self._parser.get_method().decode(), current.path.decode("latin-1").partition("?")[0])
