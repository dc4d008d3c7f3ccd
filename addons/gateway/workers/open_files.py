"""Files that a process may have open: each connection is one, and each call to an upstream another.

* Where it may open no further one, new connections wait until it may: in the system's queue, or, of a worker, with the
  launcher (`handed`). The log says so, at most once a minute.
* asyncio takes up to `backlog` new connections in one turn of the loop, and where there is no file for them tries all
  of them, each with a traceback and a timer that does the same a second later, times over. So the socket that it takes
  them from refuses the others of that turn. (One in each turn would be too few: while many connections come, each turn
  serves those that are there, and the last would wait for long.)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

if sys.platform != "win32":
    import resource

logger = logging.getLogger("antigravity")

COMPLAIN_EVERY = 60.0
"""Seconds between two lines in the log."""
BACKLOG = 1024
"""Connections that wait in the system's queue, and that are taken in one turn of the loop."""
SHORT = 0.5
"""Seconds: longer than a turn, and shorter than the second after which asyncio tries again."""
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Errors of `accept` after which asyncio tries again later."""

type _Handler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


def allow_many() -> None:
    """Have this process open as many files as it may."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(OSError, ValueError):  # macOS has less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Shortage:
    """No further file may be open."""

    def __init__(self) -> None:
        self._told = float("-inf")

    def is_there(self, descriptor: int) -> bool:
        """Whether it is so now; then the log says it. `descriptor`: of a file that is open."""
        try:
            os.close(os.dup(descriptor))
        except OSError as e:
            self.tell(e)
            return True
        return False

    def tell(self, problem: OSError) -> None:
        """Say in the log that connections have to wait, unless that was said a short while ago."""
        now = time.monotonic()
        if now - self._told >= COMPLAIN_EVERY:
            self._told = now
            logger.error(
                f"New connections can't be taken and have to wait: {problem.strerror}. More may be open at the same "
                "time where the limit of the system is higher (ulimit -n, LimitNOFILE of systemd)."
            )


class ListeningSocket(socket.socket):
    """A listening socket of which nothing more is taken for `SHORT` seconds where there was no file for one."""

    _short_until = float("-inf")

    def accept(self) -> tuple[socket.socket, Any]:
        """As of any socket. Raises BlockingIOError meanwhile: to asyncio that is the end of a turn."""
        if time.monotonic() < self._short_until:
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as e:
            if e.errno in NO_ROOM:
                self._short_until = time.monotonic() + SHORT
            raise


async def listen(listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> asyncio.Server:
    """A server on the socket that another one listens on."""
    twin = ListeningSocket(listening.family, listening.type, fileno=os.dup(listening.fileno()))
    return await asyncio.get_running_loop().create_server(protocol, sock=twin, backlog=BACKLOG)


class Complaints:
    """Says in the log that no connection can be taken, in the place of what asyncio and mitmproxy say."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: _Handler | None = None
        self._shortage = Shortage()

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
            self._shortage.tell(problem)
        elif self._before is not None:
            self._before(loop, context)
        else:
            loop.default_exception_handler(context)
