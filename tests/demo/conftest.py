"""The demo upstream that the tests of a module share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from scripts.demo_upstream import DemoServer, start
from tests.demo.asking import (
    Upstream,
)
from tests.patience import PATIENCE


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    now = [0.0]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def stop(demo: DemoServer) -> None:
        await demo.stop()

    demo = asyncio.run_coroutine_threadsafe(start(pause=0, clock=lambda: now[0]), loop).result(10)
    yield Upstream(demo, now)
    asyncio.run_coroutine_threadsafe(stop(demo), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()
