"""addons.gateway.exchange: the order in which a client's stream is made."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.gateway.exchange import Exchange
from addons.gateway.gateway import Gateway

EVENT = (
    b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}\r\n\r\n'
)
ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'


async def exchange_of(gateway: Gateway, body: dict[str, Any]) -> Exchange:
    """An exchange whose request is on its way to the upstream."""
    flow = tflow.tflow()
    flow.client_conn.peername = ("127.0.0.1", 1)
    flow.request.method = "POST"
    flow.request.path = "/v1/responses" if "input" in body else "/v1/chat/completions"
    flow.request.headers["host"] = "localhost"
    flow.request.raw_content = json.dumps({"model": "gemini-2.5-flash", "stream": True, **body}).encode()
    exchange = gateway.open(flow, flow.request)
    waiting = exchange.on_request()
    if waiting is not None:
        await waiting
    return exchange


async def answer_after_a_sign_of_life(gateway: Gateway, body: dict[str, Any]) -> str:
    """What the client gets when a sign of life was made, and the answer comes before it could be sent."""
    exchange = await exchange_of(gateway, body)
    exchange.flow.response = tflow.tresp(status_code=200)
    exchange.on_response_headers()
    exchange._show_life()
    sent = exchange.feed(EVENT)
    assert exchange.pending() == b""
    exchange.stream_head()
    exchange.judge()
    await exchange.on_response()
    return (sent + exchange.tail).decode()


@pytest.mark.parametrize(
    "body", [{"input": "hi"}, {"messages": [{"role": "user", "content": "hi"}]}], ids=["responses", "chat"]
)
def test_a_sign_of_life_is_not_overtaken(body: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    sent = asyncio.run(answer_after_a_sign_of_life(gateway, body))
    gateway.close_store()
    life = ": keep-alive" if "messages" in body else "event: response.in_progress"
    assert sent.count(life) == (1 if "messages" in body else 2)
    assert sent.rindex(life) < sent.index("Hi")
    numbers = [int(number) for number in re.findall(r'"sequence_number":(\d+)', sent)]
    assert numbers == list(range(len(numbers)))
    if "messages" in body:
        assert sent.index('"role":"assistant"') < sent.index("Hi")
        assert sent.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(("keep_alive", "timers"), [("'15s'", 1), ("0", 0), ("'0s'", 0)])
def test_signs_of_life_can_be_switched_off(tmp_path: Path, keep_alive: str, timers: int) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(f"[proxy]\nkeep_alive = {keep_alive}\n{ACCOUNT}")
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def silences() -> int:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": "hi"}]})
        made = int(exchange._silence is not None)
        exchange.client_left()
        return made

    assert asyncio.run(silences()) == timers
    gateway.close_store()


def test_what_a_request_waits_for_ends_when_its_client_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`GET /v1/responses/{id}` waits for a response of the background, for instance."""
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def leave() -> None:
        never, waits = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            waits.set()
            await never.wait()

        monkeypatch.setattr(gateway, "begin", lambda exchange, match: wait())
        waiting = asyncio.ensure_future(exchange_of(gateway, {"input": "hi"}))
        await waits.wait()
        [exchange] = gateway.exchanges.values()
        exchange.client_left()
        await asyncio.wait_for(waiting, 10)

    asyncio.run(leave())
    gateway.close_store()
