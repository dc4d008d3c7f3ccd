"""The paths at which the gateway tells of itself: health, metrics, status. No model is asked for them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

from mitmproxy import http

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.admission import path_of, stopping
from addons.gateway.http.health_checks import HealthChecks
from addons.gateway.http.routes import Match, is_own
from addons.gateway.status import page
from addons.gateway.status.everyone import Everyone
from addons.gateway.status.overview import Measured

if TYPE_CHECKING:
    from addons.gateway.status.metrics import Metrics


class Drained(Measured, Protocol):
    """What the paths tell of: the gateway."""

    draining: bool
    """The end has begun: a load balancer should send nothing more."""


def endpoints(
    watched: Drained, everyone: Everyone | None = None
) -> dict[str, Callable[[Facts, Match], Awaitable[None] | None]]:
    """By name. Each is given an exchange, and answers it. `everyone`: this gateway is one of several workers."""

    @cache
    def metrics() -> Metrics:
        from addons.gateway.status.metrics import Metrics  # prometheus-client takes its time to load

        return Metrics(watched)

    well = everyone.show_health if everyone is not None else _show_well

    def health(exchange: Facts, match: Match) -> None:
        if watched.draining:
            raise stopping()
        well(exchange, match)

    told = {"hello": lambda exchange, match: exchange.succeed(b'{"message":"hello"}'), "health": health}
    if everyone is not None:
        return {
            **told,
            "metrics": everyone.show_metrics,
            "status": everyone.show_status,
            "status_json": everyone.show_status_json,
        }
    return {
        **told,
        "metrics": lambda exchange, match: metrics().show(exchange),
        "status": lambda exchange, match: page.show(exchange, watched),
        "status_json": lambda exchange, match: page.show_json(exchange, watched),
    }


def _show_well(exchange: Facts, match: Match) -> None:
    exchange.succeed(b'{"status":"ok"}')


def look_at(exchange: Facts, request: http.Request, checks: HealthChecks, *, shows_own: bool) -> None:
    """Whether a request that has just arrived is about the gateway itself, and whether a person asks.

    `request` will be the flow's. `shows_own`: calls for the gateway itself are shown and saved as others are.
    """
    path = path_of(request)
    exchange.is_poll = page.is_poll(request)
    exchange.is_own = exchange.is_poll or (not shows_own and is_own(request.method, path))
    if checks.comes_again(request.method, path, exchange.caller.address, time.monotonic()):
        exchange.is_poll = True
    if page.is_page(request):
        exchange.show_error = partial(page.refusal, request)
