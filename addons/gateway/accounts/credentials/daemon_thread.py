"""Waiting for the network without holding up the event loop, nor the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_thread[T](work: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Run on a thread of its own. The loop's own threads are few, look up the names of hosts, and are waited for."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as e:
            outcome.set_exception(e)

    threading.Thread(target=run, name=name, daemon=True).start()
    return asyncio.wrap_future(outcome)
