"""addons.gateway.wire.bodies: bodies of requests and of answers, decompressed within bounds."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http

from addons.gateway.wire import bodies
from mapping.dialect import json_object
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.values import JSON


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": bodies.zstd.compress,
}


def request(content: bytes, encoding: str | None = None) -> http.Request:
    made = http.Request.make("POST", "http://gateway/")
    made.raw_content = content
    if encoding is not None:
        made.headers["content-encoding"] = encoding
    return made


def value(made: http.Request) -> JSON:
    return json_object(bodies.received(made).body)


@pytest.mark.parametrize("encoding", CODERS)
def test_encodings(encoding: str) -> None:
    assert value(request(CODERS[encoding](b'{"a": 1}'), encoding)) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (b'{"a": 1}', None, 200),
        (b'{"a": 1}', "identity", 200),
        (raw_deflate(b'{"a": 1}'), "deflate", 200),
        (gzip.compress(b'{"a": 1}'), "GZIP", 200),
        (b"", None, 400),
        (b"{", None, 400),
        (b'{"a": 1}', "gzip", 400),
        (b'{"a": 1}', "rot13", 400),
        (gzip.compress(b'{"a": 1}')[:-9], "gzip", 400),
        (brotli.compress(b'{"a": 1}')[:-1], "br", 400),
        (bodies.zstd.compress(b'{"a": 1}')[:-1], "zstd", 400),
        (bodies.zstd.compress(b'{"a":') + bodies.zstd.compress(b" 1}"), "zstd", 200),
        (gzip.compress(b'{"a":') + gzip.compress(b" 1") + gzip.compress(b"}") + bytes(9), "gzip", 200),
        (gzip.compress(b'{"a": 1}') + gzip.compress(b", more"), "gzip", 400),
        (gzip.compress(b'{"a": 1}') + b"more", "gzip", 400),
    ],
    ids=[
        "plain",
        "identity",
        "raw deflate",
        "upper case",
        "none",
        "cut",
        "not gzip",
        "unknown",
        "cut gzip",
        "cut br",
        "cut zstd",
        "two frames",
        "three members",
        "a member too many",
        "more than gzip",
    ],
)
def test_what_is_taken(content: bytes, encoding: str | None, status: int) -> None:
    if status == 200:
        assert value(request(content, encoding)) == {"a": 1}
    else:
        with pytest.raises(Fault) as e:
            value(request(content, encoding))
        assert e.value.status == status


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_streams_that_follow_one_another_may_be_large(encoding: str) -> None:
    parts = [b'{"a": "', random.Random(0).randbytes(10_000).hex().encode(), b'"}']
    content = b"".join(CODERS[encoding](part) for part in parts)
    assert value(request(content, encoding)) == {"a": parts[1].decode()}
    assert bodies.decompressed(request(content, encoding)) == b"".join(parts)


def test_zeros_between_members_do_not_count() -> None:
    zeros = bytes(10_000)
    content = gzip.compress(b'{"a":') + zeros + gzip.compress(b" 1}") + zeros
    assert value(request(content, "gzip")) == {"a": 1}


class Counted:
    """A decoder that counts what it is handed."""

    handed = 0

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        Counted.handed += len(data)
        return self._decoder.decompress(data, max_length)


def test_many_small_streams_take_no_more_than_so_many_times_as_long() -> None:
    """Else a body of a megabyte, which holds nothing, would hold up all others for seconds."""

    def handed(count: int) -> int:
        Counted.handed = 0
        assert bodies._streams(gzip.compress(b"") * count, 10, Counted) == b""
        return Counted.handed

    assert handed(10_000) < 15 * handed(1000)


@pytest.mark.parametrize("encoding", CODERS)
def test_bombs(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BYTES", 5 * 2**20)
    bomb = CODERS[encoding](bytes(50 * 2**20))
    assert len(bomb) < 10**5
    with pytest.raises(Fault) as e:
        bodies.received(request(bomb, encoding))
    assert (e.value.status, e.value.code) == (413, "request_too_large")


@given(st.binary(max_size=200), st.sampled_from([*CODERS, "x-gzip", ""]))
def test_any_bytes(content: bytes, encoding: str) -> None:
    try:
        bodies.received(request(content, encoding))
    except Fault:
        pass


PIECES = [b'{"a": ', b"1}", b" " * 50]


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "x-gzip", "GZIP ", "deflate"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_the_same_however_it_comes(encoding: str, size: int) -> None:
    coder = CODERS.get(encoding.strip().lower().removeprefix("x-"), bytes)
    data = coder(b"".join(PIECES))
    reader = bodies.BodyReader(encoding)
    assert b"".join(reader.read(data[i : i + size]) for i in range(0, len(data), size)) == b"".join(PIECES)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_members_of_an_answer_follow_one_another(size: int) -> None:
    """What comes after them is passed over, and nothing of it kept."""
    data = b"".join(gzip.compress(piece) for piece in PIECES)
    reader = bodies.BodyReader("gzip")
    data += b"more"
    assert b"".join(reader.read(data[i : i + size]) for i in range(0, len(data), size)) == b"".join(PIECES)
    assert reader.read(gzip.compress(b"again")) == b""
    assert reader._decoder is not None
    assert len(reader._decoder.unused_data) < size + 4


@pytest.mark.parametrize(
    ("encoding", "data", "code"),
    [
        ("gzip", gzip.compress(bytes(50 * 2**20)), "upstream_too_large"),
        ("gzip", gzip.compress(bytes(2**20)) * 6, "upstream_too_large"),
        ("", bytes(6 * 2**20), "upstream_too_large"),
        ("gzip", b"not gzip", "upstream_encoding"),
        ("rot13", b"", "upstream_encoding"),
    ],
    ids=["bomb", "bomb of members", "large", "broken", "unknown"],
)
def test_an_answer_that_is_not_taken(encoding: str, data: bytes, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BYTES", 5 * 2**20)

    def read() -> None:
        reader = bodies.BodyReader(encoding)
        for start in range(0, len(data), 65536):
            assert len(reader.read(data[start : start + 65536])) <= 5 * 2**20

    with pytest.raises(UpstreamError) as e:
        read()
    assert (e.value.error.status, e.value.error.code) == (502, code)


@pytest.mark.parametrize("encoding", [*CODERS, "x-gzip", "GZIP"])
def test_what_is_recorded_is_decompressed_within_bounds(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BYTES", 2**20)
    code = CODERS.get(encoding, gzip.compress)
    assert bodies.decompressed(request(code(b"a" * 2**20), encoding)) == b"a" * 2**20
    for content in (code(b"a" * 2**22), b"none of it"):
        assert bodies.decompressed(request(content, encoding)) == content
    assert bodies.decompressed(None) == b""


def test_of_half_a_recorded_body_there_is_what_came() -> None:
    whole = b"".join(b"%d " % number for number in range(1000))
    assert bodies.decompressed(request(gzip.compress(whole)[:-100], "gzip")) in whole
    assert bodies.decompressed(request(b"as it is", "nothing-known")) == b"as it is"
