"""Numbers for a monitoring system: `GET /metrics` in Prometheus' text format, by the prometheus-client package.

Labels are of few values: endpoints, models that answered, account labels, statuses. Nothing of what a client wrote
becomes a label.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from addons.gateway.exchange import Exchange
    from addons.gateway.gateway import Gateway

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Metrics:
    """The numbers of one gateway since it started."""

    def __init__(self, gateway: Gateway) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "gateway_requests", "Requests that were answered.", ["endpoint", "model", "status"], registry=registry
        )
        self.attempts = Counter(
            "gateway_attempts", "Attempts at an upstream.", ["account", "outcome"], registry=registry
        )
        self.tokens = Counter("gateway_tokens", "Tokens of answers.", ["model", "kind"], registry=registry)
        self.first = Histogram(
            "gateway_first_chunk_seconds", "Until the first bytes of a stream.", buckets=_SECONDS, registry=registry
        )
        self.total = Histogram(
            "gateway_request_seconds", "Until the answer was complete.", buckets=_SECONDS, registry=registry
        )
        in_flight = Gauge("gateway_requests_in_flight", "Requests under way.", registry=registry)
        in_flight.set_function(lambda: len(gateway.exchanges))
        registry.register(_Cooldowns(gateway))

    def count(self, exchange: Exchange) -> None:
        """An exchange is over."""
        job, response = exchange.job, exchange.flow.response
        status = str(response.status_code) if response is not None else "client left"
        good = response is not None and response.status_code < 400
        model = job.shown_model or "" if job is not None and good else ""
        self.requests.labels(exchange.endpoint, model, status).inc()
        for attempt in exchange.attempts:
            self.attempts.labels(attempt.account.label, attempt.outcome or "given up").inc()
        if job is not None and good and (totals := job.totals()):
            self.tokens.labels(model, "prompt").inc(totals.prompt)
            self.tokens.labels(model, "completion").inc(totals.completion)
            self.tokens.labels(model, "reasoning").inc(totals.reasoning)
        self.total.observe(time.monotonic() - exchange.started)
        if exchange.first_sent:
            self.first.observe(exchange.first_sent - exchange.started)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)


class _Cooldowns(Collector):
    """Seconds that accounts still rest, as they stand when somebody looks."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "gateway_cooldown_seconds", "Seconds until an account is ready again.", labels=["account", "model"]
        )
        for label, model, left in self._gateway.pool.all_resting():
            family.add_metric([label, model], left)
        yield family
