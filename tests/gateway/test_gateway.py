"""addons.gateway.gateway: what new settings change, and what they leave alone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from mitmproxy.test import tflow

from addons.gateway.gateway import Gateway
from addons.gateway.settings.settings import checked
from addons.gateway.status.overview import status
from tests.gateway.exchange.test_exchange import ACCOUNT, EVENT, exchange_of

FIRST = '[[accounts]]\nemail = "a"\napi_key = "k-1"\n[[accounts]]\nemail = "b"\napi_key = "k-2"\n'


def test_unchanged_accounts_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "antigravity.toml"
    gateway = Gateway(environ={})
    file.write_text(FIRST)
    gateway.use(gateway.load(file))
    a, b = gateway.pool.accounts
    gateway.pool.set_aside(a, "its credential was refused")
    gateway.pool.cool(b, "gemini-2.5-flash", 30, "429")

    file.write_text(FIRST + "[retry]\nmax_attempts = 5\n")
    gateway.use(gateway.load(file))
    assert gateway.pool.accounts == [a, b]
    assert gateway.pool.accounts[0].unusable == "its credential was refused"
    assert gateway.pool.shortest_rest("gemini-2.5-flash") is not None

    file.write_text(FIRST.replace("k-1", "k-new"))
    gateway.use(gateway.load(file))
    again, same = gateway.pool.accounts
    assert again is not a
    assert again.unusable is None
    assert same is b
    gateway.close_store()


def test_a_request_under_way_keeps_its_store(tmp_path: Path) -> None:
    """Its response goes where its conversation is, though the settings have named another file in the meantime."""
    file = tmp_path / "antigravity.toml"
    file.write_text(f"[responses]\nstore = 'old.db'\n{ACCOUNT}")
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))

    async def answer() -> None:
        exchange = await exchange_of(gateway, {"input": "hi"})
        file.write_text(f"[responses]\nstore = 'new.db'\n{ACCOUNT}")
        gateway.use(gateway.load(file))
        exchange.flow.response = tflow.tresp(status_code=200)
        exchange.on_response_headers()
        exchange.feed(EVENT)
        exchange.judge()
        await exchange.on_response()

    old = gateway.database
    asyncio.run(answer())
    old.close()
    gateway.close_store()
    assert (stored(tmp_path / "old.db"), stored(tmp_path / "new.db")) == (1, 0)


def stored(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("select count(*) from responses").fetchone()[0])


def test_the_status_tells_of_classes_and_of_targets_that_retire() -> None:
    gateway = Gateway(environ={"ANTIGRAVITY_TODAY": "2026-11-29"})
    settings = checked({"models": {"mapping": {"mine": "gemini-2.5-pro", "gpt-4o": "gemini-flash"}}})
    gateway.use(gateway.prepare(settings))
    told = status(gateway)
    assert told["classes"]["flash"] == "gemini-4-hydrogen"
    [remark] = told["remarks"]
    assert remark.startswith("[models.mapping] 'mine': gemini-2.5-pro retires on 2026-12-01")
    gateway.close_store()
