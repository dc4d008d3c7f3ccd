"""addons.gateway.http.health_checks: which health checks are no news."""

from __future__ import annotations

import pytest

from addons.gateway.http import health_checks
from addons.gateway.http.health_checks import AGAIN_WITHIN, HealthChecks


@pytest.mark.parametrize(
    ("method", "path", "address", "after", "again"),
    [
        ("GET", "/healthz", "127.0.0.1", 1, True),
        ("GET", "/healthz", "127.0.0.1", AGAIN_WITHIN, True),
        ("GET", "/healthz", "127.0.0.1", AGAIN_WITHIN + 1, False),
        ("HEAD", "/healthz", "127.0.0.1", 1, True),
        ("GET", "/healthz", "127.0.0.9", 1, False),
        ("GET", "/status.json", "127.0.0.1", 1, False),
        ("POST", "/v1/chat/completions", "127.0.0.1", 1, False),
    ],
)
def test_what_comes_again(method: str, path: str, address: str, after: float, again: bool) -> None:
    checks = HealthChecks()
    assert not checks.comes_again("GET", "/healthz", "127.0.0.1", 100.0)
    assert checks.comes_again(method, path, address, 100.0 + after) == again


def test_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_checks, "MOST_ADDRESSES", 2)
    checks = HealthChecks()
    for number in range(3):
        assert not checks.comes_again("GET", "/healthz", f"127.0.0.{number}", 0.0)
    assert checks.comes_again("GET", "/healthz", "127.0.0.2", 0.0)
    assert not checks.comes_again("GET", "/healthz", "127.0.0.0", 0.0)
