"""Stored responses, in a file and in the shared state: the same for both, whoever stores what first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from addons.gateway.shared.contract import Drop
from addons.gateway.shared.hub import Hub
from addons.gateway.shared.uses.jobs import KNOWN_AFTER, SharedJobs
from addons.gateway.shared.uses.responses import SharedResponses
from addons.gateway.shared.uses.turns import LATEST, SharedTurns
from addons.gateway.shared.vault import Vault
from addons.gateway.storage.database import Database
from addons.gateway.storage.memory import TurnMemory
from addons.gateway.storage.store import KeptResponses, ResponseStore
from mapping.dialect import Kept
from mapping.faults import Fault
from mapping.values import RawTurn
from tests.gateway.shared.test_hub import Weather

VAULT = Vault(b"a secret of the tests")

type Stores = list[tuple[KeptResponses, Callable[[], Awaitable[object]]]]
"""Of each worker: its store, and what waits until what it was told is written."""


def kept(id: str, status: str = "completed", previous: str | None = None, events: bytes | None = None) -> Kept:
    return Kept(
        id,
        {"id": id, "status": status},
        [{"id": f"in-{id}", "text": id}],
        [{"id": f"out-{id}"}, {"id": f"more-{id}"}],
        previous,
        events,
    )


def both(kind: str, folder: Path, test: Callable[[Stores], Awaitable[None]]) -> None:
    """Run a test with two workers."""

    async def run() -> None:
        if kind == "file":
            databases = [Database(folder / "r.db") for _ in range(2)]
            await test(
                [
                    (ResponseStore(one, max_age=3600, max_bytes=10**6), lambda one=one: one.settled(5))  # type: ignore[misc]
                    for one in databases
                ]
            )
            for one in databases:
                one.close()
        else:
            weather = Weather()
            hubs = [Hub(weather.access()) for _ in range(2)]
            for hub in hubs:
                await hub.start()
            await test([(SharedResponses(hub, VAULT, max_age=3600), hub.settled) for hub in hubs])
            for hub in hubs:
                await hub.stop()

    asyncio.run(run())


KINDS = pytest.mark.parametrize("kind", ["file", "shared"])


@KINDS
def test_what_one_stores_the_other_finds(kind: str, tmp_path: Path) -> None:
    async def test(stores: Stores) -> None:
        previous = None
        for number in range(150):  # longer than is read in one go
            store, settled = stores[number % 2]
            store.put("t", kept(f"r{number}", previous=previous, events=b"data: x" if number == 149 else None))
            await settled()
            previous = f"r{number}"
        for store, _ in stores:
            assert await store.get("t", "r149") == ({"id": "r149", "status": "completed"}, b"data: x")
            history = await store.history("t", "r149")
            assert history is not None
            assert [item["id"] for item in history] == [
                f"{name}-r{number}" for number in range(150) for name in ("in", "out", "more")
            ]
            inputs = await store.input_items("t", "r1")
            assert inputs is not None
            assert [item["id"] for item in inputs] == ["in-r0", "out-r0", "more-r0", "in-r1"]
            assert await store.items("t", ["out-r3", "in-r7", "none"]) == {
                "out-r3": {"id": "out-r3"}, "in-r7": {"id": "in-r7", "text": "r7"},
            }  # fmt: skip
            for tenant, id in (("other", "r149"), ("t", "r150")):
                assert await store.get(tenant, id) is None
                assert await store.history(tenant, id) is None
            assert await store.items("other", ["out-r3"]) == {}

    both(kind, tmp_path, test)


@KINDS
def test_what_is_final_stays(kind: str, tmp_path: Path) -> None:
    async def test(stores: Stores) -> None:
        (one, one_settled), (two, two_settled) = stores
        one.put("t", kept("a", "queued"))
        one.replace("t", "a", {"id": "a", "status": "in_progress"})
        await one_settled()
        assert await two.get("t", "a") == ({"id": "a", "status": "in_progress"}, None)
        assert await two.finish("t", "a", {"id": "a", "status": "cancelled"}) == {"id": "a", "status": "cancelled"}
        one.put("t", kept("a"))
        one.replace("t", "a", {"id": "a", "status": "failed"})
        await one_settled()
        for store, _ in stores:
            assert await store.get("t", "a") == ({"id": "a", "status": "cancelled"}, None)
        one.put("t", kept("b"))
        await one_settled()
        assert await two.finish("t", "b", {"id": "b", "status": "cancelled"}) == {"id": "b", "status": "completed"}
        assert await two.finish("t", "none", {"id": "none", "status": "cancelled"}) is None
        one.put("t", kept("c", "in_progress"))
        await one_settled()
        assert await two.delete("t", "c")
        assert not await one.delete("t", "c")
        one.put("t", kept("c"))
        await one_settled()
        two.replace("t", "c", {"id": "c", "status": "failed"})
        await two_settled()
        for store, _ in stores:
            assert await store.get("t", "c") is None
            assert await store.history("t", "c") is None

    both(kind, tmp_path, test)


def test_what_is_shared_is_sealed_and_what_can_not_be_read_is_a_fault() -> None:
    async def run() -> None:
        weather = Weather()
        hub = Hub(weather.access())
        await hub.start()
        store = SharedResponses(hub, VAULT, max_age=3600)
        store.put("tenant-key", kept("a"))
        await hub.settled()
        everything = repr(weather.model.things)
        assert "tenant-key" not in everything
        assert "completed" not in everything
        assert (
            await SharedResponses(hub, Vault(b"another secret of the tests"), max_age=1).get("tenant-key", "a") is None
        )
        weather.away = True
        with pytest.raises(Fault) as found:
            await store.get("tenant-key", "a")
        assert (found.value.status, found.value.code) == (503, "store_unavailable")
        store.put("tenant-key", kept("b"))
        assert await store.get("tenant-key", "b") == ({"id": "b", "status": "completed"}, None)
        await hub.stop()

    asyncio.run(run())


def test_jobs_are_known_and_ended_by_all() -> None:
    async def run() -> None:
        weather = Weather()
        ended: asyncio.Queue[str] = asyncio.Queue()
        hubs = [Hub(weather.access()) for _ in range(2)]
        one, two = (SharedJobs(hub, ended.put_nowait) for hub in hubs)
        for hub in hubs:
            await hub.start()
        one.begun("a")
        assert await one.runs("a")
        await hubs[0].settled()
        assert await two.runs("a")
        assert not await two.runs("b")
        two.end("a")
        assert await ended.get() == "a"
        one.ended("a")
        await hubs[0].settled()
        assert not await two.runs("a")
        weather.away = True
        assert await two.runs("a")  # nobody knows
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())


def test_a_job_whose_sign_was_lost_with_the_place_runs_on() -> None:
    """Its sign of life had an end, and its worker renews it when it can."""

    async def run() -> None:
        weather = Weather()
        hubs = [Hub(weather.access()) for _ in range(2)]
        later = [0.0]
        one, two = (SharedJobs(hub, print, clock=lambda: time.monotonic() + later[0]) for hub in hubs)
        for hub in hubs:
            await hub.start()
        one.begun("a")
        await hubs[0].settled()
        weather.away = True
        assert await two.runs("a")
        assert not hubs[1].here
        hubs[0].soon(Drop("job:a"))  # in place of the time that passes
        weather.away = False
        while not (hubs[0].here and hubs[1].here):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await hubs[0].settled()
        assert await two.runs("a")
        later[0] = KNOWN_AFTER
        assert not await two.runs("a")
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())


def test_a_job_has_ended_when_the_others_can_read_what_it_has_become() -> None:
    async def run() -> None:
        weather = Weather()
        hubs = [Hub(weather.access()) for _ in range(2)]
        stored: list[Callable[[], None]] = []
        one, two = SharedJobs(hubs[0], print, stored.append), SharedJobs(hubs[1], print)
        for hub in hubs:
            await hub.start()
        one.begun("a")
        one.ended("a")
        await hubs[0].settled()
        assert await two.runs("a")
        stored.pop()()
        await hubs[0].settled()
        assert not await two.runs("a")
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())


def test_turns_are_found_by_the_other_worker() -> None:
    async def run() -> None:
        weather = Weather()
        memories = []
        hubs = [Hub(weather.access()) for _ in range(2)]
        for hub in hubs:
            await hub.start()
            memories.append(TurnMemory())
            memories[-1].far = SharedTurns(hub, VAULT)
        turn = RawTurn("m", [{"text": "x", "thoughtSignature": "s"}], ["a", "b"])
        memories[0].remember("t", {"a": turn, "b": turn})
        await hubs[0].settled()
        many = [f"k{number}" for number in range(20)]
        assert memories[1].recall("t")("a") is None
        unknown = memories[1].unknown("t", ["a", "b", *many])
        assert set(unknown) == {"a", "b", *many}
        assert await memories[1].fetch("t", unknown)
        for key in ("a", "b"):
            assert memories[1].recall("t")(key) == turn
            assert memories[1].recall("other")(key) is None
        assert memories[1].unknown("t", many) == many[::-1][:LATEST]  # the others were looked for in vain
        weather.away = True
        assert not await memories[1].fetch("t", ["new"])
        weather.away = False
        assert "thoughtSignature" not in repr(weather.model.things)
        for hub in hubs:
            await hub.stop()

    asyncio.run(run())
