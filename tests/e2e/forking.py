"""Gateways that are forked from a process that has mitmproxy loaded, and what the gateway's script imports.

To load them takes most of the time of a start, and hundreds of tests start a gateway. For the same reason what checks a
settings file is loaded already, and where mitmproxy's certificates are to be, it finds some that were made for all.
What is forked runs the script itself, loads what else is loaded later, has the arguments, environment, folder and
output that it is given, and ends as a program does. That a gateway starts without such help is shown by the tests in
`test_start.py`, and wherever a test starts a script of its own, several workers or mitmproxy's console.

`python -P forking.py FD` is that process; it is asked by the socket FD.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

TOOLS = ("mitmdump", "mitmweb")
SCRIPT = Path(__file__).resolve().parents[2] / "addons" / "antigravity.py"


def fits(command: list[str], environ: dict[str, str]) -> bool:
    """Whether a program can be forked: one of this environment's, with the gateway's script, whose Python is told
    nothing. Elsewhere than on Linux what has been loaded may not go on after a fork."""
    program, script = Path(command[0]), Path(command[2])
    mine = program.parent == Path(sys.executable).parent and program.name in TOOLS and script == SCRIPT
    return sys.platform == "linux" and mine and not any(name.startswith("PYTHON") for name in environ)


class Forked:
    """A process that was forked: what tests use of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = threading.Event()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status; negative: the signal that ended it. Raises subprocess.TimeoutExpired."""
        if not self._over.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def ended(self, status: int) -> None:
        self.returncode = status
        self._over.set()


class Forks:
    """Starts the process that forks, and asks it."""

    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair()
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        given = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=given, stdout=given, pass_fds=[theirs.fileno()])
        theirs.close()
        self._told = self._asks.makefile("rb")
        self._lock = threading.Lock()
        self._made = threading.Semaphore(0)
        self._running: dict[int, Forked] = {}
        self._newest: Forked | None = None
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.close)

    def start(self, command: list[str], environ: dict[str, str], folder: Path, output: Path) -> Forked:
        """Start one of `TOOLS`, of which `command` begins with the path."""
        output.write_bytes(b"")  # so that it is there to be read
        asked = {"command": command, "environ": environ, "folder": str(folder), "output": str(output)}
        with self._lock:
            self._asks.sendall(json.dumps(asked).encode() + b"\n")
            self._made.acquire()
            assert self._newest, "the process that forks has ended"
            return self._newest

    def close(self) -> None:
        """End it, and all that it has forked."""
        self._asks.shutdown(socket.SHUT_WR)
        self._process.wait()

    def _listen(self) -> None:
        for line in self._told:
            pid, status = json.loads(line)
            if status is None:
                self._newest = self._running[pid] = Forked(pid)
                self._made.release()
            else:
                self._running.pop(pid).ended(status)
        self._newest = None
        self._made.release()


forks = functools.cache(Forks)
"""Those of this process."""


def serve(asked: socket.socket) -> dict[str, Any]:
    """Fork what is asked for, and tell (pid, None) of it, and (pid, status) of its end.

    Returns what was asked for, in what was forked for it.
    """
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when the one who asks does
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    running: set[int] = set()
    received = b""
    while True:
        ready, _, _ = select.select([asked, woken], [], [])
        if woken in ready:
            woken.recv(65536)
            for pid in tuple(running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    running.discard(pid)
                    tell(asked, pid, os.waitstatus_to_exitcode(status))
        if asked not in ready:
            continue
        if not (data := asked.recv(65536)):
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            sys.exit()
        *lines, received = (received + data).split(b"\n")
        for line in lines:
            if not (pid := os.fork()):
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for one in (asked, woken, wakes):
                    one.close()
                return dict(json.loads(line))
            running.add(pid)
            tell(asked, pid, None)


def tell(asked: socket.socket, pid: int, status: int | None) -> None:
    asked.sendall(json.dumps([pid, status]).encode() + b"\n")


def become(
    certificates: dict[str, bytes], command: list[str], environ: dict[str, str], folder: str, output: str
) -> int | None:
    """Be a program that was started like this. `certificates`: what mitmproxy finds in its folder if it has none."""
    os.chdir(folder)
    if not any(Path(name).exists() for name in certificates):
        for name, content in certificates.items():
            file = Path(name)
            file.touch(0o600)
            file.write_bytes(content)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    out = os.open(output, os.O_WRONLY)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(out)
    program = Path(command[0])
    sys.argv = command
    sys.path.insert(0, str(program.parent))
    run = getattr(importlib.import_module("mitmproxy.tools.main"), program.name)
    result: int | None = run()
    return result


def load() -> None:
    """Import mitmproxy, what the script does, and what checks a settings file."""
    for module in ("mitmproxy.tools.main", "mitmproxy.tools.dump", "mitmproxy.tools.web.master"):
        importlib.import_module(module)
    sys.path.insert(0, str(SCRIPT.parents[1]))
    script = ast.parse(SCRIPT.read_bytes())
    tried = [node for block in script.body if isinstance(block, ast.Try) for node in block.body]
    imports = [node for node in tried if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), str(SCRIPT), "exec"), {})
    checked = importlib.import_module("addons.gateway.settings.settings").checked
    checked({"proxy": {}, "accounts": []})
    del sys.path[0]  # the script puts it there


def made_certificates() -> dict[str, bytes]:
    """The files of a certificate authority of mitmproxy's, by their names. A key takes long to be found."""
    store = importlib.import_module("mitmproxy.certs").CertStore
    with tempfile.TemporaryDirectory() as folder:
        store.create_store(Path(folder), "mitmproxy", 2048)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


if __name__ == "__main__":
    load()
    certificates = made_certificates()
    gc.collect()
    gc.freeze()
    sys.exit(become(certificates, **serve(socket.socket(fileno=int(sys.argv[1])))))
