"""Who gets in, and where to: the first look at a request.

The caller is looked at before the path, so that nobody without a key learns which paths there are.
"""

from __future__ import annotations

from mitmproxy import http

from addons.gateway.http import routes
from addons.gateway.http.callers import Caller, Gatekeeper
from addons.gateway.http.fields import asks_for_socket, value
from addons.gateway.http.routes import Match
from mapping.faults import Fault, FaultKind


def admit(
    gatekeeper: Gatekeeper, caller: Caller, request: http.Request, *, busy: int, limit: int, can_switch: bool = False
) -> tuple[str, Match]:
    """The tenant of a request and the endpoint that it means. Raises Fault.

    `can_switch`: the connection can become a WebSocket. `busy`: how many requests are under way, this one too; above
    `limit` no further work is taken on.
    """
    match, unknown = None, None
    try:
        match = routes.resolve(request.method, path_of(request), caller.speaks)
    except Fault as e:
        unknown = e
    tenant = gatekeeper.admit(caller, health=match is not None and match.endpoint.name in routes.HEALTH)
    opens_socket = can_switch and match is not None and match.endpoint.name == routes.SOCKET
    if not opens_socket and asks_for_socket(value(request, b"upgrade")):
        # Clients that would like a WebSocket go back to HTTP at once on this status, and on few others.
        raise Fault(426, "This gateway has no WebSocket here; use HTTP.", code="websocket_not_supported")
    if match is None:
        assert unknown is not None
        raise unknown
    if busy > limit and match.endpoint.method == "POST":
        raise Fault(
            503,
            f"{limit} requests are under way already (limits.in_flight in the gateway's settings).",
            kind=FaultKind.SERVER,
            code="too_many_requests_in_flight",
            retry_after=1,
        )
    return tenant, match


def stopping() -> Fault:
    """What those get whose requests are under way when the gateway is stopped, or come after that."""
    return Fault(
        503,
        "The gateway is being stopped. Send the request again when it is back.",
        kind=FaultKind.SERVER,
        code="gateway_stopping",
        retry_after=5,
    )


def path_of(request: http.Request) -> str:
    """The path without the query."""
    return request.path.partition("?")[0]
