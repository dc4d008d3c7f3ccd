"""What a person has stopped of an exchange: its deadline, its stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from addons.gateway.exchange.waiting import Held


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time of the loop, which only a running one has."""
    moved = [0.0]
    kind = asyncio.SelectorEventLoop
    real = kind.time
    monkeypatch.setattr(kind, "time", lambda loop: real(loop) + moved[0])

    def forward(seconds: float) -> None:
        moved[0] += seconds

    return forward


def test_the_deadline_waits(clock: Callable[[float], None]) -> None:
    async def run() -> None:
        held, passed = Held(), asyncio.Event()
        held.begin(10, passed.set)
        clock(6)
        held.hold()
        clock(100)
        await asyncio.sleep(0)
        assert held.release() == pytest.approx(100, abs=1)
        clock(3)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not passed.is_set()
        clock(2)
        await asyncio.wait_for(passed.wait(), 5)

    asyncio.run(run(), loop_factory=asyncio.SelectorEventLoop)


def test_it_begins_where_it_is_held_already(clock: Callable[[float], None]) -> None:
    async def run() -> None:
        held, passed = Held(), asyncio.Event()
        held.hold()
        held.begin(10, passed.set)
        clock(50)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not passed.is_set()
        held.release()
        clock(11)
        await asyncio.wait_for(passed.wait(), 5)

    asyncio.run(run(), loop_factory=asyncio.SelectorEventLoop)


def test_two_holds_are_one_until_both_have_ended() -> None:
    async def run() -> None:
        held = Held()
        held.hold()
        held.close()
        assert held.release() == 0
        assert held.words == "held, 0 events wait"
        assert held.let_go() > 0
        assert held.words == ""
        assert held.release() == 0

    asyncio.run(run())


def test_a_stream_event_by_event() -> None:
    async def run() -> None:
        held = Held()
        assert held.kept(b"a\n\n") == b"a\n\n"
        held.close()
        assert held.kept(b"b\n\nc\n\n") == b""
        assert held.kept(b"d") == b""
        assert held.waiting == 3
        assert held.taken(b"x") == b"x"
        assert held.step(2) == 2
        assert held.taken(b"x") == b"b\n\nc\n\nx"
        ending = asyncio.ensure_future(held.last(b"e\n\n"))
        await asyncio.sleep(0)
        assert held.step(1) == 1
        await asyncio.sleep(0)
        assert not ending.done()
        assert held.step(5) == 1
        await asyncio.wait_for(ending, 5)
        assert held.taken(b"") == b"de\n\n"

    asyncio.run(run())


def test_the_end_lets_go() -> None:
    async def run() -> None:
        held = Held()
        held.begin(10, lambda: None)
        held.close()
        ending = asyncio.ensure_future(held.last(b"a\n\n"))
        await asyncio.sleep(0)
        held.end()
        await asyncio.wait_for(ending, 5)
        assert held.taken(b"") == b"a\n\n"

    asyncio.run(run())


def test_comments_go_out_where_they_can() -> None:
    async def run() -> None:
        held, heard = Held(), asyncio.Event()
        allowed = [False, True]
        held.speak(0.01, heard.set, lambda: allowed.pop(0) if len(allowed) > 1 else allowed[0])
        await asyncio.wait_for(heard.wait(), 5)
        held.hush()
        assert held.taken(b"").startswith(b": keep-alive\n\n")

    asyncio.run(run())
