"""addons.gateway.ending: the end of the gateway is bounded, and a second signal ends it at once."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from mitmproxy.test import taddons

from addons.gateway import ending
from addons.gateway.gateway import Gateway
from tests.e2e.conftest import ROOT
from tests.gateway.exchange.test_exchange import ACCOUNT, exchange_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, None], ids=["SIGTERM", "SIGINT", "none"])
def test_a_client_that_takes_nothing_is_not_waited_for(
    number: signal.Signals | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A further signal ends the wait, and so does time."""
    monkeypatch.setattr(ending, "GRACE", 1000.0 if number else 0.01)
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def end() -> None:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": "hi"}]})
        ended = asyncio.ensure_future(ending.end(gateway))
        while exchange.error is None:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.001)
        if number:
            assert not ended.done()
            signal.raise_signal(number)
        await asyncio.wait_for(ended, 10)
        assert exchange.error == "gateway_stopping"
        assert not exchange.delivered

    with taddons.context():
        asyncio.run(end())
    gateway.close_store()


def test_nothing_new_is_taken_on(tmp_path: Path) -> None:
    file = tmp_path / "antigravity.toml"
    file.write_text(ACCOUNT)
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    gateway.ending = True

    async def ask() -> int:
        exchange = await exchange_of(gateway, {"messages": [{"role": "user", "content": "hi"}]})
        assert exchange.flow.response
        assert exchange.flow.response.headers["retry-after"]
        return exchange.flow.response.status_code

    assert asyncio.run(ask()) == 503
    gateway.close_store()


def test_where_the_system_does_not_tell_of_threads_none_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no further file may be open."""

    def refuse(path: str) -> list[str]:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "listdir", refuse)
    assert ending.wait_for_threads()


def test_threads_are_waited_for_once_however_often_the_script_is_loaded() -> None:
    script = (
        "from addons.gateway import ending; ending.wait_for_threads = lambda: print('waits');"
        "import addons.antigravity, importlib; importlib.reload(addons.antigravity)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "waits\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell what threads do")
def test_threads_that_have_something_to_do_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock that they want is free meanwhile; what never rests is not waited for without end."""
    monkeypatch.setattr(ending, "THREADS_WITHIN", 60.0)
    rests, over = threading.Event(), threading.Event()
    counted = [0]

    def count() -> None:
        while counted[0] < 200_000:
            counted[0] += 1
        rests.set()
        over.wait()

    thread = threading.Thread(target=count)
    thread.start()
    assert ending.wait_for_threads()
    assert rests.is_set()
    over.set()
    thread.join()

    monkeypatch.setattr(ending, "THREADS_WITHIN", 0.05)
    stopped = threading.Event()
    spinning = threading.Thread(target=lambda: [None for _ in iter(stopped.is_set, True)])
    spinning.start()
    assert not ending.wait_for_threads()
    stopped.set()
    spinning.join()
