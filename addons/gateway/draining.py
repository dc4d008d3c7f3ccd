"""A worker that is replaced: it takes no connection any more, serves what it has, and ends.

* A connection that is between two requests goes back to the launcher, unread and unclosed, and from there to another
  worker. One that is being served follows when it has its answer.
* What mitmproxy's layers carry (TLS, HTTP/2) is served until nothing is under way, and then closed.
* Background responses are waited for; so are WebSockets, whose clients may take long: `LONGEST`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set
from functools import partial
from typing import TYPE_CHECKING

from mitmproxy import ctx

from addons.gateway.wire import compat
from addons.gateway.wire.direct.client import ClientConnection
from addons.gateway.workers.inside import ALONE, Worker

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

LOOK_EVERY = 0.02
"""Seconds between two looks whether all is served."""
LONGEST = 3600.0
"""Seconds; what is under way then ends as it does at any end of the gateway."""


def begin(worker: Worker, gateway: Gateway, clients: Set[ClientConnection]) -> None:
    """Say that this worker is ready, and drain it when the launcher wants that; or say why it can't be."""
    if why := refusal():
        worker.refuse(why)
    else:
        worker.begin(partial(drain, worker, gateway, clients))
        if gateway.everyone:
            gateway.everyone.begin()


def refusal() -> str | None:
    """Why there can't be several workers."""
    options = ctx.options
    for name in ALONE:
        if name in options and getattr(options, name):
            return f"mitmproxy's option {name} goes with one process only: leave --workers out."
    if not options.server:
        return "mitmproxy was told to serve nothing (-n, server=false): leave --workers out."
    if len(options.mode) != 1:
        return "Several workers have one port, and take one --mode: leave --workers or the other modes out."
    if not compat.offers(compat.WORKERS) or not compat.offers(compat.DIRECT):
        return f"Several workers need another mitmproxy than this one ({compat.version()}): leave --workers out."
    return None


async def drain(worker: Worker, gateway: Gateway, clients: Set[ClientConnection]) -> None:
    """See the module."""

    def give_back(connection: ClientConnection) -> None:
        transport = connection.transport
        if connection.is_between and worker.handing.give_back(transport.get_extra_info("socket").fileno()):
            transport.abort()

    loop = asyncio.get_running_loop()
    worker.handing.stop()
    latest = loop.time() + LONGEST
    while loop.time() < latest:
        for connection in list(clients):
            connection.between = give_back
            give_back(connection)
        if not clients and not gateway.exchanges and not gateway.background.tasks and worker.handing.is_quiet:
            break
        await asyncio.sleep(LOOK_EVERY)
    ctx.master.shutdown()
