"""Every parser that sees bytes from outside, with good inputs that were damaged. See `targets` for what must hold."""

from __future__ import annotations

import pytest
from google.auth import _exponential_backoff
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import CODERS, FUZZED

JUNK = [
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\r\n\r\n", b"data: ", b"data: [DONE]\n\n"),
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b'"\\ud83d"', b"null", b"true", b"NaN", b"-0", b"1e999"),
    *(b"9" * 30, b"-1", b"0.5", b'""', b"{}", b"[]", b"[" * 2000, b'{"a":' * 2000, b'{"error":1}', b'"x":1,"x":2,'),
]
"""What parsers stumble over."""


@st.composite
def damaged(draw: st.DrawFn, begin: list[bytes]) -> bytes:
    """A good input after some damage: bytes changed, cut out, repeated, put in from another one."""
    data = draw(st.sampled_from(begin))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.sampled_from((0, 1, 2, 8, 100, 10_000))))
        other = draw(st.sampled_from(begin))
        where = draw(st.integers(0, len(other)))
        piece = draw(st.sampled_from(JUNK) | st.binary(max_size=4) | st.just(other[where : where + 60]))
        data = data[:at] + draw(st.sampled_from((piece, b"", data[at:end] * 2))) + data[end:]
    return data


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """google-auth waits for seconds before it asks a failing server again."""
    monkeypatch.setattr(_exponential_backoff._BaseExponentialBackoff, "_calculate_jitter", lambda self: 0)


@pytest.mark.parametrize("name", FUZZED)
def test_damaged_input(name: str) -> None:
    fuzzed = FUZZED[name]

    @settings(suppress_health_check=list(HealthCheck))
    @given(damaged(fuzzed.begin()) | st.binary(max_size=60))
    def check(data: bytes) -> None:
        fuzzed.target(data)

    check()


@pytest.mark.parametrize("name", FUZZED)
def test_good_input(name: str) -> None:
    for data in FUZZED[name].begin():
        FUZZED[name].target(data)


@pytest.mark.parametrize("name", CODERS)
def test_cut_bodies(name: str) -> None:
    """A compressed body that ends too early is refused, wherever that is."""
    number = list(CODERS).index(name)
    data = CODERS[name](b'{"model": "m", "messages": []}' * 20)
    for length in range(0, len(data), 7):
        FUZZED["client-body"].target(bytes([number]) + data[:length])
