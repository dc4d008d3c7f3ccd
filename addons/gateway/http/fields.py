"""Header fields of mitmproxy's messages, without what its `Headers` does for each: that costs like a translation."""

from __future__ import annotations

from collections.abc import Iterable

from mitmproxy import http


def headers(fields: Iterable[tuple[bytes, bytes]]) -> http.Headers:
    """The same as `http.Headers(fields)`, whose constructor checks the types of all fields."""
    made = http.Headers.__new__(http.Headers)
    made.fields = tuple(fields)
    return made


def value(message: http.Message, name: bytes) -> str | None:
    """The same as `message.headers.get(name)`; `name` is in lower case."""
    found = None
    for key, given in message.data.headers.fields:
        if len(key) == len(name) and key.lower() == name:
            found = given if found is None else found + b", " + given
    return None if found is None else found.decode("utf-8", "surrogateescape")


def asks_for_socket(upgrade: str | None) -> bool:
    """Whether an `Upgrade` field asks for a WebSocket, maybe among others. What else it asks for may be ignored
    (RFC 9110, 7.8): Java's clients ask for HTTP/2 or TLS with each request, and go on without."""
    return upgrade is not None and "websocket" in (protocol.strip().lower() for protocol in upgrade.split(","))


def taken(message: http.Message, name: bytes) -> str | None:
    """The same as `value`; the message has the field no longer."""
    found = value(message, name)
    if found is not None:
        message.headers.pop(name.decode())
    return found
