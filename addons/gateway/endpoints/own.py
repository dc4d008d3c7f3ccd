"""The paths at which the gateway tells of itself: health, metrics, status. No model is asked for them."""

from __future__ import annotations

from collections.abc import Callable

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.routes import Match
from addons.gateway.status import page
from addons.gateway.status.metrics import CONTENT_TYPE, Metrics
from addons.gateway.status.overview import Watched


def endpoints(watched: Watched, metrics: Metrics) -> dict[str, Callable[[Facts, Match], None]]:
    """By name. Each is given an exchange, and answers it."""
    return {
        "health": lambda exchange, match: exchange.succeed(b'{"status":"ok"}'),
        "metrics": lambda exchange, match: exchange.succeed(metrics.text(), [(b"Content-Type", CONTENT_TYPE)]),
        "status": lambda exchange, match: page.show(exchange, watched),
        "status_json": lambda exchange, match: page.show_json(exchange, watched),
    }
