"""addons.gateway.workers.inside: what workers say to each other is nothing that the launcher makes objects of."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from addons.gateway.workers.inside import Seat, Told, Worker
from addons.gateway.workers.talk import Talk
from tests.patience import PATIENCE

MUCH = [[f"label {number}", {"count": number}] for number in range(5000)]
MOST_OBJECTS = 12


def objects_of(value: Any) -> int:
    """How many objects a value of JSON is made of."""
    if isinstance(value, dict):
        return 1 + sum(1 + objects_of(one) for one in value.values())
    return 1 + sum(map(objects_of, value)) if isinstance(value, list) else 1


class Launcher:
    """The other end of a worker's pair, and what it has heard."""

    def __init__(self) -> None:
        handing, self._handing = socket.socketpair()
        talk, ours = socket.socketpair()
        self.worker = Worker(Seat(1, 2, greets=True, port=0, addresses=[]), handing, talk)
        self.talk = Talk(ours)
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Launcher:
        await self.talk.open()
        self._listening = asyncio.create_task(self.talk.listen(self.heard.put_nowait))

        async def never() -> None:
            raise AssertionError

        self.worker.begin(never)
        assert await self.heard.get() == {"ready": True}
        return self

    async def __aexit__(self, *args: object) -> None:
        self.worker._end = lambda: None  # type: ignore[method-assign] # it would end this process
        assert self._listening is not None
        self.talk.close()
        await self._listening
        for one in (self._handing, self.worker.handing._pair):
            one.close()


def test_an_answer_passes_the_launcher_as_one_text() -> None:
    async def run() -> None:
        async with Launcher() as launcher:
            launcher.worker.answer("all", lambda given: {"all": MUCH, "given": given})
            launcher.talk.say(asked="all", id=7, to=99, given="x")
            said = await launcher.heard.get()
            assert objects_of(said) <= MOST_OBJECTS
            assert (said["told"], said["to"]) == (7, 99)

            asking = asyncio.create_task(launcher.worker.gather("all"))
            asked = await launcher.heard.get()
            launcher.talk.say(told=asked["id"], of=[[2, 4711], [3, 4712]])
            launcher.talk.say(told=asked["id"], number=3, pid=4712, answer=None)
            launcher.talk.say(told=asked["id"], number=2, pid=4711, answer=said["answer"])
            assert await asking == [Told(2, 4711, {"all": MUCH, "given": "x"}), Told(3, 4712, None)]

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_an_answer_that_cannot_be_made_is_none() -> None:
    async def run() -> None:
        async with Launcher() as launcher:
            launcher.worker.answer("all", lambda given: object())
            launcher.talk.say(asked="all", id=7, to=99, given=None)
            assert await launcher.heard.get() == {"told": 7, "to": 99, "answer": None}

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_what_was_counted_is_kept_by_the_launcher_as_one_text() -> None:
    async def run() -> None:
        async with Launcher() as launcher:
            launcher.worker.tell_counts({"rows": MUCH}, final=False)
            said = await launcher.heard.get()
            assert objects_of(said) <= MOST_OBJECTS
            inherited: asyncio.Queue[Any] = asyncio.Queue()
            launcher.worker.answer("inherit", inherited.put_nowait)
            launcher.talk.say(inherit=said["counts"])
            assert await inherited.get() == {"rows": MUCH}

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
