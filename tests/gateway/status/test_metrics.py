"""addons.gateway.status.metrics: labels that an alert can go by, and that nobody can make too many of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from addons.gateway.exchange.summary import Summary
from addons.gateway.gateway import Gateway
from addons.gateway.status.counters import LONGEST, MOST_ACCOUNTS, MOST_ASKED, MOST_OUTCOMES, SECONDS, Counters
from addons.gateway.status.metrics import Metrics
from tests.gateway.status.test_statistics import DEAR, FAILED, GOOD, LEFT, UNMAPPED, UNPRICED, attempt

BROKEN = replace(GOOD, error="upstream_broke_off", outcome="upstream_broke_off", streamed=True, first=0.2)
HEALTH = replace(GOOD, endpoint="health", path="/healthz", client_model=None, model=None, tokens=None, attempts=())


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway(environ={})
    yield made
    made.close_store()


def page(gateway: Gateway) -> str:
    async def text() -> bytes:
        return Metrics(gateway).text()

    return asyncio.run(text()).decode()


def samples(gateway: Gateway, name: str) -> list[tuple[dict[str, str], float]]:
    families = text_string_to_metric_families(page(gateway))
    return [(s.labels, s.value) for family in families for s in family.samples if s.name == name]


@pytest.mark.parametrize(
    ("summary", "model", "status", "outcome"),
    [
        (GOOD, "gemini-2.5-flash", "200", "ok"),
        (FAILED, "gemini-2.5-flash", "429", "rate_limit_exceeded"),
        (UNMAPPED, "gpt-9", "404", "model_not_found"),
        (LEFT, "gemini-2.5-flash", "", "client_left"),
        (replace(LEFT, status=200, streamed=True, events=4), "gemini-2.5-flash", "200", "client_left"),
        (BROKEN, "gemini-2.5-flash", "200", "upstream_broke_off"),
    ],
    ids=str,
)
def test_outcomes(gateway: Gateway, summary: Summary, model: str, status: str, outcome: str) -> None:
    gateway.statistics.count(summary)
    [(labels, value)] = samples(gateway, "gateway_requests_total")
    assert labels == {"endpoint": "chat", "model": model, "status": status, "outcome": outcome}
    assert value == 1
    [(labels, _)] = samples(gateway, "gateway_request_seconds_count")
    assert labels == {"endpoint": "chat", "model": model}


def test_own_paths_are_apart(gateway: Gateway) -> None:
    gateway.statistics.count(HEALTH)
    assert samples(gateway, "gateway_own_requests_total") == [({"endpoint": "health", "status": "200"}, 1)]
    assert not samples(gateway, "gateway_requests_total")
    assert not samples(gateway, "gateway_request_seconds_count")


def test_names_are_bounded(gateway: Gateway) -> None:
    for n in range(500):
        gateway.statistics.count(replace(UNMAPPED, client_model=f"{n}" + "x" * 1000, outcome=f"code-{n}"))
        gateway.statistics.count(replace(FAILED, attempts=(attempt(f"429 {n}", 429),)))
    gateway.statistics.count(replace(GOOD, model="gemini-9"))
    gateway.statistics.count(replace(FAILED, model="gemini-9"))
    found = [labels for labels, _ in samples(gateway, "gateway_requests_total")]
    models = {labels["model"] for labels in found}
    assert len(models) == MOST_ASKED + 2  # the others together, and what answers
    assert {"other", "gemini-9"} <= models
    assert max(map(len, models)) <= LONGEST
    assert len({labels["outcome"] for labels in found}) <= MOST_OUTCOMES + 2
    assert len(samples(gateway, "gateway_attempts_total")) <= MOST_OUTCOMES + 1


def test_names_are_bounded_over_all_workers_that_there_were(gateway: Gateway) -> None:
    """Each that ends leaves what it has counted, with names that its clients made up."""
    for worker in range(30):
        ended = Counters(time.time)
        for n in range(40):
            ended.count(replace(UNMAPPED, client_model=f"made-up-{worker}-{n}", outcome=f"code-{worker}-{n}"))
            ended.count(replace(FAILED, attempts=(attempt(f"429 {worker} {n}", 429, f"account-{worker}-{n}"),)))
        ended.count(DEAR)
        gateway.statistics.since_start.add(ended.plain())
    found = [labels for labels, _ in samples(gateway, "gateway_requests_total")]
    assert len({labels["model"] for labels in found}) <= MOST_ASKED + 2
    assert len({labels["outcome"] for labels in found}) <= MOST_OUTCOMES + 2
    tried = [labels for labels, _ in samples(gateway, "gateway_attempts_total")]
    assert len({labels["account"] for labels in tried}) <= MOST_ACCOUNTS + 1
    assert len({labels["outcome"] for labels in tried}) <= MOST_OUTCOMES + 1
    assert len(samples(gateway, "gateway_request_seconds_count")) <= MOST_ASKED + 2
    assert samples(gateway, "gateway_cost_usd_total") == [({"model": "gemini-2.5-flash", "account": "beta"}, 7.5)]
    assert sum(value for _, value in samples(gateway, "gateway_requests_total")) == 30 * 81


def test_spans_are_in_buckets(gateway: Gateway) -> None:
    for seconds in (0.05, 0.06, 0.3, 320, 321):
        gateway.statistics.count(replace(GOOD, total=seconds, streamed=True, first=0.01))
    labels = {"endpoint": "chat", "model": "gemini-2.5-flash"}
    found = samples(gateway, "gateway_request_seconds_bucket")
    assert [{**labels, "le": bound} for bound in (*(str(float(b)) for b in SECONDS), "+Inf")] == [
        one for one, _ in found
    ]
    assert [value for _, value in found] == [1, 2, 2, *[3] * 9, 4, 5]
    assert samples(gateway, "gateway_request_seconds_sum") == [(labels, pytest.approx(641.41))]
    assert samples(gateway, "gateway_request_seconds_count") == [(labels, 5)]
    assert samples(gateway, "gateway_first_chunk_seconds_count") == [(labels, 5)]


def test_a_count_says_when_it_began(gateway: Gateway) -> None:
    before = time.time()
    gateway.statistics.count(GOOD)
    [(labels, since)] = samples(gateway, "gateway_requests_created")
    assert labels["outcome"] == "ok"
    assert before <= since <= time.time()
    assert len(samples(gateway, "gateway_request_seconds_created")) == 1


def test_what_it_tells_is_what_the_status_page_tells(gateway: Gateway) -> None:
    for summary in (GOOD, GOOD, FAILED, LEFT, UNMAPPED, HEALTH, BROKEN):
        gateway.statistics.count(summary)
    told: dict[str, float] = {}
    for labels, value in samples(gateway, "gateway_requests_total"):
        told[labels["model"]] = told.get(labels["model"], 0) + value
    assert told == {name: totals.requests for name, totals in gateway.statistics.models.items()}
    tokens = {labels["kind"]: value for labels, value in samples(gateway, "gateway_tokens_total")}
    totals = gateway.statistics.models["gemini-2.5-flash"]
    assert (tokens["prompt"], tokens["completion"]) == (totals.prompt, totals.completion)


def test_costs(gateway: Gateway) -> None:
    for summary in (DEAR, replace(DEAR, cost=0.5), UNPRICED, GOOD):
        gateway.statistics.count(summary)
    assert samples(gateway, "gateway_cost_usd_total") == [({"model": "gemini-2.5-flash", "account": "beta"}, 0.75)]
    assert samples(gateway, "gateway_cost_unknown_total") == [({"model": "gemini-9", "account": "alpha"}, 1.0)]
