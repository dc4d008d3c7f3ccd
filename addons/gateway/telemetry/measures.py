"""Metrics: histograms and counters of all exchanges since the start, and how OTLP has them.

They are added to in the event loop, which takes some microseconds, and read by the thread that sends them; a lock is
between the two.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from threading import Lock
from typing import Any

from addons.gateway.telemetry import conventions as names
from addons.gateway.telemetry import protobuf
from addons.gateway.telemetry.conventions import Metric, Version
from addons.gateway.telemetry.ended import Ended
from addons.gateway.telemetry.protobuf import Value

MOST = 500
"""Sets of attributes of a metric. Clients name models as they like; what is more is counted together."""
_LONGEST = 100
"""Characters of the name of a model."""
_CUMULATIVE = 2
_NANO = 1_000_000_000
_OVERFLOW: tuple[tuple[str, Value], ...] = ((names.OVERFLOW, True),)

type Key = tuple[tuple[str, Value], ...]


class _Series:
    """The numbers of one metric with one set of attributes."""

    __slots__ = ("counts", "highest", "lowest", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.total = 0.0
        self.lowest, self.highest = float("inf"), float("-inf")


class Measures:
    """See the module."""

    def __init__(self, version: Version) -> None:
        self._metrics = names.METRICS[version]
        self._series: list[dict[Key, _Series]] = [{} for _ in self._metrics]
        self._rows: dict[tuple[Any, ...], list[_Series | None]] = {}
        """What exchanges have in common -> where their numbers go, of each metric; None: not looked up yet. Most
        exchanges are like one before."""
        self._lock = Lock()
        self._start = time.time_ns()

    def add(self, ended: Ended) -> None:
        """An exchange has ended. Where no model was to answer, there is nothing to measure."""
        operation = ended.operation
        if operation is None:
            return
        summary, error, server = ended.summary, ended.error, ended.server
        values = _values(ended, error)
        asked = summary.client_model and summary.client_model[:_LONGEST]
        alike = operation, ended.provider, asked, summary.model, server, error
        with self._lock:
            row = self._rows.get(alike)
            if row is None:
                row = [None] * len(self._metrics)
                if len(self._rows) < MOST:
                    self._rows[alike] = row
            for number, metric in enumerate(self._metrics):
                value = values.get(metric.value)
                if value is None:
                    continue
                found = row[number]
                if found is None:
                    key = _key(ended, operation)
                    if error is not None and metric.errors:
                        key = (*key, (names.ERROR, error))
                    found = row[number] = self._found(number, key)
                found.counts[bisect_left(metric.buckets, value)] += 1
                found.total += value
                if value < found.lowest:
                    found.lowest = value
                if value > found.highest:
                    found.highest = value

    def _found(self, number: int, key: Key) -> _Series:
        """Where the numbers of a metric go for what has these attributes."""
        series = self._series[number]
        if key not in series and len(series) >= MOST:
            key = _OVERFLOW
        found = series.get(key)
        if found is None:
            found = series[key] = _Series(len(self._metrics[number].buckets))
        return found

    def encoded(self) -> bytes:
        """All of it, as members of `ScopeMetrics`; empty: there is nothing."""
        now = time.time_ns()
        points: dict[str, tuple[Metric, list[bytes]]] = {}
        with self._lock:
            for metric, series in zip(self._metrics, self._series, strict=True):
                if series:
                    made = [self._point(metric, key, one, now) for key, one in series.items()]
                    points.setdefault(metric.name, (metric, []))[1].extend(made)
        return b"".join(_metric(metric, made) for metric, made in points.values())

    def _point(self, metric: Metric, key: Key, series: _Series, now: int) -> bytes:
        attributes = dict(key)
        if metric.counted:
            attributes[names.COUNTED] = metric.counted
        times = protobuf.fixed64(2, self._start) + protobuf.fixed64(3, now)
        if not metric.buckets:
            return protobuf.attributes(7, attributes) + times + protobuf.double(4, series.total)
        return b"".join(
            (
                protobuf.attributes(9, attributes),
                times,
                protobuf.fixed64(4, sum(series.counts)),
                protobuf.double(5, series.total),
                protobuf.packed64(6, series.counts),
                protobuf.packed_doubles(7, metric.buckets),
                protobuf.double(11, series.lowest),
                protobuf.double(12, series.highest),
            )
        )


def _metric(metric: Metric, points: list[bytes]) -> bytes:
    """A metric with its points."""
    data = b"".join(protobuf.part(1, point) for point in points) + protobuf.number(2, _CUMULATIVE)
    kind = protobuf.part(9, data) if metric.buckets else protobuf.part(7, data + protobuf.number(3, 1))
    head = protobuf.text(1, metric.name) + protobuf.text(2, metric.text) + protobuf.text(3, metric.unit)
    return protobuf.part(2, head + kind)


def _key(ended: Ended, operation: str) -> Key:
    """The attributes that all metrics have."""
    summary = ended.summary
    key: list[tuple[str, Value]] = [(names.OPERATION, operation), (names.PROVIDER, ended.provider)]
    if model := summary.client_model or summary.model:
        key.append((names.REQUEST_MODEL, model[:_LONGEST]))
    if summary.model:
        key.append((names.RESPONSE_MODEL, summary.model))
    if server := ended.server:
        host, port = server
        key += [(names.SERVER, host), (names.PORT, port)]
    return tuple(key)


def _values(ended: Ended, error: str | None) -> dict[str, float]:
    """What there is to measure of an exchange, by name.

    `served…` is what the client had: from its request on. `asked`, `first` are what Gemini took: from the first attempt
    on, pauses and further attempts included.
    """
    summary = ended.summary
    values: dict[str, float] = {"served": summary.total}
    if not summary.attempts:
        return values
    began = summary.attempts[0].began
    values["asked"] = max(0.0, summary.total - began)
    tokens, first = summary.tokens, summary.first
    if tokens is not None:
        values["input"], values["output"] = tokens.prompt, tokens.completion
        values["cached"], values["reasoning"] = tokens.cached, tokens.reasoning
    if summary.streamed and first is not None and error is None:
        values |= {"first": max(0.0, first - began), "served_first": first}
        if summary.events is not None and summary.events > 1:
            values["per_chunk"] = (summary.total - first) / (summary.events - 1)
        if tokens is not None and tokens.completion > 1:
            values["per_token"] = (summary.total - first) / (tokens.completion - 1)
    return values
