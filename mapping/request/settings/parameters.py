"""Reading request parameters: their JSON types, their ranges, and what to do with those that Gemini does not have.

Rules that this module keeps:

* An explicit null is an absent parameter.
* A boolean is not a number, and a decimal is not an integer.
* A wrong type or value is a 400 whose `param` is the path of the parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.values import JSON, Options

_UNREAD = 2**63
"""From here on integers are decimals by the time they have been read; see `jsonio`."""


def string(value: Any, path: str) -> str | None:
    """A string, or None when the parameter is absent. Anything else is 400 `invalid_type`."""
    if value is None or isinstance(value, str):
        return value
    raise faults.wrong_type(path, "a string", value)


def boolean(value: Any, path: str) -> bool | None:
    """A boolean, or None when the parameter is absent. Anything else is 400 `invalid_type`."""
    if value is None or isinstance(value, bool):
        return value
    raise faults.wrong_type(path, "a boolean", value)


def integer(value: Any, path: str, low: float | None = None, high: float | None = None) -> int | None:
    """An integer from `low` to `high` (both included), or None when the parameter is absent."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float) and abs(value) >= _UNREAD:
            check_range(value, path, -_UNREAD, _UNREAD - 1, "integer")
        raise faults.wrong_type(path, "an integer", value)
    check_range(value, path, low, high, "integer")
    return value


def number(value: Any, path: str, low: float | None = None, high: float | None = None) -> int | float | None:
    """A number from `low` to `high` (both included), or None when the parameter is absent."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise faults.wrong_type(path, "a number", value)
    check_range(value, path, low, high, "number")
    return value


def json_object(value: Any, path: str) -> JSON | None:
    """An object, or None when the parameter is absent. Anything else is 400 `invalid_type`."""
    if value is None or isinstance(value, dict):
        return value
    raise faults.wrong_type(path, "an object", value)


def array(value: Any, path: str) -> list[Any] | None:
    """An array, or None when the parameter is absent. Anything else is 400 `invalid_type`."""
    if value is None or isinstance(value, list):
        return value
    raise faults.wrong_type(path, "an array", value)


def one_of(value: Any, path: str, supported: Collection[str]) -> str | None:
    """One of the supported strings, or None when the parameter is absent. Others are 400 `invalid_value`."""
    text = string(value, path)
    if text is None or text in supported:
        return text
    raise faults.bad_value(path, f"Invalid value: '{text}'. Supported values are: {quoted(supported)}.")


def quoted(names: Collection[str]) -> str:
    """The names as OpenAI's messages list them: 'a', 'b' and 'c'."""
    items = [f"'{name}'" for name in names]
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}"


def check_range(value: float, path: str, low: float | None, high: float | None, kind: str) -> None:
    """Raise 400 `invalid_value`, in OpenAI's words, when the value is outside of the range."""
    if low is not None and value < low:
        raise faults.bad_value(
            path, f"Invalid '{path}': {kind} below minimum value. Expected a value >= {low}, but got {value} instead."
        )
    if high is not None and value > high:
        raise faults.bad_value(
            path, f"Invalid '{path}': {kind} above maximum value. Expected a value <= {high}, but got {value} instead."
        )


def leave_out(path: str, notes: Notes, options: Options, code: str = "ignored") -> None:
    """Leave a parameter out with a note, or refuse it (400 `unsupported_parameter`) when the settings are strict."""
    if options.strict:
        raise faults.unsupported_parameter(path, f"Unsupported parameter: '{path}' is not supported with this model.")
    notes.add(code, path)


def note_unknown(given: JSON, path: str, known: Collection[str], notes: Notes) -> None:
    """Note the members of an object, found at `path`, that are not read: they would be lost without a word."""
    for name, value in given.items():
        if value is not None and name not in known:
            notes.add("ignored", f"{path}.{name[:40]}")


@dataclass(frozen=True, slots=True)
class Unused:
    """A parameter that has no equivalent at Gemini and whose loss the client may notice."""

    type: type
    """The Python type of its JSON type."""
    values: tuple[str, ...] = ()
    """The strings that OpenAI takes; empty: any."""
    harmless: tuple[Any, ...] = ()
    """Values that ask for nothing, so that ignoring them loses nothing."""


_READERS: Mapping[type, Callable[[Any, str], object]] = {
    str: string,
    bool: boolean,
    int: integer,
    dict: json_object,
    list: array,
}


def check_unused(body: JSON, known: Mapping[str, Unused | None], notes: Notes, options: Options) -> None:
    """Note, or refuse when strict, what the request holds beyond what is translated.

    `known` has every parameter of the dialect: None for those that are translated or may be ignored without a word.
    Members that are not known at all are noted too, as a misspelt parameter would otherwise be lost silently.
    """
    for name, value in body.items():
        if value is None:
            continue
        if name not in known:
            leave_out(name, notes, options)
            continue
        rule = known[name]
        if rule is not None:
            _READERS[rule.type](value, name)
            if rule.values:
                one_of(value, name, rule.values)
            if value not in rule.harmless:
                leave_out(name, notes, options)
