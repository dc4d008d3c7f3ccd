"""Connections that another process accepts and hands on to this one, over a pair of Unix sockets.

Each message is one byte. With `CONNECTION` and `BACK` goes the connection, as a file descriptor.

* The other process keeps a connection open until it is `TAKEN`: one that was handed to a process that dies before that
  goes to another. It has a copy of this end, too, and receives there itself what this process is too slow for.
* A connection that is between two requests can be given `BACK`, unread and unclosed; its client sees nothing of it.
* After `CLOSED` nothing more is taken: what was handed meanwhile goes to another.
* Where no further file may be open here, what was handed waits in the pair: received, it would be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import override

from addons.gateway.workers.open_files import Shortage

CONNECTION, TAKEN, ENDED, BACK, CLOSED = b"c", b"t", b"e", b"b", b"x"
AT_ONCE = 16
"""Connections that are taken before others have their turn."""
AGAIN_AFTER = 0.25
"""Seconds after which it is looked again whether a further file may be open."""

type Maker = Callable[[], asyncio.BaseProtocol]


class HandedConnection(socket.socket):
    """A client's connection that says when it is closed."""

    def __init__(self, descriptor: int, closed: Callable[[int], None]) -> None:
        super().__init__(fileno=descriptor)
        self.setblocking(False)
        self._on_close = closed

    @override
    def close(self) -> None:
        descriptor = self.fileno()
        super().close()
        if descriptor >= 0:
            self._on_close(descriptor)


class Handing:
    """This end of the pair. `lost` is called when the other process is gone."""

    def __init__(self, pair: socket.socket, lost: Callable[[], None]) -> None:
        pair.setblocking(False)
        self._pair = pair
        self._lost = lost
        self._make: Maker | None = None
        self._open: set[int] = set()
        """The connections that are served, as file descriptors."""
        self._words = bytearray()
        self._back: deque[int] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._flushes = False
        self._shortage = Shortage()

    @property
    def is_quiet(self) -> bool:
        """Whether all that was to be said has been said."""
        return not self._words and not self._back

    def take(self, make: Maker) -> None:
        """Serve by such protocols from now on what is handed."""
        if self._make is None:
            self._go_on()
        self._make = make

    def stop(self) -> None:
        """Take nothing more."""
        if not self._stopped:
            self._stopped = True
            asyncio.get_running_loop().remove_reader(self._pair)
            self._say(CLOSED)

    def give_back(self, descriptor: int) -> bool:
        """Have another process serve a connection. The caller closes it here after this, and has read nothing that it
        did not answer. False: no further file may be open; it stays here, and can be given back later."""
        if descriptor in self._open:
            try:
                self._back.append(os.dup(descriptor))
            except OSError:
                return False
            self._open.discard(descriptor)
            self._flush_soon()
        return True

    # --- inside

    def _go_on(self) -> None:
        if not self._stopped:
            asyncio.get_running_loop().add_reader(self._pair, self._receive)

    def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(AT_ONCE):
            if self._shortage.is_there(self._pair.fileno()):
                loop.remove_reader(self._pair)
                loop.call_later(AGAIN_AFTER, self._go_on)
                return
            try:
                data, descriptors, _, _ = socket.recv_fds(self._pair, 1, 1, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self._stopped = True
                loop.remove_reader(self._pair)
                self._lost()
                return
            for descriptor in descriptors:
                self._take(descriptor)
            if not descriptors:  # a thread was quicker with the last file
                self._say(TAKEN + ENDED)

    def _take(self, descriptor: int) -> None:
        assert self._make is not None
        self._say(TAKEN)
        self._open.add(descriptor)
        connection = HandedConnection(descriptor, self._closed)
        task = asyncio.create_task(self._serve(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: HandedConnection) -> None:
        assert self._make is not None
        try:
            connection.getpeername()  # mitmproxy does not bear a client without an address
            await asyncio.get_running_loop().connect_accepted_socket(self._make, connection)
        except OSError:  # its client has left
            connection.close()

    def _closed(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.discard(descriptor)
            self._say(ENDED)

    def _say(self, word: bytes) -> None:
        self._words += word
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._flushes:
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Say what is to be said; what the pair can't take follows when it can."""
        loop = asyncio.get_running_loop()
        try:
            while self._words:
                del self._words[: self._pair.send(self._words)]
            while self._back:
                socket.send_fds(self._pair, [BACK], [self._back[0]])
                os.close(self._back.popleft())
        except BlockingIOError:
            loop.add_writer(self._pair, self._flush)
            return
        except OSError:  # the other process is gone
            self._words.clear()
            while self._back:
                os.close(self._back.popleft())
        with contextlib.suppress(ValueError):
            loop.remove_writer(self._pair)
        self._flushes = False


class HandedServer:
    """In the place of an `asyncio.Server`: nothing is listened on here."""

    def __init__(self, handing: Handing, addresses: list[tuple[str, int]], make: Maker) -> None:
        self._handing = handing
        self.sockets = [Listening(address) for address in addresses]
        self.service: object = None
        """What serves the connections, if it is not mitmproxy."""
        handing.take(make)

    def serve(self, service: object, make: Maker) -> None:
        """Have `service` serve what is handed from now on."""
        self.service = service
        self._handing.take(make)

    def close(self) -> None:
        """Take no more connections."""
        self._handing.stop()


class Listening:
    """A socket that another process listens on."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def getsockname(self) -> tuple[str, int]:
        """Where it listens."""
        return self._address
