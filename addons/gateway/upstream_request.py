"""The request as it goes upstream: what the flow shows, and the copy with the credential that goes onto the wire."""

from __future__ import annotations

import copy

from mitmproxy import http

from addons.gateway.accounts import Account, Address
from addons.gateway.jobs import Call

USER_AGENT = b"openai-gemini-gateway/0.1 (mitmproxy addon)"


def aim(request: http.Request, address: Address, call: Call) -> None:
    """Make a flow's request the upstream call. Nothing of what the client sent stays in it."""
    fields = [
        (b"Host", address.host_header.encode()),
        (b"User-Agent", USER_AGENT),
        (b"Accept-Encoding", b"identity"),
    ]
    if call.body is not None:
        fields.append((b"Content-Type", b"application/json"))
        fields.append((b"Content-Length", b"%d" % len(call.body)))
    data = request.data
    data.host, data.port, data.scheme = address.host, address.port, address.scheme.encode()
    data.authority = b""
    data.method = call.method.encode()
    data.path = (address.prefix + call.path).encode()
    data.headers = http.Headers(fields)
    data.content = call.body or b""


def signed(request: http.Request, account: Account) -> http.Request:
    """A copy of the request (without its body) that carries the account's credential. No flow ever holds it."""
    # Not by the constructor: it checks the type of each field, which costs as much as the translation.
    made = http.Request.__new__(http.Request)
    made.data = data = copy.copy(request.data)
    data.headers = http.Headers((*data.headers.fields, (b"x-goog-api-key", account.key.encode())))
    data.content = None
    data.http_version = b"HTTP/1.1"
    return made
