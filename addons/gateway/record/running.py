"""The rows of exchanges that are under way, in what mitmweb and the console list.

* An exchange's own flow is the call to the upstream until it is over. So the client's request has a row of its own in
  the meantime, if it takes a while.
* Its comment says what the exchange is doing, and is written anew by one timer for all: twice a second, while there is
  a list and something in it is under way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from mitmproxy import ctx, http

from addons.gateway.exchange.facts import Facts
from addons.gateway.live import doing
from addons.gateway.record import secrets

RUNNING_AFTER = 1.0
"""Seconds after which the client's request gets a row of its own, and a comment that changes."""
EVERY = 0.5
"""Seconds between two looks at what is under way."""
MOST = 50
"""Rows that are kept up to date, the oldest ones: a browser is sent each of them anew. More nobody watches."""


class RunningRow:
    """The row of one exchange. `hidden` are the secrets that must not be seen in it, `comment` is what it says."""

    def __init__(self, flow: http.HTTPFlow, request: http.Request, hidden: tuple[bytes, ...], comment: str) -> None:
        self._flow, self._request, self._hidden, self._comment = flow, request, hidden, comment
        self._row: http.HTTPFlow | None = None
        self._timer = asyncio.get_running_loop().call_later(RUNNING_AFTER, self._show)

    def say(self, comment: str) -> None:
        """What the row says from now on."""
        self._comment = comment
        view = _view()
        if view is not None and self._row is not None and self._row.comment != comment:
            self._row.comment = comment
            view.update([self._row])

    def over(self) -> None:
        """Take the row away: the client's own flow shows the request now."""
        self._timer.cancel()
        view = _view()
        if view is not None and self._row is not None:
            view.remove([self._row])

    def _show(self) -> None:
        view = _view()
        if view is None:
            return
        self._row = row = http.HTTPFlow(self._flow.client_conn, self._flow.server_conn)
        row.request = self._request.copy()
        secrets.clean(row.request, self._hidden)
        row.comment = self._comment
        view.add([row])


class RunningComments:
    """Keeps the comments of all rows up to date."""

    def __init__(self, exchanges: Mapping[str, Facts]) -> None:
        """`exchanges`: what is under way."""
        self._exchanges = exchanges
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Something is under way."""
        if self._timer is None and _view() is not None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._tell)

    def _tell(self) -> None:
        self._timer = None
        before = time.monotonic() - RUNNING_AFTER
        long = [facts for facts in self._exchanges.values() if facts.started < before and not facts.inner]
        for facts in long[:MOST]:
            if facts.trace is not None:
                facts.trace.doing(facts.flow, f"{doing.line(facts)} [{facts.id}]")
        if self._exchanges:
            self.begin()


def update(flow: http.HTTPFlow, comment: str) -> None:
    """A flow's own comment, in the list."""
    view = _view()
    if view is not None and flow.comment != comment:
        flow.comment = comment
        view.update([flow])


def _view() -> Any:
    """What lists flows; None: nothing does."""
    master: Any = getattr(ctx, "master", None)
    return master.addons.get("view") if master is not None else None
