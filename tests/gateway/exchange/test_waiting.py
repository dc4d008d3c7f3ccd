"""addons.gateway.exchange.waiting: waits that are ended from outside."""

from __future__ import annotations

import asyncio

import pytest

from addons.gateway.exchange.waiting import Patience
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
