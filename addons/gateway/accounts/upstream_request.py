"""The request as it goes upstream: what the flow shows, and the copy with the credential that goes onto the wire."""

from __future__ import annotations

from mitmproxy import http

from addons.gateway import __version__
from addons.gateway.accounts import upstreams
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.address import Address
from addons.gateway.http.fields import headers
from mapping.values import GeminiCall

USER_AGENT = f"openai-gemini-gateway/{__version__} (mitmproxy addon)".encode()


def aim(request: http.Request, account: Account, default: Address, call: GeminiCall) -> None:
    """Make a flow's request the call to an account's upstream. Nothing of what the client sent stays in it.

    `default` is where accounts of the public API go that have no base URL of their own.
    """
    address = account.address or default
    outgoing = upstreams.outgoing(account, call)
    body = outgoing.body
    fields = [
        (b"Host", address.host_header.encode()),
        (b"User-Agent", USER_AGENT),
        (b"Accept-Encoding", b"identity"),
    ]
    if body is not None:
        if outgoing.is_json:
            fields.append((b"Content-Type", b"application/json"))
        fields.append((b"Content-Length", b"%d" % len(body)))
        fields += outgoing.headers
    data = request.data
    data.host, data.port, data.scheme = address.host, address.port, address.scheme.encode()
    data.authority = b""
    data.method = outgoing.method or (b"GET" if body is None else b"POST")
    data.path = (address.prefix + outgoing.path).encode()
    data.headers = headers(fields)
    data.content = body or b""


def dialled(request: http.Request, account: Account | None) -> tuple[str, int]:
    """Host and port that a call goes to."""
    listens = account.listens if account else None
    return listens or (request.data.host, request.data.port)


def signed(request: http.Request, account: Account) -> http.Request:
    """A copy of the request (without its body) that carries the account's credential. No flow ever holds it."""
    # Not by the constructors: they check the type of each field, which costs as much as the translation.
    made = http.Request.__new__(http.Request)
    made.data = data = http.RequestData.__new__(http.RequestData)
    vars(data).update(vars(request.data))
    data.headers = headers((*data.headers.fields, *account.credential.headers()))
    data.content = None
    data.http_version = b"HTTP/1.1"
    return made
