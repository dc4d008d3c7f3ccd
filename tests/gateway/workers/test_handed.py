"""Connections that one process accepts and another serves: what each is told, and what becomes of them."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import override

import pytest

from addons.gateway.workers import handed
from addons.gateway.workers.handed import BACK, CLOSED, CONNECTION, ENDED, TAKEN, Handing
from tests.patience import PATIENCE


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    transport: asyncio.Transport

    def __init__(self, made: list[Echo]) -> None:
        made.append(self)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Launcher:
    """The other end, as the launcher has it."""

    def __init__(self) -> None:
        self.pair, theirs = socket.socketpair()
        self.pair.settimeout(10)
        self.lost = asyncio.Event()
        self.made: list[Echo] = []
        self.handing = Handing(theirs, self._lose)
        self.theirs = theirs

    def _lose(self) -> None:
        assert not self.lost.is_set()
        self.lost.set()

    def hand(self) -> socket.socket:
        """Hand a connection on; this is the client's end of it."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = socket.create_connection(server.getsockname(), PATIENCE)
            accepted, _ = server.accept()
        with accepted:
            socket.send_fds(self.pair, [CONNECTION], [accepted.fileno()])
        return client

    async def told(self, count: int) -> tuple[bytes, list[int]]:
        """The next so many words, and the connections that came with them."""
        words, descriptors = b"", []
        while len(words) < count:
            more, some, _, _ = await asyncio.to_thread(socket.recv_fds, self.pair, count - len(words), 4)
            words += more
            descriptors += some
        return words, descriptors


@asynccontextmanager
async def launcher() -> AsyncIterator[Launcher]:
    made = Launcher()
    made.handing.take(lambda: Echo(made.made))
    yield made
    made.pair.close()
    made.handing.stop()
    made.theirs.close()


async def echoed(client: socket.socket) -> bytes:
    client.sendall(b"Hello!")
    return await asyncio.to_thread(client.recv, 100)


def test_a_connection_is_taken_served_and_told_of_when_it_ends() -> None:
    async def work() -> None:
        async with launcher() as other:
            client = other.hand()
            assert await other.told(1) == (TAKEN, [])
            assert await echoed(client) == b"Hello!"
            client.close()
            assert await other.told(1) == (ENDED, [])

    asyncio.run(work())


def test_one_that_is_given_back_goes_on_elsewhere() -> None:
    async def work() -> None:
        async with launcher() as other:
            client = other.hand()
            assert await other.told(1) == (TAKEN, [])
            assert await echoed(client) == b"Hello!"
            transport = other.made[0].transport
            other.handing.give_back(transport.get_extra_info("socket").fileno())
            transport.abort()
            client.sendall(b"Still there?")
            words, (descriptor,) = await other.told(1)
            assert words == BACK
            with socket.socket(fileno=descriptor) as elsewhere:
                elsewhere.setblocking(True)
                assert await asyncio.to_thread(elsewhere.recv, 100) == b"Still there?"
                elsewhere.sendall(b"Yes.")
                assert client.recv(100) == b"Yes."
            assert other.handing.is_quiet
            client.close()

    asyncio.run(work())


def test_after_the_end_nothing_is_taken() -> None:
    async def work() -> None:
        async with launcher() as other:
            other.handing.stop()
            other.hand().close()
            assert await other.told(1) == (CLOSED, [])
            assert not other.made

    asyncio.run(work())


def test_more_than_the_pair_holds_is_said_later() -> None:
    """Nobody reads for a while: the words wait, none is lost."""

    async def work() -> None:
        async with launcher() as other:
            other.pair.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            clients = []
            for _ in range(300):
                clients.append(other.hand())
                await asyncio.sleep(0)
            for client in clients:
                client.close()
            words, _ = await other.told(600)
            assert (words.count(TAKEN), words.count(ENDED)) == (300, 300)

    asyncio.run(work())


def test_the_launcher_is_lost_once() -> None:
    async def work() -> None:
        async with launcher() as other:
            other.pair.close()
            await asyncio.wait_for(other.lost.wait(), 10)

    asyncio.run(work())


def test_one_whose_client_has_left_already_is_not_served() -> None:
    """It has no address any more, and mitmproxy can't bear that."""

    async def work() -> None:
        async with launcher() as other:
            with socket.create_server(("127.0.0.1", 0)) as server:
                client = socket.create_connection(server.getsockname(), PATIENCE)
                accepted, _ = server.accept()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()  # with a reset
            with accepted:
                socket.send_fds(other.pair, [CONNECTION], [accepted.fileno()])
            assert await other.told(2) == (TAKEN + ENDED, [])
            assert not other.made

    asyncio.run(work())


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether further files may be open, last of all."""
    may, dup = [True], os.dup

    def scarce(descriptor: int) -> int:
        if not may[-1]:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return dup(descriptor)

    monkeypatch.setattr(os, "dup", scarce)
    monkeypatch.setattr(handed, "AGAIN_AFTER", 0.001)
    return may


def test_where_no_further_file_may_be_open_what_was_handed_waits(
    files: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    """Else the system would lose it, and its client would wait for ever."""

    async def work() -> None:
        async with launcher() as other:
            files.append(False)
            client = other.hand()
            while "have to wait: Too many open files" not in caplog.text:  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0)
            assert not other.made
            files.append(True)
            assert await other.told(1) == (TAKEN, [])
            assert await echoed(client) == b"Hello!"
            client.close()
            assert await other.told(1) == (ENDED, [])
            assert caplog.text.count("have to wait") == 1

    asyncio.run(asyncio.wait_for(work(), PATIENCE))


def test_one_that_was_lost_on_the_way_is_let_go_of() -> None:
    """Another thread had the last file."""

    async def work() -> None:
        async with launcher() as other:
            other.pair.sendall(CONNECTION)
            assert await other.told(2) == (TAKEN + ENDED, [])

    asyncio.run(work())


def test_one_that_can_not_be_given_back_yet_is_served_here(files: list[bool]) -> None:
    async def work() -> None:
        async with launcher() as other:
            client = other.hand()
            assert await other.told(1) == (TAKEN, [])
            assert await echoed(client) == b"Hello!"
            transport = other.made[0].transport
            descriptor = transport.get_extra_info("socket").fileno()
            files.append(False)
            assert not other.handing.give_back(descriptor)
            assert await echoed(client) == b"Hello!"
            files.append(True)
            assert other.handing.give_back(descriptor)
            transport.abort()
            words, (back,) = await other.told(1)
            assert words == BACK
            os.close(back)
            client.close()

    asyncio.run(work())
