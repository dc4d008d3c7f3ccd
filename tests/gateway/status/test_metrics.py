"""addons.gateway.status.metrics: labels that an alert can go by, and that nobody can make too many of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from addons.gateway.exchange.summary import Summary
from addons.gateway.gateway import Gateway
from addons.gateway.status.metrics import LONGEST, MOST_ASKED, MOST_OUTCOMES, Metrics
from tests.gateway.status.test_statistics import FAILED, GOOD, LEFT, UNMAPPED, attempt

BROKEN = replace(GOOD, error="upstream_broke_off", outcome="upstream_broke_off", streamed=True, first=0.2)
HEALTH = replace(GOOD, endpoint="health", path="/healthz", client_model=None, model=None, tokens=None, attempts=())


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    gateway = Gateway(environ={})
    yield gateway.metrics
    gateway.close_store()


def samples(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    async def text() -> bytes:
        return metrics.text()

    families = text_string_to_metric_families(asyncio.run(text()).decode())
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
def test_outcomes(metrics: Metrics, summary: Summary, model: str, status: str, outcome: str) -> None:
    metrics.count(summary)
    [(labels, value)] = samples(metrics, "gateway_requests_total")
    assert labels == {"endpoint": "chat", "model": model, "status": status, "outcome": outcome}
    assert value == 1
    [(labels, _)] = samples(metrics, "gateway_request_seconds_count")
    assert labels == {"endpoint": "chat", "model": model}


def test_own_paths_are_apart(metrics: Metrics) -> None:
    metrics.count(HEALTH)
    assert samples(metrics, "gateway_own_requests_total") == [({"endpoint": "health", "status": "200"}, 1)]
    assert not samples(metrics, "gateway_requests_total")
    assert not samples(metrics, "gateway_request_seconds_count")


def test_names_are_bounded(metrics: Metrics) -> None:
    for n in range(500):
        metrics.count(replace(UNMAPPED, client_model=f"{n}" + "x" * 1000, outcome=f"code-{n}"))
        metrics.count(replace(FAILED, attempts=(attempt(f"429 {n}", 429),)))
    metrics.count(replace(GOOD, model="gemini-9"))
    metrics.count(replace(FAILED, model="gemini-9"))
    found = [labels for labels, _ in samples(metrics, "gateway_requests_total")]
    models = {labels["model"] for labels in found}
    assert len(models) == MOST_ASKED + 2  # the others together, and what answers
    assert {"other", "gemini-9"} <= models
    assert max(map(len, models)) <= LONGEST
    assert len({labels["outcome"] for labels in found}) <= MOST_OUTCOMES + 2
    assert len(samples(metrics, "gateway_attempts_total")) <= MOST_OUTCOMES + 1
