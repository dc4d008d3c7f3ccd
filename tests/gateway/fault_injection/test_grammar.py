"""Orders of faults as text."""

from __future__ import annotations

import pytest

from addons.gateway.fault_injection.grammar import KINDS, STATUS, OrderError, parse, shown


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("429", ["429"]),
        ("429;retry-after=2", ["429;retry-after=2"]),
        (" 429 ; retry-after = 500ms ", ["429;retry-after=0.5"]),
        ("429;quota=day, ok", ["429;quota=day", "ok"]),
        ("ok, cut;after=1, OK", ["ok", "cut;after=1", "ok"]),
        ("ok;id=7, 503;id=7", ["ok", "503"]),
        ("delay;seconds=1m + 503", ["delay;seconds=60 + 503"]),
        ("cut", ["cut;after=3"]),
        ("cut;after=0", ["cut;after=0"]),
        ("stall;seconds=2", ["stall;after=3;seconds=2"]),
        ("usage;times=2, usage", ["usage;times=2", "usage;times=10"]),
    ],
)
def test_an_order_is_a_list_of_turns(text: str, turns: list[str]) -> None:
    assert [shown(turn) for turn in parse(text)] == turns


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {STATUS}))
def test_each_kind_is_shown_as_it_is_ordered(kind: str) -> None:
    (turn,) = parse(kind)
    assert parse(shown(turn)) == (turn,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no kind of fault. There are: a status from 400 to 599, delay, "),
        ("42", "'42' is no kind of fault."),
        ("399", "'399' is no kind of fault."),
        ("status", "'status' is no kind of fault."),
        ("429,", "'' is no kind of fault."),
        ("429 + ok", "'ok' is no kind of fault."),
        ("cut + cut", "a request meets each kind of fault once at most."),
        ("429;retry-after", "429;retry-after is a number such as 2 or 0.5, not ''."),
        ("429;retry-after=-1", "429;retry-after is a number"),
        ("429;retry-after=1e3", "429;retry-after is a number"),
        ("429;quota=week", "429 has no option quota=week; it takes retry-after=<number>, quota=day."),
        ("empty;after=3", "empty has no option after=3; it takes no options."),
        ("ok;after=3", "ok has no option after=3; it takes no options."),
        ("cut;after=1;after=2", "cut has after twice."),
        ("429;" * 1000, "at most 1000 characters"),
        ("ok," * 100 + "429", "at most 100 turns"),
    ],
)
def test_what_is_no_order_is_said(text: str, said: str) -> None:
    with pytest.raises(OrderError) as raised:
        parse(text)
    assert said in str(raised.value)
