"""The record of an exchange, put straight when it is over.

While an exchange runs, its flow is the upstream call. Afterwards the record shows what happened, each on its own:
the client's request with the answer that the client got, and every attempt as a Gemini request with the Gemini answer
as it came. An id in their comments ties them together. So a saved file holds truthful exchanges on both sides.

Only where somebody can see or save flows; otherwise it costs nothing.
"""

from __future__ import annotations

import copy
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx, http
from mitmproxy.connection import Server

if TYPE_CHECKING:
    from addons.gateway.exchange import Exchange
    from addons.gateway.failover import Attempt

FAILED = ":red_circle:"


@dataclass(slots=True)
class Call:
    """One upstream call as it went: the request, and what came back."""

    request: http.Request
    server: Server
    response: http.Response | None = None
    body: list[bytes] = field(default_factory=list)
    ended: float = 0.0


@dataclass(slots=True)
class Trace:
    """What is kept of one exchange while it runs."""

    recorder: Recorder
    client: http.Request | None = None
    calls: list[Call] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    """What the client got of a stream."""

    def arrived(self, request: http.Request, host: str) -> None:
        """The client's request, before it is made into an upstream call. `host` is its own Host header."""
        self.client = _copy(request)
        name, _, port = host.partition(":")
        self.client.data.headers = http.Headers(
            [(k, host.encode("latin-1") if k.lower() == b"host" else v) for k, v in request.headers.fields]
        )
        data = self.client.data
        data.scheme, data.host = b"http", name or "127.0.0.1"
        data.port = int(port) if port.isdigit() else 80

    def called(self, flow: http.HTTPFlow) -> None:
        """The flow is the upstream call that is made next."""
        request = _copy(flow.request)
        request.data.timestamp_start = request.data.timestamp_end = time.time()
        self.calls.append(Call(request, flow.server_conn))

    def answered(self, flow: http.HTTPFlow) -> None:
        """The head of the upstream's answer has come."""
        if self.calls and flow.response:
            call = self.calls[-1]
            call.server = flow.server_conn
            call.response = _copy(flow.response)

    def came(self, data: bytes) -> None:
        """Bytes of the upstream's answer have come."""
        if self.calls:
            call = self.calls[-1]
            call.body.append(data)
            call.ended = time.time()

    def over(self, exchange: Exchange) -> None:
        """Put the record straight."""
        self.recorder.put_straight(self, exchange)


class Recorder:
    """Makes traces, and hands their flows to what shows and saves them."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        """How many exchanges stay in mitmweb's or mitmproxy's memory."""
        self._kept: deque[list[http.HTTPFlow]] = deque()

    @staticmethod
    def wanted() -> bool:
        """Whether somebody can see or save flows, or asked for traces."""
        if ctx.options.antigravity_trace != "auto":
            return bool(ctx.options.antigravity_trace == "on")
        saves = getattr(ctx.options, "save_stream_file", None) or getattr(ctx.options, "hardump", "")
        return bool(saves) or ctx.master.addons.get("view") is not None

    def put_straight(self, trace: Trace, exchange: Exchange) -> None:
        flow = exchange.flow
        attempts = [self._flow_of(flow, call) for call in trace.calls]
        for number, (made, attempt) in enumerate(zip(attempts, exchange.attempts, strict=False), 1):
            made.comment = f"[{exchange.id}] {_of_attempt(attempt, number, len(attempts))}"
            if attempt.outcome != "200":
                made.marked = FAILED
        if trace.client is not None:
            flow.request = trace.client
            if flow.response is not None and exchange.sent_stream:
                flow.response.data.content = b"".join(trace.sent)
            flow.comment = f"[{exchange.id}] {summary(exchange)}"
            if flow.response is None or flow.response.status_code >= 400:
                flow.marked = FAILED
        self._show([flow, *attempts], exchange.inner)

    def _flow_of(self, flow: http.HTTPFlow, call: Call) -> http.HTTPFlow:
        made = http.HTTPFlow(flow.client_conn, call.server)
        made.request = call.request
        made.response = call.response
        if call.response is not None:
            call.response.data.content = b"".join(call.body)
            call.response.data.timestamp_end = call.ended or None
        return made

    def _show(self, flows: list[http.HTTPFlow], inner: bool) -> None:
        """The first flow is mitmproxy's own and known to it already; the others are handed over here."""
        addons: Any = ctx.master.addons
        if view := addons.get("view"):
            view.add(flows[1:])
            view.update(flows[:1])
            if not inner:
                self._kept.append(flows)
                while len(self._kept) > self.keep:
                    for old in self._kept.popleft():
                        view.remove([old])
        for name in ("save", "savehar"):
            if saver := addons.get(name):
                for made in flows[1:]:
                    saver.response(made)


def _of_attempt(attempt: Attempt, number: int, count: int) -> str:
    said = attempt.outcome or "no answer"
    waited = f", waited {attempt.waited:.1f} s before" if attempt.waited >= 0.05 else ""
    return f"attempt {number} of {count} · {attempt.account.label} · {said} · {attempt.seconds:.2f} s{waited}"


def summary(exchange: Exchange) -> str:
    """One line on an exchange: the model, the account, attempts, status, time, notes."""
    job = exchange.job
    parts = []
    if job and job.shown_model:
        name = job.client_model
        parts.append(f"{name} -> {job.shown_model}" if name and name != job.shown_model else job.shown_model)
    if exchange.account:
        parts.append(exchange.account.label)
    if len(exchange.attempts) > 1:
        parts.append(f"{len(exchange.attempts)} attempts")
    status = exchange.flow.response.status_code if exchange.flow.response else "client left"
    parts += [str(status), f"{time.monotonic() - exchange.started:.2f} s"]
    if len(exchange.notes):
        parts.append(f"notes: {exchange.notes.header()}")
    return " · ".join(parts)


def _copy[M: (http.Request, http.Response)](message: M) -> M:
    """A copy whose fields can be replaced without touching the original."""
    made = message.__class__.__new__(message.__class__)
    made.data = copy.copy(message.data)
    return made
