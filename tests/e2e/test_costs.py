"""What exchanges have cost, from the header of an answer to a saved file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scripts.commands import exchange_commands
from tests.e2e.conftest import TWO_ACCOUNTS, wait_until

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter

SETTINGS = TWO_ACCOUNTS + '\n[prices]\nheader = true\n[prices.models]\n"demo-*" = { input = 100, output = 1000 }\n'


def today(gateway: Gateway) -> float:
    return float(gateway.call("GET", "/status.json").json["costs"]["today"]["cost"])


def test_from_the_answer_to_the_file(starter: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.flow"
    gateway = starter(SETTINGS, "-w", str(file))
    whole = gateway.chat("gemini-3.8-flash")
    assert 0 < float(whole.headers["x-antigravity-cost"]) < 0.01
    own = gateway.chat("demo-503-first-costs")
    assert float(own.headers["x-antigravity-cost"]) > 0.001
    streamed = gateway.chat("gemini-3.8-flash", stream=True)
    assert "x-antigravity-cost" not in streamed.headers
    unknown = gateway.chat("gemini-9-quartz")
    assert unknown.headers["x-antigravity-cost"] == "unknown"
    wait_until(lambda: "cost unknown" in gateway.log)

    before = today(gateway)
    later = {"model": "gemini-3.8-flash", "input": "Hi", "background": True}
    assert gateway.call("POST", "/v1/responses", later).json["status"] == "queued"
    wait_until(lambda: today(gateway) > before)

    told: Any = gateway.call("GET", "/status.json").json
    assert told["hour"]["requests"] == 5  # the one in the background, too, and once
    costs = {row["model"]: (row["cost"], row["unpriced"]) for row in told["models"]}
    assert costs["gemini-9-quartz"] == (0.0, 1)
    assert told["costs"]["today"]["cost"] == pytest.approx(sum(cost for cost, _ in costs.values()))
    metrics = gateway.call("GET", "/metrics").body.decode()
    assert 'gateway_cost_unknown_total{account="' in metrics
    gateway.stop()

    assert exchange_commands.costs([str(file)], as_json=True) == 0
    saved = json.loads(capsys.readouterr().out)
    assert saved["total"]["cost"] == pytest.approx(told["costs"]["today"]["cost"])
    assert (saved["total"]["exchanges"], saved["total"]["unknown"]) == (5, 1)
    header = f"{saved['exchanges'][0]['cost']:.9f}".rstrip("0")
    assert header == whole.headers["x-antigravity-cost"]


def used(gateway: Gateway) -> dict[str, float]:
    """Tokens in and out as the status page and as the metrics tell them, attempts, and what all has cost."""
    told: Any = gateway.call("GET", "/status.json").json
    made = {kind: float(sum(row[kind] for row in told["models"])) for kind in ("prompt", "completion", "requests")}
    families = [*text_string_to_metric_families(gateway.call("GET", "/metrics").body.decode())]
    for sample in (sample for family in families for sample in family.samples):
        if sample.name in ("gateway_tokens_total", "gateway_attempts_total", "gateway_cost_usd_total"):
            name = f"{sample.name} {sample.labels.get('kind', '')}"
            made[name] = made.get(name, 0.0) + sample.value
    return made | {"attempts": float(sum(row["attempts"] for row in told["accounts"]))}


def taken(gateway: Gateway, ask: Callable[[], object]) -> dict[str, float]:
    """What is counted for a request, once its answer is."""
    before = used(gateway)
    ask()
    wait_until(lambda: used(gateway)["gateway_attempts_total "] > before.get("gateway_attempts_total ", 0))
    return {name: round(value - before.get(name, 0), 9) for name, value in used(gateway).items()}


@pytest.mark.parametrize(
    "workers", [1, pytest.param(2, marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="it takes a fork"))]
)
def test_an_answer_in_the_background_is_counted_as_any_other(starter: Starter, workers: int) -> None:
    gateway = starter(SETTINGS, workers=workers)
    asking = {"model": "gemini-3.8-flash", "input": "Hello"}
    waited = taken(gateway, lambda: gateway.call("POST", "/v1/responses", asking))
    later = taken(gateway, lambda: gateway.call("POST", "/v1/responses", asking | {"background": True}))
    assert waited == later
    assert waited["prompt"] == waited["gateway_tokens_total prompt"] > 0
    assert waited["completion"] == waited["gateway_tokens_total completion"] > 0
    assert waited["requests"] == waited["attempts"] == waited["gateway_attempts_total "] == 1


def test_a_receipt_that_is_held_counts_nothing_twice(starter: Starter, tmp_path: Path) -> None:
    """The answer is there before its receipt has gone to the client."""
    script = tmp_path / "holding.py"
    script.write_text(
        "import asyncio\n"
        "from mitmproxy import ctx\n"
        "async def response(flow):\n"
        "    if b'queued' in (flow.response.raw_content or b''):\n"
        "        gateway = ctx.master.addons.get('antigravity').gateway\n"
        "        while gateway.background.tasks:\n"
        "            await asyncio.sleep(0.01)\n"
    )
    gateway = starter(SETTINGS, "-s", str(script))
    asking = {"model": "gemini-3.8-flash", "input": "Hello"}
    waited = taken(gateway, lambda: gateway.call("POST", "/v1/responses", asking))
    later = taken(gateway, lambda: gateway.call("POST", "/v1/responses", asking | {"background": True}))
    assert waited == later


def test_each_call_of_an_answer_is_counted(starter: Starter, tmp_path: Path) -> None:
    """`n` above 1 takes several calls: all are attempts, and all are paid for."""
    gateway = starter(SETTINGS, "--set", f"save_stream_file={tmp_path / 'saved.flow'}")
    one = taken(gateway, lambda: gateway.chat("gemini-3-flash", "Who?"))
    three = taken(gateway, lambda: gateway.chat("gemini-3-flash", "Who?", n=3))
    assert three["requests"] == 1
    assert three["attempts"] == three["gateway_attempts_total "] == 3
    assert three["gateway_cost_usd_total "] == pytest.approx(3 * one["gateway_cost_usd_total "])
    assert "3 calls" in gateway.log


def last(gateway: Gateway) -> Any:
    """The newest exchange, as the status page has it."""
    return gateway.call("GET", "/status.json").json["exchanges"][0]


def test_what_google_charges_beside_tokens_is_named(
    starter: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "saved.flow"
    gateway = starter(SETTINGS.partition("[prices.models]")[0], "-w", str(file))
    searched = gateway.call(
        "POST",
        "/v1/chat/completions",
        {
            "model": "gemini-3.8-flash",
            "web_search_options": {},
            "messages": [{"role": "user", "content": "Where is Zürich?"}],
        },
    )
    assert float(searched.headers["x-antigravity-cost"]) > 0
    wait_until(lambda: " + grounding" in gateway.log)
    assert last(gateway)["cost_note"].startswith("not counted: grounding (1 search: $0.0140 by list price")
    assert " + grounding" in gateway.call("GET", "/").body.decode()
    gateway.call(
        "POST",
        "/v1beta/cachedContents",
        {"model": "models/gemini-3.8-flash", "contents": [{"role": "user", "parts": [{"text": "The sea. " * 50}]}]},
    )
    wait_until(lambda: "cost unknown: storage" in gateway.log)
    asking = {"model": "gemini-3.8-flash", "input": "Hello"}
    for body in (asking, asking | {"stream": True}):
        used = taken(gateway, lambda body=body: gateway.call("POST", "/v1beta/interactions", body))
        assert used["requests"] == used["attempts"] == 1
        assert used["prompt"] == used["gateway_tokens_total prompt"] > 0
        assert used["gateway_cost_usd_total "] > 0
        assert last(gateway)["tokens"]["completion"] > 0
    gateway.stop()
    assert exchange_commands.costs([str(file)], as_json=False) == 0
    told = capsys.readouterr().out
    assert " + grounding + storage and 1 unknown for 4 exchanges" in told
    assert "not counted: grounding (1 search: $0.0140 by list price, less what is free)" in told
