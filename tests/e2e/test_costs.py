"""What exchanges have cost, from the header of an answer to a saved file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
