"""The span that a client names."""

from __future__ import annotations

import pytest

from addons.gateway.http.trace_context import ClientSpan, parent_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01".encode()


def test_a_parent_and_its_state() -> None:
    fields = [(b"Host", b"x"), (b"Traceparent", GOOD), (b"tracestate", b"a=1"), (b"TraceState", b"b=2")]
    assert parent_of(fields) == ClientSpan(bytes.fromhex(TRACE), bytes.fromhex(SPAN), "a=1,b=2", True)


def test_a_parent_that_nobody_keeps() -> None:
    found = parent_of([(b"traceparent", GOOD[:-2] + b"00")])
    assert found is not None
    assert not found.sampled


def test_a_version_to_come_may_have_more() -> None:
    assert parent_of([(b"traceparent", b"01" + GOOD[2:] + b"-more")]) is not None


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"traceparent", b"")],
        [(b"traceparent", b"ff" + GOOD[2:])],
        [(b"traceparent", GOOD + b"-more")],
        [(b"traceparent", GOOD.upper())],
        [(b"traceparent", b"00-" + b"0" * 32 + GOOD[35:])],
        [(b"traceparent", GOOD[:36] + b"0" * 16 + b"-01")],
        [(b"traceparent", GOOD), (b"traceparent", GOOD)],
        [(b"tracestate", b"a=1")],
    ],
)
def test_what_is_none(fields: list[tuple[bytes, bytes]]) -> None:
    assert parent_of(fields) is None


def test_a_state_that_is_too_long_is_left_out() -> None:
    found = parent_of([(b"traceparent", GOOD), (b"tracestate", b"a=" + b"1" * 600)])
    assert found is not None
    assert found.state == ""
