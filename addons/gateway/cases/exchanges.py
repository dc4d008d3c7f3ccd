"""A recorded exchange as values: what was asked and answered on both sides, and what the record says of it.

It is made of flows, or of a case, so that whoever compares and copies exchanges need not know which it was. It is there
of failed exchanges too, and of those whose attempts are gone. No header field is taken over but those that a client's
API needs, and none that holds a credential.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from mitmproxy import http

from addons.gateway.cases.export import without_secrets
from addons.gateway.cases.files import Case, CaseError
from addons.gateway.exchange.summary import model_words
from addons.gateway.record import retranslation
from addons.gateway.record.flow_record import record_of
from addons.gateway.views import body as bodies
from addons.gateway.views.gemini_stream import whole_answer
from addons.gateway.views.siblings import Siblings, sorted_out
from addons.gateway.wire.bodies import decompressed, received
from mapping import dialects, jsonio
from mapping.faults import Fault
from mapping.inspect.transcript import elements, is_number, members, string
from mapping.native import shown
from mapping.native.folded import unwrapped
from mapping.values import JSON

USUAL_URL = "http://127.0.0.1:8045"
"""Where a gateway is, if nothing tells."""
_FIELDS = ("anthropic-beta", "anthropic-version", "openai-beta")
"""Header fields that are a part of what was asked."""


@dataclass(frozen=True, slots=True)
class TakenPiece:
    """An event of a stream of Gemini's."""

    at: float
    """When it came, in seconds after the call began."""
    brought: str
    """What it held, in the words of `mapping.native.shown.event`: `thought`, `text + STOP`."""
    size: int
    """Characters of text."""


@dataclass(frozen=True, slots=True)
class TakenDial:
    """How long it took to open a connection, in seconds; None: it is not known, or there was no such step."""

    tcp: float | None
    """With the look-up of the name."""
    tls: float | None


@dataclass(frozen=True, slots=True)
class TakenCall:
    """One call to Gemini."""

    record: JSON
    """What is said of the attempt."""
    request: Any
    """The JSON that was sent, without the wrapper of an upstream."""
    answer: JSON | None
    """The one answer that came, folded; None: none, or none that is JSON."""
    part: int = 0
    """0: an attempt at the exchange's own call; from 1 on: at the further calls that make up the answer, in order."""
    at: float | None = None
    """When it began, in seconds after the client's request had arrived; None: nobody knows, as of a case."""
    pieces: Sequence[TakenPiece] = ()
    """Of an answer that came as a stream; empty, where nobody wrote down when they came."""
    dialled: TakenDial | None = None
    """Of a call for which a connection was opened."""


@dataclass(frozen=True, slots=True)
class TakenExchange:
    """What there is of an exchange."""

    record: JSON
    """The client's: members as in `addons.gateway.record.flow_record`; of a case only some of them."""
    method: str
    path: str
    """With the query, without credentials."""
    request: JSON | None
    """As the client's dialect reads it; None: it can't be read."""
    body: bytes
    """The client's request as it came. Of a case, its JSON."""
    answer: Any
    """The client's, of a stream the one that it makes; None: there is none, or it is no JSON."""
    text: str
    """Of an answer that is no JSON, what it is or says."""
    calls: Sequence[TakenCall] = ()
    """In the order of time, those of further calls last."""
    url: str = USUAL_URL
    """Of the gateway, without a path."""
    fields: Mapping[str, str] = field(default_factory=dict)
    sent: bytes = b""
    """The client's answer as it went, or as much of it as there is; empty: there is none, or it is masked."""
    content_type: str = ""
    """Of the client's answer; empty: it is not known."""

    @property
    def id(self) -> str:
        """The request id; empty for a case."""
        return str(self.record.get("id") or "")

    @property
    def endpoint(self) -> str:
        """The name of the dialect, or of another endpoint."""
        return str(self.record.get("endpoint"))

    @property
    def own_calls(self) -> list[TakenCall]:
        """The attempts at the exchange's own call."""
        return [call for call in self.calls if not call.part]

    @property
    def last_call(self) -> TakenCall | None:
        """The last of them; None: there was none."""
        return next(reversed(self.own_calls), None)


def models_of(record: JSON) -> str:
    """Of a record, see `exchange.summary.model_words`."""
    return model_words(string(record.get("client_model")), string(record.get("model")))


def when_of(at: Any) -> str:
    """A moment of a record, for people; empty where there is none that is one."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC" if is_number(at) else ""
    except (ValueError, OverflowError, OSError):  # of a damaged file
        return ""


def from_flows(flows: Sequence[http.HTTPFlow]) -> TakenExchange:
    """The exchange that these flows show. Raises CaseError where the client's is not among them."""
    found = sorted_out(flows)
    if found.client is None:
        raise CaseError("These flows can't be taken: the client's request is not among them.")
    return of_siblings(found)


def of_siblings(found: Siblings) -> TakenExchange:
    """The exchange of these flows, the client's among them."""
    client = found.client
    assert client is not None
    record = record_of(client)
    answer, text = _answer(record, client.response)
    arrival = record.get("time")
    return TakenExchange(
        record=record,
        method=client.request.method,
        path=client.request.path,
        request=_request(record, client),
        body=decompressed(client.request),
        answer=answer,
        text=text,
        # An answer that is made in the background has no call on the client's connection.
        calls=[
            *(_call(flow, arrival) for flow in found.attempts),
            *_further(found.further, 1 if found.attempts else 0, arrival),
        ],
        url=_url(client.request),
        fields={name: client.request.headers[name] for name in _FIELDS if name in client.request.headers},
        sent=decompressed(client.response),
        content_type=client.response.headers.get("content-type", "") if client.response else "",
    )


def _url(request: http.Request) -> str:
    """Where the gateway was, if that is this machine: copies send a key there, and saved files come from others."""
    try:
        local = request.host == "localhost" or ip_address(request.host).is_loopback
    except ValueError:
        local = False
    host = f"[{request.host}]" if ":" in request.host else request.host
    return f"http://{host}:{request.port}" if local else USUAL_URL


def of_attempt(flow: http.HTTPFlow) -> TakenCall:
    """A call by itself."""
    return _call(flow, None)


def from_case(case: Case) -> TakenExchange:
    """The exchange of a case. When it was, how long it took and who served it is not in one."""
    record = {**case.record, "status": case.status, "streamed": case.streamed, "notes": case.notes}
    answer, text = _read(case.endpoint, case.answer)
    calls = [
        TakenCall(
            {"status": call.status, "outcome": call.outcome, "upstream": call.upstream},
            _inner(call.request),
            whole_answer(call.answer),
            call.part,
        )
        for call in case.calls
    ]
    body = jsonio.dumps(case.request)
    return TakenExchange(
        record, case.method, case.path, case.request, body, answer, text, calls, sent=case.answer
    )  # fmt: skip


def _further(flows: Sequence[http.HTTPFlow], first: int, arrival: float | None) -> list[TakenCall]:
    """The attempts at further calls, each of which has a connection of its own. They run at the same time, and begin
    in any order: that of their connections is that of the answer."""
    connections = sorted({(flow.client_conn.timestamp_start or 0.0, flow.client_conn.id) for flow in flows})
    parts = {id: part for part, (_, id) in enumerate(connections, first)}
    return [replace(_call(flow, arrival), part=parts[flow.client_conn.id]) for flow in flows]


def _call(flow: http.HTTPFlow, arrival: float | None) -> TakenCall:
    """`arrival`: when the client's request came, in Unix seconds."""
    content, came = b"", b""
    if (response := flow.response) is not None:
        came = decompressed(response)
        content = without_secrets(came, whole=response.status_code >= 300)
    sent = bodies.read(decompressed(flow.request)).values
    record = record_of(flow)
    return TakenCall(
        record,
        _inner(sent[0]) if sent else None,
        whole_answer(content),
        at=max(0.0, flow.request.timestamp_start - arrival) if arrival else None,
        pieces=_pieces(came, record.get("arrived")),
        dialled=_dialled(flow),
    )


def _pieces(came: bytes, arrived: Any) -> list[TakenPiece]:
    """What came of a stream, and when, if that was written down."""
    body = bodies.read(came, elements(arrived))
    events = zip(body.times, body.values, strict=False)
    return [TakenPiece(at, *shown.event(unwrapped(members(event)))) for at, event in events]


def _dialled(flow: http.HTTPFlow) -> TakenDial | None:
    """The connection's beginnings, if it was opened for this call."""
    server = flow.server_conn
    begin, tcp, tls = server.timestamp_start, server.timestamp_tcp_setup, server.timestamp_tls_setup
    if record_of(flow).get("reused") is not False or not begin or not tcp:
        return None
    return TakenDial(max(0.0, tcp - begin), max(0.0, tls - tcp) if tls else None)


def _inner(sent: Any) -> Any:
    """The request in the wrapper of the Cloud Code API."""
    inner = members(sent).get("request")
    return inner if isinstance(inner, dict) else sent


def _request(record: JSON, client: http.HTTPFlow) -> JSON | None:
    """The value of a client's request; of one that its dialect can't read, its JSON."""
    try:
        return retranslation.body_of(record, received(client.request))
    except (Fault, retranslation.NotTranslated):
        values = bodies.read(decompressed(client.request)).values
        return values[0] if values and isinstance(values[0], dict) else None


def _answer(record: JSON, response: http.Response | None) -> tuple[Any, str]:
    """The value of a client's answer, or what is to be said of it."""
    if response is None:
        return None, ""
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    content = decompressed(response)
    if kind and not kind.startswith("text/") and "json" not in kind:
        return None, f"[{kind}, {len(content)} bytes]"
    return _read(str(record.get("endpoint")), content)


def _read(endpoint: str, content: bytes) -> tuple[Any, str]:
    body = bodies.read(content)
    values = body.values
    listed = not body.stream and bool(values) and isinstance(values[0], list)
    events = values[0] if listed else values
    if not values or (body.stream and not any(isinstance(event, dict) for event in events)):
        return None, content.decode("utf-8", "replace")
    if not (body.stream or listed):
        return values[0], ""
    first = next((event for event in events if isinstance(event, dict)), {})
    return dialects.bodies(endpoint, first).folded([members(event) for event in events]), ""
