"""addons.gateway.storage.bounded: what is remembered for a while."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.storage.bounded import Bounded


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_oldest_goes_first_and_looking_keeps_nothing() -> None:
    known: Bounded[str, int] = Bounded(2)
    for number, key in enumerate("abc"):
        known.put(key, number)
        known.get("a")
    assert [known.get(key) for key in "abcd"] == [None, 1, 2, None]
    assert len(known) == 2


def test_what_is_used_or_put_in_again_stays() -> None:
    known: Bounded[str, int] = Bounded(2)
    known.put("a", 1)
    known.put("b", 2)
    assert known.use("a") == 1
    known.put("c", 3)
    assert (known.get("a"), known.use("b")) == (1, None)
    known.put("a", 4)
    known.put("d", 5)
    assert (known.get("a"), known.get("c")) == (4, None)


def test_it_is_good_for_a_while_from_when_it_was_put_in() -> None:
    clock = Clock()
    known: Bounded[str, int] = Bounded(9, seconds=10, clock=clock)
    known.put("a", 1)
    known.put("b", 2)
    clock.now = 9.9
    assert (known.get("a"), known.use("a")) == (1, 1)
    clock.now = 10
    assert (known.get("a"), known.use("b")) == (None, None)
    assert len(known) == 0


def test_it_is_good_for_a_while_from_its_last_use() -> None:
    clock = Clock()
    known: Bounded[str, int] = Bounded(9, seconds=10, idle=True, clock=clock)
    known.put("a", 1)
    known.put("b", 2)
    clock.now = 6
    assert known.use("a") == 1
    clock.now = 12
    assert known.use("a") == 1
    assert len(known) == 1  # the other one went when this was used
    clock.now = 22
    assert known.get("a") is None


def test_the_old_goes_when_something_is_put_in_and_when_it_is_asked_for() -> None:
    clock = Clock()
    known: Bounded[str, int] = Bounded(9, seconds=10, clock=clock)
    known.put("a", 1)
    clock.now = 5
    known.put("b", 2)
    clock.now = 10
    known.put("c", 3)
    assert len(known) == 2
    clock.now = 15
    known.drop_old()
    assert len(known) == 1
    clock.now = 20
    known.drop_old()
    assert len(known) == 0


def test_weight() -> None:
    known: Bounded[str, int] = Bounded(9, most_weight=10)
    for _ in range(100):
        known.put("a", 1, 6)
    known.put("b", 2, 4)
    assert (known.get("a"), known.get("b")) == (1, 2)
    known.put("c", 3, 4)
    assert (known.get("a"), known.get("b"), known.get("c")) == (None, 2, 3)
    known.drop("b")
    known.drop("unknown")
    known.put("d", 4, 6)
    assert (known.get("c"), known.get("d")) == (3, 4)
    known.put("too heavy", 5, 11)
    assert len(known) == 0
    known.put("e", 6, 10)
    assert known.get("e") == 6


@given(
    st.lists(st.tuples(st.sampled_from("pugd"), st.integers(0, 6), st.integers(0, 5), st.floats(0, 4)), max_size=60),
    st.sampled_from([math.inf, 6.0]),
)
def test_as_told_plainly(events: list[tuple[str, int, int, float]], seconds: float) -> None:
    """Against a list of entries, the newest last, from which nothing is taken before it is in the way."""
    clock = Clock()
    known: Bounded[int, int] = Bounded(4, seconds=seconds, idle=True, most_weight=12, clock=clock)
    plain: list[tuple[int, int, float, int]] = []
    for number, (what, key, weight, pause) in enumerate(events):
        clock.now += pause
        plain = [entry for entry in plain if clock.now - entry[2] < seconds]
        found = next((entry for entry in plain if entry[0] == key), None)
        rest = [entry for entry in plain if entry[0] != key]
        if what == "p":
            known.put(key, number, weight)
            plain = [*rest, (key, number, clock.now, weight)]
        elif what == "u":
            assert known.use(key) == (found[1] if found else None)
            plain = [*rest, (*found[:2], clock.now, found[3])] if found else rest
        elif what == "g":
            assert known.get(key) == (found[1] if found else None)
        else:
            known.drop(key)
            plain = rest
        while len(plain) > 4 or sum(entry[3] for entry in plain) > 12:
            plain.pop(0)
        assert len(plain) <= len(known) <= 4
