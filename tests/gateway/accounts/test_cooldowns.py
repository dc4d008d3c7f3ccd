"""addons.gateway.accounts.cooldowns: who rests, for how long, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.accounts.cooldowns import (
    DEFAULT_COOLDOWN,
    LONGEST_COOLDOWN,
    MAX_RESTS,
    MAX_UNEXPLAINED,
    Cause,
    Cooldowns,
)
from addons.gateway.storage.database import Database
from addons.gateway.storage.state import LONGEST_REST, StateStore

MODEL = "gemini-2.5-flash"
WEEK = 7 * 86400.0


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def left(cooldowns: Cooldowns, account: str = "a", model: str = MODEL) -> float | None:
    rest = cooldowns.rest_of(account, model)
    return cooldowns.left(rest) if rest else None


def test_a_rest_is_per_model_and_ends() -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    cooldowns.rest("a", MODEL, 30, "429 quota")
    assert (left(cooldowns), left(cooldowns, model="other"), left(cooldowns, "b")) == (30, None, None)
    clock.now += 29.9
    assert left(cooldowns) == pytest.approx(0.1)
    assert cooldowns.all() == [("a", MODEL, pytest.approx(0.1))]
    clock.now += 0.2
    assert left(cooldowns) is None
    assert cooldowns.all() == []


def test_longer_each_time_in_a_row_until_it_serves() -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    rests = []
    for _ in range(7):
        cooldowns.rest("a", MODEL, None, "429")
        rests.append(left(cooldowns))
        clock.now += 2000
    assert rests == [DEFAULT_COOLDOWN * 2**n for n in range(5)] + [LONGEST_COOLDOWN] * 2
    cooldowns.served("a", MODEL)
    cooldowns.rest("a", MODEL, None, "429")
    assert left(cooldowns) == DEFAULT_COOLDOWN


def test_a_burst_on_one_account_is_one_strike() -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    for _ in range(10):
        cooldowns.rest("a", MODEL, None, "429")
    clock.now += DEFAULT_COOLDOWN
    cooldowns.rest("a", MODEL, None, "429")
    assert left(cooldowns) == 2 * DEFAULT_COOLDOWN


TIMES = [
    # what the upstream said, one 429 after the other, and how long the account rests
    ([14 * 3600.0, 10.0], 14 * 3600.0),
    ([10.0, 14 * 3600.0], 14 * 3600.0),
    ([10.0, None], 10.0),
    ([None, 10.0], 10.0),
    ([30 * 86400.0], WEEK),
]


@pytest.mark.parametrize(("said", "rest"), TIMES)
def test_of_several_times_the_later_one_that_the_upstream_gave_counts(said: list[float | None], rest: float) -> None:
    cooldowns = Cooldowns(Clock())
    for seconds in said:
        cooldowns.rest("a", MODEL, seconds, "429")
    assert left(cooldowns) == rest


def test_an_answer_ends_a_rest_for_its_model() -> None:
    cooldowns = Cooldowns(Clock())
    cooldowns.rest("a", MODEL, 500, "429")
    cooldowns.rest("a", "other", 500, "429")
    cooldowns.served("a", MODEL)
    assert (left(cooldowns), left(cooldowns, model="other")) == (None, 500)


def test_an_answer_that_was_asked_for_before_the_rest_does_not_end_it() -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    early = clock.now
    clock.now += 1
    cooldowns.rest("a", MODEL, 500, "429")
    clock.now += 1
    cooldowns.served("a", MODEL, early)
    assert left(cooldowns) == 499
    cooldowns.served("a", MODEL, clock.now)
    assert left(cooldowns) is None


def resting(cooldowns: Cooldowns, accounts: str) -> str:
    return "".join(account for account in accounts if cooldowns.rest_of(account, MODEL))


def test_a_limit_that_all_share_does_not_cool_them_all() -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    for account in "abcdef":
        cooldowns.rest(account, MODEL, None, "429")
    assert resting(cooldowns, "abcdef") == "abc"
    cooldowns.rest("d", "other", None, "429")
    assert cooldowns.rest_of("d", "other"), "another model has a limit of its own"
    cooldowns.rest("e", MODEL, 5, "429")
    assert resting(cooldowns, "abcdef") == "abce", "who is told how long rests"
    cooldowns.served("f", MODEL)
    cooldowns.rest("d", MODEL, None, "429")
    assert resting(cooldowns, "abcdef") == "abcde", "after an answer it is no limit of all"
    clock.now += 1000
    for account in "fedcba":
        cooldowns.rest(account, MODEL, None, "429")
    assert resting(cooldowns, "abcdef") == "def", "those whose rest has ended make room"


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 2000)), max_size=40))
def test_unexplained_429s_never_cool_more_than_a_few(events: list[tuple[str, float]]) -> None:
    clock = Clock()
    cooldowns = Cooldowns(clock)
    for account, pause in events:
        cooldowns.rest(account, MODEL, None, "429")
        assert 1 <= len(resting(cooldowns, "abcdefgh")) <= MAX_UNEXPLAINED
        clock.now += pause


# --- over restarts


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "state.db")
    yield made
    made.close()


def start(database: Database, wall: Clock) -> tuple[Cooldowns, Clock]:
    """The cooldowns of a process that starts: its own clock begins anywhere."""
    clock = Clock(wall.now % 977)
    cooldowns = Cooldowns(clock)
    state = StateStore(database, clock=wall)
    cooldowns.keep_in(state, state.cooldowns())
    return cooldowns, clock


RESTARTS = [
    # seconds of rest, how much later (by the wall clock) the next start is, what is left then
    (600.0, 0.0, 600.0),
    (600.0, 100.0, 500.0),
    (600.0, 700.0, None),
    (600.0, -5000.0, 600.0),
    (30 * 86400.0, 86400.0, WEEK - 86400.0),
]


@pytest.mark.parametrize(("rest", "later", "expected"), RESTARTS)
def test_a_rest_survives_a_restart(database: Database, rest: float, later: float, expected: float | None) -> None:
    wall = Clock(1_800_000_000.0)
    before, _ = start(database, wall)
    before.rest("a", MODEL, rest, "429 quota")
    wall.now += later
    after, _ = start(database, wall)
    assert left(after) == (expected if expected is None else pytest.approx(expected))
    assert left(after, "b") is None


def test_the_reason_and_the_strikes_survive(database: Database) -> None:
    wall = Clock(1_800_000_000.0)
    before, clock = start(database, wall)
    before.rest("a", MODEL, None, "429 RESOURCE_EXHAUSTED")
    clock.now += DEFAULT_COOLDOWN
    before.rest("a", MODEL, None, "429 RESOURCE_EXHAUSTED")
    after, clock = start(database, wall)
    rest = after.rest_of("a", MODEL)
    assert rest
    assert rest.reason == "429 RESOURCE_EXHAUSTED"
    clock.now += 2 * DEFAULT_COOLDOWN
    after.rest("a", MODEL, None, "429")
    assert left(after) == 4 * DEFAULT_COOLDOWN


def test_what_has_served_is_not_kept(database: Database) -> None:
    wall = Clock(1_800_000_000.0)
    before, _ = start(database, wall)
    before.rest("a", MODEL, 600, "429")
    before.rest("b", MODEL, 600, "429")
    before.served("a", MODEL)
    before.release("b")
    assert start(database, wall)[0].all() == []


def test_going_on_in_another_file_takes_the_rests_along(tmp_path: Path) -> None:
    wall = Clock(1_800_000_000.0)
    one, two = Database(tmp_path / "one.db"), Database(tmp_path / "two.db")
    start(two, wall)[0].rest("b", MODEL, 50, "429")
    cooldowns, _ = start(one, wall)
    cooldowns.rest("a", MODEL, 600, "429")
    state = StateStore(two, clock=wall)
    cooldowns.keep_in(state, state.cooldowns())
    assert (left(cooldowns), left(cooldowns, "b")) == (600, 50)
    one.close()
    after, _ = start(two, wall)
    assert (left(after), left(after, "b")) == (600, 50)
    two.close()


@given(st.floats(0, 1e9), st.floats(0, 4e9), st.floats(0, 4e9))
def test_no_clock_makes_a_rest_longer(rest: float, then: float, now: float) -> None:
    database, wall = Database(None), Clock(then)
    try:
        start(database, wall)[0].rest("a", MODEL, rest, "429")
        wall.now = now
        found = left(start(database, wall)[0])
        assert found is None or 0 < found <= min(rest, LONGEST_REST) + 1e-3
    finally:
        database.close()


def test_the_cause_and_what_was_said_survive(database: Database) -> None:
    wall = Clock(1_800_000_000.0)
    before, _ = start(database, wall)
    before.rest("a", MODEL, 3600.0, "404 NOT_FOUND", Cause.CLOSED, "This model is closed to new users.")
    after, _ = start(database, wall)
    rest = after.rest_of("a", MODEL)
    assert rest
    assert (rest.cause, rest.said) == (Cause.CLOSED, "This model is closed to new users.")


def test_models_that_clients_make_up_do_not_pile_up() -> None:
    cooldowns = Cooldowns(Clock())
    cooldowns.rest("a", MODEL, 30, "429")
    for n in range(2 * MAX_RESTS):
        cooldowns.rest("a", f"made-up-{n}", 3600, "404", Cause.CLOSED)
    assert len(cooldowns.all()) <= MAX_RESTS
    assert left(cooldowns) == 30
