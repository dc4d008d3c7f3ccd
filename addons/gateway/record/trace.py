"""The record of an exchange, put straight when it is over.

While an exchange runs, its flow is the upstream call. Afterwards the record shows what happened, each on its own:
the client's request with the answer that the client got, and every attempt as a Gemini request with the Gemini answer
as it came. An id in their comments ties them together. So a saved file holds truthful exchanges on both sides.

Only where somebody can see or save flows; otherwise it costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from mitmproxy import ctx, http
from mitmproxy.connection import Server

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.seeds import Seeds
from addons.gateway.exchange.summary import Summary
from addons.gateway.http.callers import Caller
from addons.gateway.log import console
from addons.gateway.record import comments, secrets
from addons.gateway.record import running as running_rows
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY, digest
from addons.gateway.record.kept import KeptExchanges
from addons.gateway.record.running import RunningComments, RunningRow
from mapping.values import JSON, RawTurn, Recall, Unseal, flat

KEY_FIELDS = (b"authorization", b"x-goog-api-key")
TOGETHER = 0.01
"""Seconds: what comes within them is written down as one arrival, so that long streams keep few."""


class Chunks:
    """The bytes of a body as they come, and when."""

    __slots__ = ("arrivals", "size", "whole")

    def __init__(self) -> None:
        self.whole: list[bytes] = []
        self.arrivals: list[list[float]] = []
        """[bytes until then, Unix time]."""
        self.size = 0
        """Bytes so far."""

    def append(self, data: bytes) -> None:
        """Bytes have come now. Those of one moment (`TOGETHER`) are one arrival."""
        now = time.time()
        self.whole.append(data)
        self.size += len(data)
        if self.arrivals and 0 <= now - self.arrivals[-1][1] < TOGETHER:
            self.arrivals[-1][0] = self.size
        else:
            self.arrivals.append([self.size, now])

    def after(self, begin: float) -> list[list[float]]:
        """[bytes until then, seconds since the beginning], for the record."""
        return [[size, round(max(0.0, at - begin), 3)] for size, at in self.arrivals]


@dataclass(slots=True)
class RecordedCall:
    """One upstream call as it went: the request, and what came back."""

    request: http.Request
    server: Server
    response: http.Response | None = None
    body: Chunks = field(default_factory=Chunks)
    ended: float = 0.0
    credential: list[tuple[bytes, bytes]] = field(default_factory=list)
    """The header fields that the upstream was shown with it; a mask is put into the request by `dress`."""
    _dressed: bool = False

    def dress(self) -> list[bytes]:
        """See `Trace.dress`. Returns the secrets that the upstream was shown."""
        shown = [(name, value) for name, value in self.credential if name.lower() in KEY_FIELDS]
        if shown and not self._dressed:
            self._dressed = True
            masks = ((name, secrets.masked(name, value)) for name, value in shown)
            self.request.data.headers = http.Headers((*self.request.headers.fields, *masks))
        return [value.rpartition(b" ")[2] for _, value in shown]


@dataclass(slots=True)
class Trace:
    """What is kept of one exchange while it runs: it is told what `exchange.tracing.Tracing` says."""

    recorder: Recorder
    client: http.Request | None = None
    calls: list[RecordedCall] = field(default_factory=list)
    sent: Chunks = field(default_factory=Chunks)
    """What the client got of a stream."""
    given: dict[str, Any] = field(default_factory=dict)
    """What the translation was given beside the request."""
    caller: Caller | None = None
    """Whose credentials the client may have put elsewhere, too."""
    running: RunningRow | None = None
    _dressed: bool = False

    def watching(self, recall: Recall) -> Recall:
        """The same look-up; what it finds is part of the record."""
        found: dict[str, Any] = self.given.setdefault("remembered", {})

        def look_up(key: str) -> RawTurn | None:
            turn = recall(key)
            if turn is not None:
                found[key] = {"model": turn.model, "parts": turn.parts, "call_ids": turn.call_ids}
            return turn

        return look_up

    def opening(self, unseal: Unseal) -> Unseal:
        """The same; what it opens is part of the record."""
        found: dict[str, Any] = self.given.setdefault("unsealed", {})

        def open_text(text: str) -> JSON | None:
            payload = unseal(text)
            if payload is not None:
                found[digest(text)] = payload
            return payload

        return open_text

    def arrived(self, request: http.Request, caller: Caller) -> None:
        """The client's request, before it is made into an upstream call."""
        if self.recorder.at_once:
            self.recorder.comments.begin()
        self.client, self.caller = _copy(request), caller

    def dress(self) -> tuple[bytes, ...]:
        """Put the client's own address into its request, and masks in the places of all credentials.

        Returns the secrets that may have been put elsewhere, or repeated in answers, and are not to be seen.
        """
        caller, client = self.caller, self.client
        if caller is not None and client is not None and not self._dressed:
            self._dressed = True
            host = caller.host
            name, _, port = host.partition(":")
            client.data.headers = http.Headers(
                [(k, host.encode("latin-1") if k.lower() == b"host" else v) for k, v in client.headers.fields]
                + [(k, secrets.masked(k, v)) for k, v in caller.taken]
            )
            client.data.scheme, client.data.host = b"http", name or "127.0.0.1"
            client.data.port = int(port) if port.isdigit() else 80
        hidden = [value.encode("utf-8", "replace") for _, value in caller.presented] if caller is not None else []
        for call in self.calls:
            hidden += call.dress()
        return secrets.known([*hidden, *self.recorder.configured()])

    def called(self, flow: http.HTTPFlow, job: Job, id: str) -> None:
        """The flow is the upstream call that is made next."""
        if self.recorder.at_once:
            names = (job.client_model, job.shown_model)
            flow.comment = comments.of_running(id, *names, len(self.calls) + 1)
            if self.client is not None and self.running is None:
                self.running = RunningRow(flow, self.client, self.dress(), comments.of_running(id, *names))
        request = _copy(flow.request)
        request.data.timestamp_start = request.data.timestamp_end = time.time()
        self.calls.append(RecordedCall(request, flow.server_conn))

    def shown(self, credential: list[tuple[bytes, bytes]]) -> None:
        """The header fields of a credential go upstream, and must not come back into the record."""
        if self.calls:
            self.calls[-1].credential = credential

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

    def gave(self, data: bytes) -> None:
        """Bytes of the client's stream."""
        self.sent.append(data)

    def doing(self, flow: http.HTTPFlow, words: str) -> None:
        """What the exchange is doing. Until its flow is a call to the upstream, that is the row of the request."""
        if self.running is not None:
            self.running.say(words)
        else:
            running_rows.update(flow, words)

    def over(self, flow: http.HTTPFlow, summary: Summary, seeds: Seeds, *, inner: bool) -> None:
        """Put the record straight."""
        if self.running:
            self.running.over()
        self.recorder.over(self, flow, summary, seeds, inner=inner)

    def size(self, flow: http.HTTPFlow) -> int:
        """Bytes of the bodies on both sides. `flow`: the exchange's own."""
        made = sum(len(call.request.data.content or b"") + call.body.size for call in self.calls)
        client = len(self.client.data.content or b"") if self.client is not None else 0
        response = flow.response
        answer = len(response.data.content or b"") if response is not None else 0
        return made + client + (self.sent.size or answer)


class Recorder:
    """Makes traces, and hands their flows to what shows and saves them."""

    def __init__(self, most: int, most_bytes: int, exchanges: Mapping[str, Facts] = MappingProxyType({})) -> None:
        """`exchanges`: what is under way, of which the list tells what it is doing."""
        self.comments = RunningComments(exchanges)
        self._kept = KeptExchanges(most, most_bytes)
        self.keeps = False
        """Recorded exchanges stay in memory, and are not only saved."""
        self.at_once = True
        """Somebody sees or saves the flows of each exchange when it is over; else they are made for who looks later."""
        self.configured: Callable[[], Iterable[bytes]] = tuple
        """The credentials that the settings name, whoever they were shown to: a client may tell them to a model."""

    @staticmethod
    def wanted() -> bool:
        """Whether somebody can see or save flows, or asked for traces."""
        if ctx.options.antigravity_trace != "auto":
            return bool(ctx.options.antigravity_trace == "on")
        return at_once() or in_memory()

    def keep(self, most: int, most_bytes: int) -> None:
        """How many exchanges stay in memory, and how many bytes of bodies."""
        self._kept.limit(most, most_bytes)

    def kept(self, id: str) -> list[http.HTTPFlow]:
        """The flows of an exchange that are in memory, the client's first."""
        return self._kept.flows(id)

    def ids(self) -> list[str]:
        """Of the exchanges that are in memory, the oldest first."""
        return self._kept.ids()

    @staticmethod
    def show_comments() -> None:
        """Have mitmweb and the console list the comments, which say what the rows are.

        mitmweb's columns stay as they are where the person chose them.
        """
        console.show_comments()
        columns = getattr(ctx.options, "web_columns", None)
        if columns is not None and not ctx.options.has_changed("web_columns"):
            ctx.options.web_columns = [*columns, "comment"]

    def over(self, trace: Trace, flow: http.HTTPFlow, summary: Summary, seeds: Seeds, *, inner: bool) -> None:
        """See `Tracing.over`."""
        size = trace.size(flow) if self.keeps else 0
        make = partial(self.put_straight, trace, flow, summary, seeds, inner=inner)
        if self.at_once:
            self._hand_over(make(), summary.id, size)
        elif self.keeps:
            self._kept.put(summary.id, make, size)

    def put_straight(
        self, trace: Trace, flow: http.HTTPFlow, summary: Summary, seeds: Seeds, *, inner: bool
    ) -> list[http.HTTPFlow]:
        """Make flows of what was kept, the exchange's own one of them, which is the first."""
        hidden = trace.dress()
        attempts = [self._flow_of(flow, call, hidden) for call in trace.calls]
        if inner and attempts:  # nobody's request but that of the attempt
            flow.request, flow.response = attempts[-1].request, attempts[-1].response
            attempts[-1] = flow
        told = zip(trace.calls, attempts, summary.attempts, strict=False)
        for number, (call, made, attempt) in enumerate(told, 1):
            made.comment = comments.of_attempt(attempt, number, len(attempts), summary)
            made.metadata[KEY] = {
                "id": summary.id, "side": ATTEMPT, "number": number, "count": len(attempts), **flat(attempt),
                "arrived": call.body.after(call.request.timestamp_start),
            }  # fmt: skip
        if trace.client is not None:
            secrets.clean(trace.client, hidden)
            flow.request = trace.client
            if flow.response is not None and summary.streamed:
                # A whole answer is still to be sent, so it stays as it is.
                flow.response.data.content = secrets.without(hidden, b"".join(trace.sent.whole))
            flow.comment = comments.of_client(summary, None if summary.streamed else flow.response)
            flow.metadata[KEY] = {
                "side": CLIENT, **summary.plain(), "seeds": seeds.plain(),
                "given": secrets.without_in(hidden, trace.given),
                "arrived": trace.sent.after(summary.time),
            }  # fmt: skip
        return [flow, *(made for made in attempts if made is not flow)]

    def release(self, flow: http.HTTPFlow) -> None:
        """A flow begins anew: it is no part of its old exchange any more."""
        self._kept.forget(flow)

    def _flow_of(self, flow: http.HTTPFlow, call: RecordedCall, hidden: tuple[bytes, ...]) -> http.HTTPFlow:
        made = http.HTTPFlow(flow.client_conn, call.server)
        secrets.clean(call.request, hidden)
        made.request = call.request
        made.response = call.response
        if call.response is not None:
            call.response.data.content = b"".join(call.body.whole)
            secrets.clean(call.response, hidden)
            call.response.data.timestamp_end = call.ended or None
        return made

    def _hand_over(self, flows: list[http.HTTPFlow], id: str, size: int) -> None:
        """The first is mitmproxy's own and known to it already; those that were made are handed over here."""
        addons: Any = ctx.master.addons
        view = addons.get("view")
        if view:
            view.add(flows[1:])
            view.update(flows[:1])
        if self.keeps:
            self._kept.put(id, flows, size, view)
        for name in ("save", "savehar"):
            if saver := addons.get(name):
                for one in flows[1:]:
                    saver.response(one)


def in_memory() -> bool:
    """Whether what is recorded stays in memory: for who looks at it in mitmproxy, or on the gateway's own pages."""
    asked = ctx.options.antigravity_trace == "on" or ctx.options.antigravity_pages
    return asked or ctx.master.addons.get("view") is not None


def at_once() -> bool:
    """Whether the flows of an exchange are wanted as soon as it is over: somebody lists or saves them, or asked for
    traces by name, which other addons may read."""
    saves = getattr(ctx.options, "save_stream_file", None) or getattr(ctx.options, "hardump", "")
    return bool(saves) or ctx.options.antigravity_trace == "on" or ctx.master.addons.get("view") is not None


def size_of(flow: http.HTTPFlow) -> int:
    """Bytes of a flow's bodies."""
    response = flow.response
    return len(flow.request.raw_content or b"") + len(response.raw_content or b"" if response else b"")


def _copy[M: (http.Request, http.Response)](message: M) -> M:
    """A copy whose fields can be replaced without touching the original."""
    made = message.__class__.__new__(message.__class__)
    data = message.data
    made.data = type(data).__new__(type(data))
    vars(made.data).update(vars(data))
    return made
