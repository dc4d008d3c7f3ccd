"""Members of messages and items that have to be there, and errors that name the one that is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.request.settings import parameters
from mapping.values import JSON


def objects(value: Any, path: str, expected: str = "an array") -> list[tuple[JSON, str]]:
    """The objects of an array, each with its path. `expected` is what an error says there may be."""
    if not isinstance(value, list):
        raise faults.wrong_type(path, expected, value)
    items = []
    for i, item in enumerate(value):
        if not isinstance(item, dict):
            raise faults.wrong_type(f"{path}[{i}]", "an object", item)
        items.append((item, f"{path}[{i}]"))
    return items


def present(value: Any, path: str) -> Any:
    """The value, which is not null."""
    if value is None:
        raise faults.missing(path)
    return value


def string(holder: JSON, name: str, path: str) -> str:
    """The member `name` of the object at `path`, a string."""
    value = holder.get(name)
    if isinstance(value, str):
        return value
    raise faults.missing(f"{path}.{name}") if value is None else faults.wrong_type(f"{path}.{name}", "a string", value)


def json_object(holder: JSON, name: str, path: str) -> JSON:
    """The member `name` of the object at `path`, an object."""
    value = holder.get(name)
    if isinstance(value, dict):
        return value
    raise faults.missing(f"{path}.{name}") if value is None else faults.wrong_type(f"{path}.{name}", "an object", value)


def unknown(value: Any, path: str, supported: Iterable[str]) -> Fault:
    """The error for a role or type that is missing, no string, or none of those there are."""
    if value is None:
        return faults.missing(path)
    if not isinstance(value, str):
        return faults.wrong_type(path, "a string", value)
    return faults.bad_value(
        path, f"Invalid value: '{value}'. Supported values are: {parameters.quoted(tuple(supported))}."
    )
