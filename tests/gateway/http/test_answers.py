"""addons.gateway.http.answers: headers that tell clients when to come back."""

from __future__ import annotations

import pytest

from addons.gateway.http.answers import error, raw_error
from mapping.faults import Fault
from mapping.openai.errors import retry_fields


@pytest.mark.parametrize(
    ("retry_after", "should_retry", "fields"),
    [
        (None, None, {}),
        (0.9, None, {b"Retry-After": b"1", b"retry-after-ms": b"900"}),
        (12.2, None, {b"Retry-After": b"13", b"retry-after-ms": b"12200"}),
        (300, None, {b"Retry-After": b"300", b"x-should-retry": b"false"}),
        (None, True, {b"x-should-retry": b"true"}),
        (5, False, {b"Retry-After": b"5", b"retry-after-ms": b"5000", b"x-should-retry": b"false"}),
    ],
)
def test_retry_fields(retry_after: float | None, should_retry: bool | None, fields: dict[bytes, bytes]) -> None:
    problem = Fault(429, "m", retry_after=retry_after, should_retry=should_retry)
    assert dict(retry_fields(problem)) == fields


def test_error_answer() -> None:
    response = error(Fault(404, "no", code="unknown_url"), [(b"x-request-id", b"req_1")])
    assert response.status_code == 404
    assert response.headers["x-request-id"] == "req_1"
    assert response.json() == {
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "unknown_url"}
    }


def test_raw_error_is_a_whole_answer() -> None:
    head, _, body = raw_error(Fault(400, "no")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Content-Length: %d" % len(body) in head
