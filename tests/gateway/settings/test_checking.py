"""addons.gateway.settings.checking and kinds: which values are taken, and what is said of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from addons.gateway.settings import kinds
from addons.gateway.settings.checking import BadValue, Strict, check_of
from addons.gateway.settings.secret import Secret


@dataclass(kw_only=True)
class Inner(Strict):
    """A table."""

    name: str
    numbers: list[int] = field(default_factory=list)


@dataclass
class Outer:
    """Written by any version."""

    inner: dict[str, Inner]
    pair: tuple[str, int] = ("", 0)
    many: tuple[float, ...] = ()
    word: Literal["a", "b"] | None = None


def faults(kind: Any, value: Any) -> list[tuple[Any, str]]:
    with pytest.raises(BadValue) as e:
        check_of(kind)(value)
    return e.value.faults


@pytest.mark.parametrize(
    ("kind", "good", "bad", "said"),
    [
        (bool, [True, False], [0, 1, 1.0, "true", None], "Input should be a valid boolean"),
        (int, [0, -3, 10**30], [True, 1.0, "1", None, []], "Input should be a valid integer"),
        (float, [0.5, 2, float("inf")], [True, "1", None, 10**400], "Input should be a valid number"),
        (str, ["", "x"], [1, b"x", None, ["x"]], "Input should be a valid string"),
        (list[int], [[], [1]], [0, "x", {}, None], "Input should be a valid list"),
        (dict[str, int], [{}, {"a": 1}], [[], "x", None], "a table is expected"),
        (Literal["a", "b", "c"], ["a", "c"], ["d", 1, None, []], "Input should be 'a', 'b' or 'c'"),
        (Literal[1], [1], [True, 1.0, "1"], "Input should be 1"),
        (int | None, [None, 1], ["1"], "Input should be a valid integer"),
        (kinds.Attempts, [1, 20], [21], "Input should be less than or equal to 20"),
        (kinds.Deadline, [0.1], [0, -0.0, "0s"], "Input should be greater than 0"),
        (kinds.Dollars, [1], [float("nan"), float("inf")], "Input should be a finite number"),
        (kinds.Probability, [0, 1], [-1, float("nan")], "Input should be greater than or equal to 0"),
    ],
)
def test_types(kind: Any, good: list[Any], bad: list[Any], said: str) -> None:
    for value in good:
        assert check_of(kind)(value) == value
    for value in bad:
        assert faults(kind, value) == [((), said)]


def test_all_faults_are_found_with_their_places() -> None:
    value = {
        "inner": {"x": {"name": 1, "numbers": [1, "2", 3, None], "nmae": 2}, "y": {}},
        "pair": ["a"], "many": [1, "b"], "word": "c", "further": 1,
    }  # fmt: skip
    assert faults(Outer, value) == [
        (("inner", "x", "name"), "Input should be a valid string"),
        (("inner", "x", "numbers", 1), "Input should be a valid integer"),
        (("inner", "x", "numbers", 3), "Input should be a valid integer"),
        (("inner", "x", "nmae"), "no such setting"),
        (("inner", "y", "name"), "Field required"),
        (("pair",), "Input should be a list of 2"),
        (("many", 1), "Input should be a valid number"),
        (("word",), "Input should be 'a' or 'b'"),
    ]


def test_what_is_good_is_made_into_the_types() -> None:
    value = {"inner": {"x": {"name": "n", "numbers": (1, 2)}}, "pair": ["a", 1], "many": [1], "word": None, "later": 1}
    assert check_of(Outer)(value) == Outer({"x": Inner(name="n", numbers=[1, 2])}, ("a", 1), (1.0,), None)
    assert check_of(kinds.Secrets)("k") == [Secret("k")]
    assert check_of(kinds.UserPath)("a/b") == Path("a/b")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (0, 0), (10**25, 10**25), ("5", 5), ("5b", 5), ("1k", 1000), ("1 kB", 1000), ("1.5 MiB", 1.5 * 2**20),
        (" 256MB ", 256 * 10**6), (".5g", 5 * 10**8), ("2TiB", 2**41), ("1eb", 10**18), ("1pib", 2**50),
    ],
)  # fmt: skip
def test_sizes(text: Any, size: int) -> None:
    assert check_of(kinds.Size)(text) == size


@pytest.mark.parametrize(
    "text", [-1, 1.0, True, "", "MB", "1 x", "1ib", "1i", "1 kbb", "1 MB more", "-1", "1e3", "9" * 400, []]
)
def test_what_is_no_size(text: Any) -> None:
    [(_, said)] = faults(kinds.Size, text)
    assert "256MB" in said or "so many bytes" in said


def test_prices() -> None:
    check = check_of(kinds.ModelPrices)
    assert check({"a": {"input": " 0.10 ", "output": 2.5, "batch": 1}})["a"] == {
        "input": Decimal("0.10"), "output": Decimal("2.5"), "batch": Decimal(1),
    }  # fmt: skip
    for price, said in (
        (True, "Decimal input"),
        ("x", "valid decimal"),
        ("nan", "finite"),
        (float("inf"), "finite"),
        (-1, "equal to 0"),
    ):
        [(place, words)] = faults(kinds.ModelPrices, {"a": {"input": price}})
        assert place == ("a", "input")
        assert said in words
