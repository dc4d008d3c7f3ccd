"""Metrics, read with OpenTelemetry's own definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics

from addons.gateway.exchange.summary import Tokens
from addons.gateway.telemetry.conventions import Version
from addons.gateway.telemetry.ended import Ended
from addons.gateway.telemetry.measures import MOST, Measures
from tests.gateway.telemetry.made import ATTEMPT, made
from tests.gateway.telemetry.receiver import values

SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [4.0**power for power in range(14)]


def read(*exchanges: Ended, version: Version = "1.41") -> dict[str, Any]:
    measures = Measures(version)
    for one in exchanges:
        measures.add(one)
    return {metric.name: metric for metric in ScopeMetrics.FromString(measures.encoded()).metrics}


def points(metric: Any) -> list[Any]:
    return list((metric.histogram if metric.HasField("histogram") else metric.sum).data_points)


def test_a_whole_answer() -> None:
    metrics = read(made(), made(total=3.25))
    assert set(metrics) == {
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "gen_ai.server.request.duration",
    }
    duration = metrics["gen_ai.client.operation.duration"]
    assert duration.unit == "s"
    assert duration.histogram.aggregation_temporality == 2
    (point,) = points(duration)
    assert values(point.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gemini-3.8-flash",
        "server.address": "generativelanguage.googleapis.com",
        "server.port": 443,
    }
    assert list(point.explicit_bounds) == pytest.approx(SECONDS)
    assert (point.count, point.sum, point.min, point.max) == (2, 3.75, 0.75, 3.0)
    assert list(point.bucket_counts) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]
    assert 0 < point.start_time_unix_nano <= point.time_unix_nano
    assert points(metrics["gen_ai.server.request.duration"])[0].sum == 4.25
    usage = metrics["gen_ai.client.token.usage"]
    assert usage.unit == "{token}"
    told = {values(point.attributes)["gen_ai.token.type"]: point for point in points(usage)}
    assert {kind: point.sum for kind, point in told.items()} == {"input": 20, "output": 40}
    assert list(told["input"].explicit_bounds) == TOKENS


def test_the_server_is_that_of_the_exchange_s_own_call() -> None:
    """Further calls may have gone to another one."""
    ended = made(further=(replace(ATTEMPT, part=1, upstream="vertex"),))
    (point,) = points(read(replace(ended, servers=[*ended.servers, ("other", 1)]))["gen_ai.server.request.duration"])
    told = values(point.attributes)
    assert (told["server.address"], told["gen_ai.provider.name"]) == (ended.servers[0][0], "gcp.gemini")
    none = made(attempts=(), further=(replace(ATTEMPT, part=1),))
    (point,) = points(read(replace(none, servers=[("other", 1)]))["gen_ai.server.request.duration"])
    assert "server.address" not in values(point.attributes)


def test_a_stream() -> None:
    metrics = read(made(streamed=True, first=0.5, events=6, tokens=Tokens(1, 11, 0, 0)))
    sums = {name: points(metric)[0].sum for name, metric in metrics.items()}
    assert sums["gen_ai.client.operation.time_to_first_chunk"] == 0.25  # after the attempt began
    assert sums["gen_ai.server.time_to_first_token"] == 0.5
    assert sums["gen_ai.client.operation.time_per_output_chunk"] == pytest.approx(0.1)
    assert sums["gen_ai.server.time_per_output_token"] == pytest.approx(0.05)


def test_errors_have_their_own_numbers() -> None:
    metrics = read(made(), made(status=429, error="quota", outcome="quota", tokens=None))
    told = [values(point.attributes).get("error.type") for point in points(metrics["gen_ai.client.operation.duration"])]
    assert told == [None, "quota"]


def test_what_was_refused_here_was_not_asked() -> None:
    metrics = read(made(status=401, error="invalid_api_key", outcome="invalid_api_key", attempts=(), tokens=None))
    assert set(metrics) == {"gen_ai.server.request.duration"}


def test_no_model_no_metric() -> None:
    assert not read(made(endpoint="models"))


def test_models_of_any_name_are_bounded() -> None:
    metrics = read(*[made(client_model=f"m{number}") for number in range(MOST + 10)])
    found = points(metrics["gen_ai.server.request.duration"])
    assert len(found) == MOST + 1
    assert [point.count for point in found if values(point.attributes) == {"otel.metric.overflow": True}] == [10]


def test_the_younger_names() -> None:
    metrics = read(made(tokens=Tokens(10, 20, 4, 6)), version="0.1")
    sums = {name: points(metric)[0] for name, metric in metrics.items()}
    assert sums["gen_ai.client.inference.duration"].sum == 0.75
    assert sums["gen_ai.client.inference.operation.input_tokens"].sum == 10
    for name, tokens in {
        "input_tokens": 10, "output_tokens": 20, "cache_read.input_tokens": 4, "reasoning.output_tokens": 6,
    }.items():  # fmt: skip
        metric = metrics[f"gen_ai.client.inference.usage.{name}"]
        assert metric.sum.is_monotonic
        assert sums[metric.name].as_double == tokens
    assert not [name for name in metrics if ".operation.duration" in name or name.endswith("token.usage")]
