"""`GET /v1/responses`, which only a WebSocket can be opened with: see `wire.direct.websocket` for what is said on it.

Source: RFC 6455, section 4.2 (the opening handshake).
"""

from __future__ import annotations

from wsproto.utilities import generate_accept_token

from addons.gateway.exchange.facts import Facts
from addons.gateway.http.fields import asks_for_socket
from addons.gateway.http.routes import Match
from mapping.faults import Fault

VERSION = "13"


def begin(exchange: Facts, match: Match) -> None:
    """Agree to the WebSocket. Raises Fault (426, 400)."""
    headers = exchange.flow.request.headers
    if not asks_for_socket(headers.get("upgrade")):
        raise Fault(
            426,
            "GET /v1/responses opens a WebSocket; for a single request use POST.",
            code="websocket_upgrade_required",
        )
    key = headers.get("sec-websocket-key", "")
    if headers.get("sec-websocket-version") != VERSION or not key:
        raise Fault(400, f"The WebSocket handshake lacks a key, or its version is not {VERSION}.")
    exchange.switch([(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", generate_accept_token(key.encode()))])
