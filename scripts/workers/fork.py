"""The parent's end of the loader: asks for workers, and hears who has ended."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from addons.gateway.workers.talk import VERSION, Talk

HERE = Path(__file__).resolve().parent
PATIENCE = 5.0
"""Seconds that it has for its end."""


class LoaderGone(Exception):
    """There is no loader: its code can't be used, or somebody has killed it. A message says more, if there is one."""


class Loader:
    """See the module. `ended` is told the pid and the exit status (negative: the signal) of a worker."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str], ended: Callable[[int, int], None]) -> None:
        self._ended = ended
        ours, theirs = socket.socketpair()
        self._asks = ours.dup()
        self._talk = Talk(ours)
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._loaded: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        command = [sys.executable, str(HERE), "--loader", str(theirs.fileno()), "--", *arguments]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            env=environ,
            pass_fds=[theirs.fileno()],
            process_group=0,  # the terminal's signals are for the parent, which passes them on
        )
        theirs.close()
        self._listening = asyncio.create_task(self._listen())

    async def load(self) -> None:
        """Wait until everything is loaded. Raises LoaderGone."""
        if (version := await self._loaded) is None:
            raise LoaderGone
        if version != VERSION:
            raise LoaderGone(
                "The code that was loaded needs a new first process, too: end this one, and start it again."
            )

    async def fork(self, seat: dict[str, Any], handing: socket.socket, talk: socket.socket) -> int:
        """Have a worker made; these are its ends of its pairs. Returns its pid. Raises LoaderGone."""
        if self._listening.done():
            raise LoaderGone
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(forked)
        try:
            socket.send_fds(self._asks, [json.dumps(seat).encode()], [handing.fileno(), talk.fileno()])
        except OSError:
            raise LoaderGone from None
        if not (pid := await forked):
            raise LoaderGone
        return pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return self._listening.done()

    async def end(self) -> None:
        """Have it end."""
        self._asks.close()
        self._talk.close()
        try:
            await asyncio.to_thread(self.process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()

    async def _listen(self) -> None:
        await self._talk.open()
        await self._talk.listen(self._heard)
        for forked in self._waiting:
            forked.set_result(0)
        if not self._loaded.done():
            self._loaded.set_result(None)

    def _heard(self, said: dict[str, Any]) -> None:
        if "loaded" in said:
            self._loaded.set_result(said["loaded"])
        elif "forked" in said:
            self._waiting.popleft().set_result(said["forked"])
        elif "ended" in said:
            self._ended(said["ended"], said["status"])
