"""What an answer has from nowhere else: fresh ids, times, encrypted texts. Written down, and used again in a replay.

So the same recorded exchange gives the same bytes. Where nothing is recorded this costs an append per value.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mitmproxy import http, io

from addons.gateway.exchange import ids
from addons.gateway.record.flow_record import CLIENT, record_of


class Seeds:
    """The values of one exchange, in the order in which they were needed."""

    def __init__(self, known: dict[str, Any] | None = None) -> None:
        self.times: list[int] = []
        self.ids: list[str] = []
        self.sealed: list[str] = []
        lists = {name: values for name, values in (known or {}).items() if isinstance(values, list)}
        self._known: dict[str, deque[Any]] = {name: deque(values) for name, values in lists.items()}

    def plain(self) -> dict[str, Any]:
        """As lists, for the record; it is what the constructor takes."""
        return {"times": self.times, "ids": self.ids, "sealed": self.sealed}

    def now(self) -> int:
        """Unix time in whole seconds."""
        found = self._next("times")
        now = found if isinstance(found, int) else int(time.time())
        self.times.append(now)
        return now

    def mint(self, prefix: str, size: int = 12) -> str:
        """A fresh id: the prefix, and `size` random bytes in hexadecimal."""
        found = self._next("ids")
        id = found if isinstance(found, str) and found.startswith(prefix) else ids.mint(prefix, size)
        self.ids.append(id)
        return id

    def seal(self, make: Callable[[], str]) -> str:
        """An encrypted text; `make` encrypts it."""
        found = self._next("sealed")
        text = found if isinstance(found, str) else make()
        self.sealed.append(text)
        return text

    def _next(self, name: str) -> Any:
        known = self._known.get(name)
        return known.popleft() if known else None


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
