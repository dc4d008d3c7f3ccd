"""The flows of one exchange, found in what mitmproxy shows: the client's, and the attempts.

Found when a view is rendered, by the id in the records, so they are found in a loaded file too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mitmproxy import ctx, http

from addons.gateway.record.flow_record import ATTEMPT, CLIENT, record_of


@dataclass(slots=True)
class Siblings:
    """What is there of an exchange."""

    client: http.HTTPFlow | None = None
    attempts: list[http.HTTPFlow] = field(default_factory=list)
    """The attempts at the client's call, in order."""
    further: list[http.HTTPFlow] = field(default_factory=list)
    """The attempts at further calls that are parts of the same answer, in order of time."""

    def failed(self) -> list[http.HTTPFlow]:
        """The attempts that failed."""
        return [flow for flow in (*self.attempts, *self.further) if not is_answer(flow)]


def is_answer(flow: http.HTTPFlow) -> bool:
    """Whether an attempt brought an answer that was used."""
    return record_of(flow).get("outcome") == "200"


def siblings_of(flow: http.HTTPFlow) -> Siblings:
    """The flows of the exchange that a flow belongs to, itself among them."""
    id = record_of(flow).get("id")
    if not id:
        return Siblings()
    known = [other for other in _shown() if other.id != flow.id and record_of(other).get("id") == id]
    return sorted_out([flow, *known])


def sorted_out(flows: Iterable[http.HTTPFlow]) -> Siblings:
    """The flows of one exchange, each in its place."""
    found = Siblings()
    attempts: dict[tuple[str, int], http.HTTPFlow] = {}  # of copies the first counts
    for flow in flows:
        record = record_of(flow)
        if record.get("side") == CLIENT:
            found.client = found.client or flow
        elif record.get("side") == ATTEMPT:
            attempts.setdefault((flow.client_conn.id, record.get("number", 0)), flow)
    # Further calls are made by the gateway itself, and not on the client's connection.
    connection = found.client.client_conn.id if found.client else None
    for attempt in sorted(attempts.values(), key=lambda one: one.request.timestamp_start):
        (found.attempts if connection in (None, attempt.client_conn.id) else found.further).append(attempt)
    return found


def _shown() -> list[http.HTTPFlow]:
    """The flows that mitmweb or mitmproxy has; none under mitmdump."""
    master: Any = getattr(ctx, "master", None)
    view = master.addons.get("view") if master is not None else None
    return [flow for flow in view.resolve("@all") if isinstance(flow, http.HTTPFlow)] if view is not None else []
