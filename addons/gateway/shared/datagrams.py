"""How the workers of one machine tell each other something at once: datagrams on sockets in a folder of theirs.

Each worker has a socket there, and sends to all others that it finds. What a worker that is busy has no room for is
lost. Where there can be no such sockets (Windows) nobody hears anything: boards are read again every second then.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from addons.gateway.shared.contract import Heard

logger = logging.getLogger("antigravity")

MOST = 60_000
"""Bytes of one; Linux takes some 200,000, macOS less."""
LOOK_EVERY = 1.0
"""Seconds for which the list of the others is good."""
SUFFIX = ".socket"
HELLO = b""
"""Said by a worker that is new: whoever hears it looks for the others again."""
_LONGEST_NAME = 90
"""Bytes of a path that every system takes for a socket's."""


class Datagrams:
    """See the module. Nothing is heard before `open`."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._name = f"{uuid4().hex[:12]}{SUFFIX}"
        self._clock = clock
        self._socket: socket.socket | None = None
        self._reached = ""
        """The folder, as sockets in it are named."""
        self._handle = -1
        self._others: list[str] = []
        self._looked = float("-inf")
        self._heard: Heard | None = None

    def open(self, heard: Heard) -> bool:
        """Listen, on the event loop that runs. Raises nothing. False: that can't be, and nothing is heard."""
        self._heard = heard
        if self._socket is not None:
            return True
        try:
            self._open()
        except (OSError, AttributeError) as e:  # there are systems without such sockets
            logger.warning(f"The workers hear of each other once a second only: {self._folder}: {e}")
            self.close()
            return False
        return True

    def _open(self) -> None:
        self._reached = str(self._folder)
        if len(os.fsencode(self._reached)) + len(self._name) > _LONGEST_NAME:
            self._handle = os.open(self._folder, os.O_RDONLY)
            self._reached = f"/proc/self/fd/{self._handle}"
        self._socket = made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        made.bind(os.path.join(self._reached, self._name))
        asyncio.get_running_loop().add_reader(made.fileno(), self._read, made)
        self.say(HELLO)

    def close(self) -> None:
        """Listen no more."""
        made, self._socket = self._socket, None
        if made is not None:
            try:
                asyncio.get_running_loop().remove_reader(made.fileno())
            except RuntimeError:  # the loop has ended before
                pass
            made.close()
            (self._folder / self._name).unlink(missing_ok=True)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def say(self, message: bytes) -> None:
        """Tell all others, as far as they have room for it."""
        if self._socket is None or len(message) > MOST:
            return
        now = self._clock()
        if now >= self._looked + LOOK_EVERY:
            self._looked, self._others = now, self._found()
        for name in self._others:
            try:
                self._socket.sendto(message, os.path.join(self._reached, name))
            except (BlockingIOError, FileNotFoundError):
                pass
            except ConnectionRefusedError:  # it was killed, and its socket has stayed
                (self._folder / name).unlink(missing_ok=True)
            except OSError:
                pass

    def _found(self) -> list[str]:
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        return [name for name in names if name.endswith(SUFFIX) and name != self._name]

    def _read(self, made: socket.socket) -> None:
        for _ in range(100):  # then it is somebody else's turn
            try:
                message = made.recv(MOST + 1)
            except OSError:
                return
            if message == HELLO:
                self._looked = float("-inf")
            elif self._heard:
                self._heard(message)
