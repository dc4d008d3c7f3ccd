"""addons.gateway.exchange.steps, and an exchange's end: one collaborator that fails holds up none of the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from addons.gateway.exchange import exchange as exchanges
from addons.gateway.exchange.exchange import Exchange
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.steps import REPORT_EVERY, Steps
from addons.gateway.gateway import Gateway
from addons.gateway.record.trace import Recorder, Trace
from tests.gateway.exchange.test_exchange import ACCOUNT, exchange_of

BODY = {"messages": [{"role": "user", "content": "hi"}]}

STEPS = ("summarise", "trace", "log", "statistics", "keeping", "cancel", "replays")


def break_step(step: str, gateway: Gateway, exchange: Exchange, patch: pytest.MonkeyPatch) -> None:
    """Make a collaborator fail as a closed pipe does."""
    broken: Callable[..., Any] = Mock(side_effect=BrokenPipeError(32, "Broken pipe"))
    match step:
        case "summarise":
            patch.setattr(exchanges, "summarise", broken)
        case "trace":
            patch.setattr(Trace, "over", broken)
        case "log":
            patch.setattr(gateway.log, "write", broken)
        case "statistics":
            patch.setattr(gateway.statistics, "count", broken)
        case "keeping":
            patch.setattr(gateway.kept_statistics, "soon", broken)
        case "cancel":
            assert isinstance(exchange.job, Job)
            patch.setattr(exchange.job, "cancel", broken)
        case "replays":
            patch.setattr(gateway.replays, "over", broken)


@pytest.mark.parametrize("step", STEPS)
def test_an_exchange_ends_whatever_fails(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    gateway.recorder = Recorder(1, 2**20)

    async def run() -> None:
        told = {name: Mock() for name in ("log", "statistics")}
        for _ in range(3):
            exchange = await exchange_of(gateway, BODY)
            with monkeypatch.context() as patch:
                patch.setattr(Trace, "over", Mock())
                for name, heard in told.items():
                    patch.setattr(getattr(gateway, name), "write" if name == "log" else "count", heard)
                break_step(step, gateway, exchange, patch)
                exchange.client_left()
            assert not gateway.exchanges
        if step != "summarise":
            assert {name for name, heard in told.items() if heard.call_count == 3} >= told.keys() - {step}

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    gateway.close_store()
    assert caplog.text.count("Broken pipe") == 1


def test_an_exchange_ends_where_mitmproxy_would_exit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log calls `sys.exit` when the terminal is gone; others may be waiting for their answers."""
    gateway = Gateway(environ={})
    monkeypatch.setattr(gateway.log, "write", Mock(side_effect=SystemExit(1)))

    async def run() -> None:
        exchange = await exchange_of(gateway, BODY)
        assert gateway.exchanges
        exchange.client_left()
        assert not gateway.exchanges

    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway.use(gateway.load(file))
    asyncio.run(run())
    gateway.close_store()


def test_failures_are_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    steps = Steps(lambda: now)
    fail = Mock(side_effect=OSError("full"))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert steps.run("logging", fail) is None
        steps.run("counting", fail)
        now = REPORT_EVERY + 1
        steps.run("logging", fail)
    assert [record.message for record in caplog.records] == [
        "There is trouble with logging: OSError: full",
        "There is trouble with counting: OSError: full",
        "There is trouble with logging: OSError: full (4 more since the last report)",
    ]


def test_a_log_that_fails_too_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (UnicodeError("ascii"), SystemExit(1)):
        monkeypatch.setattr(logging.getLogger("antigravity"), "warning", Mock(side_effect=error))
        assert Steps().run("logging", Mock(side_effect=OSError)) is None
    assert Steps().run("logging", Mock(side_effect=OSError)) is None
    assert Steps().run("counting", len, "abc") == 3
