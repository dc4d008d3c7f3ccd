"""addons.gateway.storage.store: responses that can be asked for again."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.storage.database import Database
from addons.gateway.storage.store import ResponseStore
from mapping.dialect import Kept
from mapping.faults import Fault

HOUR = 3600.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


type Maker = Callable[..., tuple[ResponseStore, Clock]]


@pytest.fixture
def make() -> Iterator[Maker]:
    opened: list[Database] = []

    def make(path: Path | None = None, *, max_bytes: int = 10**6) -> tuple[ResponseStore, Clock]:
        clock = Clock()
        opened.append(Database(path))
        return ResponseStore(opened[-1], max_age=HOUR, max_bytes=max_bytes, clock=clock), clock

    yield make
    for database in opened:
        database.close()


def record(id: str, *, previous: str | None = None, text: str = "x") -> Kept:
    return Kept(
        id,
        {"id": id, "object": "response"},
        [{"id": f"in_{id}", "text": text}],
        [{"id": f"out_{id}"}],
        previous=previous,
        events=b"event: x\n\n",
    )


def ask[R](store: ResponseStore, what: Callable[..., Awaitable[R]], *args: Any) -> R:
    async def go() -> R:
        return await what(*args)

    return asyncio.run(go())


def ids(items: list[dict[str, Any]] | None) -> list[str] | None:
    return None if items is None else [item["id"] for item in items]


@pytest.mark.parametrize("in_file", [False, True])
def test_put_get_delete(make: Maker, tmp_path: Path, in_file: bool) -> None:
    store, _ = make(tmp_path / "s.db" if in_file else None)
    store.put("t", record("a"))
    assert ask(store, store.get, "t", "a") == ({"id": "a", "object": "response"}, b"event: x\n\n")
    store.replace("t", "a", {"id": "a", "status": "completed"})
    assert ask(store, store.get, "t", "a") == ({"id": "a", "status": "completed"}, b"event: x\n\n")
    assert ask(store, store.delete, "t", "a") is True
    assert ask(store, store.get, "t", "a") is None
    assert ask(store, store.items, "t", ["in_a"]) == {}
    assert ask(store, store.delete, "t", "a") is False


def test_a_conversation(make: Maker) -> None:
    store, _ = make()
    store.put("t", record("a"))
    store.put("t", record("b", previous="a"))
    store.put("t", record("c", previous="b"))
    assert ids(ask(store, store.history, "t", "c")) == ["in_a", "out_a", "in_b", "out_b", "in_c", "out_c"]
    assert ids(ask(store, store.input_items, "t", "b")) == ["in_a", "out_a", "in_b"]
    assert list(ask(store, store.items, "t", ["out_a", "in_c", "nope"])) == ["out_a", "in_c"]
    ask(store, store.delete, "t", "a")
    assert ask(store, store.history, "t", "c") is None


def test_a_conversation_that_bites_its_tail_ends(make: Maker) -> None:
    store, _ = make()
    store.put("t", record("a", previous="a"))
    assert ask(store, store.history, "t", "a") is None


def test_others_see_nothing(make: Maker) -> None:
    store, _ = make()
    store.put("t", record("a"))
    assert ask(store, store.get, "other", "a") is None
    assert ask(store, store.history, "other", "a") is None
    assert ask(store, store.input_items, "other", "a") is None
    assert ask(store, store.items, "other", ["in_a"]) == {}
    assert ask(store, store.delete, "other", "a") is False
    store.replace("other", "a", {"stolen": True})
    assert ask(store, store.get, "t", "a") is not None
    assert ask(store, store.get, "t", "a") != ({"stolen": True}, None)


def test_bounded_by_age(make: Maker) -> None:
    store, clock = make()
    store.put("t", record("a"))
    assert ask(store, store.get, "t", "a")
    clock.now += HOUR + 1
    assert ask(store, store.get, "t", "a") is None
    store.put("t", record("b"))
    assert ask(store, store.items, "t", ["in_a"]) == {}


def test_bounded_by_size_the_oldest_go(make: Maker) -> None:
    store, clock = make(max_bytes=2500)
    for id in "abc":
        clock.now += 1
        store.put("t", record(id, text="x" * 1000))
    assert [ask(store, store.get, "t", id) is not None for id in "abc"] == [False, True, True]


def test_survives_a_restart_with_its_secret(make: Maker, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "s.db"
    store, _ = make(path)
    secret = store.secret(lambda: b"one")
    store.put("t", record("a"))
    assert ask(store, store.get, "t", "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again, _ = make(path)
    assert again.secret(lambda: b"two") == secret == b"one"
    assert ids(ask(again, again.history, "t", "a")) == ["in_a", "out_a"]


def test_a_disk_that_fails_is_told_where_what_is_stored_is_needed(
    make: Maker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = make(tmp_path)  # a folder is no database
    store.put("t", record("a"))
    with pytest.raises(Fault) as caught:
        ask(store, store.history, "t", "a")
    assert (caught.value.status, caught.value.code) == (503, "store_unavailable")
    assert f"could not be stored in {tmp_path}" in caplog.text
