"""Where two JSON values differ.

Rules of this module:

* A path is a tuple of member names and indices; a `range` at its end stands for the elements in a row that it counts.
* Of two lists, what begins and ends alike is set against each other; the middles are what differs.
* True and 1 are not the same, nor are 1 and 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping import jsonio

type Step = str | int | range
type Path = tuple[Step, ...]


@dataclass(slots=True)
class Difference:
    """What a value has, and another one has not or otherwise."""

    lost: list[Path] = field(default_factory=list)
    """Paths in the first value that the second has not, or has with another value."""
    gained: list[Path] = field(default_factory=list)
    """Paths in the second value that the first has not."""
    blurred: bool = False
    """Lists differ so much that `lost` may name more than what is gone."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.gained)


def difference(value: Any, other: Any) -> Difference:
    """Compare two JSON values."""
    found = Difference()
    try:
        _compare(value, other, (), found)
        if not found and jsonio.dumps(value) != jsonio.dumps(other):
            found.lost.append(())  # numbers that Python holds to be equal
    except RecursionError:
        found.lost.append(())
        found.blurred = True
    return found


def at(value: Any, path: Path) -> Any:
    """What stands at a path, which has to be there; the list of the elements for a range."""
    for step in path:
        value = value[step.start : step.stop] if isinstance(step, range) else value[step]
    return value


def dotted(path: Path) -> str:
    """`tools[0].name`, `contents[2..5]`."""
    text = ""
    for step in path:
        if isinstance(step, str):
            text += f".{step}" if text else step
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f"[{step.start}..{step.stop - 1}]"
    return text


def _compare(value: Any, other: Any, path: Path, found: Difference) -> None:
    if _same(value, other):
        return
    if isinstance(value, dict) and isinstance(other, dict):
        for name, member in value.items():
            if name in other:
                _compare(member, other[name], (*path, name), found)
            else:
                found.lost.append((*path, name))
        found.gained += [(*path, name) for name in other if name not in value]
    elif isinstance(value, list) and isinstance(other, list):
        _compare_lists(value, other, path, found)
    else:
        found.lost.append(path)


def _compare_lists(value: list[Any], other: list[Any], path: Path, found: Difference) -> None:
    shorter = min(len(value), len(other))
    head = _alike(value, other, shorter)
    tail = _alike(value[::-1], other[::-1], shorter - head)
    mine, others = len(value) - head - tail, len(other) - head - tail
    if mine == others:
        for index in range(head, head + mine):
            _compare(value[index], other[index], (*path, index), found)
    elif mine:
        found.lost.append((*path, _span(head, mine)))
        found.blurred = found.blurred or bool(others)
    else:
        found.gained.append((*path, _span(head, others)))


def _alike(value: Sequence[Any], other: Sequence[Any], most: int) -> int:
    """How many elements at the beginning are the same."""
    for count in range(most):
        if not _same(value[count], other[count]):
            return count
    return most


def _same(value: Any, other: Any) -> bool:
    return value is other or (type(value) is type(other) and bool(value == other))


def _span(start: int, count: int) -> Step:
    return start if count == 1 else range(start, start + count)
