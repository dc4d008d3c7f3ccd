"""Answers that the gateway gives: their bytes and header fields."""

from __future__ import annotations

import time
from http import HTTPStatus

from mitmproxy import http

from addons.gateway.http.fields import headers
from mapping import dialects
from mapping.dialect import Dialect
from mapping.faults import Fault
from mapping.gemini import sse

type Fields = list[tuple[bytes, bytes]]

JSON_TYPE = (b"Content-Type", b"application/json")
STREAM_TYPE = (b"Content-Type", b"text/event-stream; charset=utf-8")

_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus} | {529: b"Site Is Overloaded"}


def make(status: int, content: bytes, fields: Fields) -> http.Response:
    """A whole answer; its length is added to the fields."""
    return _response(status, [*fields, (b"Content-Length", b"%d" % len(content))], content)


def type_of(content_type: bytes | None, *, streams: bool) -> tuple[bytes, bytes]:
    """The header field for the type of an answer; see `Answering.content_type`."""
    if content_type is None:
        return STREAM_TYPE if streams else JSON_TYPE
    return (b"Content-Type", content_type)


def head(fields: Fields, *, chunked: bool, content_type: bytes | None = None) -> http.Response:
    """The head of a streamed answer. `chunked` False: the end of the connection ends it (HTTP/1.0, HTTP/2)."""
    if chunked:
        fields = [*fields, (b"Transfer-Encoding", b"chunked")]
    type_ = type_of(content_type, streams=True)
    return _response(200, [type_, (b"Cache-Control", b"no-cache"), (b"X-Accel-Buffering", b"no"), *fields], None)


def as_event(response: http.Response) -> bytes:
    """A whole answer as the only event of a stream whose head has gone out already, or the stream that it is."""
    if STREAM_TYPE in response.data.headers.fields:
        return response.raw_content or b""
    name = b"event: error\n" if response.data.status_code >= 400 else b""
    return name + sse.frame(response.raw_content or b"")


def switching(fields: Fields) -> http.Response:
    """Agreement to another protocol, which follows at once."""
    return _response(101, fields, b"")


def error(problem: Fault, fields: Fields, dialect: Dialect | None = None) -> http.Response:
    """An error as an HTTP answer, in the words of a dialect; where none is known, see `dialects.spoken`."""
    told = (dialect or dialects.spoken("")).error(problem)
    return make(told.status, told.body, [*told.fields, *fields])


_EXPOSED = (
    b"x-request-id, request-id, Retry-After, retry-after-ms, x-should-retry, "
    b"X-Mapped-Model, X-Account-Email, X-Antigravity-Notes, X-Antigravity-Fault"
)
"""Fields that SDKs in a browser read, and the gateway's own."""


def cors_fields(origin: str) -> Fields:
    """For a page of an allowed origin: it may read the answer, and these of its headers."""
    return [
        (b"Access-Control-Allow-Origin", origin.encode("latin-1", "replace")),
        (b"Access-Control-Expose-Headers", _EXPOSED),
        (b"Vary", b"Origin"),
    ]


def preflight(methods: list[str], wanted: str, fields: Fields, *, allowed: bool) -> http.Response:
    """The answer to a browser that asks what it may send. `wanted`: the headers that it wants to."""
    if allowed:
        fields = [
            *fields,
            (b"Access-Control-Allow-Methods", ", ".join([*methods, "OPTIONS"]).encode()),
            (b"Access-Control-Allow-Headers", wanted.encode("ascii", "replace")),
            (b"Access-Control-Max-Age", b"600"),
        ]
    return make(204, b"", fields)


def raw_error(problem: Fault, dialect: Dialect | None = None) -> bytes:
    """The same as the bytes of a whole HTTP/1.1 answer, which ends the connection: for what no flow is made of."""
    told = (dialect or dialects.spoken("")).error(problem)
    fields = [*told.fields, (b"Content-Length", b"%d" % len(told.body)), (b"Connection", b"close")]
    lines = b"".join(b"%s: %s\r\n" % field for field in fields)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (told.status, _REASONS.get(told.status, b"Error"), lines, told.body)


def _response(status: int, fields: Fields, content: bytes | None) -> http.Response:
    # Not by the constructors: they check the type of each field, which costs as much as the translation.
    made = http.Response.__new__(http.Response)
    made.data = data = http.ResponseData.__new__(http.ResponseData)
    data.http_version = b"HTTP/1.1"
    data.status_code = status
    data.reason = _REASONS.get(status, b"Error")
    data.headers = headers(fields)
    data.content = content
    data.trailers = None
    data.timestamp_start = data.timestamp_end = time.time()
    return made
