"""addons.gateway.costs.report: what recorded exchanges have cost together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.costs.report import NO_DAY, report, taken
from addons.gateway.record.flow_record import KEY
from mapping.values import JSON

NOON = 1_796_068_800.0
"""2026-11-30, noon in California."""
RECORD: JSON = {"model": "gemini-2.5-flash", "account": "alpha", "time": NOON}
PRICED = {**RECORD, "cost": 0.5, "cost_note": None, "cost_parts": {"input": 0.2, "output": 0.3}}


def exchange(record: JSON, *answers: Any, id: str = "req_1") -> TakenExchange:
    calls = [TakenCall({}, {}, answer, part) for part, answer in enumerate(answers)]
    return TakenExchange({"id": id, **record}, "POST", "/v1/chat/completions", None, b"", None, "", calls)


def answer(prompt: int, completion: int = 0, **more: Any) -> JSON:
    details = [{"modality": "TEXT", "tokenCount": prompt}]
    usage = {"promptTokenCount": prompt, "candidatesTokenCount": completion, "promptTokensDetails": details}
    return {"candidates": [], "usageMetadata": usage, **more}


def test_sums() -> None:
    made = report(
        [
            exchange({**PRICED, "conversation": "abcdef"}),
            exchange({**PRICED, "cost": 0.25, "account": "beta", "cost_parts": {"input": 0.25}}, id="req_2"),
            exchange({**PRICED, "time": NOON - 86400, "conversation": "abcdef"}, id="req_3"),
            exchange({**RECORD, "model": "gemini-9", "cost": None, "cost_note": "no price for gemini-9"}, id="req_4"),
            exchange({**RECORD, "cost": None, "cost_note": None}, id="req_5"),  # nothing was paid for
        ]
    )
    plain = made.plain()
    assert plain["total"] == {"cost": 1.25, "exchanges": 4, "unknown": 1, "cost_parts": {"input": 0.65, "output": 0.6}}
    assert [(row["model"], row["cost"], row["unknown"]) for row in plain["by_model"]] == [
        ("gemini-2.5-flash", 1.25, 0),
        ("gemini-9", 0.0, 1),
    ]
    assert [(row["account"], row["cost"]) for row in plain["by_account"]] == [("alpha", 1.0), ("beta", 0.25)]
    assert [(row["day"], row["exchanges"]) for row in plain["by_day"]] == [("2026-11-29", 1), ("2026-11-30", 3)]
    assert [(row["conversation"], row["cost"]) for row in plain["by_conversation"]] == [("abcdef", 1.0), (None, 0.25)]
    assert [one["id"] for one in plain["exchanges"]] == ["req_1", "req_2", "req_3", "req_4"]
    lines = made.lines()
    assert lines[0] == "$1.25 and 1 unknown for 4 exchanges"
    assert "  gemini-9          unknown  1 exchange" in lines
    assert "  2026-11-30  $0.7500 and 1 unknown  3 exchanges" in lines
    assert lines[-1] == "1 exchange: unknown: no price for gemini-9"
    json.dumps(plain)


def test_what_the_record_does_not_say_is_worked_out() -> None:
    [one] = report(
        [exchange(RECORD, answer(1000, 100), None, answer(2000, 10, modelVersion="gemini-2.5-pro"))]
    ).exchanges
    assert one.cost.usd == pytest.approx((1000 * 0.30 + 100 * 2.50 + 2000 * 1.25 + 10 * 10) / 1e6)
    assert one.day == "2026-11-30"


def test_a_case_has_no_day() -> None:
    [one] = report([exchange({"model": "gemini-2.5-flash"}, answer(1_000_000))]).exchanges
    assert (one.cost.usd, one.cost.note, one.day) == (0.30, NO_DAY, "")


@pytest.mark.parametrize(
    "made", [{"candidates": [{}]}, {"embeddings": [{"values": [1]}]}, {"predictions": []}], ids=str
)
def test_an_answer_without_counts_is_unknown(made: JSON) -> None:
    [one] = report(
        [exchange(RECORD, made), exchange(RECORD, {"totalTokens": 5}), exchange(RECORD, {"error": {}})]
    ).exchanges
    assert (one.cost.usd, one.cost.note) == (None, "Gemini did not tell any tokens")


@pytest.mark.parametrize(
    "record",
    [
        {"time": "yesterday", "model": 5, "cost_parts": [1]},
        {"time": 1e300, "model": None},
        {"cost": True, "cost_note": 7},
        {"cost": "much", "cost_parts": {"input": "x"}},
    ],
    ids=str,
)
def test_a_damaged_record_is_no_error(record: JSON) -> None:
    made = report([exchange(record, answer(5), {"usageMetadata": "none"}, "text", {"usageMetadata": {}})])
    json.dumps(made.plain())
    assert made.lines()


def test_nothing() -> None:
    assert report([exchange(RECORD), exchange({})]).lines() == ["Nothing here has cost anything."]


def test_no_body_is_read_where_the_record_tells() -> None:
    flow = tflow.tflow()
    flow.metadata[KEY] = {"side": "client", "id": "req_1", **PRICED}
    [one] = report([taken([flow])]).exchanges
    assert (one.id, one.cost.usd) == ("req_1", 0.5)
