"""Connections: accepted here, and handed to the worker that has the fewest.

A worker that does not answer (`WorkerLink.is_slow`) is handed none that another can have, and what waits for it goes to
others: it has read nothing of that, and can't any more. One that is only busy is none the worse for it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Sequence

from scripts.workers.link import WorkerLink

AT_ONCE = 64
"""Connections that are accepted before others have their turn."""
MOST_UNPLACED = 256
"""Connections that may wait here while no worker takes any; further ones wait in the kernel."""


class Placing:
    """See the module. `workers` are those of now; the list changes."""

    def __init__(self, listening: Sequence[socket.socket], workers: Sequence[WorkerLink]) -> None:
        self._listening = listening
        self._workers = workers
        self._unplaced: deque[socket.socket] = deque()
        self._accepts = False
        self._closed = False
        self._turns = itertools.count()

    def accept(self) -> None:
        """Accept connections, from now on."""
        if not self._accepts and not self._closed:
            self._accepts = True
            for one in self._listening:
                asyncio.get_running_loop().add_reader(one, self._accept, one)

    def close(self) -> None:
        """Listen no more; what waits here is dropped."""
        self._closed = True
        self._pause()
        for one in (*self._listening, *self._unplaced):
            one.close()
        self._unplaced.clear()

    def place(self, connection: socket.socket) -> None:
        """Hand a connection to the worker with the fewest; where none takes it, it waits."""
        for one in sorted(self._takers(), key=lambda one: (one.open, one.turn)):
            if one.hand(connection):
                one.turn = next(self._turns)
                return
        self._unplaced.append(connection)
        if len(self._unplaced) >= MOST_UNPLACED:
            self._pause()

    def can_take(self) -> None:
        """A worker may take more connections than before."""
        for _ in range(len(self._unplaced)):
            self.place(self._unplaced.popleft())
        if len(self._unplaced) < MOST_UNPLACED:
            self.accept()

    def relieve(self) -> None:
        """What waits for workers that do not answer goes to those that do, if there are any."""
        if any(one.is_well for one in self._workers):
            for connection in [back for one in self._workers if one.is_slow for back in one.take_back()]:
                self.place(connection)

    # --- inside

    def _takers(self) -> list[WorkerLink]:
        """Who may be handed a connection. Where none answers each may: they may just be busy."""
        some_are_well = any(one.is_well for one in self._workers)
        return [one for one in self._workers if one.takes and (one.is_well or not some_are_well)]

    def _pause(self) -> None:
        if self._accepts:
            self._accepts = False
            for one in self._listening:
                asyncio.get_running_loop().remove_reader(one)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            if not self._accepts:
                return
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # there are too many files open
                self._pause()
                asyncio.get_running_loop().call_later(0.1, self.accept)
                return
            self.place(connection)
