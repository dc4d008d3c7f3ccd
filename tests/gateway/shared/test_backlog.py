"""What waits to be written: what is found of it, what is lost, what is kept and adopted."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.gateway.shared import backlog as backlog_module
from addons.gateway.shared.backlog import Backlog
from addons.gateway.shared.contract import Drop, Put, Swap
from addons.gateway.shared.outbox import Outbox
from tests.gateway.shared.test_outbox import left, release


def put(key: str, value: bytes = b"v") -> Put:
    return Put(key, value, 60.0)


def test_the_latest_change_of_a_thing_is_found_until_all_are_written() -> None:
    waits = Backlog(None)
    for change in (put("a", b"1"), put("a", b"2"), Drop("b"), Swap("board", "c", None, b"x", 60.0)):
        waits.add(change)
    assert waits.becomes(["a", "b", "c", "d"]) == {"a": b"2", "b": None}
    assert waits.first(2) == [put("a", b"1"), put("a", b"2")]
    waits.written(waits.done + 1)
    assert waits.becomes(["a"]) == {"a": b"2"}
    waits.written(waits.end)
    assert (len(waits), waits.becomes(["a", "b"])) == (0, {})


def test_what_was_lost_while_it_was_written_counts_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MOST_WAITING", 3)
    waits = Backlog(None)
    for key in "abc":
        waits.add(put(key))
    upto = waits.done + len(waits.first(2))
    waits.add(put("d"))  # and there is no room
    waits.written(upto)
    assert waits.first(9) == [put("c"), put("d")]
    assert waits.lost == 1


def test_it_is_kept_once_and_the_file_goes_when_all_is_written(tmp_path: Path) -> None:
    waits, other = Backlog(Outbox(tmp_path, "one")), Outbox(tmp_path, "two")
    waits.add(put("a"))
    assert not waits.is_kept
    waits.keep()
    waits.keep()
    waits.add(put("b"))
    assert (waits.is_kept, other.find(["a", "b"])) == (False, {"a": b"v"})
    waits.keep()
    assert [path.read_bytes().count(b"\n") for path in tmp_path.iterdir()] == [2]
    waits.written(waits.end - 1)
    assert other.find(["a", "b"]) == {"a": b"v", "b": b"v"}
    waits.written(waits.end)
    assert not [*tmp_path.iterdir()]


def test_a_file_of_which_most_was_lost_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "MOST_BYTES", 100)
    waits, other = Backlog(Outbox(tmp_path, "one")), Outbox(tmp_path, "two")
    for number in range(20):
        waits.add(put(f"k{number}", bytes(60)))
        waits.keep()
    [path] = tmp_path.iterdir()
    assert path.stat().st_size < 500
    assert other.find(["k18", "k19"])["k19"] == bytes(60)


def test_what_the_dead_have_left_is_adopted_but_for_what_is_newer_here(tmp_path: Path) -> None:
    dead = Outbox(tmp_path, "dead")
    dead.keep([put("a", b"old"), put("b", b"old")])
    release(dead)
    waits = Backlog(Outbox(tmp_path, "mine"))
    waits.add(put("a", b"new"))
    waits.adopt()
    assert waits.becomes(["a", "b"]) == {"a": b"new", "b": b"old"}
    assert waits.is_kept
    assert left(dead) == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine.outbox"]
