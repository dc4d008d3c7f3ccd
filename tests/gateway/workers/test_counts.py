"""What several workers count together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from addons.gateway.workers.counts import TurnCounts


@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
def test_how_often(tmp_path: Path, *, is_shared: bool) -> None:
    counts = TurnCounts(tmp_path / "there" / "counts.json" if is_shared else None)
    assert [counts.take("a") for _ in range(3)] == [0, 1, 2]
    counts.give_back("a")
    counts.give_back("never taken")
    assert (counts.take("a"), counts.take("b")) == (2, 0)
    assert [counts.settle("mode", value) for value in ("first", "second")] == ["first", "first"]


@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
def test_what_was_not_taken_for_the_longest_time_is_forgotten(tmp_path: Path, *, is_shared: bool) -> None:
    counts = TurnCounts(tmp_path / "counts.json" if is_shared else None, most=2)
    assert [counts.take(key) for key in "abacb"] == [0, 0, 1, 0, 0]
    assert counts.take("c") == 1


def test_none_is_counted_twice_and_none_is_lost(tmp_path: Path) -> None:
    workers = [TurnCounts(tmp_path / "counts.json") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = [*pool.map(lambda number: workers[number % 4].take("a"), range(100))]
    assert sorted(taken) == [*range(100)]


def test_a_worker_that_was_killed_while_it_wrote_spoils_nothing(tmp_path: Path) -> None:
    counts = TurnCounts(tmp_path / "counts.json")
    counts.take("a")
    (tmp_path / "counts.new").write_text('{"a": ')
    assert counts.take("a") == 1
