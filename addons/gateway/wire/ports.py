"""Ports to listen on: whether one can be had, who has it, and which one could.

Standard library only, and what Python 3.6 has of it: scripts/serve.py asks before there is an environment.
"""

import errno
import http.client
import os
import socket
from collections.abc import Iterable

HIGHEST = 65535
PATIENCE = 1.0
"""Seconds for which whoever has the port is asked who it is."""


def complaint(host: str, port: int, option: str, but: "Iterable[int]" = ()) -> "str | None":
    """Why a port can't be listened on, and what to do; None when it can.

    `host`: the address to listen on, "" for all. `option`: what names another port, with `{port}` in it; it is not one
    of `but`. What is neither taken nor forbidden, nor an address of another machine, is left to whoever listens.
    """
    number = fault(host, port)
    if number == errno.EADDRNOTAVAIL:
        return f"This machine has no address {host} to listen on."
    if number not in (errno.EADDRINUSE, errno.EACCES):
        return None
    why = f"is taken, {holder(host, port)}" if number == errno.EADDRINUSE else "may not be used (its number is low)"
    above = range(port + 1 if number == errno.EADDRINUSE else 8045, HIGHEST + 1)
    free = next((other for other in above if other not in but and not fault(host, other)), None)
    return f"Port {port} {why}: {option.format(port=free or 'N')}"


def fault(host: str, port: int) -> int:
    """The number of the error that listening there would meet; 0 when it would meet none."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return 0
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as trial:
                if os.name != "nt":  # there it would take the port from whoever has it
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(address)
        except OSError as e:
            if e.errno != errno.EAFNOSUPPORT:
                return e.errno or 0
    return 0


def holder(host: str, port: int) -> str:
    """Who has a port, as far as can be told by asking."""
    connection = http.client.HTTPConnection(to_call(host), port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        if answer.status == 200 and answer.read(100).startswith(b'{"status":"ok"'):
            return "by another gateway it seems (it answers /healthz)"
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    return "by another program"


def to_call(host: str) -> str:
    """The address under which this machine can call what listens on `host`."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - called, not bound
