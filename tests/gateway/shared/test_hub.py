"""A worker's access to the shared state: what it finds, what waits, what holds while the state is away or slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from addons.gateway.shared import backlog
from addons.gateway.shared import hub as hub_module
from addons.gateway.shared.board import Board
from addons.gateway.shared.contract import MISSED, Away, Change, Heard, Put, Swap
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.sqlite_place import SqlitePlace
from mapping.values import JSON
from tests.gateway.shared.test_contract import Model

FAR = 4e9


class Weather:
    """A place in memory for several workers, which can be away or silent."""

    def __init__(self) -> None:
        self.model = Model()
        self.model.boards = {}
        self.away = False
        self.silent = asyncio.Event()
        self.silent.set()
        self.heard: dict[int, Heard] = {}

    def access(self) -> Access:
        return Access(self)

    def empty(self) -> None:
        self.model.things.clear()
        self.model.boards.clear()


class Access:
    gathers = 0.0
    reads_every = 1e9  # what is not heard is not known

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    async def _pass(self) -> None:
        if self._weather.away:
            raise Away("it rains")
        await self._weather.silent.wait()

    async def open(self, heard: Heard) -> None:
        await self._pass()
        self._weather.heard[id(self)] = heard

    async def close(self) -> None:
        self._weather.heard.pop(id(self), None)

    async def get(self, keys: Sequence[str]) -> list[bytes | None]:
        await self._pass()
        return [self._weather.model.things.get(key) for key in keys]

    async def write(self, changes: Sequence[Change]) -> list[bytes | None]:
        await self._pass()
        for change in changes:
            if isinstance(change, Swap):
                self._weather.model.boards.setdefault(change.board, {})
        return [self._weather.model.make(change) for change in changes]

    async def board(self, name: str) -> dict[str, bytes]:
        await self._pass()
        return dict(self._weather.model.boards.get(name, {}))

    def say(self, message: bytes) -> None:
        if not self._weather.away:
            for listener, heard in self._weather.heard.items():
                if listener != id(self):
                    asyncio.get_running_loop().call_soon(heard, message)


def larger(mine: JSON, theirs: JSON) -> JSON:
    return max(mine, theirs, key=lambda value: int(value["n"]))


def value(number: int, until: float = FAR) -> JSON:
    return {"n": number, "until": until}


class Worker:
    def __init__(self, weather: Weather, limit: float = 0.05) -> None:
        self.hub = Hub(weather.access(), limit=limit)
        self.changed: list[tuple[str, JSON]] = []
        self.board = self.hub.board(Board("b", larger, changed=lambda *change: self.changed.append(change)))

    async def until(self, field: str, expected: JSON) -> None:
        """Until the copy says so."""
        while self.board.get(field) != expected:  # noqa: ASYNC110 - each turn something may come
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "AGAIN_AFTER", 0.001)


async def start(*workers: Worker) -> None:
    for worker in workers:
        await worker.hub.start()
        assert worker.hub.here


async def stop(*workers: Worker) -> None:
    for worker in workers:
        await worker.hub.stop()


def test_a_change_is_in_the_others_copies_soon() -> None:
    async def run() -> None:
        weather = Weather()
        one, two = Worker(weather), Worker(weather)
        await start(one, two)
        one.board.set("f", value(1))
        assert one.board.get("f") == value(1)
        await two.until("f", value(1))
        assert two.changed == [("f", value(1))]
        late = Worker(weather)
        await start(late)
        assert late.board.get("f") == value(1)
        await stop(one, two, late)

    asyncio.run(run())


def test_two_changes_at_once_are_merged_everywhere() -> None:
    async def run() -> None:
        weather = Weather()
        one, two = Worker(weather), Worker(weather)
        await start(one, two)
        one.board.set("f", value(1))
        two.board.set("f", value(2))
        await one.until("f", value(2))
        await two.until("f", value(2))
        two.board.set("f", value(1))
        assert two.board.get("f") == value(2)
        await stop(one, two)

    asyncio.run(run())


def test_what_is_over_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        weather = Weather()
        one, two = Worker(weather), Worker(weather)
        await start(one, two)
        one.board.set("f", value(1, until=time.time() - 1))
        one.board.set("g", value(1))
        assert one.board.get("f") is None
        await two.until("g", value(1))
        assert two.board.values() == {"g": value(1)}
        weather.heard[id(two.hub._place)](MISSED)
        while weather.model.boards["b"].keys() != {"g"}:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await stop(one, two)

    asyncio.run(run())


def test_while_it_is_away_each_goes_on_and_then_all_is_merged(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        weather = Weather()
        one, two = Worker(weather), Worker(weather)
        await start(one, two)
        weather.away = True
        one.board.set("f", value(1))
        two.board.set("g", value(2))
        one.hub.soon(Put("k", b"stored", 60))
        await one.hub.settled()
        assert await one.hub.get(["k"]) == [b"stored"]
        with pytest.raises(Away):
            await one.hub.get(["other"])
        assert not one.hub.here
        assert one.hub.facts()["waiting"] == 1
        with pytest.raises(Away):
            await two.hub.get(["k"], needed=True)
        assert len([r for r in caplog.records if "is away: it rains" in r.message]) == 2  # each worker once
        weather.away = False
        await one.until("g", value(2))
        await two.until("f", value(1))
        while (await two.hub.get(["k"], needed=True)) != [b"stored"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert not any("emptied" in record.message for record in caplog.records)
        await stop(one, two)

    asyncio.run(run())


def test_no_request_waits_long_and_the_next_ones_do_not_wait() -> None:
    async def run() -> None:
        weather = Weather()
        worker = Worker(weather, limit=0.01)
        await start(worker)
        weather.silent.clear()
        with pytest.raises(Away, match="no answer within 10 ms"):
            await worker.hub.get(["k"])
        with pytest.raises(Away, match="before"):
            await worker.hub.get(["k"])
        worker.hub.soon(Put("k", b"v", 60))
        await worker.hub.settled()
        assert worker.hub.facts()["waiting"] == 1
        weather.silent.set()
        while not worker.hub.here:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await worker.hub.settled()
        assert weather.model.things["k"] == b"v"
        await stop(worker)

    asyncio.run(run())


def test_who_waits_for_the_end_of_an_answer_waits_for_what_came_before_it() -> None:
    async def run() -> None:
        weather = Weather()
        worker = Worker(weather)
        await start(worker)
        for number in range(1000):
            worker.hub.soon(Put(f"k{number}", b"v", 60))
        await worker.hub.settled()
        assert len([key for key in weather.model.things if key.startswith("k")]) == 1000
        await stop(worker)

    asyncio.run(run())


def test_a_place_that_was_emptied_is_filled_again_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        weather = Weather()
        worker = Worker(weather)
        await start(worker)
        worker.board.set("f", value(1))
        while not weather.model.boards.get("b"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        weather.empty()
        weather.heard[id(worker.hub._place)](MISSED)
        while not weather.model.boards.get("b"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert worker.board.get("f") == value(1)
        said = [r.levelname for r in caplog.records if "was emptied" in r.message]
        assert said == ["ERROR"]  # each worker says it: the first, which speaks for all, may not be there
        await stop(worker)

    asyncio.run(run())


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST_WAITING", 10)
    monkeypatch.setattr(backlog, "MOST_BYTES", 100)

    async def run() -> None:
        weather = Weather()
        worker = Worker(weather)
        await start(worker)
        weather.away = True
        for number in range(20):
            worker.hub.soon(Put(f"k{number}", b"v", 60))
        assert worker.hub.facts() | {"here": False} == {"here": False, "failures": 0, "waiting": 10, "lost": 10}
        worker.hub.soon(Put("large", bytes(99), 60))
        assert worker.hub.facts()["waiting"] == 2
        assert await worker.hub.get(["large", "k19"]) == [bytes(99), b"v"]
        await stop(worker)

    asyncio.run(run())


def test_a_board_is_bounded() -> None:
    board = Board("b", larger, most=10)
    for number in range(100):
        board.set(str(number), value(number, until=FAR + number))
    assert len(board) <= 10
    assert board.get("99") == value(99, until=FAR + 99)
    board.read({str(number): b'{"n":1,"until":%d}' % (FAR + number) for number in range(200, 220)})
    assert len(board) <= 20
    assert len([swap for swap in board.swaps(1000) if swap.after is None]) >= 10


def test_words_reach_the_others() -> None:
    async def run() -> None:
        weather = Weather()
        one, two = Worker(weather), Worker(weather)
        await start(one, two)
        heard: asyncio.Queue[object] = asyncio.Queue()
        two.hub.on("turn", heard.put_nowait)
        for number in range(5):
            one.hub.say("turn", number)
        one.hub.say("nobody listens", 1)
        assert [await heard.get() for _ in range(5)] == [0, 1, 2, 3, 4]
        weather.heard[id(two.hub._place)](b"what is no JSON")
        await stop(one, two)

    asyncio.run(run())


def test_by_sqlite(tmp_path: Path) -> None:
    async def run() -> None:
        hubs = [Hub(SqlitePlace(tmp_path)) for _ in range(3)]
        boards = [hub.board(Board("b", larger)) for hub in hubs]
        for hub in hubs:
            await hub.start()
        for number, board in enumerate(boards):
            for field in range(50):
                board.set(f"f{field}", value(number))
        expected = {f"f{field}": value(2) for field in range(50)}
        while any(board.values() != expected for board in boards):  # noqa: ASYNC110
            await asyncio.sleep(0)
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())
