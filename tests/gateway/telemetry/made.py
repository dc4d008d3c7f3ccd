"""Exchanges that have ended, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from addons.gateway.exchange.summary import AttemptSummary, Summary, Tokens
from addons.gateway.telemetry.ended import Ended

ATTEMPT = AttemptSummary("alpha@example.com", "gemini", "200", 200, 0.0, 0.5, began=0.25)
SUMMARY = Summary(
    id="req_1",
    flow_id="f",
    time=1_800_000_000.0,
    method="POST",
    path="/v1/chat/completions",
    endpoint="chat",
    client_model="gpt-4o",
    model="gemini-3.8-flash",
    account="alpha@example.com",
    status=200,
    error=None,
    streamed=False,
    first=None,
    total=1.0,
    tokens=Tokens(10, 20, 0, 0),
    attempts=(ATTEMPT,),
    notes=(),
    finish=("stop",),
)


def made(*, attempts: tuple[AttemptSummary, ...] = (ATTEMPT,), **members: Any) -> Ended:
    """One whose summary has these members."""
    servers = [("generativelanguage.googleapis.com", 443) for _ in attempts]
    return Ended(replace(SUMMARY, attempts=attempts, **members), None, servers, "chatcmpl-1", {})
