"""What recorded exchanges had from nowhere else, by the client's request: for a server replay (`-S`)."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from mitmproxy import http, io

from addons.gateway.record.flow_record import CLIENT, record_of


class Recordings:
    """The seeds of recorded exchanges, by the client's request."""

    def __init__(self, flows: Iterable[http.HTTPFlow]) -> None:
        self._seeds: dict[bytes, deque[dict[str, Any]]] = {}
        for flow in flows:
            record = record_of(flow)
            seeds = record.get("seeds")
            # What was refused had none, and its request may be that of another one that was not: only the key differed.
            if record.get("side") == CLIENT and isinstance(seeds, dict) and any(seeds.values()):
                self._seeds.setdefault(_key(flow.request), deque()).append(seeds)

    def seeds_for(self, request: http.Request) -> dict[str, Any] | None:
        """What the exchange with the same request had; the first of several first, the last again and again."""
        known = self._seeds.get(_key(request))
        if not known:
            return None
        return known.popleft() if len(known) > 1 else known[0]


def load(paths: Sequence[str]) -> Recordings | None:
    """The recordings in files that are being replayed; None when there are none."""
    if not paths:
        return None
    try:
        flows = io.read_flows_from_paths(paths)
    except Exception:  # a KeyError, say, for half a flow; mitmproxy, which reads them too, says so
        return None
    return Recordings(flow for flow in flows if isinstance(flow, http.HTTPFlow))


def _key(request: http.Request) -> bytes:
    content = request.raw_content or b""
    return hashlib.sha256(b"\0".join((request.data.method, request.data.path, content))).digest()
