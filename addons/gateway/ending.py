"""The end of the gateway: what is under way ends with an error that its client can read, and is logged.

* Nothing new is taken on: the servers stop listening, and a request on a connection that is open gets a 503.
* Streams end with the error event of their dialect, whole answers with an error answer, background responses as failed.
* Before that, with `[limits] drain`: /healthz says 503, so that a load balancer sends nothing more; what is under way,
  and what comes all the same, is served. That ends when nothing is under way any more, after `drain` at the latest, or
  with a second signal.
* The end takes moments. A client that takes nothing more is waited for `GRACE` seconds, and no longer than until a
  second signal; from then on signals end the process as they always do.
* Last of all, at the exit of the process, `wait_for_threads`: up to Python 3.13 a thread of mitmproxy_rs that wants to
  tell Python something while it is taken down crashes the process (seen with mitmproxy_rs 0.12.15 and Python 3.13.0 on
  a busy machine: its UDP server has just been closed; 3 of 100 ends were by SIGSEGV).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx

from addons.gateway.http.admission import stopping
from addons.gateway.workers import inside

if TYPE_CHECKING:
    from addons.gateway.gateway import Gateway

logger = logging.getLogger("antigravity")

GRACE = 3.0
"""Seconds that the end may take."""
LOOK_EVERY = 0.01
"""Seconds between two looks whether the clients have their answers."""
NOTICED_AFTER = 5.0
"""Seconds that a load balancer has to notice that it should send nothing more."""
THREADS_WITHIN = 1.0
"""Seconds that threads have to come to rest."""
REST = 0.002
"""Seconds for which they have to."""
_TELLING = ("State:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def end(gateway: Gateway) -> None:
    """End all that is under way; see the module."""
    worker = inside.current()
    hurry = worker.hurry if worker else asyncio.Event()
    on_signals(hurry)
    try:
        if drain := gateway.settings.limits.drain:
            gateway.draining = True
            if worker:
                worker.say(drains=drain)
            logger.info("The gateway ends when what is under way has ended; a second signal ends it at once.")
            await _within(drain, _drained(gateway), hurry)
            hurry.clear()
        ended = await _within(GRACE, _end_all(gateway), hurry)
        if ended.done() and not ended.cancelled() and (error := ended.exception()):
            logger.error("What was under way could not be ended.", exc_info=error)
    finally:
        off_signals()


async def _within(seconds: float, work: Coroutine[Any, Any, None], hurry: asyncio.Event) -> asyncio.Task[None]:
    """Do this, for so long at most, or until somebody is in a hurry. Returns the task: done, or told to end."""
    done, hurried = asyncio.ensure_future(work), asyncio.ensure_future(hurry.wait())
    await asyncio.wait([done, hurried], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in (done, hurried):
        task.cancel()
    return done


async def _drained(gateway: Gateway) -> None:
    """Wait until nothing comes any more, and nothing is under way."""
    await asyncio.sleep(NOTICED_AFTER)
    while gateway.background.tasks or any(not exchange.is_own for exchange in gateway.exchanges.values()):  # noqa: ASYNC110 - no event for each request
        await asyncio.sleep(LOOK_EVERY)


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


def wait_for_threads() -> bool:
    """Wait until no other thread of the process does anything: each gets Python's lock meanwhile, if it waits for it.

    False: some still do, after `THREADS_WITHIN`. Where the system does not tell (no /proc) it waits for `REST` once.
    """
    latest = time.monotonic() + THREADS_WITHIN
    before = _others()
    while time.monotonic() < latest:
        time.sleep(REST)
        now = _others()
        if now == before and all("sleeping" in did for did in now.values()):
            return True
        before = now
    return False


def _others() -> dict[str, str]:
    """What the system's other threads of this process do, and how often they have slept and been woken."""
    found = {}
    with contextlib.suppress(OSError):  # there is none, or no further file may be open
        for thread in os.listdir("/proc/self/task"):
            if thread != str(threading.get_native_id()):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                    lines = Path(f"/proc/self/task/{thread}/status").read_text(errors="replace").splitlines()
                    found[thread] = " ".join(line for line in lines if line.startswith(_TELLING))
    return found
