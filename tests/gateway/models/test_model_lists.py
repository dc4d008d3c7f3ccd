"""addons.gateway.models.model_lists: what the accounts list, which model stands for a class, what is said of the
settings."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.accounts.credentials.credentials import ApiKey
from addons.gateway.models.model_lists import GOOD_FOR, ModelLists
from addons.gateway.storage.database import Database
from addons.gateway.storage.state import StateStore

DAY = date(2026, 11, 29)
NOWHERE = Address.parse("http://127.0.0.1:1")


def account(label: str, **more: Any) -> Account:
    return Account(label, ApiKey(f"key-{label}"), **more)


def models(*names: str) -> list[dict[str, Any]]:
    return [{"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]} for name in names]


TWO = [account("a"), account("b")]


def lists(*accounts: Account, day: date = DAY, **listed: str) -> ModelLists:
    made = ModelLists(lambda: list(accounts), today=lambda: day, clock=lambda: 1000.0)
    for label, names in listed.items():
        made.take(label, models(*names.split()))
    return made


@pytest.mark.parametrize(
    ("accounts", "listed", "model"),
    [
        # Nobody was asked, or nobody has one: the catalogue.
        ([account("a")], {}, "gemini-4-hydrogen"),
        ([account("a")], {"a": "gemini-2.5-pro"}, "gemini-4-hydrogen"),
        ([account("a")], {"a": "gemini-3.6-flash gemini-3.8-flash"}, "gemini-3.8-flash"),
        ([account("a")], {"a": "gemini-9-flash gemini-3.8-flash"}, "gemini-9-flash"),
        # What all have comes first, so that each can serve.
        (TWO, {"a": "gemini-9-flash gemini-3.8-flash", "b": "gemini-3.8-flash"}, "gemini-3.8-flash"),
        (TWO, {"a": "gemini-9-flash", "b": "gemini-9-pro"}, "gemini-9-flash"),
        # An account that is not there any more has no say.
        ([account("a")], {"a": "gemini-3.8-flash", "b": "gemini-9-flash"}, "gemini-3.8-flash"),
        # What no account may serve is not chosen.
        ([account("a", models=("gemini-3*",))], {"a": "gemini-9-flash gemini-3.8-flash"}, "gemini-3.8-flash"),
    ],
)  # fmt: skip
def test_flash(accounts: list[Account], listed: dict[str, str], model: str) -> None:
    assert lists(*accounts, **listed).model_of("flash") == model


def test_the_choice_follows_the_list_and_the_day() -> None:
    day = DAY
    made = ModelLists(lambda: [account("a")], today=lambda: day)
    made.take("a", models("gemini-2.5-flash"))
    assert made.model_of("flash") == "gemini-2.5-flash"
    day = date(2026, 12, 1)
    assert made.model_of("flash") == "gemini-4-hydrogen"
    made.take("a", models("gemini-3.6-flash"))
    assert made.model_of("flash") == "gemini-3.6-flash"


def test_lists_outlive_a_restart(tmp_path: Path) -> None:
    for expected in ("gemini-4-hydrogen", "gemini-3.8-flash"):
        database = Database(tmp_path / "state.sqlite")
        made = lists(account("a"))
        state = StateStore(database)
        made.keep_in(state, state.kept("models"))
        assert made.model_of("flash") == expected
        made.take("a", models("gemini-3.8-flash"))
        database.close()


@pytest.mark.parametrize("kept", [None, [], {"a": 1}, {"a": {"models": [1], "time": 2}}, {"a": {"models": []}}])
def test_what_is_kept_may_be_anything(kept: Any) -> None:
    database = Database(None)
    made = lists(account("a"))
    made.keep_in(StateStore(database), kept)
    assert made.model_of("flash") == "gemini-4-hydrogen"
    database.close()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gemini-3.8-flash", ""),
        ("gemini-flash", ""),
        ("models/gemini-3.8-flash", ""),
        ("models/gemini-3.8-flahs", "'gemini-3.8-flahs', which no account lists. Did you mean 'gemini-3.8-flash'?"),
        ("llama", "which no account lists. GET /v1/models names those that there are."),
        ("gemini-2.5-pro", "[models.mapping] 'x': gemini-2.5-pro retires on 2026-12-01"),
        ("gemini-3.7-flash", "was retired on 2026-10-08; Google serves gemini-3.8-flash under its name"),
        ("a b", "'a b' is not a valid model name"),
    ],
)  # fmt: skip
def test_remarks(target: str, said: str) -> None:
    remarks = lists(account("a"), a="gemini-3.8-flash gemini-3.6-flash").remarks({"x": target}, None)
    assert [said in remark for remark in remarks] == ([True] if said else [])


@pytest.mark.parametrize(
    ("accounts", "model", "served"),
    [
        ([], "gemini-3.8-flash", True),
        ([account("a")], "gemini-3.8-flash", True),
        ([account("a")], "gemini-3.8-flahs", False),
        ([account("a")], "gemini-3.7-flash", True),  # retired: Google serves another one under its name
        ([account("a", models=("gemini-3.6*",))], "gemini-3.8-flash", False),
        ([account("a", models=("gemini-3.6*",)), account("b")], "gemini-3.8-flash", True),
        ([account("a", models=("gemini-3.6*",)), account("b", lacks="a key")], "gemini-3.8-flash", False),
        ([account("a", lacks="a key")], "gemini-3.8-flash", True),
        ([account("b", upstream="code-assist")], "gemini-embedding-2", False),
        ([account("a"), account("b", upstream="vertex")], "gemini-3.8-flahs", True),
    ],
)  # fmt: skip
def test_what_can_be_served(accounts: list[Account], model: str, served: bool) -> None:
    assert lists(*accounts, a="gemini-3.8-flash gemini-3.6-flash").can_serve(model) is served


def test_nothing_is_said_of_what_nobody_knows() -> None:
    made = lists(account("a"), account("b", upstream="vertex"), a="gemini-3.8-flash")
    assert made.remarks({"x": "gemini-3.8-flahs"}, None) == []
    assert lists(account("a")).remarks({}, "gemini-3.8-flahs") == []


class Google:
    """Lists models on two pages, and counts."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.status = 200
        google = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                google.keys.append(self.headers["x-goog-api-key"])
                second = "pageToken=more" in self.path
                body: dict[str, Any] = {"models": models("gemini-3.8-flash" if second else "gemini-3.6-flash")}
                data = json.dumps(body if second else {**body, "nextPageToken": "more"}).encode()
                self.send_response(google.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = Address.parse(f"http://127.0.0.1:{self._server.server_port}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def google() -> Iterator[Google]:
    server = Google()
    yield server
    server.close()


def test_each_account_is_asked_once_in_half_a_day(google: Google) -> None:
    now = 1000.0
    accounts = [account("a"), account("b", lacks="a key"), account("c", upstream="vertex")]
    made = ModelLists(lambda: accounts, today=lambda: DAY, clock=lambda: now)
    assert asyncio.run(made.ask(google.address)) is False
    assert google.keys == ["key-a", "key-a"]
    assert made.model_of("flash") == "gemini-3.8-flash"
    accounts.append(account("d"))
    asyncio.run(made.ask(google.address))
    assert google.keys[2:] == ["key-d", "key-d"]
    now += GOOD_FOR / 2
    asyncio.run(made.ask(google.address))
    assert google.keys[4:] == ["key-a", "key-a", "key-d", "key-d"]


def test_an_account_that_cant_be_asked_is_asked_again_later(google: Google) -> None:
    google.status = 500
    made = lists(account("a"))
    assert asyncio.run(made.ask(google.address)) is True
    assert asyncio.run(made.ask(NOWHERE)) is True
    assert made.model_of("flash") == "gemini-4-hydrogen"
    google.status = 200
    assert asyncio.run(made.ask(google.address)) is False
    assert made.of_accounts(1) is not None


def test_in_the_background(google: Google) -> None:
    async def run() -> None:
        rounds: asyncio.Queue[str] = asyncio.Queue()
        made = lists(account("a"))
        made.begin(google.address, lambda: rounds.put_nowait(made.model_of("flash")))
        assert await rounds.get() == "gemini-3.8-flash"
        made.forget_choice()  # new settings: another round, and nobody to be asked
        assert await rounds.get() == "gemini-3.8-flash"
        assert len(google.keys) == 2
        made.end()

    asyncio.run(run())
