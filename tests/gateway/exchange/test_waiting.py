"""addons.gateway.exchange.waiting: waits that are ended from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from addons.gateway.exchange.waiting import Patience, Slots
from mapping.faults import Fault

END = Fault(504, "too late")


async def value() -> int:
    await asyncio.sleep(0)
    return 5


def test_what_comes_in_time() -> None:
    assert asyncio.run(Patience().wait(value())) == 5


def test_an_end_while_waiting() -> None:
    async def run() -> None:
        patience, never = Patience(), asyncio.Event()
        asyncio.get_running_loop().call_soon(lambda: patience.end(END))
        with pytest.raises(Fault) as e:
            await patience.wait(never.wait())
        assert e.value is END
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def test_an_end_before_the_wait() -> None:
    async def run() -> None:
        patience = Patience()
        assert patience.end(END) is False
        with pytest.raises(Fault):
            await patience.wait(asyncio.Event().wait())

    asyncio.run(run())


def test_a_cancelled_wait_is_cancelled() -> None:
    async def run() -> None:
        waiting = asyncio.ensure_future(Patience().wait(asyncio.Event().wait()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def test_an_error_is_passed_on() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(Patience().wait(fail()))


def test_a_few_at_a_time_and_no_two_of_the_same() -> None:
    async def run() -> None:
        slots, most, log = Slots(), 2, []

        async def take(what: str) -> Callable[[], None]:
            end = await slots.take(what, lambda: most)
            log.append(what)
            return end

        tasks = {what: asyncio.create_task(take(what[0])) for what in ("a", "a again", "b", "c", "d")}
        await asyncio.sleep(0)
        assert log == ["a", "b"]
        tasks["c"].cancel()
        (await tasks["a"])()
        (await tasks["a"])()  # once is enough, and twice does no harm
        await asyncio.sleep(0)
        assert log == ["a", "b", "a"]
        most = 3
        (await tasks["b"])()
        await tasks["d"]
        assert log == ["a", "b", "a", "d"]

    asyncio.run(run())
