"""The parent's end of one worker: connections handed to it, and what it says."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import signal
import socket
from collections import deque
from typing import Any, Protocol

from addons.gateway.workers.handed import BACK, CLOSED, CONNECTION, ENDED, TAKEN
from addons.gateway.workers.talk import Talk

MOST_WAITING = 64
"""Connections that may be on their way to a worker; those beyond are for others, or wait in the parent."""
SLOW = 2
"""Pings without an answer beyond which a worker gets no connection that another can have, and loses those that wait for
it. A second is long for a worker: the largest bodies and histories take less."""
STUCK = 5
"""Pings without an answer beyond which a worker is asked nothing, and shown as stuck."""
LOST = 30
"""Pings without an answer beyond which a worker is killed, and what it serves is lost."""
LONGEST_START = 60.0
"""Seconds after which a worker that is not ready is killed."""


class Phase(enum.StrEnum):
    """What a worker does."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "draining"
    """It gets no more connections, and ends when it has served those that it has."""
    GONE = "ended"


class LinkOwner(Protocol):
    """Who is told of a worker: the parent."""

    def place(self, connection: socket.socket) -> None:
        """A connection needs a worker."""

    def heard(self, link: WorkerLink, said: dict[str, Any]) -> None:
        """The worker says something."""

    def can_take(self) -> None:
        """The worker may take more connections than before."""

    def changed(self) -> None:
        """The worker has got ready."""

    def gone(self, link: WorkerLink) -> None:
        """The worker has ended."""


class WorkerLink:
    """See the module."""

    def __init__(
        self,
        owner: LinkOwner,
        number: int,
        pid: int,
        *,
        handing: socket.socket,
        handed: socket.socket,
        talk: socket.socket,
    ) -> None:
        """`handed` is the worker's own end of the pair of `handing`: what it has not received can be received here."""
        self.number = number
        self.pid = pid
        self.phase = Phase.STARTING
        self.born = asyncio.get_running_loop().time()
        self.open = 0
        """Connections that it serves, or that wait for it."""
        self.silent = 0
        """Pings that it has not answered."""
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether it got ready, once that is known."""
        self.dismissed = False
        """It was told to end; else another takes its place when it does."""
        self.drain_time = 0.0
        """Seconds for which it goes on after it was told to end, as it said."""
        self.ended = asyncio.Event()
        self.tells = False
        """Whether it answers questions of others."""
        self.counts: str | None = None
        """What it has counted, as it said last: for another worker to read."""
        self.turn = 0
        """When it was handed the last one, by number."""
        self._owner = owner
        self._waiting: deque[socket.socket] = deque()
        self._handing = handing
        self._handed = handed
        self._talk = Talk(talk)
        handing.setblocking(False)
        asyncio.get_running_loop().add_reader(handing, self._receive)
        self._listening = asyncio.create_task(self._listen())
        self._listening.add_done_callback(self._gone)

    @property
    def takes(self) -> bool:
        """Whether it may be handed a connection."""
        return self.phase is Phase.READY and len(self._waiting) < MOST_WAITING

    @property
    def is_well(self) -> bool:
        """Whether it serves what it is handed."""
        return self.phase is Phase.READY and not self.is_slow

    @property
    def is_slow(self) -> bool:
        """Whether it has not answered for a second."""
        return self.silent > SLOW and self.phase is not Phase.STARTING

    @property
    def is_stuck(self) -> bool:
        """Whether it has not answered for some seconds."""
        return self.silent > STUCK and self.phase is not Phase.STARTING

    def hand(self, connection: socket.socket) -> bool:
        """Hand a connection to the worker. False: that can't be at the moment."""
        try:
            socket.send_fds(self._handing, [CONNECTION], [connection.fileno()])
        except OSError:  # it takes nothing now, or has ended
            return False
        self._waiting.append(connection)
        self.open += 1
        return True

    def take_back(self) -> list[socket.socket]:
        """What it was handed and has not received: it never will. Each is received here or there, never by both."""
        back: list[socket.socket] = []
        while self._waiting:
            try:
                word, descriptors, _, _ = socket.recv_fds(self._handed, 1, 1, socket.MSG_DONTWAIT)
            except OSError:  # there is no more
                break
            if not word:
                break
            for descriptor in descriptors:
                os.close(descriptor)
            back.append(self._waiting.pop())  # what was handed last is what is received last
        self.open -= len(back)
        return back[::-1]

    def say(self, **said: Any) -> None:
        """Say something to the worker."""
        self._talk.say(**said)

    def hurry(self) -> None:
        """Have it end at once what it still waits for, now or as soon as it has heard that it is to end."""
        self._talk.say(hurry=True)

    def drain(self) -> None:
        """Have it serve what it has, and end."""
        self.dismissed = True
        self.phase = Phase.LEAVING
        self._talk.say(drain=True)

    def ping(self) -> None:
        """Look whether it answers; one that has not for long is killed."""
        starting = self.phase is Phase.STARTING
        self.silent += not starting
        age = asyncio.get_running_loop().time() - self.born
        if self.silent > LOST or (starting and age > LONGEST_START):
            self.kill(signal.SIGKILL)
        self._talk.say(ping=True)

    def kill(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def told(self) -> dict[str, Any]:
        """What others are told of it."""
        state = "stuck" if self.is_stuck else str(self.phase)
        return {"number": self.number, "pid": self.pid, "state": state, "connections": self.open}

    # --- inside

    async def _listen(self) -> None:
        await self._talk.open()
        await self._talk.listen(self._heard)

    def _heard(self, said: dict[str, Any]) -> None:
        if "pong" in said:
            self.silent = 0
        elif "ready" in said:
            self.phase = Phase.READY
            self.tells = True
            self.silent = 0
            self.ready.set_result(True)
            self._owner.can_take()
            self._owner.changed()
        else:
            self._owner.heard(self, said)

    def _receive(self) -> bool:
        """Hear what it says of connections. False: nothing."""
        try:
            words, descriptors, _, _ = socket.recv_fds(self._handing, 4096, 16, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return False
        for word in (words[i : i + 1] for i in range(len(words))):
            if word == TAKEN:
                self._waiting.popleft().close()
            elif word == ENDED:
                self.open -= 1
            elif word == BACK:
                self.open -= 1
                if descriptors:  # else there were too many files open to have it
                    self._owner.place(socket.socket(fileno=descriptors.pop(0)))
            elif word == CLOSED:
                self.phase = Phase.LEAVING
                self._place_waiting()
        self._owner.can_take()
        return bool(words)

    def _place_waiting(self) -> None:
        """What has not been taken goes to others. None of it stays open here, or in the pair: else its client would not
        see the end of it."""
        back = self.take_back()
        received, self._waiting = self._waiting, deque()  # of one that has ended before it said that it took them
        self.open -= len(received)
        for connection in (*received, *back):
            self._owner.place(connection)

    def _gone(self, listening: asyncio.Task[None]) -> None:
        """It has ended, or can't be talked to or understood any more: then it ends because its sockets are closed."""
        if listening.cancelled():  # the launcher ends itself
            return
        asyncio.get_running_loop().remove_reader(self._handing)
        self.phase = Phase.LEAVING
        while self._receive():  # what it said before is heard
            pass
        self.phase = Phase.GONE
        self.tells = False
        self.ended.set()
        if not self.ready.done():
            self.ready.set_result(False)
        self._owner.gone(self)
        self._place_waiting()
        self._handing.close()
        self._handed.close()
