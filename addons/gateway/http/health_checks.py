"""Health checks that come again and again: a load balancer's, each second. The log tells of the first one."""

from __future__ import annotations

from addons.gateway.http import routes

AGAIN_WITHIN = 60.0
"""Seconds after the last one of the same address within which another one is no news."""
MOST_ADDRESSES = 1000


class HealthChecks:
    """Who has checked, and when."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        """The time of the last one, by the address of who asks."""

    def comes_again(self, method: str, path: str, address: str, now: float) -> bool:
        """Whether a request is such a check. `path` is without the query; `now` in seconds of any clock."""
        if not routes.is_health(method, path):
            return False
        last = self._last.get(address)
        if last is None and len(self._last) >= MOST_ADDRESSES:
            self._last.clear()
        self._last[address] = now
        return last is not None and now - last <= AGAIN_WITHIN
