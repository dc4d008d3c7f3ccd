"""addons.gateway.money.pricing: what an exchange has cost, as its summary and its answer tell."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.gateway.accounts.account import Account
from addons.gateway.cassettes.player import ADDRESS, LABEL, Ticket
from addons.gateway.endpoints.plain import AGENT
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.summary import Summary, line
from addons.gateway.gateway import Gateway
from addons.gateway.money import pricing
from addons.gateway.status.overview import status
from mapping.prices.cost import NO_TOKENS

ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n[retry]\nmax_attempts = 2\n'
TEXT = [{"modality": "TEXT", "tokenCount": 1000}]
USED = {"promptTokenCount": 1000, "candidatesTokenCount": 100, "promptTokensDetails": TEXT}
USD = (1000 * 0.30 + 100 * 2.50) / 1e6
"""With gemini-2.5-flash."""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    made: list[Gateway] = []

    def gateway(more: str = "") -> Gateway:
        file = tmp_path / "antigravity.toml"
        file.write_text(ACCOUNT + more)
        gateway = Gateway(environ={})
        gateway.use(gateway.load(file))
        made.append(gateway)
        return gateway

    yield gateway
    for one in made:
        one.close_store()


async def asked(gateway: Gateway, path: str, body: dict[str, Any], **headers: str) -> Exchange:
    """An exchange whose call is on its way."""
    flow = tflow.tflow()
    flow.client_conn.peername = ("127.0.0.1", 1)
    flow.request.method, flow.request.path = "POST", path
    flow.request.headers["host"] = "localhost"
    for name, value in headers.items():
        flow.request.headers[name] = value
    flow.request.raw_content = json.dumps(body).encode()
    exchange = gateway.open(flow, flow.request)
    if (waiting := exchange.on_request()) is not None:
        await waiting
    return exchange


def candidate(reason: str | None = "STOP") -> list[dict[str, Any]]:
    said: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": "Hi"}]}}
    return [said | ({"finishReason": reason} if reason else {})]


def whole(usage: dict[str, Any] | None, **more: Any) -> bytes:
    told = {} if usage is None else {"usageMetadata": usage}
    return json.dumps({"candidates": candidate(), **told, **more}).encode()


def told(
    gateway: Gateway,
    content: bytes,
    path: str = "/v1/chat/completions",
    body: dict[str, Any] | None = None,
    **headers: str,
) -> tuple[Summary, Any]:
    """The summary and the client's answer of an exchange that Gemini answers with this."""

    async def talk() -> Exchange:
        asking = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}], **(body or {})}
        exchange = await asked(gateway, path, asking, **headers)
        exchange.flow.response = tflow.tresp(status_code=200, content=content)
        exchange.on_response_headers()
        exchange.judge()
        await exchange.on_response()
        return exchange

    exchange = asyncio.run(talk())
    return gateway.statistics.last()[0], exchange.flow.response


def test_a_whole_answer(make: Any) -> None:
    summary, response = told(make(), whole(USED))
    assert summary.cost == pytest.approx(USD)
    assert summary.cost_note is None
    assert summary.cost_parts == pytest.approx({"input": 0.0003, "output": 0.00025})
    assert " · 1000 + 100 tokens · $0.000550 · " in line(summary)
    assert "x-antigravity-cost" not in response.headers
    assert {name: summary.plain()[name] for name in ("cost", "cost_note")} == {"cost": summary.cost, "cost_note": None}


def test_the_header(make: Any) -> None:
    gateway = make("[prices]\nheader = true\n[proxy]\nallowed_origins = ['https://app.example']\n")
    _, response = told(gateway, whole(USED), origin="https://app.example")
    assert response.headers["x-antigravity-cost"] == "0.00055"
    assert "X-Antigravity-Cost" in response.headers["access-control-expose-headers"]
    _, response = told(gateway, whole(USED, modelVersion="gemini-9-quartz"), body={"model": "gemini-9-quartz"})
    assert response.headers["x-antigravity-cost"] == "unknown"


def test_a_path_of_gemini_s_own(make: Any) -> None:
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    contents = {"contents": [{"parts": [{"text": "hi"}]}]}
    summary, _ = told(make(), whole(USED, modelVersion="gemini-2.5-flash-lite"), path, contents)
    assert summary.cost == pytest.approx((1000 * 0.10 + 100 * 0.40) / 1e6)


@pytest.mark.parametrize(
    ("usage", "more", "note"),
    [
        (USED, {"modelVersion": "gemini-2.5-flash-001"}, None),  # the table knows the name that was asked
        (None, {}, NO_TOKENS),
        ({"promptTokenCount": 5}, {}, "estimate: Gemini did not tell what of the prompt was media"),
        (
            {**USED, "trafficType": "PROVISIONED_THROUGHPUT"},
            {},
            "no price for gemini-2.5-flash with the service tier provisioned_throughput",
        ),
    ],
)
def test_notes(make: Any, usage: Any, more: dict[str, Any], note: str | None) -> None:
    summary, _ = told(make(), whole(usage, **more))
    assert summary.cost_note == note
    assert (summary.cost is None) == (note is not None and "estimate" not in note)
    assert ("cost unknown" in line(summary)) == (summary.cost is None)


def test_counting_tokens_costs_nothing(make: Any) -> None:
    path = "/v1beta/models/gemini-2.5-flash:countTokens"
    summary, _ = told(make(), b'{"totalTokens": 5}', path, {"contents": [{"parts": [{"text": "hi"}]}]})
    assert (summary.cost, summary.cost_note) == (None, None)
    assert "cost" not in line(summary)


def test_switched_off(make: Any) -> None:
    summary, response = told(make("[prices]\nenabled = false\nheader = true\n"), whole(USED))
    assert (summary.cost, summary.cost_note) == (None, None)
    assert "x-antigravity-cost" not in response.headers


def test_prices_of_ones_own(make: Any) -> None:
    gateway = make('[prices.models]\n"gemini-2.*" = { input = 1, output = 2.5, long_above = 999, long_input = 2 }\n')
    summary, _ = told(gateway, whole(USED))
    assert summary.cost == pytest.approx((1000 * 2 + 100 * 2.5) / 1e6)


@pytest.mark.parametrize(("tier", "usd"), [("priority", 17.1), ("flex", 4.75), ("default", 9.5), ("auto", 9.5)])
def test_the_tier_that_was_asked_for(make: Any, tier: str, usd: float) -> None:
    usage = {"promptTokenCount": 10**6, "candidatesTokenCount": 10**6}
    body = {"model": "gemini-3.8-flash-tts", "service_tier": tier}
    summary, _ = told(make(), whole(usage), body=body)
    assert summary.cost == pytest.approx(usd)


def event(usage: dict[str, Any], reason: str | None = None) -> bytes:
    return b"data: " + json.dumps({"candidates": candidate(reason), "usageMetadata": usage}).encode() + b"\r\n\r\n"


def test_a_stream_whose_client_left(make: Any) -> None:
    gateway = make()

    async def talk() -> None:
        body = {"model": "gemini-2.5-flash", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        exchange = await asked(gateway, "/v1/chat/completions", body)
        exchange.flow.response = tflow.tresp(status_code=200, content=b"")
        exchange.on_response_headers()
        exchange.feed(event({**USED, "candidatesTokenCount": 10}))
        exchange.feed(event({**USED, "candidatesTokenCount": 40}))
        exchange.stream_head()
        exchange.client_left()

    asyncio.run(talk())
    summary = gateway.statistics.last()[0]
    assert summary.cost == pytest.approx((1000 * 0.30 + 40 * 2.50) / 1e6)
    assert summary.cost_note == "at least: the client left"
    assert " · >$0.000400" in line(summary)


def test_what_was_asked_for_again_is_paid_for_too(make: Any) -> None:
    """An answer that ended without content is asked for once more."""
    gateway = make()

    async def talk() -> None:
        body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}
        exchange = await asked(gateway, "/v1/chat/completions", body)
        usage = {"promptTokenCount": 1000, "thoughtsTokenCount": 60, "promptTokensDetails": TEXT}
        empty = json.dumps({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}).encode()
        for content in (empty, whole(USED)):
            exchange.flow.response = tflow.tresp(status_code=200, content=content)
            exchange.on_response_headers()
            exchange.judge()
            if exchange.paused:
                exchange.call_again()
        await exchange.on_response()

    asyncio.run(talk())
    summary = gateway.statistics.last()[0]
    assert summary.cost == pytest.approx(USD + (1000 * 0.30 + 60 * 2.50) / 1e6)


def test_what_a_recording_answers_costs_nothing(make: Any) -> None:
    gateway = make()

    async def talk() -> None:
        body = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}
        exchange = await asked(gateway, "/v1/chat/completions", body)
        exchange.flow.response = tflow.tresp(status_code=200, content=whole(USED))
        exchange.flow.is_replay = "response"
        exchange.on_response_headers()
        exchange.judge()
        await exchange.on_response()

    asyncio.run(talk())
    summary = gateway.statistics.last()[0]
    assert (summary.cost, summary.cost_note) == (None, None)


CHAT: dict[str, Any] = {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]}
CACHED: dict[str, Any] = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "hi"}]}]}


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/v1/chat/completions", CHAT, whole(USED)),
        ("/v1beta/cachedContents", CACHED, b'{"name": "cachedContents/a"}'),
        ("/v1beta/interactions", {"agent": "researcher", "input": "hi"}, b'{"id": "v1_a"}'),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_what_a_cassette_answers_costs_nothing(
    make: Any, path: str, body: dict[str, Any], answer: bytes, recorded: bool
) -> None:
    gateway = make()

    async def talk() -> None:
        exchange = await asked(gateway, path, body)
        assert exchange.failover
        if recorded:
            exchange.failover.attempts[-1].account = Account(LABEL, Ticket(), address=ADDRESS)
        exchange.flow.response = tflow.tresp(status_code=200, content=answer)
        exchange.on_response_headers()
        exchange.judge()
        await exchange.on_response()

    asyncio.run(talk())
    summary = gateway.statistics.last()[0]
    assert ((summary.cost, summary.cost_note) == (None, None)) == recorded


def test_recordings_may_answer_a_part_of_it(make: Any) -> None:
    """Of an answer that takes several calls, or is made in the background."""
    gateway = make()
    notes: list[str | None] = []

    async def talk() -> None:
        exchange = await asked(gateway, "/v1/chat/completions", CHAT)
        exchange.flow.response = tflow.tresp(status_code=200, content=whole(USED))
        exchange.on_response_headers()
        exchange.judge()
        further = gateway.open_inner(exchange, asyncio.get_running_loop().create_future())
        further.failover = exchange.failover
        for exchange.flow.is_replay, further.flow.is_replay in product((None, "response"), repeat=2):
            told = pricing.cost(exchange, exchange.job, time.time())
            notes.append(f"costs; {told.note}" if told else None)
        gateway.close(further)
        await exchange.on_response()

    asyncio.run(talk())
    partly = f"costs; {pricing.PARTLY_RECORDED}"
    assert notes == ["costs; None", partly, partly, None]


def test_what_an_agent_of_googles_costs_is_unknown_and_not_nothing(make: Any) -> None:
    gateway = make()
    body = {"model": None, "agent": "researcher", "input": "hi"}
    answer = b'{"id": "v1_a", "status": "completed", "usage": {"total_input_tokens": 5}}'
    summary, _ = told(gateway, answer, "/v1beta/interactions", body)
    assert (summary.cost, summary.cost_note) == (None, AGENT)
    assert "cost unknown" in line(summary)
    assert gateway.statistics.today().unpriced == 1
    assert [(row["model"], row["unpriced"]) for row in status(gateway)["models"]] == [(None, 1)]
    summary, _ = told(gateway, answer, "/v1beta/interactions/v1_a/cancel", {"model": None})
    assert (summary.cost, summary.cost_note) == (None, None)
