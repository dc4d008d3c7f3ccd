"""addons.gateway.heap: what large bodies leave behind is given back."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

import pytest

from addons.gateway import heap
from addons.gateway.heap import MOST, SLACK, Heap

MB = 2**20


class Libc:
    """Counts what is asked of glibc. `resident` is what the process has in memory."""

    def __init__(self) -> None:
        self.set: dict[int, int] = {}
        self.trimmed = 0
        self.resident = 90 * MB

    def mallopt(self, parameter: int, value: int) -> int:
        """Older ones take no large value for the third negative parameter."""
        if parameter == -3 and value > 2**25:
            return 0
        self.set[parameter] = value
        return 1

    def malloc_trim(self, pad: int) -> int:
        self.trimmed += 1
        return 1


@pytest.fixture
def libc(monkeypatch: pytest.MonkeyPatch) -> Libc:
    made = Libc()
    monkeypatch.setattr(heap, "_glibc", lambda: made)
    monkeypatch.setattr(heap, "_resident", lambda: made.resident)
    monkeypatch.setattr(heap, "DELAY", 0)
    return made


async def look(watched: Heap) -> None:
    """The end of two exchanges, and the look that follows it."""
    watched.look_soon(100)
    watched.look_soon(2 * MB)
    loop = asyncio.get_running_loop()
    looked = loop.create_future()
    loop.call_later(heap.DELAY, looked.set_result, None)
    await looked


def test_what_has_grown_is_given_back(libc: Libc) -> None:
    async def run() -> None:
        watched = Heap()
        watched.begin()
        assert libc.set == {-1: 2**30, -3: 2**25}
        assert libc.trimmed == 1
        for resident, trimmed in ((90 * MB + SLACK, 1), (200 * MB, 2), (80 * MB, 2), (80 * MB + SLACK + 1, 3)):
            libc.resident = resident
            await look(watched)
            assert libc.trimmed == trimmed

    asyncio.run(run())


def test_little_is_given_back_while_large_bodies_come(libc: Libc, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now)
        watched = Heap()
        watched.begin()
        monkeypatch.setattr(heap, "DELAY", 10)
        watched.look_soon(100)
        first = watched._timer
        assert first is not None
        now += 9
        libc.resident += MOST
        watched.look_soon(2 * MB)
        assert watched._timer is first
        now += 1
        watched._look()
        again = watched._timer
        assert again is not None
        assert (libc.trimmed, again.when()) == (1, now + 9)
        libc.resident += 1
        watched.look_soon(100)
        assert libc.trimmed == 1
        watched.look_soon(2 * MB)
        assert libc.trimmed == 2
        now += 10
        watched._look()
        assert (libc.trimmed, watched._timer) == (3, None)

    asyncio.run(run())


def test_nothing_is_looked_at_before_it_has_begun(libc: Libc) -> None:
    async def run() -> None:
        await look(Heap())

    asyncio.run(run())
    assert libc.trimmed == 0


def test_other_c_libraries_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda name: object())

    async def run() -> None:
        watched = Heap()
        watched.begin()
        await look(watched)

    asyncio.run(run())


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_not_asked_for_a_c_library(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(name: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(heap.ctypes, "CDLL", loaded)
    monkeypatch.setattr(heap.sys, "platform", platform)
    Heap().begin()


def test_where_no_further_file_may_be_open_nothing_is_known_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: str) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("builtins.open", refuse)
    assert heap._resident() == 0
