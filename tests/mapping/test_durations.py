"""mapping.durations: lengths of time as texts."""

from __future__ import annotations

import re

import pytest

from mapping import durations

READ = [
    ("10s", 10.0),
    ("500ms", 0.5),
    (" 2 m ", 120.0),
    ("1.5h", 5400.0),
    ("1.s", 1.0),
    ("30d", 2_592_000.0),
    ("1h2m3.5s", 3723.5),
    ("5us4µs3ns", 9.003e-6),
    ("0s", 0.0),
    ("", None),
    ("10", None),
    ("s", None),
    ("-1s", None),
    ("1 month", None),
    ("1s later", None),
    ("1e3s", None),
    ("٣s", None),
    ("9" * 19 + "s", None),
]


@pytest.mark.parametrize(("text", "seconds"), READ)
def test_lengths_of_time(text: str, seconds: float | None) -> None:
    assert durations.seconds(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "found"), [("in 1h2m3.5s.", "1h2m3.5s"), ("after 900ms", "900ms"), ("in 5 minutes", None)]
)
def test_in_a_text(text: str, found: str | None) -> None:
    match = re.search(durations.IN_TEXT, text)
    assert (match[0] if match else None) == found
