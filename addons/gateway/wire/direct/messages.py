"""mitmproxy's flows and messages, made without the type checks of their constructors, and as bytes for the wire."""

from __future__ import annotations

import os
import re
import time

from mitmproxy import http
from mitmproxy.connection import Client, Server

from addons.gateway.http.fields import headers

type Fields = list[tuple[bytes, bytes]]


def flow(client: Client, server: Server) -> http.HTTPFlow:
    """A flow of a request that is being served; the request is filled in later."""
    made = http.HTTPFlow.__new__(http.HTTPFlow)
    made.id = _uuid()
    made.client_conn = client
    made.server_conn = server
    made.live = True
    made.timestamp_created = time.time()
    made.intercepted = False
    made._resume_event = None
    made._backup = None
    made.marked = ""
    made.is_replay = None
    made.metadata = {}
    made.comment = ""
    return made


def _uuid() -> str:
    """What `str(uuid.uuid4())` gives (RFC 9562, version 4)."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def request(method: bytes, path: bytes, version: str, fields: Fields) -> http.Request:
    """A request as it was read; where it goes to, its body and the end of its time are filled in later."""
    made = http.Request.__new__(http.Request)
    made.data = data = http.RequestData.__new__(http.RequestData)
    data.http_version = b"HTTP/1.1" if version == "1.1" else b"HTTP/" + version.encode()
    data.headers = headers(fields)
    data.content = b""
    data.trailers = None
    data.timestamp_start = data.timestamp_end = time.time()
    data.host = ""
    data.port = 0
    data.method = method
    data.scheme = b"http"
    data.authority = b""
    data.path = path
    return made


def response(status: int, reason: bytes, version: str, fields: Fields) -> http.Response:
    """The head of an upstream's answer as it was read; its body is filled in later."""
    made = http.Response.__new__(http.Response)
    made.data = data = http.ResponseData.__new__(http.ResponseData)
    data.http_version = b"HTTP/1.1" if version == "1.1" else b"HTTP/" + version.encode()
    data.status_code = status
    data.reason = reason
    data.headers = headers(fields)
    data.content = None
    data.trailers = None
    data.timestamp_start = time.time()
    data.timestamp_end = None
    return made


def request_head(request: http.Request) -> bytes:
    """The bytes of a request's head."""
    data = request.data
    lines = [b"%b %b HTTP/1.1" % (data.method, data.path)]
    lines += [b"%b: %b" % field for field in data.headers.fields]
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def response_head(response: http.Response) -> bytes:
    """The bytes of a response's head."""
    data = response.data
    version = data.http_version if data.http_version.startswith(b"HTTP/1.") else b"HTTP/1.1"
    lines = [b"%b %d %b" % (version, data.status_code, data.reason)]
    lines += [b"%b: %b" % field for field in data.headers.fields]
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def by_name(fields: Fields | tuple[tuple[bytes, bytes], ...]) -> dict[bytes, bytes]:
    """The values of header fields by their names in lower case; the last one where there are several."""
    return {name.lower(): value for name, value in fields}


def chunk(data: bytes) -> bytes:
    """A chunk of a body that is sent in chunks. Not for b"": that would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def size(path: bytes, fields: Fields) -> int:
    """About how many bytes the head of a request has."""
    return len(path) + sum(len(name) + len(value) + 4 for name, value in fields)


def origin_form(target: bytes) -> bytes:
    """The path of a request's target that does not begin with one. b"" for what is none (RFC 9112, 3.2)."""
    if target == b"*":
        return target
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        return b""
    path = target[absolute.end() :]
    return path if path.startswith(b"/") else b"/" + path


_ABSOLUTE = re.compile(rb"https?://[^/?#]+", re.IGNORECASE)
_OF_BODY = (b"content-length", b"transfer-encoding")
_FRAMING = (*_OF_BODY, b"connection")


def has_body(fields: Fields) -> bool:
    """Whether a request announces a body that is not empty."""
    return any(name.lower() in _OF_BODY and value.strip(b" \t0") for name, value in fields)


def framing_head(fields: Fields) -> bytes:
    """The head of a request that says nothing but how the body of one with `fields` is framed, and what comes then."""
    lines = [b"POST / HTTP/1.1", *(b"%b: %b" % field for field in fields if field[0].lower() in _FRAMING), b"\r\n"]
    return b"\r\n".join(lines)


def is_plain_http(data: bytes) -> bool:
    """Whether a connection that begins so brings a plain HTTP/1 request for a path. TLS, HTTP/2 and the like do not."""
    data = data.lstrip(b"\r\n")  # empty lines before a request do not count (RFC 9112, 2.2)
    if not data:
        return True
    method, space, rest = data[:32].partition(b" ")
    if not space:
        return len(data) < 32 and method.isalpha() and method.isupper()
    return method.isalpha() and method.isupper() and (not rest or rest.startswith(b"/"))
