"""What the line of an exchange says while something waits: for a fault on demand, for further calls, for another."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.gateway.endpoints.asking import Asking
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.verdicts import State
from addons.gateway.gateway import Gateway
from addons.gateway.live import doing
from tests.gateway.exchange.test_exchange import ACCOUNT, CHAT, EVENT, PART, exchange_of, gateway_of
from tests.gateway.live.test_doing import THOUGHT, until

WHOLE = EVENT.removeprefix(b"data: ").strip()
SHORT = 0.01
"""Seconds of the faults."""


def faulty(folder: Path, fault: str) -> Gateway:
    """A gateway whose next call meets this fault."""
    gateway = gateway_of(folder)
    file = folder / "faulty.toml"
    file.write_text(f"[faults]\nenabled = true\n{ACCOUNT}")
    gateway.use(gateway.load(file))
    assert gateway.fault_injector is not None
    gateway.fault_injector.command(fault, 1)
    return gateway


def answered(exchange: Exchange, content: bytes | None = None) -> None:
    """The head of a good answer is there; with `content` all of it, which is no stream then."""
    exchange.outgoing(reused=False)
    exchange.flow.response = tflow.tresp(status_code=200)
    if content is not None:
        exchange.flow.response.raw_content = content
    exchange.on_response_headers()


def begun(gateway: Gateway, method: str, path: str, content: bytes = b"") -> tuple[Exchange, asyncio.Future[None]]:
    """An exchange that waits for something before its call; the future is done when it does not any more."""
    flow = tflow.tflow()
    flow.client_conn.peername = ("127.0.0.1", 1)
    flow.request.method, flow.request.path, flow.request.raw_content = method, path, content
    flow.request.headers["host"] = "localhost"
    exchange = gateway.open(flow, flow.request)
    waiting = exchange.on_request()
    assert waiting is not None
    return exchange, asyncio.ensure_future(waiting)


async def lines_of(exchange: Exchange, holds: Callable[[], bool]) -> list[str]:
    """What is said until it holds, each as often as it changes: the step, and the events that the client has."""
    lines: list[str] = []

    def look() -> bool:
        exchange.pending()
        line = f"{doing.step(exchange)} · {doing.events_of(exchange)}"
        if lines[-1:] != [line]:
            lines.append(line)
        return holds()

    await until(look)
    return lines


@pytest.mark.parametrize("first", [PART, THOUGHT], ids=["text", "thought"])
def test_a_slow_stream(tmp_path: Path, first: bytes) -> None:
    """Events are counted when they go out, and what waits is said: also when the upstream has told everything."""
    gateway = faulty(tmp_path, f"slow;seconds={SHORT}")

    async def run() -> list[list[str]]:
        exchange = await exchange_of(gateway, CHAT)
        answered(exchange)
        exchange.feed(first)
        exchange.stream_head()
        thinking = first is THOUGHT
        assert bool(exchange.spoke) is not thinking
        exchange.feed(PART)
        exchange.feed(PART)
        assert bool(exchange.spoke) is not thinking  # it waits
        before = await lines_of(exchange, lambda: exchange.events >= 3)
        assert exchange.spoke
        exchange.judge()
        assert exchange.state is State.GATHERING
        ending = asyncio.ensure_future(exchange.on_response())
        after = await lines_of(exchange, ending.done)
        return [before, after]

    before, after = asyncio.run(run())
    gateway.close_store()
    assert before == [
        "slow on demand, 3 events wait · 1",
        "slow on demand, 2 events wait · 2",
        "slow on demand, 1 event waits · 3",
    ]
    assert after[:2] == ["slow on demand, 1 event waits · 3", "slow on demand · 4"]
    assert not {line for line in after if "calls" in line}


@pytest.mark.parametrize(
    ("fault", "said"), [("stall;after=1", "stall"), ("stall;after=2 + slow", "slow"), ("slow + stall;after=1", "stall")]
)
def test_which_fault_a_stream_waits_for(tmp_path: Path, fault: str, said: str) -> None:
    gateway = faulty(tmp_path, fault)

    async def run() -> str:
        exchange = await exchange_of(gateway, CHAT)
        answered(exchange)
        exchange.feed(PART)
        exchange.stream_head()
        for _ in range(3):
            exchange.feed(PART)
        line = doing.line(exchange)
        exchange.client_left()
        return line

    line = asyncio.run(run())
    gateway.close_store()
    assert f"attempt 1 · {said} on demand, 4 events wait · 1 event" in line


@pytest.mark.parametrize("fault", ["slow", "stall"])
def test_a_whole_answer_that_is_kept_back(tmp_path: Path, fault: str) -> None:
    gateway = faulty(tmp_path, f"{fault};seconds={SHORT}")

    async def run() -> list[str]:
        exchange = await exchange_of(gateway, {**CHAT, "stream": False})
        answered(exchange, WHOLE)
        exchange.judge()
        ending = asyncio.ensure_future(exchange.on_response())
        return await lines_of(exchange, ending.done)

    assert f"{fault} on demand · None" in asyncio.run(run())
    gateway.close_store()


def test_a_delay(tmp_path: Path) -> None:
    gateway = faulty(tmp_path, f"delay;seconds={SHORT}")

    async def run() -> str:
        coming = asyncio.ensure_future(exchange_of(gateway, CHAT))
        await until(lambda: any(doing.step(one) == "delay on demand" for one in gateway.exchanges.values()))
        exchange = await coming
        return doing.step(exchange)

    assert asyncio.run(run()) == ""
    gateway.close_store()


def test_a_held_stream_stays_held_when_it_is_slow(tmp_path: Path) -> None:
    gateway = faulty(tmp_path, f"slow;seconds={SHORT}")

    async def run() -> None:
        exchange = await exchange_of(gateway, CHAT)
        answered(exchange)
        exchange.feed(PART)
        exchange.stream_head()
        exchange.held.close()
        exchange.feed(PART)
        out: list[bytes] = []

        def is_kept() -> bool:
            out.append(exchange.pending())
            return exchange.held.waiting > 0

        await until(is_kept)
        assert b"".join(out) == b""
        assert doing.step(exchange).startswith("held, ")
        exchange.held.let_go()
        assert b"Hi" in exchange.pending()
        exchange.client_left()

    asyncio.run(run())
    gateway.close_store()


class Asked:
    """The calls beside the first: answered when `may` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.may = asyncio.Event()

        async def ask(*_: Any) -> bytes:
            await self.may.wait()
            return WHOLE

        monkeypatch.setattr(Asking, "_ask", ask)


@pytest.mark.parametrize("stream", [True, False])
def test_calls_beside_the_first(tmp_path: Path, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said while there are some that are not over, and only then."""
    gateway = gateway_of(tmp_path)

    async def run() -> tuple[str, list[str]]:
        asked = Asked(monkeypatch)
        exchange = await exchange_of(gateway, {**CHAT, "model": "gemini-3.8-flash", "n": 2, "stream": stream})
        answered(exchange, None if stream else WHOLE)
        if stream:
            exchange.feed(EVENT)
        exchange.judge()
        ending = asyncio.ensure_future(exchange.on_response())
        await asyncio.sleep(0)
        said = doing.step(exchange)
        asked.may.set()
        return said, await lines_of(exchange, ending.done)

    said, after = asyncio.run(run())
    gateway.close_store()
    assert said == "waiting for further calls"
    assert after[-1].startswith("the answer is sent")


def test_an_answer_that_waits_for_no_call_is_made(tmp_path: Path) -> None:
    """As images are converted when they are all there."""
    gateway = gateway_of(tmp_path)

    async def run() -> str:
        exchange = await exchange_of(gateway, {**CHAT, "stream": False})
        answered(exchange, WHOLE)
        exchange.judge()
        return doing.step(exchange)

    assert asyncio.run(run()) == "the answer is made"
    gateway.close_store()


def test_a_stream_of_what_is_made_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = gateway_of(tmp_path)

    async def run() -> list[str]:
        asked = Asked(monkeypatch)
        made = await exchange_of(gateway, {"input": "hi", "background": True, "stream": False})
        assert isinstance(made.flow.response, http.Response)
        id = made.flow.response.json()["id"]
        await made.on_response()
        exchange, coming = begun(gateway, "GET", f"/v1/responses/{id}?stream=true")
        lines = await lines_of(exchange, lambda: bool(exchange.waits))
        asked.may.set()
        return lines + await lines_of(exchange, coming.done)

    lines = asyncio.run(run())
    gateway.close_store()
    assert "waiting for the answer in the background · None" in lines
    assert lines[-1].startswith("the answer is sent")


def test_a_count_waits_for_others(tmp_path: Path) -> None:
    """The same is not counted twice at a time."""
    gateway = gateway_of(tmp_path)

    async def run() -> tuple[str, str, str]:
        body = json.dumps({"model": "gemini-2.5-flash", **CHAT}).encode()
        (first, one), (second, two) = (begun(gateway, "POST", "/v1/messages/count_tokens", body) for _ in range(2))
        await one
        await until(lambda: bool(second.waits))
        before = doing.step(second)
        first.client_left()
        await two
        after = doing.step(second)
        second.client_left()
        return doing.step(first), before, after

    assert asyncio.run(run()) == ("the client left", "waiting for other counts", "")
    gateway.close_store()
