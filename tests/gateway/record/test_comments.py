"""addons.gateway.record.comments: what the rows of the list say first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mitmproxy import http

from addons.gateway.exchange.summary import AttemptSummary, Summary
from addons.gateway.grouping.marks import MARKS, mark
from addons.gateway.record.comments import of_attempt, of_client, of_running
from mapping.faults import Fault
from mapping.openai.errors import error_body

GOOD = Summary(
    id="req_1", flow_id="f", time=1.0, method="POST", path="/v1/chat/completions", endpoint="chat",
    client_model="gpt-4o", model="gemini-x", account="one@example.com", status=200, error=None, streamed=False,
    first=None, total=1.2, tokens=None, attempts=(), notes=(),
)  # fmt: skip
ATTEMPT = AttemptSummary("one@example.com", "gemini", "200", 200, 0.0, 0.5)


@pytest.mark.parametrize(
    ("summary", "problem", "begins"),
    [
        (GOOD, None, "gpt-4o -> gemini-x · one@example.com · 200 · 1.20 s [req_1]"),
        (replace(GOOD, status=400, error="invalid_request_error"), Fault(400, "no"), "✖ 400 invalid_request_er"),
        (
            replace(GOOD, status=400, error="invalid_request_error"),
            Fault(400, "no", param="tools[1].function"),
            "✖ 400 tools[1].function · gpt-4o -> gemini-x · one@example.com · 1.20 s [req_1]",
        ),
        (
            replace(GOOD, status=400, error="invalid_value"),
            Fault(400, "no", code="invalid_value", param="n"),
            "✖ 400 invalid_value n · gpt-4o",
        ),
        (replace(GOOD, error="upstream_broke_off", streamed=True), None, "✖ 200 upstream_broke_off · gpt-4o"),
        (replace(GOOD, status=None, outcome="client_left"), None, "↩ client left after 1.20 s · gpt-4o"),
        (
            replace(GOOD, status=404, error="unknown_url", client_model=None, model=None, account=None),
            None,
            "✖ 404 unknown_url · 1.20 s",
        ),
        (replace(GOOD, status=400, error="a\x1b[2J"), Fault(400, "no", param="b\n"), "✖ 400 a?[2J b · gpt-4o"),
    ],
)
def test_a_clients_row(summary: Summary, problem: Fault | None, begins: str) -> None:
    response = http.Response.make(problem.status, error_body(problem)) if problem else None
    assert of_client(summary, response).startswith(begins)


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"error": []}', b'{"error": {"param": 1}}', b'"' * 10**6])
def test_an_error_of_any_form(body: bytes) -> None:
    said = of_client(replace(GOOD, status=500, error="gateway_error"), http.Response.make(500, body))
    assert said.startswith("✖ 500 gateway_error · gpt-4o")


@pytest.mark.parametrize(
    ("attempt", "begins"),
    [
        (ATTEMPT, "↳ 200 one · attempt 1/2 · one@example.com · 0.50 s · gpt-4o -> gemini-x [req_1]"),
        (
            replace(ATTEMPT, outcome="429 RESOURCE_EXHAUSTED", status=429, waited=1.0),
            "↳ ✖ 429 one · attempt 1/2 · RESOURCE_EXHAUSTED · waited 1.0 s · one@example.com",
        ),
        (replace(ATTEMPT, outcome="client left", status=None), "↳ ↩ client left one · attempt 1/2 · one@"),
        (replace(ATTEMPT, outcome="connect failed", status=None), "↳ ✖ connect failed one · attempt 1/2 · one@"),
    ],
)
def test_an_attempts_row(attempt: AttemptSummary, begins: str) -> None:
    assert of_attempt(attempt, 1, 2, GOOD).startswith(begins)


def test_while_it_runs() -> None:
    assert of_running("req_1", "gpt-4o", "gemini-x", 2) == "running · gpt-4o -> gemini-x · attempt 2 [req_1]"
    assert of_running("req_1", "gemini-x", "gemini-x") == "running · gemini-x [req_1]"
    assert of_running("req_1", None, None, 1) == "running · attempt 1 [req_1]"


def test_rows_of_one_conversation_have_one_mark() -> None:
    summary = replace(GOOD, conversation="k3f9qa", agent="Explore 3f2a")
    rows = [of_client(summary, None), of_attempt(ATTEMPT, 1, 1, summary)]
    sign = mark("k3f9qa")
    assert rows[0].startswith(f"{sign} gpt-4o -> gemini-x · one@")
    assert rows[1].startswith(f"↳ 200 one {sign} · attempt 1/1")
    assert all(row.endswith(" · conversation k3f9qa Explore 3f2a [req_1]") for row in rows)
    assert of_client(replace(summary, agent=None), None).endswith(" · conversation k3f9qa [req_1]")
    failed = replace(summary, status=404, error="not_found")
    assert of_client(failed, None).startswith(f"✖ 404 {sign} not_found · gpt-4o")
    assert len({mark(f"{number}") for number in range(100)}) == len(MARKS)
