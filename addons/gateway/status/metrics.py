"""Numbers for a monitoring system: `GET /metrics` in Prometheus' text format, by the prometheus-client package.

Labels are of few values: endpoints, models that answered, account labels, statuses. Nothing of what a client wrote
becomes a label.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from addons.gateway.summary import CLIENT_LEFT, Summary

if TYPE_CHECKING:
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
        tasks = Gauge("gateway_tasks", "Tasks of the event loop.", registry=registry)
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        registry.register(_Cooldowns(gateway))
        ProcessCollector(registry=registry)

    def count(self, summary: Summary) -> None:
        """An exchange is over."""
        good = summary.status is not None and summary.status < 400
        model = summary.model or "" if good else ""
        self.requests.labels(summary.endpoint, model, str(summary.status or CLIENT_LEFT)).inc()
        for attempt in summary.attempts:
            self.attempts.labels(attempt.account, attempt.outcome).inc()
        if tokens := summary.tokens:
            self.tokens.labels(model, "prompt").inc(tokens.prompt)
            self.tokens.labels(model, "completion").inc(tokens.completion)
            self.tokens.labels(model, "reasoning").inc(tokens.reasoning)
        self.total.observe(summary.total)
        if summary.first is not None:
            self.first.observe(summary.first)

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
