"""addons.gateway.heap: what large bodies leave behind is given back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from addons.gateway import heap
from addons.gateway.heap import SLACK, Heap

MB = 2**20


class Libc:
    """Counts what is asked of glibc."""

    def __init__(self) -> None:
        self.set: dict[int, int] = {}
        self.trimmed = 0

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
    monkeypatch.setattr(heap, "DELAY", 0)
    return made


async def look(watched: Heap) -> None:
    """The end of an exchange, and the look that follows it."""
    watched.look_soon()
    watched.look_soon()
    loop = asyncio.get_running_loop()
    looked = loop.create_future()
    loop.call_later(heap.DELAY, looked.set_result, None)
    await looked


def test_what_has_grown_is_given_back(libc: Libc, monkeypatch: pytest.MonkeyPatch) -> None:
    resident = [90 * MB, 90 * MB + SLACK, 200 * MB, 95 * MB, 80 * MB, 80 * MB + SLACK + 1, 80 * MB]
    monkeypatch.setattr(heap, "_resident", lambda: resident.pop(0))

    async def run() -> None:
        watched = Heap()
        watched.begin()
        assert libc.set == {-1: 2**30, -3: 2**25}
        assert libc.trimmed == 1
        for trimmed in (1, 2, 2, 3):
            await look(watched)
            assert libc.trimmed == trimmed

    asyncio.run(run())
    assert not resident


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
