"""addons.gateway.storage.kept_turns: signatures that outlive the process."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.storage import kept_turns
from addons.gateway.storage.database import Database
from addons.gateway.storage.kept_turns import KeptTurns
from addons.gateway.storage.memory import MAX_AGE, TurnMemory
from mapping.values import RawTurn

MODEL = "gemini-3-flash"
SAID = RawTurn(MODEL, [{"text": "A secret."}, {"text": "", "thoughtSignature": "c2ln"}], [])
SIGNED = RawTurn(MODEL, [{"thoughtSignature": "c2ln"}], [])
CALL: dict[str, Any] = {
    "functionCall": {"id": "fc1", "name": "f", "args": {"x": "A secret."}},
    "thoughtSignature": "c2ln",
}
CALLED = RawTurn(MODEL, [{"text": "hm", "thought": True}, CALL, {"functionCall": {"name": "g"}}], ["a", "b"])
NAMED = RawTurn(
    MODEL,
    [
        {"functionCall": {"id": "fc1", "name": "f"}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "g", "args": {}}},
    ],
    ["a", "b"],
)


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def restarted(path: Path, *turns: tuple[str, str, RawTurn], clock: Clock | None = None) -> tuple[KeptTurns, Database]:
    """What a process finds after another one has remembered these: tenant, key, turn."""
    database = Database(path)
    before = KeptTurns.open(database, clock=clock or Clock())
    for tenant, key, turn in turns:
        before.keep(tenant, {key: turn})
    database.close()
    database = Database(path)
    return KeptTurns.open(database, clock=clock or Clock()), database


def found(kept: KeptTurns, tenant: str, *keys: str) -> dict[str, RawTurn]:
    return asyncio.run(kept.fetch(tenant, keys))


@pytest.mark.parametrize(("turn", "left"), [(SAID, SIGNED), (CALLED, NAMED)])
def test_signatures_without_what_was_said(tmp_path: Path, turn: RawTurn, left: RawTurn) -> None:
    kept, database = restarted(tmp_path / "s.db", ("t", "k", turn))
    assert kept.knows_more
    assert kept.unknown("t", ["other", "k"]) == ["k"]
    assert kept.unknown("another", ["k"]) == []
    assert found(kept, "t", "k", "other") == {"k": left}
    assert not kept.knows_more, "it is in memory now"
    assert kept.unknown("t", ["k"]) == []
    database.close()
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"c2ln" in files
    assert b"secret" not in files


NOT_KEPT = {
    "no signature": RawTurn(MODEL, [{"text": "a"}], []),
    "more than signatures restore": RawTurn(MODEL, [{"inlineData": {}, "thoughtSignature": "c2ln"}], []),
    "too long": RawTurn(MODEL, [{"text": "", "thoughtSignature": "c" * kept_turns.MOST_BYTES}], []),
    "a number": RawTurn(MODEL, [{"totalTokens": 5}], []),
}


@pytest.mark.parametrize("turn", NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_is_not_kept(tmp_path: Path, turn: RawTurn) -> None:
    kept, database = restarted(tmp_path / "s.db", ("t", "k", turn))
    assert not kept.knows_more
    database.close()


def test_old_ones_go(tmp_path: Path) -> None:
    clock = Clock()
    kept, database = restarted(tmp_path / "s.db", ("t", "k", SAID), clock=clock)
    clock.now += MAX_AGE + 1
    assert found(kept, "t", "k") == {}
    database.close()
    kept, database = restarted(tmp_path / "s.db", clock=clock)
    assert not kept.knows_more
    database.close()


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_turns, "MOST", 2)
    clock = Clock()
    for key in "abc":
        clock.now += 1
        kept, database = restarted(tmp_path / "s.db", ("t", key, SAID), clock=clock)
        database.close()
    assert kept.unknown("t", list("abc")) == ["b", "c"]


def test_they_are_tidied_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_turns, "MOST", 2)
    monkeypatch.setattr(kept_turns, "_TIDY_EVERY", 4)
    clock = Clock()
    kept, database = restarted(tmp_path / "s.db", clock=clock)
    for key in "abcd":
        clock.now += 1
        kept.keep("t", {key: SAID})
    assert database.wait(lambda connection: connection.execute("select count(*) from turns").fetchone()[0]) == 2
    database.close()


def test_one_that_can_t_be_read_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        connection.execute("update turns set turn = '{'")

    kept, database = restarted(tmp_path / "s.db", ("t", "k", SAID))
    database.wait(spoil)
    assert found(kept, "t", "k") == {}
    database.close()

    kept, database = restarted(tmp_path / "s.db", ("t", "k", SAID))
    database.wait(lambda connection: connection.execute("drop table turns"))
    assert found(kept, "t", "k") == {}
    assert "can't be read" in caplog.text
    database.close()


def test_a_memory_asks_workers_first(tmp_path: Path) -> None:
    """They have whole turns; what they don't know may be in the store."""

    class Workers(KeptTurns):
        async def fetch(self, tenant: str, keys: Any) -> dict[str, RawTurn]:
            return {"a": SAID} if "a" in keys else {}

    kept, database = restarted(tmp_path / "s.db", ("t", "a", SAID), ("t", "b", SAID))
    memory = TurnMemory()
    assert memory.is_all
    memory.far, memory.kept = Workers(database, []), kept
    assert not memory.is_all
    assert sorted(memory.unknown("t", ["a", "b", "c"])) == ["a", "b"]
    assert asyncio.run(memory.fetch("t", ["a", "b", "c"]))
    recall = memory.recall("t")
    assert [recall(key) for key in "abc"] == [SAID, SIGNED, None]
    database.close()
