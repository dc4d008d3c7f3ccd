"""A script of a user's: writes down what hooks see, and does with flows what their header X-Do says."""

import asyncio
import json
from typing import Any

from mitmproxy import connection, ctx, http


def say(hook: str, seen: object) -> None:
    with open(f"{ctx.options.confdir}/hooks.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps([hook, seen]) + "\n")


def shown(conn: connection.Connection) -> dict[str, Any]:
    times = ("timestamp_start", "timestamp_tcp_setup", "timestamp_tls_setup", "timestamp_end")
    return {
        "address": getattr(conn, "address", None),
        "error": conn.error,
        "tls": [conn.tls, conn.tls_version, conn.cipher, conn.sni, str(conn.alpn), str(conn.alpn_offers)],
        "certificates": [certificate.cn for certificate in conn.certificate_list],
        "times": [name for name in times if getattr(conn, name, None)],
        "peer": conn.peername is not None,
    }


def content(message: http.Message) -> str:
    return (message.raw_content or b"").decode("utf-8", "replace")


def seen(flow: http.HTTPFlow) -> dict[str, Any]:
    request, response = flow.request, flow.response
    return {
        "request": [
            request.method, request.scheme, request.host, request.port, request.path, request.http_version,
            request.authority, list(request.headers.items(multi=True)), content(request),
        ],
        "response": response and [
            response.status_code, response.http_version, response.reason, list(response.headers.items(multi=True)),
            content(response), bool(response.stream), bool(response.timestamp_end),
        ],
        "error": flow.error and flow.error.msg,
        "live": flow.live,
        "server": shown(flow.server_conn),
    }  # fmt: skip


def act(hook: str, flow: http.HTTPFlow) -> None:
    """`kill-request`, `answer-response`, `wait-requestheaders`, ..."""
    what, _, where = flow.metadata.setdefault("do", flow.request.headers.get("X-Do", "")).partition("-")
    if where != hook:
        return
    if what == "kill":
        flow.kill()
    elif what == "wait":
        flow.intercept()
        asyncio.get_running_loop().call_later(0.2, flow.resume)
    elif what == "answer":
        flow.response = http.Response.make(418, b'{"a": "teapot"}', {"Content-Type": "application/json"})
    elif what == "edit" and flow.response:
        flow.response.headers["X-Edited"] = "yes"
        if flow.response.raw_content:
            flow.response.text = f"{flow.response.text}\n"


def requestheaders(flow: http.HTTPFlow) -> None:
    say("requestheaders", seen(flow))
    act("requestheaders", flow)


def request(flow: http.HTTPFlow) -> None:
    say("request", seen(flow))
    act("request", flow)


def responseheaders(flow: http.HTTPFlow) -> None:
    say("responseheaders", seen(flow))
    act("responseheaders", flow)


def response(flow: http.HTTPFlow) -> None:
    say("response", seen(flow))
    act("response", flow)


def error(flow: http.HTTPFlow) -> None:
    say("error", seen(flow))


def client_connected(client: connection.Client) -> None:
    say("client_connected", {"id": client.id, **shown(client)})


def client_disconnected(client: connection.Client) -> None:
    say("client_disconnected", {"id": client.id, **shown(client)})


def server_connect(data: Any) -> None:
    say("server_connect", shown(data.server))


def server_connected(data: Any) -> None:
    say("server_connected", shown(data.server))


def server_connect_error(data: Any) -> None:
    say("server_connect_error", shown(data.server))


def server_disconnected(data: Any) -> None:
    say("server_disconnected", shown(data.server))
