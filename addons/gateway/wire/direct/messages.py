"""mitmproxy's flows and messages, made without the type checks of their constructors, and as bytes for the wire."""

from __future__ import annotations

import os
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


def is_plain_http(data: bytes) -> bool:
    """Whether a connection begins with a plain HTTP/1 request for a path. TLS, HTTP/2 and the like do not."""
    method, space, rest = data[:32].partition(b" ")
    if not space:
        return len(data) < 32 and method.isalpha() and method.isupper()
    return method.isalpha() and method.isupper() and (not rest or rest.startswith(b"/"))
