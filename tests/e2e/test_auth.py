"""Who may call, through the real gateway. The whole matrix is in tests/gateway/test_callers.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import TWO_ACCOUNTS, free_port, start_gateway

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

KEY = "sk-gateway-key-55aa"


def locked(mode: str, *, lan: bool = False) -> str:
    return (
        f'[proxy]\nauth_mode = "{mode}"\napi_key = ["env:GATEWAY_KEY", "sk-second"]\n'
        f"allow_lan_access = {str(lan).lower()}\n" + TWO_ACCOUNTS
    )


@pytest.fixture(scope="module")
def strict(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = locked("strict").replace("UPSTREAM", upstream.url)
    gateway = start_gateway(tmp_path_factory.mktemp("strict"), settings, environ={"GATEWAY_KEY": KEY})
    yield gateway
    gateway.stop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": KEY}, 200),
        ({"Authorization": "Bearer sk-second"}, 200),
        ({"x-api-key": KEY}, 200),
        ({"x-goog-api-key": KEY}, 200),
        ({"Authorization": "Bearer wrong", "x-api-key": KEY}, 200),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"x-api-key": "wrong"}, 401),
    ],
)
def test_strict(strict: Gateway, upstream: Upstream, headers: dict[str, str], status: int) -> None:
    upstream.forget()
    for answer in (strict.chat("gpt-4o", headers=headers), strict.call("GET", "/healthz", headers=headers)):
        assert answer.status == status
        if status == 401:
            assert "wrong" not in answer.error["message"]
            for name in headers:
                assert name.lower() in answer.error["message"]
    assert len(upstream.requests) == (1 if status == 200 else 0)
    for request in upstream.requests:
        assert KEY not in str(request.headers)
        assert "authorization" not in {name.lower() for name in request.headers}


def test_unknown_paths_need_the_key_too(strict: Gateway) -> None:
    assert strict.call("GET", "/v1/nothing").status == 401


def test_all_except_health(starter: Starter) -> None:
    gateway = starter(locked("all_except_health"), environ={"GATEWAY_KEY": KEY})
    assert gateway.call("GET", "/healthz").status == 200
    assert gateway.call("GET", "/v1/models").status == 401
    assert gateway.call("GET", "/v1/models", headers={"Authorization": f"Bearer {KEY}"}).status == 200


def test_auto_with_lan_access_needs_the_key(starter: Starter) -> None:
    gateway = starter(locked("auto", lan=True), environ={"GATEWAY_KEY": KEY})
    assert gateway.call("GET", "/healthz").status == 200
    assert gateway.chat("gpt-4o").status == 401


def test_a_needed_key_that_is_not_configured(starter: Starter) -> None:
    gateway = starter('[proxy]\nauth_mode = "strict"\napi_key = "env:NOT_SET"\nallow_lan_access = true\n')
    assert "serves this machine only" in gateway.log
    answer = gateway.chat("gpt-4o", headers={"Authorization": "Bearer x"})
    assert answer.status == 401
    assert "proxy.api_key" in answer.error["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8045"}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
def test_foreign_pages(gateway: Gateway, upstream: Upstream, headers: dict[str, str], status: int) -> None:
    answer = gateway.chat("gpt-4o", headers=headers)
    assert answer.status == status
    assert len(upstream.requests) == (1 if status == 200 else 0)
    if "Origin" in headers and status == 200:
        assert answer.headers["access-control-allow-origin"] == headers["Origin"]
        read = answer.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "request-id", "Retry-After", "x-should-retry"} <= set(read)  # by SDKs in a browser
    else:
        assert "access-control-allow-origin" not in answer.headers


def test_preflight(gateway: Gateway) -> None:
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Headers": "authorization,x-stainless-lang"}
    answer = gateway.call("OPTIONS", "/v1/chat/completions", headers=asked)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["access-control-allow-headers"] == "authorization,x-stainless-lang"
    assert "POST" in answer.headers["access-control-allow-methods"]
    refused = gateway.call("OPTIONS", "/v1/chat/completions", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers


def test_only_loopback_is_listened_on(starter: Starter, upstream: Upstream) -> None:
    """With a mode that names no host, mitmproxy would listen on all interfaces."""
    port = free_port()
    gateway = starter(TWO_ACCOUNTS, "--mode", f"reverse:https://gateway.invalid@{port}")
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [address for _, address, _, state, *_ in sockets if state == "0A"]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening
    assert gateway.process.poll() is None
