"""Numbers for a monitoring system: `GET /metrics` in Prometheus' text format, by the prometheus-client package.

Labels are of few values: endpoints, account labels, statuses; models and outcomes up to a number, what is beyond it
counts as `other`, because clients and upstreams choose them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from addons.gateway.accounts.pool import Pool
from addons.gateway.exchange.summary import OK, Summary
from mapping.inspect.printable import one_line

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

OWN = frozenset(("health", "metrics", "status", "status_json"))
"""Endpoints that monitors and browsers ask: no work of the gateway's."""
OTHER = "other"
MOST_MODELS = 200
MOST_ASKED = 50
MOST_OUTCOMES = 50
LONGEST = 100
"""Characters of a label."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)


class Names:
    """The values of a label that other people choose: the first `most` are told by name, the others together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def told(self, name: str) -> str:
        """What the label says for this name: the name, or `OTHER`. A name that is told once is told ever after."""
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


class Measured(Protocol):
    """What is looked at when somebody asks: the gateway, as it stands."""

    pool: Pool

    @property
    def busy(self) -> int:
        """How many exchanges are under way."""


class Metrics:
    """The numbers of one gateway since it started."""

    def __init__(self, gateway: Measured) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "gateway_requests",
            "Requests that are over. outcome: ok, client_left, or the code of the error.",
            ["endpoint", "model", "status", "outcome"],
            registry=registry,
        )
        self.own = Counter(
            "gateway_own_requests",
            "Requests for the gateway's own paths: health, metrics, status.",
            ["endpoint", "status"],
            registry=registry,
        )
        self.attempts = Counter(
            "gateway_attempts", "Attempts at an upstream.", ["account", "outcome"], registry=registry
        )
        self.tokens = Counter("gateway_tokens", "Tokens of answers.", ["model", "kind"], registry=registry)
        self.first = Histogram(
            "gateway_first_chunk_seconds",
            "Until the first bytes of a stream.",
            ["endpoint", "model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.total = Histogram(
            "gateway_request_seconds",
            "Until the answer was complete, or had failed.",
            ["endpoint", "model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._answering, self._asked = Names(MOST_MODELS), Names(MOST_ASKED)
        self._outcomes, self._attempt_outcomes = Names(MOST_OUTCOMES), Names(MOST_OUTCOMES)
        in_flight = Gauge("gateway_requests_in_flight", "Requests under way.", registry=registry)
        in_flight.set_function(lambda: gateway.busy)
        tasks = Gauge("gateway_tasks", "Tasks of the event loop.", registry=registry)
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        registry.register(_Cooldowns(gateway))
        ProcessCollector(registry=registry)

    def count(self, summary: Summary) -> None:
        """An exchange is over."""
        status = str(summary.status or "")
        for attempt in summary.attempts:
            self.attempts.labels(attempt.account, self._attempt_outcomes.told(_cut(attempt.outcome))).inc()
        if summary.endpoint in OWN:
            self.own.labels(summary.endpoint, status).inc()
            return
        model = self._model(summary)
        self.requests.labels(summary.endpoint, model, status, self._outcomes.told(_cut(summary.outcome))).inc()
        if tokens := summary.tokens:
            self.tokens.labels(model, "prompt").inc(tokens.prompt)
            self.tokens.labels(model, "completion").inc(tokens.completion)
            self.tokens.labels(model, "reasoning").inc(tokens.reasoning)
        self.total.labels(summary.endpoint, model).observe(summary.total)
        if summary.first is not None:
            self.first.labels(summary.endpoint, model).observe(summary.first)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)

    def _model(self, summary: Summary) -> str:
        """The Gemini model, or what was asked for where there is none of that name; empty where none was named.

        Names that do not answer have a bound of their own, so that they take no place of those that do.
        """
        name = _cut(summary.model or summary.client_model or "")
        if not name:
            return ""
        answers = summary.outcome == OK or name in self._answering
        return (self._answering if answers else self._asked).told(name)


def _cut(name: str) -> str:
    return one_line(name, LONGEST)


class _Cooldowns(Collector):
    """Seconds that accounts still rest, as they stand when somebody looks."""

    def __init__(self, gateway: Measured) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(
            "gateway_cooldown_seconds", "Seconds until an account is ready again.", labels=["account", "model"]
        )
        for label, model, left in self._gateway.pool.all_resting():
            family.add_metric([label, model], left)
        yield family
