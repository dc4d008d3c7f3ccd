"""addons.gateway.accounts.quota_day: when daily quotas start anew."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from addons.gateway.accounts.quota_day import day_of, seconds_to_reset


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 22, 8, 0, tzinfo=UTC), 24),  # midnight in winter time
        (datetime(2026, 11, 22, 7, 0, tzinfo=UTC), 1),
        (datetime(2026, 7, 1, 6, 0, tzinfo=UTC), 1),  # summer time
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), 24.5),  # the day on which the clocks go back has 25 hours
    ],
)
def test_midnight_pacific(now: datetime, hours: float) -> None:
    assert seconds_to_reset(now) == hours * 3600


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 30, 7, 59, tzinfo=UTC), "2026-11-29"),
        (datetime(2026, 11, 30, 8, 0, tzinfo=UTC), "2026-11-30"),
        (datetime(2026, 7, 1, 6, 59, tzinfo=UTC), "2026-06-30"),  # summer time
        (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), "2026-07-01"),
    ],
)
def test_days_are_those_of_the_quota(moment: datetime, day: str) -> None:
    assert day_of(moment.timestamp()) == day
