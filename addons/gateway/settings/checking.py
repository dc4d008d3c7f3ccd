"""Whether values, as TOML and JSON have them, are what the types of a dataclass say.

pydantic does that and more, but it took a tenth of the start, and 8 MB for as long as the gateway ran.

* A value is taken if it is of its own kind alone: `true` is no number, and `"1"` neither. A whole number is a number.
* `Annotated` says more: `Before` reads other forms, `After` refuses values, or makes something of them.
* All faults of a value are found, each with its place. None shows a value, which may be a secret.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeAliasType, get_args, get_origin, get_type_hints

from addons.gateway.settings.secret import Secret

type Place = tuple[int | str, ...]
"""The names and numbers that lead to a value."""
type Check = Callable[[Any], Any]
"""Makes what is used of what the file says. Raises BadValue."""

UNKNOWN = "no such setting"
"""What is said of a name that a table does not have."""


class BadValue(Exception):
    """A value is not what it has to be. `faults`: what is wrong, and where in the value."""

    def __init__(self, faults: list[tuple[Place, str]]) -> None:
        super().__init__()
        self.faults = faults


class Strict:
    """A table in which a name that it does not have is a fault. Others may be written by a later version."""


@dataclass(slots=True, eq=False)
class Before:
    """A function that is given the value as it stands. It may raise ValueError, whose text is for people."""

    function: Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class After:
    """A function that is given a value of the right type. It may raise ValueError, whose text is for people."""

    function: Callable[[Any], Any]


@dataclass(slots=True, eq=False)
class Otherwise:
    """A function that makes what is used in place of a value that is refused."""

    make: Callable[[], Any]


def bound(holds: Callable[[Any], bool], words: str) -> After:
    """What a value has to be beside its type."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise ValueError(f"Input should be {words}")
        return value

    return After(check)


NOT_NEGATIVE = bound(lambda value: value >= 0, "greater than or equal to 0")
FINITE = bound(math.isfinite, "a finite number")


@cache
def check_of(kind: Any) -> Check:
    """The check of a type."""
    if isinstance(kind, TypeAliasType):
        return check_of(kind.__value__)
    if hasattr(kind, "__metadata__"):
        check = check_of(kind.__origin__)
        for marker in kind.__metadata__:
            check = _annotated(check, marker)
        return check
    if is_dataclass(kind):
        return _table(kind)
    if kind in _SIMPLE:
        types, make, words = _SIMPLE[kind]
        return _simple(types, make, words)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _one_of(inner)
    if origin is list:
        return _list(check_of(inner[0]))
    if origin is tuple:
        return _tuple([check_of(one) for one in inner if one is not ...], any_number=... in inner)
    if origin is dict:
        return _dict(check_of(inner[0]), check_of(inner[1]))
    [some] = [one for one in inner if one is not NoneType]  # of a union; any other type is a fault of the program
    return _unless_none(check_of(some))


def _simple(types: tuple[type, ...], make: Check, words: str) -> Check:
    def check(value: Any) -> Any:
        if type(value) not in types:
            raise BadValue([((), words)])
        try:
            return make(value)
        except OverflowError:
            raise BadValue([((), words)]) from None

    return check


_SIMPLE: dict[Any, tuple[tuple[type, ...], Check, str]] = {
    bool: ((bool,), bool, "Input should be a valid boolean"),
    int: ((int,), int, "Input should be a valid integer"),
    float: ((float, int), float, "Input should be a valid number"),
    str: ((str,), str, "Input should be a valid string"),
    Secret: ((str,), Secret, "Input should be a valid string"),
    Path: ((str,), Path, "a path is expected"),
    Decimal: ((Decimal,), Decimal, "Input should be a valid decimal"),
}
"""Type -> the types that TOML gives for it, what is made of them, what is said of others."""


def _one_of(words: tuple[str | int, ...]) -> Check:
    *some, last = map(repr, words)
    said = f"Input should be {', '.join(some)} or {last}" if some else f"Input should be {last}"

    def check(value: Any) -> Any:
        if not any(type(value) is type(word) and value == word for word in words):
            raise BadValue([((), said)])
        return value

    return check


def _unless_none(inner: Check) -> Check:
    def check(value: Any) -> Any:
        return None if value is None else inner(value)

    return check


def _annotated(inner: Check, marker: Before | After | Otherwise) -> Check:
    if isinstance(marker, Otherwise):
        return _otherwise(inner, marker.make)
    function = marker.function

    def call(value: Any) -> Any:
        try:
            return function(value)
        except ValueError as e:
            raise BadValue([((), str(e))]) from None

    if isinstance(marker, Before):
        return lambda value: inner(call(value))
    return lambda value: call(inner(value))


def _otherwise(inner: Check, make: Callable[[], Any]) -> Check:
    def check(value: Any) -> Any:
        try:
            return inner(value)
        except BadValue:
            return make()

    return check


def _list(inner: Check) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise BadValue([((), "Input should be a valid list")])
        faults: list[tuple[Place, str]] = []
        made = [_within(number, inner, one, faults) for number, one in enumerate(value)]
        return _unless(faults, made)

    return check


def _tuple(inner: list[Check], *, any_number: bool) -> Check:
    every = _list(inner[0])

    def check(value: Any) -> tuple[Any, ...]:
        if any_number:
            return tuple(every(value))
        if not isinstance(value, (list, tuple)) or len(value) != len(inner):
            raise BadValue([((), f"Input should be a list of {len(inner)}")])
        faults: list[tuple[Place, str]] = []
        made = [_within(number, inner[number], one, faults) for number, one in enumerate(value)]
        return tuple(_unless(faults, made))

    return check


def _dict(name: Check, inner: Check) -> Check:
    def check(value: Any) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise BadValue([((), "a table is expected")])
        faults: list[tuple[Place, str]] = []
        made = {_within(key, name, key, faults): _within(key, inner, one, faults) for key, one in value.items()}
        return _unless(faults, made)

    return check


def _table(kind: Any) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    members = {one.name: one for one in fields(kind)}

    def check(value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise BadValue([((), "a table is expected")])
        faults: list[tuple[Place, str]] = []
        made: dict[str, Any] = {}
        for name, member in members.items():
            if name in value:
                made[name] = _within(name, check_of(hints[name]), value[name], faults)
            elif member.default is MISSING and member.default_factory is MISSING:
                faults.append(((name,), "Field required"))
        if issubclass(kind, Strict):
            faults += [((name,), UNKNOWN) for name in value if name not in members]
        return _unless(faults, None) or kind(**made)

    return check


def _within(name: int | str, check: Check, value: Any, faults: list[tuple[Place, str]]) -> Any:
    """What a part of a value is made into. Its faults are added to the others."""
    try:
        return check(value)
    except BadValue as e:
        faults += [((name, *place), words) for place, words in e.faults]
        return None


def _unless[T](faults: list[tuple[Place, str]], made: T) -> T:
    if faults:
        raise BadValue(faults)
    return made
