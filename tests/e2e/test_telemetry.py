"""Telemetry of a real gateway, as a collector gets it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import FLASH, KEYS, TWO_ACCOUNTS, start_gateway
from tests.gateway.telemetry.receiver import Receiver, Silent, elapsed, values

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=of-the-client"}
COLLECTOR_KEY = "key-of-the-collector-5b1e"
CLIENT_KEY = "key-of-the-client-77aa01"
QUICK = {"OTEL_METRIC_EXPORT_INTERVAL": "200", "COLLECTOR_KEY": COLLECTOR_KEY}


def settings(url: str, more: str = "") -> str:
    told = f'[telemetry]\nenabled = true\nendpoint = "{url}"\nheaders = {{ X-Key = "env:COLLECTOR_KEY" }}\n{more}\n'
    return f"{told}[retry]\ncooldown = false\n{TWO_ACCOUNTS}"


@dataclass
class Told:
    """A gateway and who it tells."""

    gateway: Gateway
    receiver: Receiver
    upstream: Upstream

    def of(self, id: str) -> list[Any]:
        """The spans of the exchange with this request id, its own first."""
        found: list[Any] = []

        def there() -> bool:
            spans = self.receiver.spans
            own = [span for span in spans if values(span.attributes).get("antigravity.request.id") == id]
            found[:] = own + [span for span in spans if own and span.parent_span_id == own[0].span_id]
            return bool(own)

        self.receiver.wait(there)
        return found


@pytest.fixture(scope="module")
def shared_told(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    receiver = Receiver()
    text = settings(receiver.url).replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("told"), text, environ=QUICK)
    yield Told(gateway, receiver, upstream)
    gateway.stop()
    receiver.close()


@pytest.fixture
def told(shared_told: Told) -> Told:
    shared_told.upstream.forget()
    return shared_told


def test_an_exchange_under_the_clients_span(told: Told) -> None:
    answer = told.gateway.chat(
        "gpt-4o", "What a secret question", headers={"Authorization": f"Bearer {CLIENT_KEY}"} | PARENT
    )
    exchange, attempt = told.of(answer.headers["x-request-id"])
    assert exchange.name == "chat gpt-4o"
    assert exchange.trace_id.hex() == attempt.trace_id.hex() == TRACE
    assert exchange.parent_span_id.hex() == SPAN
    assert exchange.trace_state == "vendor=of-the-client"
    found = values(exchange.attributes)
    assert found["gen_ai.request.model"] == "gpt-4o"
    assert found["gen_ai.response.model"] == FLASH
    assert found["gen_ai.response.id"] == answer.json["id"]
    assert found["gen_ai.response.finish_reasons"] == ["stop"]
    assert found["gen_ai.usage.input_tokens"] == answer.json["usage"]["prompt_tokens"]
    assert found["gen_ai.usage.output_tokens"] == answer.json["usage"]["completion_tokens"]
    assert exchange.start_time_unix_nano <= attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= exchange.end_time_unix_nano
    assert abs(exchange.end_time_unix_nano / 1e9 - time.time()) < 60
    host, port = told.upstream.url.removeprefix("http://").split(":")
    assert values(attempt.attributes)["server.address"] == host
    assert values(attempt.attributes)["server.port"] == int(port)


def test_what_the_collector_gets_is_for_it_alone(told: Told) -> None:
    answer = told.gateway.chat(
        "gpt-4o", "What a secret question", headers={"Authorization": f"Bearer {CLIENT_KEY}"} | PARENT
    )
    told.of(answer.headers["x-request-id"])
    for request in told.upstream.requests:
        assert not {name for name in map(str.lower, request.headers) if name.startswith(("trace", "baggage", "b3"))}
    everything = b"".join(told.receiver.bodies)
    for secret in (*KEYS, CLIENT_KEY, "secret question", answer.text):
        assert secret.encode() not in everything
    assert all(headers["x-key"] == COLLECTOR_KEY for headers in told.receiver.headers)
    assert COLLECTOR_KEY not in told.gateway.log


def test_a_stream_that_took_two_attempts(told: Told) -> None:
    answer = told.gateway.chat("demo-429-first-told", stream=True, temperature=0.5, max_completion_tokens=50)
    exchange, first, second = told.of(answer.headers["x-request-id"])
    found = values(exchange.attributes)
    assert found["gen_ai.request.stream"] is True
    assert found["gen_ai.request.temperature"] == 0.5
    assert found["gen_ai.request.max_tokens"] == 50
    assert found["gen_ai.response.id"] == answer.events[0]["id"]
    assert 0 < found["gen_ai.response.time_to_first_chunk"] < 60
    assert values(first.attributes)["error.type"].startswith("429")
    assert values(second.attributes)["http.request.resend_count"] == 1
    assert [first.status.code, second.status.code, exchange.status.code] == [2, 0, 0]


def test_each_call_of_an_answer_is_a_span(told: Told) -> None:
    answer = told.gateway.chat("gemini-3-flash", "Who?", n=3)
    assert len(answer.json["choices"]) == 3
    exchange, *calls = told.of(answer.headers["x-request-id"])
    assert len(calls) == 3
    assert [values(call.attributes).get("antigravity.part") for call in calls] == [None, 1, 2]
    for call in calls:
        assert call.parent_span_id == exchange.span_id
        assert exchange.start_time_unix_nano <= call.start_time_unix_nano
        assert call.end_time_unix_nano <= exchange.end_time_unix_nano
        found = values(call.attributes)
        assert found["http.response.status_code"] == 200
        assert {"antigravity.account", "server.address", "server.port", "gen_ai.request.model"} <= found.keys()
    used = values(exchange.attributes)
    assert used["gen_ai.usage.output_tokens"] == answer.json["usage"]["completion_tokens"]


def test_other_dialects_have_their_ids(told: Told) -> None:
    response = told.gateway.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "Hello!"})
    assert values(told.of(response.headers["x-request-id"])[0].attributes)["gen_ai.response.id"] == response.json["id"]
    body = {"model": "gpt-4o", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello!"}]}
    message = told.gateway.call("POST", "/v1/messages", body)
    assert values(told.of(message.headers["x-request-id"])[0].attributes)["gen_ai.response.id"] == message.json["id"]


def test_an_error_of_the_clients(told: Told) -> None:
    answer = told.gateway.call("POST", "/v1/chat/completions", {"model": "no-such-model", "messages": []})
    (span,) = told.of(answer.headers["x-request-id"])
    assert values(span.attributes)["error.type"] == answer.error["code"]
    assert span.status.code == 2


def test_what_is_about_the_gateway_itself_is_not_told(told: Told) -> None:
    told.gateway.call("GET", "/healthz")
    told.gateway.call("GET", "/metrics")
    answer = told.gateway.chat("gpt-4o")
    told.of(answer.headers["x-request-id"])
    assert not {"GET health", "GET metrics"} & {span.name for span in told.receiver.spans}


def test_metrics(told: Told) -> None:
    told.gateway.chat("gpt-4o")
    told.gateway.chat("gpt-4o", stream=True)
    told.receiver.wait(
        lambda: (
            bool(told.receiver.metrics)
            and {
                "gen_ai.client.operation.duration",
                "gen_ai.client.operation.time_to_first_chunk",
                "gen_ai.client.token.usage",
                "gen_ai.server.request.duration",
                "gen_ai.server.time_to_first_token",
            }
            <= set(told.receiver.latest_metrics())
        )
    )


def test_workers_and_what_was_said(starter: Starter) -> None:
    receiver = Receiver()
    gateway = starter(settings(receiver.url, "contents = true"), environ=QUICK, workers=2)
    told = Told(gateway, receiver, None)  # type: ignore[arg-type]
    answer = gateway.chat("gpt-4o", "A question for the collector", headers={"Authorization": f"Bearer {CLIENT_KEY}"})
    found = values(told.of(answer.headers["x-request-id"])[0].attributes)
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "A question for the collector"}]}
    ]
    (said,) = json.loads(found["gen_ai.output.messages"])
    assert said["role"] == "assistant"
    assert said["finish_reason"] == "stop"
    assert "".join(part["content"] for part in said["parts"] if part["type"] == "text") == answer.text

    def instances() -> set[str]:
        return {
            values(of.resource.attributes)["service.instance.id"]
            for one in receiver.traces
            for of in one.resource_spans
        }

    with ThreadPoolExecutor(8) as clients:
        list(clients.map(gateway.chat, ["gpt-4o"] * 40))
    receiver.wait(lambda: len(instances()) == 2)
    everything = b"".join(receiver.bodies)
    for secret in (*KEYS, CLIENT_KEY):
        assert secret.encode() not in everything
    gateway.stop()
    receiver.close()


def test_a_silent_collector_holds_nothing_up(starter: Starter) -> None:
    silent = Silent()
    gateway = starter(settings(silent.url), environ=QUICK)
    for _ in range(20):
        assert gateway.chat("gpt-4o").status == 200
    began = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait(20)
    assert elapsed(began) < 9  # 2 for the collector, and the usual end; without a limit it would be 10 and more
    assert "exchanges were not sent" in gateway.log
    silent.close()


def test_what_can_not_be_is_said_at_the_start(starter: Starter, tmp_path: Path) -> None:
    gateway = starter(
        settings("http://127.0.0.1:1", 'headers = { X = "env:NOT_THERE" }').replace(
            'headers = { X-Key = "env:COLLECTOR_KEY" }\n', ""
        ),
        wait=False,
    )
    assert gateway.process.wait(30) != 0
    assert "telemetry.headers.X: there is nothing in it" in gateway.log
