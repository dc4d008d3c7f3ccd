"""Recorded exchanges that stay in memory: the last ones, no more than there is room for.

Where nobody sees or saves flows, most exchanges are never looked at. Their flows are made when somebody does: until
then an exchange is what makes them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from mitmproxy import http

from addons.gateway.record.flow_record import record_of

type Flows = Callable[[], list[http.HTTPFlow]]
"""Makes the flows of an exchange, the client's first. It is called once."""


class KeptExchanges:
    """By request id, the oldest first. May be read on any thread."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self.limit(most, most_bytes)
        self._kept: OrderedDict[str, list[http.HTTPFlow | Flows]] = OrderedDict()
        self._sizes: dict[str, int] = {}
        """How many bytes each of them holds."""
        self._bytes = 0
        self._lock = threading.Lock()

    def limit(self, most: int, most_bytes: int) -> None:
        """How many exchanges stay, and how many bytes of bodies."""
        self._most, self._most_bytes = most, most_bytes

    def put(self, id: str, flows: list[http.HTTPFlow] | Flows, size: int, view: Any = None) -> None:
        """Keep them, and drop the oldest where these are too many. `size`: bytes of bodies; `view`: what lists them."""
        kept = self._kept.setdefault(id, [])
        kept.append(flows) if callable(flows) else kept.extend(flows)
        self._sizes[id] = self._sizes.get(id, 0) + size
        self._bytes += size
        while len(self._kept) > self._most or (self._bytes > self._most_bytes and len(self._kept) > 1):
            oldest, dropped = self._kept.popitem(last=False)
            self._bytes -= self._sizes.pop(oldest)
            if view:
                view.remove([one for one in dropped if isinstance(one, http.HTTPFlow)])

    def flows(self, id: str) -> list[http.HTTPFlow]:
        """Of an exchange; none: it is not kept."""
        with self._lock:
            kept = self._kept.get(id, [])
            made = [flow for one in kept for flow in ([one] if isinstance(one, http.HTTPFlow) else one())]
            kept[:] = made
        return made

    def ids(self) -> list[str]:
        """Of all, the oldest first."""
        return list(self._kept)

    def forget(self, flow: http.HTTPFlow) -> None:
        """A flow is no part of its exchange any more."""
        kept = self._kept.get(record_of(flow).get("id", ""), [])
        if flow in kept:
            kept.remove(flow)
