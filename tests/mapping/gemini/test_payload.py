"""Payloads: responses, wrapped or not, and errors in their place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.gemini.payload import in_turn, responses, unwrap


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'{"candidates":[]}', [{"candidates": []}], id="response"),
        pytest.param(b'{"usageMetadata":{}}', [{"usageMetadata": {}}], id="usage-only"),
        pytest.param(b"{}", [{}], id="empty"),
        pytest.param(b'{"error":null,"candidates":[]}', [{"error": None, "candidates": []}], id="null-error"),
        pytest.param(b'[{"candidates":[]},{}]', [{"candidates": []}, {}], id="list"),
        pytest.param(
            b'{"response":{"candidates":[]},"traceId":"t"}', [{"candidates": [], "responseId": "t"}], id="wrapped"
        ),
        pytest.param(
            b'{"response":{"candidates":[],"responseId":"r"},"traceId":"t"}',
            [{"candidates": [], "responseId": "r"}],
            id="wrapped-with-id",
        ),
        pytest.param(b" [DONE] ", [], id="done"),
    ],
)
def test_responses(data: bytes, expected: list[Any]) -> None:
    assert responses(data) == expected
    assert list(in_turn([data, data])) == expected * 2


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        pytest.param(b'{"error":{"code":503,"message":"x"}}', 503, Kind.CAPACITY, id="error"),
        pytest.param(b'[{"error":{"code":503,"message":"x"}}]', 503, Kind.CAPACITY, id="error-in-list"),
        pytest.param(b'{"candidates":[],"error":{"code":503}}', 503, Kind.CAPACITY, id="error-beside-candidates"),
        pytest.param(b'{"response":{"error":{"code":503}}}', 503, Kind.CAPACITY, id="wrapped-error"),
        pytest.param(b"", 500, Kind.ANSWER, id="nothing"),
        pytest.param(b'{"a":', 500, Kind.ANSWER, id="cut-off"),
        pytest.param(b"\xff\xfe", 500, Kind.ANSWER, id="not-UTF-8"),
        pytest.param(b"<html>", 500, Kind.ANSWER, id="HTML"),
        pytest.param(b"5", 500, Kind.ANSWER, id="number"),
        pytest.param(b"[]", 500, Kind.ANSWER, id="empty-list"),
        pytest.param(b"[[{}]]", 500, Kind.ANSWER, id="list-in-list"),
        pytest.param(b"[" * 100_000, 500, Kind.ANSWER, id="too-deep"),
    ],
)
def test_faults(data: bytes, status: int, kind: Kind) -> None:
    with pytest.raises(UpstreamError) as caught:
        responses(data)
    assert (caught.value.error.status, caught.value.kind) == (status, kind)


def test_what_came_before_a_fault_is_read_before_it() -> None:
    read = in_turn([b'{"candidates":[1]}', b'{"candidates":[%d]}' % 2**70, b'{"error":{"code":503}}', b"{}"])
    assert [next(read), next(read)] == [{"candidates": [1]}, {"candidates": [2**70]}]
    with pytest.raises(UpstreamError):
        next(read)


def test_nothing_is_changed_in_place() -> None:
    inner: dict[str, Any] = {"candidates": []}
    unwrap({"response": inner, "traceId": "t"})
    assert inner == {"candidates": []}


@given(st.binary())
def test_any_bytes(data: bytes) -> None:
    try:
        assert all(isinstance(response, dict) for response in responses(data))
    except UpstreamError:
        pass
