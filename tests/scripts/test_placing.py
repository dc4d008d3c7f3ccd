"""Which worker is handed a connection, and what becomes of those that wait for one that does not answer.

The workers are the launcher's ends of them, with nobody behind; time passes by pings.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from addons.gateway.workers.handed import CLOSED, CONNECTION, TAKEN
from scripts.workers.link import LOST, SLOW, STUCK, WorkerLink
from scripts.workers.parent import LOOK_EVERY
from scripts.workers.placing import Placing
from tests.patience import PATIENCE


class Worker:
    """A worker that does what the test says. It has no process: `signals` are what it was sent."""

    def __init__(self, owner: Launcher, number: int) -> None:
        handing, self.handed = socket.socketpair()
        talk, self.talks = socket.socketpair()
        self.handed.setblocking(False)
        self.link = WorkerLink(owner, number, number, handing=handing, handed=self.handed.dup(), talk=talk)
        self.link._heard({"ready": True})

    def receives(self) -> socket.socket:
        """Receive a connection."""
        word, (descriptor,), _, _ = socket.recv_fds(self.handed, 1, 1)
        assert word == CONNECTION
        return socket.socket(fileno=descriptor)

    @property
    def has_something(self) -> bool:
        """Whether there is something to be received."""
        try:
            return bool(self.handed.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def says(self, word: bytes) -> None:
        self.handed.sendall(word)
        self.link._receive()


class Launcher:
    """Who has the workers."""

    def __init__(self) -> None:
        self.links: list[WorkerLink] = []
        self.placing = Placing([], self.links)
        self.place, self.can_take = self.placing.place, self.placing.can_take
        self.clients: list[socket.socket] = []

    def start(self, count: int) -> list[Worker]:
        made = [Worker(self, number) for number in range(1, count + 1)]
        self.links += [worker.link for worker in made]
        return made

    def comes(self, text: bytes = b"") -> None:
        """A client connects, and sends this."""
        client, accepted = socket.socketpair()
        client.sendall(text)
        self.clients.append(client)
        self.place(accepted)

    def pings(self, count: int, answering: list[Worker]) -> None:
        """So many pings, which only some answer."""
        for _ in range(count):
            for link in self.links:
                link.ping()
            for worker in answering:
                worker.link._heard({"pong": True})
            self.placing.relieve()

    def heard(self, link: WorkerLink, said: dict[str, Any]) -> None: ...

    def changed(self) -> None: ...

    def gone(self, link: WorkerLink) -> None:
        self.links.remove(link)


@asynccontextmanager
async def launcher(count: int) -> AsyncIterator[tuple[Launcher, list[Worker]]]:
    made = Launcher()
    workers = made.start(count)
    yield made, workers
    for worker in workers:
        worker.talks.close()
        worker.handed.close()
    await asyncio.wait_for(asyncio.gather(*(worker.link.ended.wait() for worker in workers)), PATIENCE)
    for client in made.clients:
        client.close()
    assert not made.links


def read(connection: socket.socket) -> bytes:
    with connection:
        return connection.recv(100)


def test_what_waits_for_a_worker_that_does_not_answer_goes_to_another_and_to_no_two() -> None:
    async def work() -> None:
        async with launcher(2) as (made, (stuck, well)):
            for text in (b"1", b"2", b"3", b"4"):
                made.comes(text)
            assert [(one.link.open, one.has_something) for one in (stuck, well)] == [(2, True), (2, True)]
            assert [read(well.receives()) for _ in range(2)] == [b"2", b"4"]
            well.says(TAKEN * 2)
            made.pings(SLOW, [well])
            assert stuck.link.open == 2
            made.pings(1, [well])
            assert [(one.link.open, one.has_something) for one in (stuck, well)] == [(0, False), (4, True)]
            assert [read(well.receives()) for _ in range(2)] == [b"1", b"3"]

    asyncio.run(work())


def test_what_it_has_received_before_it_stood_still_stays_its_own() -> None:
    """It may have read of it."""

    async def work() -> None:
        async with launcher(2) as (made, (stuck, well)):
            for text in (b"1", b"2", b"3", b"4", b"5"):
                made.comes(text)
            first = stuck.receives()
            made.pings(SLOW + 1, [well])
            assert [one.link.open for one in (stuck, well)] == [1, 4]
            assert [read(well.receives()) for _ in range(4)] == [b"2", b"4", b"3", b"5"]
            stuck.says(TAKEN)
            assert read(first) == b"1"

    asyncio.run(work())


def test_a_worker_that_does_not_answer_is_handed_nothing_until_it_does() -> None:
    async def work() -> None:
        async with launcher(2) as (made, (busy, well)):
            made.pings(SLOW + 1, [well])
            for _ in range(4):
                made.comes()
            assert [one.link.open for one in (busy, well)] == [0, 4]
            assert not busy.link.is_stuck
            made.pings(1, [busy, well])
            for _ in range(2):
                made.comes()
            assert [one.link.open for one in (busy, well)] == [2, 4]

    asyncio.run(work())


def test_where_none_answers_each_is_handed_connections_and_keeps_them() -> None:
    """They may just be busy; whoever has time first takes them, or they go to whoever answers first."""

    async def work() -> None:
        async with launcher(2) as (made, (first, second)):
            made.pings(SLOW + 1, [])
            made.comes(b"1")
            made.comes(b"2")
            made.pings(1, [])
            assert [one.link.open for one in (first, second)] == [1, 1]
            made.pings(1, [second])
            assert [read(second.receives()) for _ in range(2)] == [b"2", b"1"]

    asyncio.run(work())


def test_a_worker_that_is_busy_is_neither_shown_as_stuck_nor_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a large body, for one or two seconds; one that answers nothing for long is both."""
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *told: killed.append(told))

    async def work() -> None:
        async with launcher(2) as (made, (busy, well)):
            assert STUCK * LOOK_EVERY > 2
            made.pings(STUCK, [well])
            assert [link.told()["state"] for link in made.links] == ["ready", "ready"]
            made.pings(1, [well])
            assert [link.told()["state"] for link in made.links] == ["stuck", "ready"]
            made.pings(LOST - STUCK - 1, [well])
            assert not killed
            made.pings(1, [well])
            assert killed == [(busy.link.pid, signal.SIGKILL)]

    asyncio.run(work())


def test_what_a_worker_that_leaves_has_not_received_has_one_owner() -> None:
    """A connection that stayed open in the pair would not end for its client when its new worker closes it."""

    async def work() -> None:
        async with launcher(2) as (made, (leaving, other)):
            made.comes(b"1")
            made.comes(b"2")
            leaving.says(CLOSED)
            assert [one.link.open for one in (leaving, other)] == [0, 2]
            for text in (b"2", b"1"):
                assert read(other.receives()) == text
            other.says(TAKEN * 2)
            for client in made.clients:
                client.settimeout(PATIENCE)
                assert client.recv(100) == b""

    asyncio.run(work())


def test_what_a_worker_has_not_taken_at_its_end_goes_to_another() -> None:
    async def work() -> None:
        async with launcher(2) as (made, (killed, other)):
            for text in (b"1", b"2", b"3", b"4", b"5", b"6"):
                made.comes(text)
            killed.receives().close()
            killed.handed.sendall(TAKEN)
            killed.receives().close()  # and it is killed before it says so
            killed.talks.close()
            await asyncio.wait_for(killed.link.ended.wait(), PATIENCE)
            assert other.link.open == 5
            assert [read(other.receives()) for _ in range(5)] == [b"2", b"4", b"6", b"3", b"5"]

    asyncio.run(work())


def test_a_worker_that_is_not_understood_is_gone() -> None:
    async def work() -> None:
        async with launcher(1) as (made, (other,)):
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
            made.comes(b"1")
            other.talks.sendall(b"1\n")
            await asyncio.wait_for(other.link.ended.wait(), PATIENCE)
            assert not made.links
            assert other.talks.recv(1) == b""  # it hears of that, and ends

    asyncio.run(work())
