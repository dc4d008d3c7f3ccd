"""What is particular to the place in SQLite: when things are over, how many there may be, and who hears whom."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

import pytest

from addons.gateway.shared.contract import Away, Claim, Put, Swap
from addons.gateway.shared.datagrams import MOST
from addons.gateway.shared.sqlite_place import TIDY_EVERY, SqlitePlace


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


def test_things_and_fields_are_over_when_their_time_is(tmp_path: Path) -> None:
    clock = Clock()

    async def run() -> None:
        place = SqlitePlace(tmp_path, clock=clock)
        await place.write([Put("a", b"1", 10), Swap("x", "f", None, b"2", 20)])
        clock.now += 9
        assert await place.get(["a"]) == [b"1"]
        assert await place.write([Claim("a", b"other", 5)]) == [b"1"]
        clock.now += 1
        assert await place.get(["a"]) == [None]
        assert await place.write([Claim("a", b"other", 5)]) == [b"other"]
        assert await place.board("x") == {"f": b"2"}
        clock.now += 10
        assert await place.board("x") == {}
        assert await place.write([Swap("x", "f", None, b"3", 20)]) == [b"3"]
        await place.close()

    asyncio.run(run())


def test_the_oldest_things_go_where_there_are_too_many(tmp_path: Path) -> None:
    clock = Clock()

    async def run() -> None:
        place = SqlitePlace(tmp_path, clock=clock, most_bytes=20_000)
        for number in range(300):
            clock.now += 0.001
            await place.write([Put(f"k{number}", bytes(100), 1e6)])
        clock.now += TIDY_EVERY
        await place.write([Put("last", bytes(100), 1e6)])
        found = await place.get(["k0", "k99", "k299", "last"])
        assert [value is not None for value in found] == [False, False, True, True]
        await place.close()

    asyncio.run(run())


def test_a_place_that_can_not_be_opened_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    async def run() -> None:
        place = SqlitePlace(tmp_path / "file")
        with pytest.raises(Away):
            await place.open(lambda message: None)
        await place.close()

    asyncio.run(run())


@pytest.mark.parametrize("folder", ["f", "f" * 120], ids=["short", "longer than a socket's path may be"])
def test_workers_hear_each_other(tmp_path: Path, folder: str) -> None:
    async def run() -> None:
        heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        places = [SqlitePlace(tmp_path / folder) for _ in range(3)]
        for number, place in enumerate(places):
            await place.open(lambda message, number=number: heard.put_nowait((number, message)))  # type: ignore[misc]
        places[0].say(b"one")
        places[2].say(bytes(MOST + 1))  # what is too long is not said
        places[2].say(b"two")
        assert sorted([await heard.get() for _ in range(4)]) == [(0, b"two"), (1, b"one"), (1, b"two"), (2, b"one")]
        await places[1].close()
        places[0].say(b"three")
        assert await heard.get() == (2, b"three")
        for place in places:
            await place.close()
        assert not list((tmp_path / folder).glob("*.socket"))

    asyncio.run(run())


def test_the_socket_of_a_worker_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    async def run() -> None:
        place = SqlitePlace(tmp_path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(tmp_path / "dead.socket"))
        await place.open(lambda message: None)
        place.say(b"anybody?")
        assert not (tmp_path / "dead.socket").exists()
        await place.close()

    asyncio.run(run())


def test_the_file_is_the_owners(tmp_path: Path) -> None:
    async def run() -> None:
        place = SqlitePlace(tmp_path / "new")
        await place.open(lambda message: None)
        await place.write([Put("a", b"1", 10)])
        modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new").glob("*.db*")}
        assert modes == {0o600}
        await place.close()

    asyncio.run(run())
