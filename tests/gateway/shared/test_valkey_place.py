"""What is particular to the place in Valkey: its addresses, its end and its beginning, and who hears whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.shared import valkey_address
from addons.gateway.shared.contract import MISSED, Away, Claim, Put, Revise, Swap
from addons.gateway.shared.valkey_place import ValkeyPlace
from tests.gateway.shared.places import Server, valkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with valkey(tmp_path) as running:
        yield running


def nobody(message: bytes) -> None:
    """Hears nothing."""


def test_all_keys_have_the_prefix_the_version_and_a_life_time(server: Server) -> None:
    async def run() -> None:
        place = ValkeyPlace(server.url, "mine")
        await place.open(nobody)
        await place.write(
            [Put("a", b"1", 10), Revise("b", b"1", 10), Claim("c", b"1", 10), Swap("x", "f", None, b"1", 20)]
        )
        client = valkey_address.client(server.url)
        keys = sorted([key async for key in client.scan_iter()])
        assert keys == [b"mine:1:b:x", b"mine:1:t:a", b"mine:1:t:b", b"mine:1:t:c"]
        assert all([0 < await client.pttl(key) <= 20_000 for key in keys])
        await client.aclose()
        await place.close()

    asyncio.run(run())


def test_gateways_hear_each_other_and_not_themselves(server: Server) -> None:
    async def run() -> None:
        heard: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        places = [ValkeyPlace(server.url) for _ in range(3)]
        for number, place in enumerate(places):
            await place.open(lambda message, number=number: heard.put_nowait((number, message)))  # type: ignore[misc]
        assert sorted([await heard.get() for _ in range(3)]) == [(number, MISSED) for number in range(3)]
        places[0].say(b"one")
        places[0].say(b"two")
        expected = [(number, word) for number in (1, 2) for word in (b"one", b"two")]
        assert sorted([await heard.get() for _ in range(4)]) == sorted(expected)
        places[2].say(b"last")
        assert sorted([await heard.get() for _ in range(2)]) == [(0, b"last"), (1, b"last")]
        for place in places:
            await place.close()

    asyncio.run(run())


def test_a_server_that_comes_back_is_used_again_and_whoever_listens_is_told(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addons.gateway.shared.valkey_place.AGAIN_AFTER", 0.01)

    async def run() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()
        place, other = ValkeyPlace(server.url), ValkeyPlace(server.url)
        await place.open(heard.put_nowait)
        await other.open(nobody)
        assert await heard.get() == MISSED
        await place.write([Put("a", b"1", 10)])
        server.stop()
        with pytest.raises(Away):
            await place.get(["a"])
        with pytest.raises(Away):
            await place.write([Put("a", b"1", 10)])
        server.start()
        assert await place.get(["a"]) == [None]
        assert await place.write([Put("a", b"2", 10)]) == [b"2"]
        assert await heard.get() == MISSED
        other.say(b"here again")
        assert await heard.get() == b"here again"
        await place.close()
        await other.close()

    asyncio.run(run())


def test_an_idle_connection_that_the_server_closed_is_no_failure(server: Server) -> None:
    async def run() -> None:
        place = ValkeyPlace(server.url)
        await place.open(nobody)
        for _ in range(3):
            assert server.send(b"CLIENT KILL TYPE normal").startswith(b":")
            assert await place.write([Swap("x", "f", None, b"1", 10)]) == [b"1"]
        await place.close()

    asyncio.run(run())


def test_many_at_once_wait_for_a_connection(server: Server) -> None:
    async def run() -> None:
        place = ValkeyPlace(server.url)
        await place.open(nobody)
        await asyncio.gather(*(place.write([Put(str(number), b"x", 10)]) for number in range(500)))
        found = await asyncio.gather(*(place.get([str(number)]) for number in range(500)))
        assert found == [[b"x"]] * 500
        await place.close()

    asyncio.run(run())


def test_by_a_sentinel(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "sentinel"
    folder.mkdir()
    config = folder / "sentinel.conf"
    config.write_text(f"sentinel monitor main 127.0.0.1 {server.port} 1\n")

    async def run(sentinel: Server) -> None:
        place = ValkeyPlace(f"valkey+sentinel://127.0.0.1:{sentinel.port}/main/0")
        await place.open(nobody)
        assert await place.write([Put("a", b"1", 10)]) == [b"1"]
        assert await place.get(["a"]) == [b"1"]
        await place.close()

    sentinel = Server(folder, "--sentinel", config=config)
    try:
        asyncio.run(run(sentinel))
    finally:
        sentinel.stop()


@pytest.mark.parametrize(
    ("url", "kind", "values"),
    [
        ("redis://host", "Redis", {"host": "host"}),
        ("valkey://:secret@host:7000/2", "Redis", {"host": "host", "port": 7000, "db": 2, "password": "secret"}),
        ("valkeys://u:p@host/0?ssl_cert_reqs=none", "Redis", {"host": "host", "username": "u"}),
        ("unix:///run/valkey.sock?db=1", "Redis", {"path": "/run/valkey.sock", "db": 1}),
        ("rediss+cluster://:p@one:7000,two", "RedisCluster", {"password": "p"}),
        ("redis+sentinel://u:p@one:1,two:2/main/3", "Redis", {"db": 3, "username": "u"}),
    ],
)
def test_addresses(url: str, kind: str, values: dict[str, Any]) -> None:
    assert valkey_address.problem(url) is None
    client = valkey_address.client(url)
    assert type(client).__name__ == kind
    pool = client if kind == "RedisCluster" else client.connection_pool
    assert {name: pool.connection_kwargs[name] for name in values} == values
    assert pool.connection_kwargs["socket_timeout"] == valkey_address.ANSWER_WITHIN
    for secret in ("secret", "u:p", ":p@"):
        assert secret not in valkey_address.shown(url)


@pytest.mark.parametrize("url", ["", "host:6379", "http://host", "redis://host:port", "redis+sentinel://host", "x://"])
def test_what_is_no_address(url: str) -> None:
    assert valkey_address.problem(url)


def test_an_answer_that_comes_too_late_is_nobody_elses(server: Server) -> None:
    """Who does not wait any more leaves a connection on which an answer is still to come."""

    async def run() -> None:
        place = ValkeyPlace(server.url)
        await place.open(nobody)
        names = [f"k{number}" for number in range(40)]
        await place.write([Put(name, name.encode(), 60) for name in names])
        for _ in range(3):
            server.pause()
            asking = [asyncio.ensure_future(place.get([name])) for name in names]
            writing = [asyncio.ensure_future(place.write([Swap("x", name, None, b"1", 60)])) for name in names]
            await asyncio.wait([*asking, *writing], timeout=0.02)
            for task in (*asking, *writing):
                task.cancel()
            await asyncio.gather(*asking, *writing, return_exceptions=True)
            server.go_on()
            found = await asyncio.gather(*(place.get([name, "none"]) for name in reversed(names)))
            assert found == [[name.encode(), None] for name in reversed(names)]
        await place.close()

    asyncio.run(run())
