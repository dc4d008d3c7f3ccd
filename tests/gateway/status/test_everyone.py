"""addons.gateway.status.everyone: what is made before a worker serves, and the metrics of all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from addons.gateway.gateway import Gateway
from addons.gateway.status import counters, everyone, statistics
from addons.gateway.status.counters import SECONDS
from addons.gateway.status.statistics import Statistics
from addons.gateway.workers.inside import Told
from tests.gateway.status.test_statistics import FAILED, GOOD, LEFT


def test_a_worker_can_tell_its_numbers_without_making_what_that_needs() -> None:
    gateway: Any = SimpleNamespace(kept_statistics=SimpleNamespace(), statistics=Statistics())
    answers: dict[str, Any] = {}
    worker: Any = SimpleNamespace(answer=answers.__setitem__)
    statistics._state.cache_clear()
    everyone.Everyone(gateway, worker)
    made = statistics._state.cache_info().misses
    assert answers["counts"](None)["version"] == 1
    assert statistics._state.cache_info().misses == made == 1


@pytest.fixture
def gateways() -> Iterator[list[Gateway]]:
    made = [Gateway(environ={}) for _ in range(3)]
    yield made
    for one in made:
        one.close_store()


class Worker:
    """One of several, whose others have answered already."""

    def __init__(self, number: int, told: list[Told]) -> None:
        self.seat = SimpleNamespace(number=number)
        self.roster: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.answer = self.answers.__setitem__
        self._told = told

    def tell_counts(self, counts: Any, *, final: bool) -> None:
        pass

    async def gather(self, what: str) -> list[Told]:
        return self._told


def metrics(gateway: Gateway, number: int, told: list[Told]) -> tuple[Any, str]:
    """What a worker answers another, and the page that it shows where others have answered it."""
    worker: Any = Worker(number, told)
    shown: list[bytes] = []
    exchange: Any = SimpleNamespace(succeed=lambda body, headers: shown.append(body))

    async def run() -> Any:
        all = everyone.Everyone(gateway, worker)
        await all.show_metrics(exchange, SimpleNamespace())  # type: ignore[arg-type]
        return worker.answers["metrics"](None)

    return asyncio.run(run()), shown[0].decode()


def counted(page: str) -> dict[tuple[str, ...], float]:
    """The samples of what was counted, but for when that began."""
    return {
        (s.name, *sorted(s.labels.values())): pytest.approx(s.value)
        for family in text_string_to_metric_families(page)
        for s in family.samples
        if s.name.startswith(
            ("gateway_requests_total", "gateway_request_seconds", "gateway_attempts", "gateway_tokens")
        )
        and not s.name.endswith("_created")
    }


def test_the_metrics_of_all_are_those_of_one_that_counted_all(gateways: list[Gateway]) -> None:
    one, other, alone = gateways
    for number, summary in enumerate([GOOD, FAILED, LEFT, replace(GOOD, model="more", endpoint="responses")] * 2):
        (one if number % 3 else other).statistics.count(summary)
        alone.statistics.count(summary)
    answer, _ = metrics(other, 2, [])
    _, page = metrics(one, 1, [Told(2, 4711, answer), Told(3, 4712, None)])
    _, expected = metrics(alone, 1, [])
    assert counted(page) == counted(expected) != {}
    states = {line for line in page.splitlines() if line.startswith("gateway_workers{")}
    assert states == {'gateway_workers{state="ready"} 2.0', 'gateway_workers{state="stuck"} 1.0'}
    memory = [line for line in page.splitlines() if line.startswith("process_resident_memory_bytes{")]
    assert len(memory) == 2  # each has its own


def test_the_metrics_of_all_are_the_same_whoever_is_asked(
    gateways: list[Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are more names than are told: else a count would fall from one look to the next."""
    monkeypatch.setattr(counters, "MOST_ASKED", 1)
    one, other, _ = gateways
    for gateway, name, count in ((one, "gpt-a", 1), (other, "gpt-b", 2)):
        gateway.statistics = Statistics()
        for _ in range(count):
            gateway.statistics.count(replace(FAILED, model=None, client_model=name))
    of_one, _ = metrics(one, 1, [])
    of_other, _ = metrics(other, 2, [])
    _, page = metrics(one, 1, [Told(2, 4711, of_other)])
    _, other_page = metrics(other, 2, [Told(1, 4710, of_one)])
    assert counted(page) == counted(other_page) != {}


def test_what_a_worker_tells_of_its_metrics_is_no_larger_than_what_it_counts(gateways: list[Gateway]) -> None:
    def values(value: Any) -> int:
        """How many values there are."""
        if isinstance(value, dict):
            return sum(map(values, value.values()))
        return sum(map(values, value)) if isinstance(value, list) else 1

    gateway = gateways[0]
    empty, _ = metrics(gateway, 1, [])
    for number in range(40):
        gateway.statistics.count(replace(GOOD, model=f"gemini-{number}", first=0.3))
    more = values(metrics(gateway, 1, [])[0]) - values(empty)
    assert more <= 40 * 3 * (len(SECONDS) + 10)  # not the square: each bucket with all labels and its bound
