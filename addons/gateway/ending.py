"""The end of the gateway: what is under way ends with an error that its client can read, and is logged.

* Nothing new is taken on: the servers stop listening, and a request on a connection that is open gets a 503.
* Streams end with the error event of their dialect, whole answers with an error answer, background responses as failed.
* That takes moments. A client that takes nothing more is waited for `GRACE` seconds, and no longer than until a second
  signal; from then on signals end the process as they always do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx

from addons.gateway.http.admission import stopping

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

GRACE = 3.0
"""Seconds that the end may take."""
LOOK_EVERY = 0.01
"""Seconds between two looks whether the clients have their answers."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def end(gateway: Gateway) -> None:
    """End all that is under way; see the module."""
    hurry = asyncio.Event()
    on_signals(hurry)
    try:
        ended = asyncio.ensure_future(_end_all(gateway))
        hurried = asyncio.ensure_future(hurry.wait())
        await asyncio.wait([ended, hurried], timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, hurried):
            task.cancel()
        if ended.done() and not ended.cancelled() and (error := ended.exception()):
            logger.error("What was under way could not be ended.", exc_info=error)
    finally:
        off_signals()


async def _end_all(gateway: Gateway) -> None:
    gateway.ending = True
    under_way = [exchange for exchange in gateway.exchanges.values() if exchange.begun]
    background = list(gateway.background.tasks.values())
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    if proxyserver is not None:
        await proxyserver.servers.update([])
    for exchange in under_way:
        exchange.cut_short(stopping())
    if background:
        await asyncio.wait(background)
    clients = [exchange for exchange in under_way if not exchange.inner]
    while any(not (exchange.delivered or exchange.flow.error) for exchange in clients):  # noqa: ASYNC110 - no event for each request
        await asyncio.sleep(LOOK_EVERY)


def on_signals(hurry: asyncio.Event) -> None:
    """A further signal means that the person is in a hurry."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows; not the main thread
            loop.add_signal_handler(number, hurry.set)


def off_signals() -> None:
    """Signals end the process from now on."""
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(number)
