"""New connections, where a process may open no further file.

* As many files may be open as the system lets this process have: each connection is one, and each call to an upstream
  another.
* asyncio takes up to `backlog` new connections at a time, and where there is no file for them tries all of them, each
  with a traceback and a timer that does the same a second later, times over. So it is let take one at a time.
* What can't be taken waits in the system's queue until files are free; the log says so, at most once a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

if sys.platform != "win32":
    import resource

logger = logging.getLogger("antigravity")

BACKLOG = 1024
"""Connections that wait in the system's queue."""
COMPLAIN_EVERY = 60.0

type _Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


async def listen(listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> asyncio.Server:
    """A server on a socket that is bound."""
    server = await asyncio.get_running_loop().create_server(protocol, sock=listening, backlog=1)
    listening.listen(BACKLOG)
    return server


def allow_many_files() -> None:
    """Have this process open as many files as it may."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):  # macOS has less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Complaints:
    """Says in the log that no connection can be taken, in the place of what asyncio and mitmproxy say."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: _Handler | None = None
        self._complained = float("-inf")

    def install(self) -> None:
        """Hear of the loop's errors before others do."""
        self._loop = loop = asyncio.get_running_loop()
        self._before = loop.get_exception_handler()
        loop.set_exception_handler(self._heard)

    def uninstall(self) -> None:
        """Hear of nothing any more."""
        if self._loop is not None and self._loop.get_exception_handler() == self._heard:
            self._loop.set_exception_handler(self._before)

    def _heard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        problem = context.get("exception")
        if isinstance(problem, OSError) and str(context.get("message", "")).startswith("socket.accept()"):
            now = time.monotonic()
            if now - self._complained >= COMPLAIN_EVERY:
                self._complained = now
                logger.error(
                    f"New connections can't be taken and have to wait: {problem.strerror}. More may be open at the "
                    "same time where the limit of the system is higher (ulimit -n, LimitNOFILE of systemd)."
                )
        elif self._before is not None:
            self._before(loop, context)
        else:
            loop.default_exception_handler(context)
