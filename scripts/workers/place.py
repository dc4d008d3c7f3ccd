"""Where the workers are: the port that they share, and the folder of what they share."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import Iterator, Mapping

from addons.gateway.workers.open_files import BACKLOG

SHARED = "ANTIGRAVITY_SHARED"
"""The variable that names the folder of the shared state (`addons/gateway/shared/opening.py`)."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on all addresses that a host has, as asyncio does. `""`: all of this machine. Raises OSError."""
    made: list[socket.socket] = []
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            one = socket.socket(family, kind, protocol)
        except OSError:  # the kernel has no such family
            continue
        made.append(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            one.bind(address)
        except OSError:
            for other in made:
                other.close()
            raise
        one.listen(BACKLOG)
        one.setblocking(False)
    return made


@contextlib.contextmanager
def shared_folder(environ: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The environment of the workers: it names a folder for what they share, made for them if there is none."""
    if environ.get(SHARED):
        yield environ
        return
    with tempfile.TemporaryDirectory(prefix="antigravity-", ignore_cleanup_errors=True) as folder:
        yield {**environ, SHARED: folder}
