"""addons.gateway.status.merging, and what several processes have counted as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from addons.gateway.status import merging
from addons.gateway.status.counters import Counters
from addons.gateway.status.statistics import LAST, Statistics
from tests.gateway.status.test_statistics import FAILED, GOOD, LEFT


def worker(requests: float, created: float, resting: float) -> list[Any]:
    counter = CounterMetricFamily("gateway_requests", "a", labels=["model"])
    counter.add_metric(["x"], requests, created=created)
    spans = HistogramMetricFamily("gateway_request_seconds", "b", labels=["model"])
    spans.add_metric(["x"], [("1.0", 1), ("+Inf", requests)], 2.5)
    in_flight = GaugeMetricFamily("gateway_requests_in_flight", "c", value=2)
    cooldown = GaugeMetricFamily("gateway_cooldown_seconds", "d", labels=["account"])
    cooldown.add_metric(["a"], resting)
    memory = GaugeMetricFamily("process_resident_memory_bytes", "e", value=100 + requests)
    cpu = CounterMetricFamily("process_cpu_seconds", "f", value=requests)
    return merging.plain([counter, spans, in_flight, cooldown, memory, cpu])


def test_each_by_its_kind() -> None:
    text = merging.text(merging.merged([(1, worker(3, 100.0, 5.0)), (2, worker(4, 50.0, 9.0))])).decode()
    found = {
        (s.name, *sorted(s.labels.values())): s.value for f in text_string_to_metric_families(text) for s in f.samples
    }
    assert found == {
        ("gateway_requests_total", "x"): 7,
        ("gateway_requests_created", "x"): 50.0,
        ("gateway_request_seconds_bucket", "1.0", "x"): 2,
        ("gateway_request_seconds_bucket", "+Inf", "x"): 7,
        ("gateway_request_seconds_count", "x"): 7,
        ("gateway_request_seconds_sum", "x"): 5.0,
        ("gateway_requests_in_flight",): 4,
        ("gateway_cooldown_seconds", "a"): 9.0,
        ("process_resident_memory_bytes", "1"): 103,
        ("process_resident_memory_bytes", "2"): 104,
        ("process_cpu_seconds_total", "1"): 3,
        ("process_cpu_seconds_total", "2"): 4,
    }


def test_states() -> None:
    family = merging.states(["ready", "stuck", "ready"])
    assert [(s.labels, s.value) for s in family.samples] == [({"state": "ready"}, 2), ({"state": "stuck"}, 1)]


ALL = [GOOD, FAILED, LEFT, replace(GOOD, first=0.3, streamed=True), replace(GOOD, model="other", endpoint="responses")]


@pytest.fixture
def clock() -> Iterator[float]:
    return iter([GOOD.time] * 1_000_000)


def test_counted_apart_is_as_counted_together(clock: Iterator[float]) -> None:
    together, one, other = (Statistics(lambda: next(clock)) for _ in range(3))
    for number, summary in enumerate(ALL * 3):
        summary = replace(summary, time=summary.time + number)
        together.count(summary)
        (one if number % 2 else other).count(summary)
    one.add(other.plain())
    one.since_start.add(other.since_start.plain())
    assert one.plain() == together.plain()
    assert sorted_rows(one.since_start) == sorted_rows(together.since_start)


def sorted_rows(counters: Counters) -> dict[str, list[Any]]:
    return {name: sorted(rows, key=str) for name, rows in rounded(counters.plain()).items()}


def rounded(value: Any) -> Any:
    """Sums of seconds depend on their order."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {name: rounded(one) for name, one in value.items()} if isinstance(value, dict) else value


def test_the_newest_exchanges_of_all_are_listed(clock: Iterator[float]) -> None:
    one, other = (Statistics(lambda: next(clock)) for _ in range(2))
    for number in range(LAST):
        one.count(replace(GOOD, time=number))
        other.count(replace(GOOD, time=number + 0.5))
    one.add(other.plain())
    times = [summary.time for summary in one.last()]
    assert times == sorted(times, reverse=True)
    assert (len(times), times[0]) == (LAST, LAST - 0.5)


def test_an_older_minute_does_not_take_the_place_of_a_newer_one() -> None:
    now = 0.0
    one, other = Statistics(lambda: now), Statistics(lambda: now)
    other.count(GOOD)
    now = 3600.0
    one.count(GOOD)
    one.count(GOOD)
    one.add(other.plain())
    assert [minute.requests for minute in one.minutes()][-1] == 2


@pytest.mark.parametrize("plain", [None, {}, [], {"since": "x"}], ids=str)
def test_what_cannot_be_understood_changes_nothing(plain: Any, clock: Iterator[float]) -> None:
    one = Statistics(lambda: next(clock))
    one.count(GOOD)
    before = one.plain()
    one.add(plain)
    assert one.plain() == before
