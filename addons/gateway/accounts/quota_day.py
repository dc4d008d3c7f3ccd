"""When daily quotas start anew: at midnight Pacific time (Gemini API documentation, "Rate limits")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def seconds_to_reset(now: datetime | None = None) -> float:
    """Seconds until the next midnight Pacific time."""
    now = now or datetime.now(UTC)
    try:
        zone = ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # no time zone data on this machine: the winter time is at most an hour late
        local = now - timedelta(hours=8)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return (midnight - local).total_seconds()
    local = now.astimezone(zone)
    midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - now).total_seconds()
