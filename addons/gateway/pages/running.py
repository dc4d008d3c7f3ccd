"""An exchange that is under way, as the flows that its record would be if it ended now.

They are copies: what is recorded at the end is not touched, and no secret is in them either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mitmproxy import http

from addons.gateway.cassettes.taping import Taping
from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.summing import summarise
from addons.gateway.live import doing as live
from addons.gateway.live.doing import RUNNING
from addons.gateway.record import secrets
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY
from addons.gateway.record.trace import RecordedCall, Trace
from mapping.values import JSON

UNDER_WAY = "under way"
"""The outcome of an attempt that has none yet."""


@dataclass(frozen=True, slots=True)
class RunningExchange:
    """An exchange that is under way, as its page needs it."""

    record: JSON
    flows: Sequence[http.HTTPFlow]
    line: str
    """What it is doing."""


def find(under_way: Mapping[str, Facts], id: str) -> Facts | None:
    """The client's exchange with this request id."""
    return next((facts for facts in under_way.values() if facts.id == id and not facts.inner), None)


def taken(facts: Facts) -> RunningExchange:
    """All of it, as it is now."""
    return RunningExchange(record(facts), flows(facts), live.line(facts))


def record(facts: Facts) -> JSON:
    """What its record would say. It has no status before the client has an answer, or its beginning."""
    made = summarise(facts).plain()
    if not facts.sent_stream:
        made |= {"status": None, "outcome": RUNNING}
    for told, attempt in zip(made["attempts"], facts.attempts, strict=True):
        if not attempt.outcome:
            told["outcome"] = UNDER_WAY
    job = facts.job
    return {**made, "model": made["model"] or (job.shown_model if job else None)}


def flows(facts: Facts) -> list[http.HTTPFlow]:
    """The client's flow, and those of the attempts; none, where nothing is recorded."""
    trace = facts.trace
    if isinstance(trace, Taping):
        trace = trace.inner
    if not isinstance(trace, Trace) or trace.client is None:
        return []
    hidden = trace.dress()
    told = record(facts)
    client = _flow(facts.flow, trace.client, hidden)
    if facts.sent_stream:
        content = secrets.without(hidden, b"".join(trace.sent.whole))
        client.response = http.Response.make(200, content, {"content-type": "text/event-stream"})
    arrived = trace.sent.after(told["time"])
    client.metadata[KEY] = {"side": CLIENT, **told, "seeds": {}, "given": trace.given, "arrived": arrived}
    return [client, *_attempts(facts.flow, trace.calls, told, hidden)]


def _attempts(
    flow: http.HTTPFlow, calls: Sequence[RecordedCall], told: JSON, hidden: tuple[bytes, ...]
) -> list[http.HTTPFlow]:
    made = []
    for number, (call, attempt) in enumerate(zip(calls, told["attempts"], strict=False), 1):
        one = _flow(flow, call.request, hidden)
        one.server_conn = call.server
        if call.response is not None:
            one.response = call.response.copy()
            one.response.data.content = b"".join(call.body.whole)
            secrets.clean(one.response, hidden)
        about: dict[str, Any] = {"id": told["id"], "side": ATTEMPT, "number": number, "count": len(calls)}
        one.metadata[KEY] = {
            **about,
            **attempt,
            "arrived": call.body.after(call.request.timestamp_start),
        }
        made.append(one)
    return made


def _flow(flow: http.HTTPFlow, request: http.Request, hidden: tuple[bytes, ...]) -> http.HTTPFlow:
    made = http.HTTPFlow(flow.client_conn, flow.server_conn)
    made.request = request.copy()
    secrets.clean(made.request, hidden)
    return made
