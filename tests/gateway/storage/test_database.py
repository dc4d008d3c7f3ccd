"""addons.gateway.storage.database: the file, its schema, and what happens when it fails."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from addons.gateway.storage import database as module
from addons.gateway.storage.database import STEPS, Database
from tests.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[3]


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def put(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("insert into kept values (?, 1)", (name,))


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("select name from kept order by name")]


@pytest.mark.parametrize("had", range(len(STEPS) + 1))
@pytest.mark.parametrize("numbered", [True, False], ids=["numbered", "from before there were versions"])
def test_an_older_file_is_brought_up_to_date(tmp_path: Path, had: int, numbered: bool) -> None:
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.executescript("".join(STEPS[:had]))
    connection.execute(f"pragma user_version = {had if numbered else 0}")
    connection.close()
    database = Database(path)
    assert database.wait(version) == len(STEPS)
    database.wait(put, "x")
    database.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    before = path.read_bytes()
    database = Database(path)
    with pytest.raises(sqlite3.DatabaseError, match="newer version"):
        database.wait(version)
    database.close()
    assert path.read_bytes() == before


def test_for_the_owner_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "new folder" / "s.db")
    database.wait(put, "x")
    files = list((tmp_path / "new folder").iterdir())
    assert len(files) == 3  # the log and its index, too
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    database.close()


def test_in_order_off_the_loop_and_opened_again_after_closing(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    goes_on = threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        assert goes_on.wait(PATIENCE)
        put(connection, "a")

    async def go() -> list[str]:
        database.soon(slow)
        goes_on.set()  # would never be reached if the write were waited for
        return await database.ask(names)

    assert asyncio.run(go()) == ["a"]
    database.close()
    database.close()
    database.soon(put, "late")
    assert database.wait(names) == ["a", "late"]
    database.close()


def test_what_fails_is_undone_as_a_whole() -> None:
    database = Database(None)

    def half(connection: sqlite3.Connection) -> None:
        put(connection, "x")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        database.wait(half)
    assert database.wait(names) == []
    database.close()


def test_failing_writes_are_reported_once_in_a_while(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path)  # a folder is no database
    for _ in range(50):
        database.soon(put, "x")
    database.close()
    assert caplog.text.count("could not be stored") == 1
    monkeypatch.setattr(module, "REPORT_EVERY", 0.0)
    database.soon(put, "x")
    database.close()
    assert caplog.text.count("could not be stored") == 2
    assert "49 more" in caplog.text


WRITER = """
import sys
from pathlib import Path
from addons.gateway.storage.database import Database
from tests.patience import PATIENCE

database = Database(Path(sys.argv[1]))
for number in range(20):
    name = f"{sys.argv[2]}-{number}"
    database.wait(lambda connection: connection.execute("insert into kept values (?, 1)", (name,)))
database.close()
"""


def test_several_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    running = [subprocess.Popen([*command, str(n)], cwd=ROOT, stderr=subprocess.PIPE) for n in range(4)]
    failures = [process.communicate(timeout=PATIENCE)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, failures
    database = Database(path)
    assert len(database.wait(names)) == 4 * 20
    database.close()


def test_what_is_to_happen_when_all_is_done(tmp_path: Path) -> None:
    async def run() -> None:
        database = Database(tmp_path / "s.db")
        seen: list[list[str]] = []
        database.when_settled(lambda: seen.append([]))
        assert seen == [[]]
        gate, told = threading.Event(), asyncio.Event()
        database.soon(lambda connection: gate.wait(PATIENCE))
        database.soon(put, "a")
        database.when_settled(told.set)
        await asyncio.sleep(0)
        assert not told.is_set()
        gate.set()
        await asyncio.wait_for(told.wait(), PATIENCE)
        assert database.is_settled
        assert await database.ask(names) == ["a"]
        database.close()

    asyncio.run(run())
