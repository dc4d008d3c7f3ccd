"""`GET /metrics`: numbers that add up, and hold nothing that a client wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import FLASH, TWO_ACCOUNTS

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter


def numbers(gateway: Gateway) -> dict[tuple[str, ...], float]:
    answer = gateway.call("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


def test_what_is_counted(starter: Starter) -> None:
    gateway = starter()
    gateway.chat("gpt-4o")
    gateway.chat("gpt-4o", stream=True)
    gateway.chat("demo-429-first-metrics")
    gateway.chat("no-such-model")
    gateway.call("GET", "/healthz")
    gateway.call("GET", "/secret-path")
    found = numbers(gateway)
    assert found["gateway_requests_total", "chat", FLASH, "ok", "200"] == 2
    assert found["gateway_requests_total", "chat", "no-such-model", "model_not_found", "404"] == 1
    assert found["gateway_requests_total", "unknown", "", "unknown_url", "404"] == 1
    attempts = {key[2]: value for key, value in found.items() if key[0] == "gateway_attempts_total"}
    assert attempts["429 RESOURCE_EXHAUSTED"] == 1
    assert found["gateway_tokens_total", "prompt", FLASH] > 0
    assert found["gateway_tokens_total", "completion", FLASH] > 0
    assert found["gateway_first_chunk_seconds_count", "chat", FLASH] == 1
    assert found["gateway_request_seconds_count", "chat", FLASH] == 2
    assert found["gateway_own_requests_total", "health", "200"] >= 1
    assert found["gateway_requests_in_flight",] == 1  # this one
    rests = [value for key, value in found.items() if key[0] == "gateway_cooldown_seconds"]
    assert len(rests) == 1
    assert 20 < rests[0] <= 30
    assert not any("secret" in part for key in found for part in key)


def test_behind_the_key(starter: Starter) -> None:
    gateway = starter('[proxy]\nauth_mode = "all_except_health"\napi_key = "sk-1"\n' + TWO_ACCOUNTS)
    assert gateway.call("GET", "/metrics").status == 401
    assert gateway.call("GET", "/metrics", headers={"x-api-key": "sk-1"}).status == 200
