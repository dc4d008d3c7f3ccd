"""addons.gateway.http.fields: the same as mitmproxy's `Headers` gives."""

from __future__ import annotations

import pytest
from mitmproxy import http

from addons.gateway.http import fields

FIELDS = [(b"Accept", b"a"), (b"x-Name", b"1"), (b"X-NAME", b"2 \xc3\xa9"), (b"Empty", b""), (b"odd", b"\xff")]


def test_headers_are_those_of_the_constructor() -> None:
    assert fields.headers(FIELDS) == http.Headers(FIELDS)
    assert vars(fields.headers(iter(FIELDS))) == vars(http.Headers(FIELDS))


@pytest.mark.parametrize("name", ["accept", "x-name", "empty", "odd", "missing"])
def test_a_value_is_what_get_gives(name: str) -> None:
    request = http.Request.make("GET", "http://x/", headers=http.Headers(FIELDS))
    assert fields.value(request, name.encode()) == request.headers.get(name)


@pytest.mark.parametrize("name", ["accept", "x-name", "missing"])
def test_what_is_taken_is_gone(name: str) -> None:
    request, wanted = (http.Request.make("GET", "http://x/", headers=http.Headers(FIELDS)) for _ in range(2))
    assert fields.taken(request, name.encode()) == wanted.headers.pop(name, None)
    assert request.headers == wanted.headers
