"""addons.gateway.record.secrets: what is taken out of recorded messages."""

from __future__ import annotations

import gzip
import json

import pytest
from mitmproxy import http

from addons.gateway.record import secrets

KEY = b"secret-key-1/+"
STANDS_FOR_IT = secrets.STANDS_FOR_IT.decode()

PATHS = [
    ("/v1/models", "/v1/models"),
    ("/v1/models?after=a&limit=2", "/v1/models?after=a&limit=2"),
    ("/v1/models?key=abc", f"/v1/models?key={STANDS_FOR_IT}"),
    ("/v1/models?a=1&api-key=abc&b=2", f"/v1/models?a=1&api-key={STANDS_FOR_IT}&b=2"),
    ("/v1/models?access_token=abc", f"/v1/models?access_token={STANDS_FOR_IT}"),
    ("/v1/models?pageToken=abc&max_tokens=7", "/v1/models?pageToken=abc&max_tokens=7"),
    ("/v1/secret-key-1%2F%2B/models", f"/v1/{STANDS_FOR_IT}/models"),
]
HEADERS = [
    ("api-key", "abc", "… (3 characters)"),
    ("X-Auth-Token", "s" * 19, "… (19 characters)"),
    ("X-Auth-Token", "head" + "s" * 12 + "tail", "head…tail (20 characters)"),
    ("Authorization", "Bearer head" + "s" * 12 + "tail", "Bearer head…tail (20 characters)"),
    ("Authorization", "Bearer " + KEY.decode(), "Bearer … (14 characters)"),
    ("Authorization", "Basic " + "s" * 40, "Basic … (40 characters)"),
    ("Authorization", "Bearer head…tail (20 characters)", "Bearer head…tail (20 characters)"),
    ("Authorization", "Bearer … (3 characters)", "Bearer … (3 characters)"),
    ("x-goog-api-key", "ключ" * 10, "… (40 characters)"),
    ("set-cookie", "session=" + "s" * 40, "… (48 characters)"),
    ("Idempotency-Key", "abc", "abc"),
    ("User-Agent", "abc", "abc"),
    ("X-Ours", f"k={KEY.decode()};", f"k={STANDS_FOR_IT};"),
]


@pytest.mark.parametrize(("path", "kept"), PATHS)
def test_paths(path: str, kept: str) -> None:
    request = http.Request.make("GET", f"http://127.0.0.1{path}")
    secrets.clean(request, secrets.known([KEY]))
    assert request.path == kept


@pytest.mark.parametrize(("name", "value", "kept"), HEADERS)
def test_header_fields(name: str, value: str, kept: str) -> None:
    response = http.Response.make(200, b"", http.Headers([(name.encode(), value.encode())]))
    secrets.clean(response, secrets.known([KEY]))
    assert response.headers[name] == kept


def test_bodies() -> None:
    response = http.Response.make(200, b"It is " + KEY)
    secrets.clean(response, secrets.known([KEY]))
    assert response.content == b"It is " + secrets.STANDS_FOR_IT


def test_keys_within_json() -> None:
    odd = 'quote-"-and-\\'
    request = http.Request.make("POST", "http://127.0.0.1/", json.dumps([odd, "x"]).encode())
    secrets.clean(request, secrets.known([odd.encode()]))
    assert request.json() == [STANDS_FOR_IT, "x"]
    php = http.Request.make("POST", "http://127.0.0.1/", json.dumps(KEY.decode()).replace("/", "\\/").encode())
    secrets.clean(php, secrets.known([KEY]))
    assert php.json() == STANDS_FOR_IT


def test_compressed_bodies() -> None:
    request = http.Request.make("POST", "http://127.0.0.1/", gzip.compress(b"It is " + KEY))
    request.headers["Content-Encoding"] = "gzip"
    secrets.clean(request, secrets.known([KEY]))
    assert (request.raw_content, request.content) == (b"It is " + secrets.STANDS_FOR_IT,) * 2
    without = gzip.compress(b"It is nothing")
    response = http.Response.make(200, b"", {"content-encoding": "gzip"})
    response.raw_content = without
    secrets.clean(response, secrets.known([KEY]))
    assert response.raw_content == without


def test_words_are_no_credentials() -> None:
    """A short key, as tests have them, is not looked for: it would be found in ordinary text."""
    assert secrets.known([b"any", b""]) == ()


def test_values_of_json() -> None:
    hidden = secrets.known([KEY])
    said = {"history": [{"text": f"It is {KEY.decode()}", "n": 1.5}], "none": None}
    assert secrets.without_in(hidden, said) == {"history": [{"text": f"It is {STANDS_FOR_IT}", "n": 1.5}], "none": None}
    digits = secrets.known([b"12345678"])
    assert secrets.without_in(digits, {"n": 12345678, "m": [1.5, True], "12345678": "x"}) == {
        "n": STANDS_FOR_IT,
        "m": [1.5, True],
        STANDS_FOR_IT: "x",
    }
    harmless = {"text": "It is nothing"}
    assert secrets.without_in(hidden, harmless) is harmless
    odd = {"bytes": KEY}
    assert secrets.without_in(hidden, odd) is odd
