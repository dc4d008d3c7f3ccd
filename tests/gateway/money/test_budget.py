"""The budget of a day: who is refused, how, and until when."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow

from addons.gateway.gateway import Gateway
from addons.gateway.money.budget import CODE, Budget
from addons.gateway.money.days import Costs
from addons.gateway.settings.settings import SettingsError
from mapping.faults import Fault
from tests.gateway.status.test_statistics import GOOD

ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\n'
BUDGET = "[limits]\nbudget_per_day = 2.5\n"
NOON = 1_796_068_800.0
"""2026-11-30 20:00 UTC, noon in California."""
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
MESSAGES = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    made: list[Gateway] = []

    def gateway(settings: str) -> Gateway:
        file = tmp_path / "antigravity.toml"
        file.write_text(ACCOUNT + settings)
        gateway = Gateway(environ={})
        gateway.use(gateway.load(file))
        made.append(gateway)
        return gateway

    yield gateway
    for one in made:
        one.close_store()


def spend(gateway: Gateway, usd: float | None, note: str | None = None) -> None:
    gateway.statistics.count(replace(GOOD, time=time.time(), cost=usd, cost_note=note))


def asked(gateway: Gateway, path: str, body: dict[str, Any], method: str = "POST") -> http.Response | None:
    """The answer, if there is one at once; None: Gemini is asked."""

    async def talk() -> http.Response | None:
        flow = tflow.tflow()
        flow.client_conn.peername = ("127.0.0.1", 1)
        flow.request = http.Request.make(method, f"http://127.0.0.1:8045{path}", json.dumps(body))
        exchange = gateway.open(flow, flow.request)
        if (waiting := exchange.on_request()) is not None:
            await waiting
        if exchange.wants_upstream:
            exchange.client_left()
            return None
        exchange.end()
        return flow.response

    return asyncio.run(talk())


def test_a_budget_of_a_day() -> None:
    costs = Costs(2.4)
    budget = Budget(lambda: costs, lambda: NOON)
    budget.check(2.5, "POST", "chat")
    costs.cost, costs.unpriced = 2.5, 3
    with pytest.raises(Fault) as refused:
        budget.check(2.5, "POST", "chat")
    fault = refused.value
    assert (fault.status, fault.code, fault.should_retry, fault.per_day) == (429, CODE, False, True)
    assert fault.retry_after == 12 * 3600
    assert re.fullmatch(
        r"The budget of \$2\.50 a day \(limits\.budget_per_day in the gateway's settings\) is used up until "
        r".*\(12 h 0 min\): \$2\.50 was spent since midnight Pacific time\. "
        r"Not counted: 3 requests whose cost is unknown\.",
        fault.message,
    )


@pytest.mark.parametrize(
    ("method", "endpoint", "refused"),
    [
        *(("POST", name, True) for name in ("responses", "messages", "embeddings", "speech", "streamGenerateContent")),
        *(("POST", name, True) for name in ("interactions", "compact", "images", "transcriptions", "predict")),
        *(("POST", name, False) for name in ("count_tokens", "input_tokens", "countTokens", "cancel", "files")),
        *(("GET", name, False) for name in ("health", "models", "response", "interactions", "status")),
    ],
)
def test_who_is_refused(method: str, endpoint: str, refused: bool) -> None:
    budget = Budget(lambda: Costs(9.0), lambda: NOON)
    if refused:
        with pytest.raises(Fault):
            budget.check(2.5, method, endpoint)
    else:
        budget.check(2.5, method, endpoint)


def test_all_who_share_count() -> None:
    told = []

    class Others:
        def spent(self, usd: float, when: float) -> None:
            told.append(usd)

        def today(self) -> float:
            return 3.0

    budget = Budget(lambda: Costs(0.5), lambda: NOON)
    budget.together = Others()
    with pytest.raises(Fault):
        budget.check(2.5, "POST", "chat")
    budget.spend(0.25, NOON)
    assert told == [0.25]


def test_each_client_is_told_in_its_own_words(make: Any) -> None:
    gateway = make(BUDGET)
    spend(gateway, 2.0)
    assert asked(gateway, "/v1/chat/completions", MESSAGES) is None
    spend(gateway, 0.5)
    spend(gateway, None, "no price for gemini-9")

    openai = asked(gateway, "/v1/chat/completions", MESSAGES)
    assert openai
    assert openai.status_code == 429
    assert openai.headers["x-should-retry"] == "false"
    error = openai.json()["error"]
    assert (error["code"], error["type"]) == (CODE, "insufficient_quota")
    assert "Not counted: 1 request whose cost is unknown." in error["message"]

    anthropic = asked(gateway, "/v1/messages", MESSAGES)
    assert anthropic
    assert anthropic.json()["type"] == "error"
    assert "budget of $2.50 a day" in anthropic.json()["error"]["message"]
    assert anthropic.headers["x-should-retry"] == "false"

    gemini = asked(gateway, "/v1beta/models/gemini-3.8-flash:generateContent", CONTENTS)
    assert gemini
    assert gemini.status_code == 429
    assert gemini.json()["error"]["status"] == "RESOURCE_EXHAUSTED"

    interaction = {"model": "gemini-3.8-flash", "input": "hi"}
    refused = asked(gateway, "/v1beta/interactions", interaction)
    assert refused
    assert refused.status_code == 429

    assert asked(gateway, "/v1beta/models/gemini-3.8-flash:countTokens", CONTENTS) is None
    assert asked(gateway, "/v1beta/interactions/v1_a/cancel", {}) is None, "it ends what would cost more"
    status = asked(gateway, "/status.json", {}, "GET")
    assert status
    assert status.json()["costs"]["budget"] == {"limit": 2.5, "spent": 2.5}


def test_it_survives_a_restart(make: Any) -> None:
    settings = BUDGET + '[responses]\nstore = "responses.db"\n'
    before = make(settings)
    spend(before, 3.0)
    before.kept_statistics.keep(before.statistics)
    before.close_store()
    refused = asked(make(settings), "/v1/chat/completions", MESSAGES)
    assert refused
    assert refused.status_code == 429


def test_no_budget_without_prices(make: Any) -> None:
    with pytest.raises(SettingsError, match=r"limits\.budget_per_day: without prices\.enabled"):
        make(BUDGET + "[prices]\nenabled = false\n")
