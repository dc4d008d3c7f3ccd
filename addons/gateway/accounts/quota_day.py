"""When daily quotas start anew: at midnight Pacific time (Gemini API documentation, "Rate limits").

Google's bills go by the same days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ZONE = "America/Los_Angeles"
_WINTER = 8
"""Hours for which its winter time is behind UTC."""


def seconds_to_reset(now: datetime | None = None) -> float:
    """Seconds until the next midnight Pacific time."""
    now = now or datetime.now(UTC)
    try:
        zone = ZoneInfo(_ZONE)
    except ZoneInfoNotFoundError:  # no time zone data on this machine: the winter time is at most an hour late
        local = now - timedelta(hours=_WINTER)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - local).total_seconds()
    local = now.astimezone(zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - now).total_seconds()


def day_of(when: float) -> str:
    """The day that a moment is in, in Unix seconds: `2026-11-29`. Raises ValueError or OverflowError for no moment."""
    return _day_of_hour(int(when // 3600))


@lru_cache(16)
def _day_of_hour(hours: int) -> str:
    now = datetime.fromtimestamp(hours * 3600, UTC)
    try:
        return f"{now.astimezone(ZoneInfo(_ZONE)):%Y-%m-%d}"
    except ZoneInfoNotFoundError:
        return f"{now - timedelta(hours=_WINTER):%Y-%m-%d}"
