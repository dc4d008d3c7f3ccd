"""The process that has everything loaded, and is forked into workers.

* It runs no thread, no event loop and nothing of the gateway, so that a fork is whole.
* What it has loaded is frozen for the garbage collector, so that the workers go on sharing the memory.
* It is asked by a line of JSON with the worker's two sockets, and says in lines of JSON who was forked and who has
  ended. It ends when nobody asks any more.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
from typing import Any

from addons.gateway.workers.talk import VERSION

WORKER = "ANTIGRAVITY_WORKER"
"""The variable that tells a worker its number (`addons/gateway/shared/opening.py`)."""
LOADED = (
    "mitmproxy.tools.main",
    "mitmproxy.tools.dump",
    "google.auth",
    "jinja2",
    "prometheus_client",
    "addons.gateway.ca_key",
    "addons.gateway.cassettes.options",
    "addons.gateway.commands",
    "addons.gateway.demo",
    "addons.gateway.draining",
    "addons.gateway.ending",
    "addons.gateway.gateway",
    "addons.gateway.log.banner",
    "addons.gateway.log.log_events",
    "addons.gateway.prompts",
    "addons.gateway.settings_file",
    "addons.gateway.shared.sharing",
    "addons.gateway.shared.sqlite_place",
    "addons.gateway.shared.vault",
    "addons.gateway.stand_in",
    "addons.gateway.status.metrics",
    "addons.gateway.timing",
    "addons.gateway.wire.direct.takeover",
    "addons.gateway.wire.dispatch",
    "addons.gateway.wire.layer_setup",
    "addons.gateway.wire.sockets",
    "addons.gateway.wire.taken",
)
"""All that a worker needs, and what each would load later. The script itself is not loaded here: it makes a gateway."""


def load() -> None:
    """Load what the workers then share. Raises ImportError where a package or mitmproxy is not as it has to be."""
    from addons.gateway.wire import compat
    from scripts.launching import left_out

    with left_out.until_needed():
        logging.disable(logging.WARNING)  # each worker says what is only less good
        compat.check()
        logging.disable(logging.NOTSET)
        for name in LOADED:
            importlib.import_module(name)
    from mapping import dialects

    dialects.all_dialects()


def run(asked: socket.socket, arguments: list[str]) -> int:
    """Load, and fork a worker whenever asked. In a worker this returns its exit status, when it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to end
    gc.disable()  # while everything is loaded: nothing of it goes away
    try:
        load()
    except ImportError as e:
        print(_lacking(e), flush=True)
        return 1
    gc.collect()
    gc.freeze()
    gc.enable()
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    _say(asked, loaded=VERSION)
    while True:
        both: list[Any] = [asked, woken]
        readable, _, _ = select.select(both, [], [])
        if woken in readable:
            os.read(woken, 4096)
            _reap(asked)
        if asked in readable:
            job, descriptors = _asked(asked)
            if not job:
                return 0
            seat = json.loads(job)
            if not (pid := os.fork()):
                for one in (woken, wakes):
                    os.close(one)
                asked.close()
                return _work(seat, descriptors, arguments)
            for descriptor in descriptors:
                os.close(descriptor)
            _say(asked, forked=pid)


def _lacking(error: ImportError) -> str:
    """What a person is to do about it, as the script itself says it. Raises it where it is the gateway's own fault."""
    if error.name and error.name.partition(".")[0] in ("addons", "mapping", "scripts"):
        raise error
    from addons.gateway import dependencies

    return dependencies.lacking(error.name) if isinstance(error, ModuleNotFoundError) and error.name else str(error)


def _asked(asked: socket.socket) -> tuple[bytes, list[int]]:
    """The next worker that is asked for, and its sockets; nothing when the parent is gone."""
    try:
        job, descriptors, _, _ = socket.recv_fds(asked, 2**16, 2)
    except ConnectionResetError:
        return b"", []
    return job, descriptors


def _work(seat: dict[str, Any], descriptors: list[int], arguments: list[str]) -> int:
    """Be a worker."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from mitmproxy.tools import main

    from addons.gateway.workers import inside

    handing, talk = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    seat["addresses"] = [tuple(address) for address in seat["addresses"]]
    inside.become(inside.Seat(**seat), handing, talk)
    os.environ[WORKER] = str(seat["number"])
    sys.argv = ["mitmdump", *arguments]
    return main.mitmdump(arguments) or 0


def _reap(asked: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say(asked, ended=pid, status=os.waitstatus_to_exitcode(status))


def _say(asked: socket.socket, **said: Any) -> None:
    try:
        asked.sendall(json.dumps(said).encode() + b"\n")
    except OSError:  # the parent is gone
        pass
