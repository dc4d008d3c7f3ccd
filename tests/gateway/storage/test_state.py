"""addons.gateway.storage.state: what is kept for the next start."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from addons.gateway.gateway import Gateway
from addons.gateway.storage.database import Database
from addons.gateway.storage.state import KeptCooldown, StateStore

NOW = 1_800_000_000.0
GOOD = ("a", "m", NOW - 10, NOW + 20, 1, "429")


def state(path: Path | None = None) -> tuple[StateStore, Database]:
    database = Database(path)
    return StateStore(database, clock=lambda: NOW), database


def test_values_by_name(tmp_path: Path) -> None:
    kept, database = state(tmp_path / "s.db")
    assert kept.kept("statistics") is None
    kept.keep("statistics", {"since": 1})
    kept.keep("statistics", {"since": 2, "models": []})
    database.close()
    again, database = state(tmp_path / "s.db")
    assert again.kept("statistics") == {"since": 2, "models": []}
    assert again.kept("other") is None
    database.close()


def test_a_broken_value_is_reported_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    kept, database = state()
    database.wait(lambda connection: connection.execute("insert into kept values ('statistics', '{')"))
    assert kept.kept("statistics") is None
    assert "is ignored" in caplog.text


def test_several_values_of_which_one_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    kept, database = state()
    for number in range(3):
        kept.keep(f"owners-{number}", [number])
    names = ["owners-2", "owners-none", "owners-0", "owners-1"]
    assert kept.several(names) == [[2], None, [0], [1]]
    assert not caplog.text
    database.wait(lambda connection: connection.execute("update kept set value = '{' where name = 'owners-0'"))
    assert kept.several(names) == [[2], None, None, [1]]
    assert "is ignored" in caplog.text
    database.close()


BROKEN: list[tuple[Any, ...]] = [
    (b"a", "m", NOW, NOW + 1, 1, "429"),
    ("b", "m", "then", NOW + 1, 1, "429"),
    ("c", "m", NOW, float("inf"), 1, "429"),
    ("d", "m", NOW, NOW + 1, "many", "429"),
    ("e", "m", NOW, NOW + 1, 1, b"\xff"),
]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: str(row[0]))
def test_a_broken_cooldown_is_reported_and_ignored(row: tuple[Any, ...], caplog: pytest.LogCaptureFixture) -> None:
    kept, database = state()

    def insert(connection: sqlite3.Connection) -> None:
        connection.executemany("insert into rests values (?, ?, ?, ?, ?, ?, 'rate', '')", [GOOD, row])

    database.wait(insert)
    assert kept.cooldowns() == [KeptCooldown("a", "m", 20.0, 1, "429")]
    assert "is ignored" in caplog.text
    database.close()


def test_what_ended_long_ago_is_dropped() -> None:
    kept, database = state()
    kept.keep_cooldown(KeptCooldown("old", "m", -90_000.0, 3, "429"))
    kept.keep_cooldown(KeptCooldown("ended", "m", -60.0, 3, "429"))
    assert kept.cooldowns() == [KeptCooldown("ended", "m", 0.0, 3, "429")]
    count = database.wait(lambda connection: connection.execute("select count(*) from rests").fetchone())
    assert count == (1,)
    database.close()


def test_without_its_tables_the_start_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    kept, database = state()
    database.wait(lambda connection: connection.executescript("drop table rests; drop table kept;"))
    assert kept.cooldowns() == []
    assert kept.kept("statistics") is None
    assert "no such table" in caplog.text
    database.close()


def test_a_file_of_a_newer_version_is_reported_and_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "kept.db"
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    before = path.read_bytes()
    file = tmp_path / "antigravity.toml"
    file.write_text('[responses]\nstore = "kept.db"\n[[accounts]]\nemail = "a"\napi_key = "k"\n')
    gateway = Gateway(environ={})
    gateway.use(gateway.load(file))
    assert f"can't be stored in {path}" in caplog.text
    assert "newer version" in caplog.text
    [account] = gateway.pool.accounts
    gateway.pool.cool(account, "m", 30, "429")
    assert gateway.state.cooldowns()[0].account == "a"
    gateway.close_store()
    assert path.read_bytes() == before
