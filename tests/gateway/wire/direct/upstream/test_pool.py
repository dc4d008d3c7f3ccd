"""addons.gateway.wire.direct.upstream.pool: which connection serves the next call, and how long one is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mitmproxy.connection import Client, Server

from addons.gateway.wire.direct.upstream import pool as pools
from addons.gateway.wire.direct.upstream.connection import UpstreamConnection
from addons.gateway.wire.direct.upstream.pool import ConnectionPool
from tests.gateway.wire.direct.fakes import Transport

CLIENT = Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2))


async def dial(
    host: str, port: int, secure: bool, _: Client, on_free: Callable[[UpstreamConnection], None]
) -> UpstreamConnection:
    server = Server(address=(host, port))
    server.tls = secure
    connection = UpstreamConnection(server, on_free)
    connection.connection_made(Transport(connection))
    return connection


async def dialled(
    pool: ConnectionPool, count: int = 1, place: tuple[str, int, bool] = ("a", 443, True)
) -> list[UpstreamConnection]:
    """Connections that serve a call each."""
    return [await pool.dial(*place, CLIENT) for _ in range(count)]


def transport_of(connection: UpstreamConnection) -> Transport:
    assert isinstance(connection.transport, Transport)
    return connection.transport


def run(test: Callable[[ConnectionPool], Awaitable[None]]) -> None:
    async def inside() -> None:
        pool = ConnectionPool(dial)
        try:
            await test(pool)
        finally:
            pool.close()
            await asyncio.sleep(0)

    asyncio.run(inside())


def test_the_one_that_was_used_last_is_used_next() -> None:
    async def test(pool: ConnectionPool) -> None:
        made = await dialled(pool, 3)
        for connection in made:
            pool.free(connection)
        assert [pool.idle("a", 443, True) for _ in range(4)] == [*reversed(made), None]

    run(test)


def test_a_place_is_host_port_and_whether_it_is_tls() -> None:
    async def test(pool: ConnectionPool) -> None:
        places = [("a", 443, True), ("a", 443, False), ("a", 80, True), ("b", 443, True)]
        made = [(await dialled(pool, 1, place))[0] for place in places]
        for connection in made:
            pool.free(connection)
        for place, connection in zip(places, made, strict=True):
            assert pool.idle(*place) is connection
            assert pool.idle(*place) is None

    run(test)


def test_what_is_closed_is_not_used() -> None:
    async def test(pool: ConnectionPool) -> None:
        good, by_us, told, untold, unasked = made = await dialled(pool, 5)
        for connection in made:
            pool.free(connection)
        by_us.abandon()
        transport_of(told).close()
        await asyncio.sleep(0)
        transport_of(untold).other_end.close()
        transport_of(unasked).other_end.send(b"x")
        assert pool.idle("a", 443, True) is good
        assert pool.idle("a", 443, True) is None
        assert all(transport_of(connection).closing for connection in (untold, unasked))

    run(test)


def test_one_that_ends_with_its_call_is_not_kept() -> None:
    async def test(pool: ConnectionPool) -> None:
        [connection] = await dialled(pool)
        transport_of(connection).close()
        pool.free(connection)
        assert pool.idle("a", 443, True) is None

    run(test)


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MAX_FREE", 3)

    async def test(pool: ConnectionPool) -> None:
        made = await dialled(pool, 5)
        for connection in made:
            pool.free(connection)
        assert [transport_of(connection).closing for connection in made] == [True, True, False, False, False]
        assert [pool.idle("a", 443, True) for _ in range(4)] == [made[4], made[3], made[2], None]

    run(test)


def test_they_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the loop's clock, which is put forward here."""
    now = 1000.0

    async def test(pool: ConnectionPool) -> None:
        nonlocal now
        loop: Any = asyncio.get_running_loop()
        timers: list[tuple[float, Callable[[], None]]] = []

        class Timer:
            def cancel(self) -> None:
                timers.clear()

        def call_later(delay: float, callback: Callable[[], None]) -> Timer:
            timers.append((now + delay, callback))
            return Timer()

        monkeypatch.setattr(loop, "time", lambda: now)
        monkeypatch.setattr(loop, "call_later", call_later)

        def passes(seconds: float) -> None:
            nonlocal now
            now += seconds
            for timer in [timer for timer in timers if timer[0] <= now]:
                timers.remove(timer)
                timer[1]()

        _, young, used = made = await dialled(pool, 3)
        for connection in made:
            pool.free(connection)
        passes(pools.MAX_IDLE / 2)
        assert pool.idle("a", 443, True) is used
        assert pool.idle("a", 443, True) is young
        pool.free(young)
        passes(pools.MAX_IDLE / 2)
        assert [transport_of(c).closing for c in made] == [True, False, False]
        passes(pools.MAX_IDLE)
        assert [transport_of(c).closing for c in made] == [True, True, False]
        assert not pool._free
        assert not timers  # nothing is free, and nothing is looked for
        monkeypatch.undo()
        transport_of(used).abort()

    run(test)


def test_close() -> None:
    async def test(pool: ConnectionPool) -> None:
        made = await dialled(pool, 2)
        pool.free(made[0])
        pool.close()
        assert [transport_of(c).closing for c in made] == [True, False]
        pool.free(made[1])  # a call that was under way
        assert transport_of(made[1]).closing
        assert pool.idle("a", 443, True) is None
        [new] = await dialled(pool)
        pool.free(new)
        assert pool.idle("a", 443, True) is new

    run(test)
