"""addons.gateway.live, and the rows of mitmweb that it is said in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mitmproxy.addons.view import View
from mitmproxy.test import taddons, tflow

from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.verdicts import State
from addons.gateway.gateway import Gateway
from addons.gateway.live import doing
from addons.gateway.record import running
from tests.gateway.exchange.test_exchange import CHAT, PART, exchange_of, gateway_of

THOUGHT = PART.replace(b'"text": "Hi"', b'"text": "Hm", "thought": true')
NAMES = "gpt-4o -> gemini-2.5-flash"


async def until(holds: Callable[[], bool]) -> None:
    """Let others have their turns until it does."""
    end = time.monotonic() + 5
    for _ in iter(lambda: time.monotonic() > end, True):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def begun(gateway: Gateway) -> Exchange:
    gateway.settings.models.mapping["gpt-4o"] = "gemini-2.5-flash"
    gateway.use(gateway.prepare(gateway.settings))
    return await exchange_of(gateway, {**CHAT, "model": "gpt-4o"})


def test_each_step_is_said(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)
    said: list[str] = []

    async def run() -> None:
        exchange = await begun(gateway)
        exchange.started -= 2.6

        def say() -> None:
            text = doing.line(exchange).removeprefix("running 3 s · ").removeprefix(NAMES).removeprefix(" · ")
            said.append(text)
            assert json.loads(json.dumps(doing.plain(exchange)))["line"] == doing.line(exchange)

        say()
        exchange.connecting()
        say()
        exchange.outgoing(reused=False)
        say()
        exchange.flow.response = tflow.tresp(status_code=503)
        exchange.on_response_headers()
        say()
        exchange.judge()
        exchange.machine.pause = 3.7
        say()
        exchange.attempts[0].started -= 1.0
        say()
        exchange.call_again()
        exchange.outgoing(reused=True)
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        exchange.feed(THOUGHT)
        say()
        exchange.feed(PART)
        exchange.stream_head()
        exchange.feed(PART)
        say()
        exchange.client_left()
        say()

    asyncio.run(run())
    gateway.close_store()
    events = said.pop(-2)
    assert events.startswith("attempt 2 · ")
    assert events.endswith(" events")
    assert said == [
        "attempt 1", "attempt 1 · connecting", "attempt 1 · waiting for the first byte", "attempt 1 · the answer comes",
        "waiting 4 s for attempt 2", "waiting 3 s for attempt 2", "attempt 2 · thinking",
        said[-1],
    ]  # fmt: skip
    assert "the client left" in said[-1]


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_words(state: State) -> None:
    assert state in doing._STEPS


def test_rows_tell_it_while_there_is_something_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One timer, which stops when nothing is under way."""
    monkeypatch.setattr(running, "EVERY", 0.001)
    monkeypatch.setattr(running, "RUNNING_AFTER", 0.0)
    gateway = gateway_of(tmp_path)
    view = View()

    async def run() -> None:
        with taddons.context(view):
            gateway.record(True, in_memory=False, at_once=True)
            recorder = gateway.recorder
            assert recorder
            exchange = await begun(gateway)
            await until(lambda: any("gpt-4o" in flow.comment for flow in view))
            [row] = list(view)
            exchange.started -= 1.0
            exchange.connecting()
            await until(lambda: "connecting" in row.comment)
            assert row.comment == f"running 1 s · {NAMES} · attempt 1 · connecting [{exchange.id}]"
            exchange.client_left()
            assert row not in view
            await until(lambda: recorder.comments._timer is None)

    asyncio.run(run())
    gateway.close_store()


def test_nothing_is_told_where_nothing_lists_it(tmp_path: Path) -> None:
    gateway = gateway_of(tmp_path)

    async def run() -> None:
        with taddons.context():
            gateway.record(True, in_memory=False, at_once=True)
            recorder = gateway.recorder
            assert recorder
            await begun(gateway)
            assert recorder.comments._timer is None

    asyncio.run(run())
    gateway.close_store()
