"""addons.gateway.wire.direct.messages: what mitmproxy's own constructors and writers make."""

from __future__ import annotations

import copy
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import flow, http
from mitmproxy.connection import Client, Server
from mitmproxy.net.http import http1

from addons.gateway.wire.direct import messages

TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~", min_size=1).map(
    str.encode
)
VALUE = st.binary(max_size=30).filter(lambda v: not {0, 10, 13} & set(v) and v == v.strip())
FIELDS = st.lists(st.tuples(TOKEN, VALUE), max_size=6)
PATH = st.text(min_size=0, max_size=30).map(lambda text: b"/" + "".join(text.split()).encode().replace(b"\0", b""))


def parts(message: http.Message) -> dict[str, Any]:
    """All that a message has, but its times, and where it goes to."""
    found = dict(vars(message.data))
    found["headers"] = found["headers"].fields
    for name in ("timestamp_start", "timestamp_end", "host", "port", "scheme", "content"):
        found.pop(name, None)
    return found


@given(TOKEN, PATH, st.sampled_from(["1.1", "1.0"]), FIELDS)
def test_requests(method: bytes, path: bytes, version: str, fields: messages.Fields) -> None:
    made = messages.request(method, path, version, fields)
    read = http.Request(
        host="", port=0, method=method, scheme=b"http", authority=b"", path=path,
        http_version=b"HTTP/" + version.encode(), headers=http.Headers(fields), content=b"", trailers=None,
        timestamp_start=1.0, timestamp_end=1.0,
    )  # fmt: skip
    assert parts(made) == parts(read)
    assert made.raw_content == b""
    assert made.timestamp_start
    made.data.http_version = b"HTTP/1.1"
    assert messages.request_head(made) == http1.assemble_request_head(made)
    assert copy.deepcopy(made.get_state()) == http.Request.from_state(made.get_state()).get_state()


@given(st.integers(200, 599), st.text("abc XYZ", max_size=9).map(str.encode), st.sampled_from(["1.1", "1.0"]), FIELDS)
def test_responses(status: int, reason: bytes, version: str, fields: messages.Fields) -> None:
    made = messages.response(status, reason, version, fields)
    read = http.Response(
        http_version=b"HTTP/" + version.encode(), status_code=status, reason=reason, headers=http.Headers(fields),
        content=None, trailers=None, timestamp_start=1.0, timestamp_end=None,
    )  # fmt: skip
    assert parts(made) == parts(read)
    assert messages.response_head(made) == http1.assemble_response_head(made)
    assert made.raw_content is None
    assert made.timestamp_end is None


def test_an_answer_that_was_another_protocols_is_written_in_this_one() -> None:
    made = http.Response.make(200, b"x")
    made.data.http_version = b"HTTP/2.0"
    assert messages.response_head(made).startswith(b"HTTP/1.1 200 ")


def test_flows() -> None:
    client = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))
    server = Server(address=("upstream.test", 443))
    made, own = messages.flow(client, server), http.HTTPFlow(client, server, live=True)
    assert set(vars(own)) <= set(vars(made)) | {"request", "response", "websocket", "error"}
    for name in set(vars(own)) - {"id", "timestamp_created"}:
        assert getattr(made, name) == getattr(own, name), name
    assert uuid.UUID(made.id).version == 4
    assert str(uuid.UUID(made.id)) == made.id
    made.request = http.Request.make("GET", "http://upstream.test/")
    assert flow.Flow.from_state(made.get_state()).get_state() == made.get_state()
    assert made.killable
    made.kill()
    assert made.error is not None


TARGETS = {
    b"*": b"*",
    b"http://localhost:8045/v1/models?a=b": b"/v1/models?a=b",
    b"HTTPS://localhost": b"/",
    b"http://localhost?a": b"/?a",
    b"localhost:8045": b"",
    b"ftp://localhost/": b"",
    b"http:///v1": b"",
    b"v1/models": b"",
}


@pytest.mark.parametrize(("target", "path"), TARGETS.items())
def test_targets(target: bytes, path: bytes) -> None:
    assert messages.origin_form(target) == path


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([], False),
        ([(b"Content-Length", b"0")], False),
        ([(b"Content-Length", b"00")], False),
        ([(b"content-length", b"10")], True),
        ([(b"Transfer-Encoding", b"chunked")], True),
        ([(b"Content-Type", b"5")], False),
    ],
)
def test_whether_there_is_a_body(fields: messages.Fields, body: bool) -> None:
    assert messages.has_body(fields) is body


def test_the_head_that_says_how_a_body_is_framed() -> None:
    fields = [(b"Host", b"x"), (b"Content-Length", b"5"), (b"Upgrade", b"h2c"), (b"Connection", b"Upgrade, close")]
    assert messages.framing_head(fields) == (
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nConnection: Upgrade, close\r\n\r\n"
    )


@pytest.mark.parametrize("data", [b"x", b"x" * 300])
def test_chunks(data: bytes) -> None:
    assert messages.chunk(data) == b"%x\r\n%b\r\n" % (len(data), data)


PLAIN = [b"G", b"GET", b"GET ", b"GET /", b"POST /v1 HTTP/1.1\r\n", b"OPTIONS /x", b"\r\n", b"\r\n\r\nGET /"]
OTHER = [
    b"\x16\x03\x01",
    b"PRI * HTTP/2.0",
    b"CONNECT a:443",
    b"get /",
    b"GET http://a/",
    b"G\r\n",
    b"X" * 40,
    b"\r\nPRI * HTTP/2.0",
]


def test_how_a_plain_connection_begins() -> None:
    assert all(map(messages.is_plain_http, PLAIN))
    assert not any(map(messages.is_plain_http, OTHER))
