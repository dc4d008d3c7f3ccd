"""Numbers for a monitoring system: `GET /metrics` in Prometheus' text format, by the prometheus-client package.

Nothing is counted here: when somebody asks, the numbers are collected from where they stand. That is also when this is
loaded first, since it takes its time and many gateways are never asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from addons.gateway.exchange.facts import Facts
from addons.gateway.status.counters import SECONDS, Counters, Labels, Spans, Tally
from addons.gateway.status.overview import Measured

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = [*(str(float(bound)) for bound in SECONDS), "+Inf"]


class Metrics:
    """The numbers of one gateway since it started."""

    def __init__(self, gateway: Measured) -> None:
        self._counters = gateway.statistics.since_start
        self._registry = registry = CollectorRegistry()
        in_flight = Gauge("gateway_requests_in_flight", "Requests under way.", registry=registry)
        in_flight.set_function(lambda: len(gateway.exchanges))
        tasks = Gauge("gateway_tasks", "Tasks of the event loop.", registry=registry)
        tasks.set_function(lambda: len(asyncio.all_tasks()))
        registry.register(_Cooldowns(gateway))
        registry.register(_Shared(gateway))
        ProcessCollector(registry=registry)

    def collect_momentary(self) -> Iterable[Metric]:
        """The numbers that are not counted, as they stand."""
        return self._registry.collect()

    def text(self) -> bytes:
        """The page, in the text format of Prometheus."""
        return counted_text(self._counters) + generate_latest(self._registry)

    def show(self, exchange: Facts) -> None:
        """Answer an exchange with the page."""
        exchange.succeed(self.text(), [(b"Content-Type", CONTENT_TYPE)])


def counted_text(counters: Counters) -> bytes:
    """The part of the page that is counted since the start."""
    registry = CollectorRegistry()
    registry.register(_Counted(counters))
    return generate_latest(registry)


class _Counted(Collector):
    """What is counted since the start."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        counters = self._counters
        yield _counts(
            "gateway_requests",
            "Requests that are over. outcome: ok, client_left, or the code of the error.",
            ("endpoint", "model", "status", "outcome"),
            counters.requests,
        )
        yield _counts(
            "gateway_own_requests",
            "Requests for the gateway's own paths: health, metrics, status.",
            ("endpoint", "status"),
            counters.own,
        )
        yield _counts("gateway_attempts", "Attempts at an upstream.", ("account", "outcome"), counters.attempts)
        yield _counts("gateway_tokens", "Tokens of answers.", ("model", "kind"), counters.tokens)
        by = ("model", "account")
        yield _counts("gateway_cost_usd", "US dollars, by list prices, as far as costs are known.", by, counters.costs)
        yield _counts("gateway_cost_unknown", "Requests whose cost is unknown.", by, counters.unpriced)
        by = ("endpoint", "model")
        yield _spans("gateway_first_chunk_seconds", "Until the first bytes of a stream.", by, counters.first)
        yield _spans("gateway_request_seconds", "Until the answer was complete, or had failed.", by, counters.total)


def _counts(name: str, about: str, names: Labels, counted: Mapping[Labels, Tally]) -> Metric:
    family = CounterMetricFamily(name, about, labels=names)
    for labels, tally in counted.items():
        family.add_metric(labels, tally.value, created=tally.since)
    return family


def _spans(name: str, about: str, names: Labels, measured: Mapping[Labels, Spans]) -> Metric:
    family = HistogramMetricFamily(name, about, labels=names)
    for labels, spans in measured.items():
        below = zip(_BOUNDS, accumulate(spans.buckets), strict=True)
        family.add_metric(labels, list(below), spans.seconds)
        family.add_sample(f"{name}_created", dict(zip(names, labels, strict=True)), spans.since)
    return family


class _Shared(Collector):
    """How what is shared with other workers is doing; nothing where nothing is."""

    def __init__(self, gateway: Measured) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        facts = self._gateway.shared_facts()
        if facts is None:
            return
        yield GaugeMetricFamily("gateway_state_here", "Whether the shared state answers.", facts["here"])
        yield GaugeMetricFamily("gateway_state_waiting", "Changes that wait for the shared state.", facts["waiting"])
        yield CounterMetricFamily("gateway_state_failures", "Times it did not answer in time.", facts["failures"])
        yield CounterMetricFamily("gateway_state_lost", "Changes there was no room for meanwhile.", facts["lost"])


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
