"""A case as the flows from which it could have been exported."""

from __future__ import annotations

import json
import time

from mitmproxy import http
from mitmproxy.connection import Client, Server

from addons.gateway.cases.files import Case
from addons.gateway.record.flow_record import ATTEMPT, CLIENT, KEY

ID = "req_0123456789abcdef"
ACCOUNT = "someone@example.com"


def flows_of(case: Case, id: str = ID) -> list[http.HTTPFlow]:
    """The client's flow, and one for each call."""
    client = _flow(_client(0), case.path, case.request)
    client.response = _response(case.status, case.answer, "text/event-stream" if case.streamed else "application/json")
    client.metadata[KEY] = {
        "id": id,
        "side": CLIENT,
        "time": time.time(),
        "attempts": [],
        "error": "some_code" if case.ended else None,
        **{name: getattr(case, name) for name in ("endpoint", "method", "path", "model", "client_model")},
        **{name: getattr(case, name) for name in ("status", "streamed", "notes", "given", "seeds")},
    }
    flows = [client]
    own = [call for call in case.calls if call.part == 0]
    for number, call in enumerate(case.calls, 1):
        flow = _flow(_client(call.part) if call.part else client.client_conn, "/v1beta/models/some:call", call.request)
        if call.status is not None:
            flow.response = _response(call.status, call.answer, call.type)
        flow.metadata[KEY] = {
            "id": id,
            "side": ATTEMPT,
            "number": 1 if call.part else number,
            "count": 1 if call.part else len(own),
            "account": ACCOUNT,
            "upstream": call.upstream,
            "outcome": call.outcome or "200",
            "status": None if call.outcome else call.status,
        }
        flows.append(flow)
    return flows


def _client(number: int) -> Client:
    return Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=float(number))


def _flow(client: Client, path: str, body: object) -> http.HTTPFlow:
    flow = http.HTTPFlow(client, Server(address=("127.0.0.1", 3)))
    flow.request = http.Request.make("POST", f"http://127.0.0.1{path}", json.dumps(body))
    return flow


def _response(status: int, content: bytes, content_type: str) -> http.Response:
    return http.Response.make(status, content, {"content-type": content_type})
