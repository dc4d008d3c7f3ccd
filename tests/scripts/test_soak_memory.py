"""How the memory of a soak run is judged: leaks are found while workers are killed, and that they are young is none."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from scripts.soaking import memory
from scripts.soaking.stage import Pages

MB = 2**20
EVERY = 5
"""Seconds from one sample to the next."""


def test_growth() -> None:
    assert memory.growth([1, 5, 10, 10, 10, 10]) == 0
    assert memory.growth([1, 5, 10, 10, 11, 11]) == pytest.approx(0.1)
    assert memory.growth([1, 1, 1, 10, 10, 10, 10, 30, 10]) == 0


def test_one_process_is_judged() -> None:
    assert memory.of_memory([1, 1, 1, 1, 1, 1], 100)[1] == []
    assert memory.of_memory([1, 1, 1, 1, 2, 2], 100, "the parent")[1] == ["the parent grows: +100.0%"]
    assert "not judged" in memory.of_memory([1, 1, 1, 1, 2, 2], 10)[0]
    assert "not judged" in memory.of_memory([], 100)[0]


def run(
    own: Callable[[float, float], float],
    *,
    seconds: int = 600,
    kill_every: int = 20,
    spares: bool = True,
    parent: Callable[[float], float] = lambda now: 20.0,
    seed: int = 1,
) -> list[memory.Sample]:
    """The samples of a run: `own` tells a worker's MB by its age and by the time, both in seconds. 0: no kills."""
    choose = random.Random(seed)
    born = {number: (number, 0) for number in (1, 2, 3)}
    made: list[memory.Sample] = []
    for now in range(EVERY, seconds + EVERY, EVERY):
        if kill_every and now % kill_every == 0:
            oldest = min(born, key=lambda number: born[number][1])
            spared = oldest if spares and now >= seconds / 3 - kill_every else None
            victim = choose.choice([number for number in born if number != spared])
            born[victim] = (now, now)
        sample = {"parent": Pages(0, 0, int(parent(now) * MB), 90), "loader": Pages(0, 0, 50 * MB, 91)}
        for number, (pid, since) in born.items():
            noise = choose.random() + 30 * (choose.random() < 0.05)
            sample[f"worker {number}"] = Pages(0, int((own(now - since, now) + noise) * MB), 0, pid)
        made.append(sample)
    return made


def warming(age: float, now: float) -> float:
    """As it is measured: most of it comes in the first minute."""
    return 45 + 10 * min(1.0, age / 60)


def wrong(samples: list[memory.Sample]) -> list[str]:
    return [line for _, lines in memory.of_all(samples, 600) for line in lines]


@pytest.mark.parametrize("kill_every", [0, 20])
@pytest.mark.parametrize("seed", range(5))
def test_getting_warm_is_no_growth(kill_every: int, seed: int) -> None:
    assert wrong(run(warming, kill_every=kill_every, seed=seed)) == []


@pytest.mark.parametrize("kill_every", [0, 20])
@pytest.mark.parametrize("seed", range(5))
def test_what_leaks_in_a_worker_is_found_in_the_one_that_lives(kill_every: int, seed: int) -> None:
    found = wrong(run(lambda age, now: warming(age, now) + 2 * age / 60, kill_every=kill_every, seed=seed))
    assert found
    assert all(line.startswith("memory of worker process") for line in found)
    assert len(found) == (1 if kill_every else 3)


@pytest.mark.parametrize("seed", range(5))
def test_what_workers_pass_on_to_the_next_is_found(seed: int) -> None:
    found = wrong(run(lambda age, now: warming(age, now) + 2 * now / 60, seed=seed))
    assert any(line.startswith("memory of workers of the same age") for line in found)


def test_what_leaks_in_the_launcher_is_found() -> None:
    assert wrong(run(warming, parent=lambda now: 20 + now / 120)) == ["memory of the parent grows: +7.4%"]


def test_one_worker_has_to_be_there_all_the_time() -> None:
    young = [dict(sample) for sample in run(warming)]
    for index, sample in enumerate(young):
        for who in ("worker 1", "worker 2", "worker 3"):
            sample[who] = sample[who]._replace(pid=index // 10)
    assert wrong(list(young)) == ["no worker was there all the time"]


def test_memory_of_workers_is_an_average() -> None:
    samples = [
        {"parent": Pages(9, 9, 8, 1), "worker 1": Pages(5, 2, 9, 2), "worker 2": Pages(5, 4, 9, 3)},
        {"parent": Pages(9, 9, 8, 1)},
    ]
    assert memory.own_memory(samples) == [3]
    assert memory.resident("parent", samples) == [8, 8]
