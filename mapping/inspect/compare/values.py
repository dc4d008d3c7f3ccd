"""Two JSON values, by structure: what one has, what the other has, and where they differ.

Rules of this module:

* The order of members never counts. That of elements does, but not of a schema's lists that are sets (`schemas`).
* Elements that have names of their own (tools) are set against each other by name, and others by what they are.
* True and 1 are not the same, nor are 1 and 1.0.
* Ids and times of answers differ in every two answers; they are `passing`, and are counted but not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from mapping import jsonio
from mapping.inspect.compare import schemas
from mapping.inspect.explain_diff import Path
from mapping.inspect.transcript import members


class Absent:
    """What is not there; null would be something."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()

_MANY = 2000
"""Elements of a list that are set against each other by what they are; of longer ones by their places."""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A place where two values differ. The path is that of the second value, or where that has nothing, the first's."""

    path: Path
    before: Any
    """ABSENT: only the second value has it."""
    after: Any
    """ABSENT: only the first value has it."""
    passing: bool = False


def changes(before: Any, after: Any, passing: frozenset[str] = frozenset()) -> list[ValueChange]:
    """Every place where two JSON values differ. `passing`: names of members that differ in any two values."""
    try:
        return list(_changes(before, after, (), passing))
    except RecursionError:
        return [ValueChange((), before, after)]


def _changes(before: Any, after: Any, path: Path, passing: frozenset[str]) -> Iterator[ValueChange]:
    if _is_schema(path, before, after):
        yield from _schema_changes(schemas.meaning(before), schemas.meaning(after), path)
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in (*before, *(name for name in after if name not in before)):
            yield from _changes(before.get(name, ABSENT), after.get(name, ABSENT), (*path, name), passing)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_changes(before, after, path, passing)
    elif not same(before, after):
        yield ValueChange(path, before, after, _is_passing(path, passing))


def _is_passing(path: Path, passing: frozenset[str]) -> bool:
    names = [step for step in path if isinstance(step, str)]
    return bool(names) and names[-1] in passing


def _is_schema(path: Path, before: Any, after: Any) -> bool:
    return bool(path) and path[-1] in schemas.MEMBERS and isinstance(before, dict) and isinstance(after, dict)


def _schema_changes(before: Any, after: Any, path: Path) -> Iterator[ValueChange]:
    """Of schemas in the form of their meaning: lists are sets there, so only what one has and the other has not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in (*before, *(name for name in after if name not in before)):
            yield from _schema_changes(before.get(name, ABSENT), after.get(name, ABSENT), (*path, name))
    elif isinstance(before, list) and isinstance(after, list):
        known, now = {_key(one): one for one in before}, {_key(one): one for one in after}
        gone = [one for key, one in known.items() if key not in now]
        come = [one for key, one in now.items() if key not in known]
        if gone or come:
            yield ValueChange(path, gone or ABSENT, come or ABSENT)
    elif not same(before, after):
        yield ValueChange(path, before, after)


def _list_changes(before: list[Any], after: list[Any], path: Path, passing: frozenset[str]) -> Iterator[ValueChange]:
    first, second = _by_name(before), _by_name(after)
    if first and second:
        for name in (*first, *(name for name in second if name not in first)):
            yield from _changes(first.get(name, ABSENT), second.get(name, ABSENT), (*path, name), passing)
        if (order := [name for name in first if name in second]) != [name for name in second if name in first]:
            yield ValueChange((*path, "order"), order, [name for name in second if name in first])
        return
    for mine, others in _aligned(before, after):
        kinds = [[_kind(one) for one in before[mine]], [_kind(one) for one in after[others]]]
        if kinds[0] == kinds[1]:
            for one, other in zip(_indices(mine), _indices(others), strict=True):
                yield from _changes(before[one], after[other], (*path, other), passing)
            continue
        for index in _indices(mine):
            yield ValueChange((*path, index), before[index], ABSENT)
        for index in _indices(others):
            yield ValueChange((*path, index), ABSENT, after[index])


def _indices(part: slice) -> range:
    """Of a slice that names its ends."""
    return range(part.start, part.stop)


def _aligned(before: list[Any], after: list[Any]) -> Iterator[tuple[slice, slice]]:
    """The parts of two lists that differ."""
    if max(len(before), len(after)) > _MANY:
        yield slice(0, len(before)), slice(0, len(after))
        return
    matcher = SequenceMatcher(None, list(map(_key, before)), list(map(_key, after)), autojunk=False)
    for op, a, b, c, d in matcher.get_opcodes():
        if op == "equal":
            continue
        # What stands in the place of something else is a change of it, as far as the kinds agree.
        met = 0
        while met < min(b - a, d - c) and _kind(before[a + met]) == _kind(after[c + met]):
            met += 1
        if met:
            yield slice(a, a + met), slice(c, c + met)
        if a + met < b or c + met < d:
            yield slice(a + met, b), slice(c + met, d)


def _by_name(elements: Sequence[Any]) -> dict[str, Any]:
    """The elements by their names; empty where one has none, or two have the same."""
    found: dict[str, Any] = {}
    for one in elements:
        name = members(one).get("name") or members(members(one).get("function")).get("name")
        if not isinstance(name, str) or name in found or "role" in one:
            return {}
        found[name] = one
    return found


def _kind(value: Any) -> tuple[Any, ...]:
    """Two of one kind are taken for the same thing, changed."""
    told = members(value)
    return type(value).__name__, told.get("role"), told.get("type"), *sorted(told.keys() & _TELLING)


_TELLING = frozenset({"text", "functionCall", "functionResponse", "inlineData", "fileData", "function_declarations"})
"""Members that say what a part of Gemini's is."""


def same(value: Any, other: Any) -> bool:
    """Whether two JSON values are the same, whatever the order of their members."""
    return value is other or (
        not isinstance(value, Absent) and not isinstance(other, Absent) and _key(value) == _key(other)
    )


def _key(value: Any) -> bytes:
    return jsonio.dumps(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value
