"""What sends telemetry, to a collector that is there, silent or away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from addons.gateway.http.trace_context import ClientSpan
from addons.gateway.settings.settings import checked
from addons.gateway.telemetry import sending
from addons.gateway.telemetry.sending import Sending
from addons.gateway.telemetry.source import source_of
from tests.gateway.telemetry.made import made
from tests.gateway.telemetry.receiver import Receiver, Silent, away, elapsed, values


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def to(url: str, environ: dict[str, str] | None = None) -> Sending:
    settings = checked({"telemetry": {"enabled": True, "endpoint": url, "headers": {"X-Key": "k"}}})
    source = source_of(settings, environ or {})
    assert source is not None
    return Sending(source, lambda id: {})


def end(sending: Sending) -> float:
    """Seconds that it takes."""
    began = time.monotonic()
    sending.finish()
    asyncio.run(sending.wait())
    return elapsed(began)


def test_what_comes_is_sent(receiver: Receiver) -> None:
    sender = to(receiver.url, {"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
    for _ in range(3):
        sender.add(made())
    assert end(sender) < 5
    assert len(receiver.spans) == 6
    assert points(receiver) == 3
    for headers in receiver.headers:
        assert headers["content-type"] == "application/x-protobuf"
        assert headers["x-key"] == "k"
    for request in receiver.traces:
        (of,) = request.resource_spans
        assert values(of.resource.attributes)["service.name"] == "openai-gemini-gateway"
        (scope,) = of.scope_spans
        assert scope.scope.name == "openai-gemini-gateway"
        assert scope.schema_url == "https://opentelemetry.io/schemas/1.41.0"


def points(receiver: Receiver) -> int:
    return sum(p.count for p in receiver.latest_metrics()["gen_ai.server.request.duration"].histogram.data_points)


def test_it_does_not_wait_for_the_end(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "EVERY", 0.01)
    monkeypatch.setattr(sending._Sender, "every", 0.01)
    sender = to(receiver.url, {"OTEL_METRIC_EXPORT_INTERVAL": "100"})
    sender.add(made())
    receiver.wait(lambda: bool(receiver.spans and receiver.metrics))
    sender.finish()


def test_spans_below_one_that_is_not_kept_are_not_sent(receiver: Receiver) -> None:
    sender = to(receiver.url)
    ended = made()
    ended.parent = ClientSpan(b"\1" * 16, b"\2" * 8, "", False)
    sender.add(ended)
    end(sender)
    assert not receiver.spans
    assert points(receiver) == 1


def test_a_batch_has_an_end(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "BATCH", 1000)
    sender = to(receiver.url)
    for _ in range(5):
        sender.add(made())
    end(sender)
    assert len(receiver.spans) == 10
    assert len(receiver.traces) > 1


def test_a_collector_that_comes_back(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "antigravity")
    monkeypatch.setattr(sending, "EVERY", 0.01)
    monkeypatch.setattr(sending._Sender, "every", 0.01)
    monkeypatch.setattr(sending, "MOST", 2)
    receiver.status = 503
    sender = to(receiver.url)
    for _ in range(5):
        sender.add(made())
    receiver.wait(lambda: len(receiver.bodies) >= 3)
    receiver.status = 200
    receiver.wait(lambda: len(receiver.spans) == 4)
    end(sender)
    told = [record.getMessage() for record in caplog.records]
    assert sum("takes no traces" in line and "HTTP 503" in line for line in told) == 1
    assert sum("there is no room" in line for line in told) == 1
    assert sum("the spans of 3 exchanges were dropped" in line for line in told) == 1
    assert "k" not in [line.split(": ")[-1] for line in told]


def test_where_it_cant_be_told_what_was_said_the_spans_are_sent_all_the_same(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    sender = to(receiver.url)

    def fails(id: str) -> dict[str, str]:
        raise ValueError(id)

    sender._spans._contents = fails
    sender.add(made())
    end(sender)
    assert len(receiver.spans) == 2
    assert any("what was said in req_1" in record.getMessage() for record in caplog.records)


def test_what_is_refused_for_good_is_not_sent_again(receiver: Receiver) -> None:
    receiver.status = 400
    sender = to(receiver.url)
    sender.add(made())
    assert end(sender) < 5
    assert len(receiver.bodies) == 2


def test_the_end_waits_two_seconds_at_most_for_both(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes on only while a thread is waited for, and by threads that never end."""
    sender = to(receiver.url)
    now, waited = [0.0], []

    def join(timeout: float) -> None:
        waited.append(timeout)
        now[0] += timeout

    with monkeypatch.context() as patch:
        patch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: now[0]))
        for thread in (sender._spans, sender._metrics):
            patch.setattr(thread, "join", join)
        asyncio.run(sender.wait())
    assert len(waited) == 2
    assert 0 < sum(waited) <= 2.0
    end(sender)


@pytest.mark.parametrize("kind", ["away", "silent"])
def test_nobody_waits_for_a_collector(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    silent = Silent()
    try:
        sender = to(away() if kind == "away" else silent.url)
        began = time.monotonic()
        for _ in range(sending.MOST + 100):
            sender.add(made())
        assert elapsed(began) < 8  # 0.1 s on an idle machine; to wait for the collector would take 10 and more
        assert end(sender) < 8  # its limit is 2; without one it would be 10 and more
        assert any("exchanges were not sent" in record.getMessage() for record in caplog.records)
    finally:
        silent.close()
