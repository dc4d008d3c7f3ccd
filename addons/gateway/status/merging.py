"""Metrics of several processes as those of one: merged by what they are.

* Counters and histograms are summed, label by label.
* A gauge is summed or the largest is taken where that is true of all (`SUMMED`, `LARGEST`). Otherwise, and for what
  tells of a process (`process_...`), each process has its own, by the label `worker`.

Between processes a metric goes as a list: name, what it is about, kind, samples of name, labels and value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

SUMMED = frozenset(("gateway_requests_in_flight",))
LARGEST = frozenset(("gateway_cooldown_seconds",))
PROCESS = "process_"
CREATED = "_created"
WORKER = "worker"


def plain(metrics: Iterable[Metric]) -> list[Any]:
    """Metrics as lists, texts and numbers."""
    return [
        [one.name, one.documentation, one.type, [[s.name, s.labels, s.value] for s in one.samples]] for one in metrics
    ]


def merged(by_worker: Iterable[tuple[int, list[Any]]]) -> list[Metric]:
    """What several workers gave as `plain`, each with its number, as one. One that is replaced, and the one that
    replaces it, have the same number; of what each worker has for itself, the newer one's is told."""
    found: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for number, metrics in by_worker:
        for name, about, kind, samples in metrics:
            found.setdefault(name, Metric(name, about, kind))
            of_name = values.setdefault(name, {})
            for sample, labels, value in samples:
                join = _joins(name, kind, sample)
                key = (sample, tuple((labels if join else {WORKER: str(number), **labels}).items()))
                of_name[key] = join((of_name[key], value)) if join and key in of_name else value
    for name, of_name in values.items():
        for (sample, pairs), value in of_name.items():
            found[name].add_sample(sample, dict(pairs), value)
    return list(found.values())


def states(found: Iterable[str]) -> Metric:
    """How many workers are in which state."""
    family = GaugeMetricFamily("gateway_workers", "Workers that share the port, by state.", labels=["state"])
    for state, count in sorted(Counter(found).items()):
        family.add_metric([state], count)
    return family


def text(metrics: list[Metric]) -> bytes:
    """The page, in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(_Given(metrics))
    return generate_latest(registry)


def _joins(name: str, kind: str, sample: str) -> Callable[[tuple[float, float]], float] | None:
    """How two values become one; None: each worker has its own."""
    if name.startswith(PROCESS):
        return None
    if sample.endswith(CREATED):
        return min
    if kind in ("counter", "histogram") or name in SUMMED:
        return sum
    return max if name in LARGEST else None


class _Given(Collector):
    """Metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
