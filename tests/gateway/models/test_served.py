"""addons.gateway.models.served: which model answers under which name, by the day and by what was seen."""

from __future__ import annotations

from datetime import date

import pytest

from addons.gateway.models.served import MAX_AGE, MAX_MODELS, ServedModels


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("asked", "day", "answers"),
    [
        ("gemini-3.5-flash", date(2026, 10, 7), None),
        ("gemini-3.5-flash", date(2026, 10, 8), "gemini-3.6-flash"),
        ("gemini-2.5-pro", date(2026, 11, 30), None),
        ("gemini-2.5-pro", date(2026, 12, 1), "gemini-3.8-flash"),
        ("gemini-2.0-flash", date(2026, 12, 1), None),
        ("gemini-9-mega", date(2026, 12, 1), None),
    ],
)
def test_the_catalogue_says_it_by_the_day(asked: str, day: date, answers: str | None) -> None:
    assert ServedModels(lambda: day).instead_of(asked) == answers


def test_what_was_seen_counts_more_for_a_day() -> None:
    clock = Clock()
    served = ServedModels(lambda: date(2026, 10, 8), clock)
    served.saw("gemini-3.5-flash", "gemini-3.8-flash")
    served.saw("gemini-flash-latest", "gemini-3.6-flash")
    assert served.instead_of("gemini-3.5-flash") == "gemini-3.8-flash"
    clock.now += MAX_AGE
    assert served.instead_of("gemini-3.5-flash") == "gemini-3.6-flash"
    assert served.instead_of("gemini-flash-latest") is None


def test_it_is_bounded() -> None:
    served = ServedModels(lambda: date(2026, 10, 1))
    for number in range(MAX_MODELS + 1):
        served.saw(f"tuned-{number}", "gemini-3.8-flash")
    assert served.instead_of("tuned-0") is None
    assert served.instead_of("tuned-1") == "gemini-3.8-flash"
