"""addons.gateway.workers.open_files: how connections are taken, and what happens where there is no file for one."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import ExitStack

import pytest

from addons.gateway.workers import open_files

CLIENTS = 50
TURNS = 10


def test_who_waits_is_taken_in_one_turn() -> None:
    """While many connections come, each turn of the loop serves those that are there."""

    async def take() -> int:
        taken: list[asyncio.BaseProtocol] = []

        def protocol() -> asyncio.BaseProtocol:
            taken.append(made := asyncio.Protocol())
            return made

        with ExitStack() as stack:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CLIENTS))
            for _ in range(CLIENTS):
                stack.enter_context(socket.create_connection(listening.getsockname()))
            server = await open_files.listen(listening, protocol)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            server.close()
        return len(taken)

    assert asyncio.run(take()) == CLIENTS


def test_where_there_is_no_file_for_one_the_others_of_that_turn_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def accept(self: socket.socket) -> None:
        tried.append(self)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", accept)
    now = [100.0]
    monkeypatch.setattr(open_files.time, "monotonic", lambda: now[0])
    with open_files.ListeningSocket() as listening:
        with pytest.raises(OSError, match="Too many") as e:
            listening.accept()
        assert e.value.errno == errno.EMFILE
        with pytest.raises(BlockingIOError):
            listening.accept()
        assert len(tried) == 1
        now[0] += open_files.SHORT
        with pytest.raises(OSError, match="Too many"):
            listening.accept()
        assert len(tried) == 2
