"""What became of every member of a request or an answer: found out by leaving each out, and translating again.

So it is true of whatever the translation does, and can't go stale. Rules of this module:

* What changes when a member is not there is its effect; when nothing changes it has none.
* Where the translation refuses to do without it, or where it takes its neighbours along (a turn between two others), it
  is altered instead, and where the alteration shows is what became of it.
* Members of members come next, level by level, until the runs are used up. The number of runs depends on the size of
  the body, so that it takes much less than a second. What is not looked into any more is one row, and true as that.
* The rows without children hold every member of the body exactly once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.inspect.explain_diff import Path, Step, at, difference
from mapping.inspect.explain_rows import Explanation, Note, Row, RowPlace
from mapping.notes import Notes
from mapping.values import JSON

type Translate = Callable[[Any, Notes], Any]
"""Translates a body into a JSON value and notes. Raises Fault or UpstreamError for what it refuses."""

_DEEPEST = 7
"""Steps of a path."""
_MOST = 40
"""Members that are looked at one by one of an object or a list."""
_FIRST = 3
"""How many of those are the first ones of a longer list: of a conversation, the last turns matter most."""
_OPENED = 12
"""How many elements of a list are looked into."""

_ONE_PIECE = frozenset(
    [
        "args",
        "arguments",
        "citationMetadata",
        "groundingMetadata",
        "input_schema",
        "logit_bias",
        "logprobsResult",
        "metadata",
        "parameters",
        "parametersJsonSchema",
        "safetyRatings",
        "schema",
        "values",
    ]
)
"""Members that are not looked into: schemas, vectors, and what a client or a model fills as it likes."""

_OTHERS: dict[Any, tuple[str, str]] = {"finishReason": ("MAX_TOKENS", "STOP")}
"""Members of which only known values will do -> two of those."""

_KINDS = frozenset(["role", "type"])
"""Members that say what an object is. With another word it is an unknown one and left out, wherever the word went."""

_TOLD_APART = frozenset(["generationConfig", "thinkingConfig"])
"""Objects in the result that are only named by their members, which have nothing to do with each other."""

_RUNS = (12, 1200)
FEWEST_RUNS = _RUNS[0]
"""How many are made of the largest body."""
ALL_RUNS = 700_000
"""What all runs may cost together, in about microseconds."""
_PER_RUN = 60
_PER_VALUE = 1.0
_PER_KB = 1.5

_LETTER = re.compile(r"[A-Za-z0-9]")


def explain(body: Any, translate: Translate, cost: int = ALL_RUNS) -> Explanation:
    """Find out what became of every member of `body`. Raises nothing but what `translate` is not to raise.

    `cost`: what all runs may cost together, in about microseconds; with less fewer members are told one by one.
    """
    runs = _Runs(body, translate, cost)
    if isinstance(runs.result, Fault):
        return Explanation(notes=runs.notes, refused=runs.result)
    root = Row((), [()], body)
    if isinstance(body, dict | list):
        _look_into(root, runs)
    found = Explanation(root.children)
    _place_notes(found, runs.notes)
    return found


def _place_notes(found: Explanation, notes: list[Note]) -> None:
    """Each note to the innermost rows that cause it; one that none does to the row that it names."""
    told: set[Note] = set()
    for row in reversed([*found.all()]):
        if row.children:
            row.notes = [note for note in row.notes if note not in told]
        told.update(row.notes)
    by_name = {row.name: row for row in found.all()}
    by_value = {row.value: row for row in reversed([*found.leaves()]) if isinstance(row.value, str)}
    for note in notes:
        if note not in told:
            owner = by_name.get(note[1]) or by_value.get(note[1])
            (owner.notes if owner else found.notes).append(note)


@dataclass(slots=True)
class _Effect:
    """What a change of the body does to the result."""

    places: list[RowPlace]
    instead: list[Path]
    blurred: bool
    notes: list[Note]
    """Those that are not there any more."""
    spared: list[Note]
    """Those that are there now."""


class _Runs:
    """The translations of one body, of which there is a limited number."""

    def __init__(self, body: Any, translate: Translate, cost: int) -> None:
        self._body = body
        self._translate = translate
        fewest, most = _RUNS
        self.left = max(fewest, min(most, int(cost / run_cost(body))))
        self.result, self.notes = self._run(body)

    def without(self, parent: Path, keys: Sequence[Step]) -> _Effect | Fault:
        """What leaving out members does; the error if the translation refuses it."""
        body = _changed(self._body, parent, lambda value: _left(value, keys))
        return self._effect(body, self.result, self.notes)

    def without_both(self, keys: Sequence[Step], other: Step) -> _Effect | Fault:
        """The same for members of the body that `other`, another one, can't be without: where that is not there."""
        before = _left(self._body, [other])
        self.left -= 1
        result, notes = self._run(before)
        return result if isinstance(result, Fault) else self._effect(_left(before, keys), result, notes)

    def altered(self, path: Path) -> _Effect | Fault:
        """What another value of the same form does."""
        other = _OTHERS.get(path[-1])
        change = _altered if other is None else lambda value: other[0] if value != other[0] else other[1]
        try:
            body = _changed(self._body, path, change)
        except RecursionError:
            return _too_deep()
        return self._effect(body, self.result, self.notes)

    def _effect(self, body: Any, before: Any, noted: list[Note]) -> _Effect | Fault:
        self.left -= 1
        result, notes = self._run(body)
        if isinstance(result, Fault):
            return result
        found = difference(before, result)
        places = [place for path in found.lost for place in _places(before, path)]
        gone, come = ([n for n in noted if n not in notes], [n for n in notes if n not in noted])
        return _Effect(places, found.gained, found.blurred, gone, come)

    def _run(self, body: Any) -> tuple[Any, list[Note]]:
        notes = Notes()
        try:
            return self._translate(body, notes), list(notes)
        except Fault as e:
            return e, list(notes)
        except UpstreamError as e:
            return e.error, list(notes)
        except RecursionError:
            return _too_deep(), list(notes)


def _too_deep() -> Fault:
    return Fault(400, "It is nested too deeply.")


# --- the rows


def _look_into(root: Row, runs: _Runs) -> None:
    """Level by level, as long as there are runs."""
    waiting = deque([root])
    while waiting:
        row = waiting.popleft()
        most = min(_MOST, runs.left // 2 - 1)
        if most < min(2, len(row.value)):
            continue
        row.children = [_row(row, keys, runs) for keys in _portions(row.value, most)]
        inner = [child for child in row.children if _can_open(child)]
        if isinstance(row.value, list) and len(inner) > _OPENED:
            kept = {id(child) for child in (*inner[:_FIRST], *inner[_FIRST - _OPENED :])}
            inner = [child for child in inner if id(child) in kept or child.notes]
        waiting.extend(inner)


def _can_open(row: Row) -> bool:
    """Whether what is in it gets rows of its own."""
    if len(row.paths) > 1 or len(row.path) >= _DEEPEST or not isinstance(row.value, dict | list) or not row.value:
        return False
    return row.has_effect and row.path[-1] not in _ONE_PIECE


def _portions(value: JSON | list[Any], most: int) -> list[list[Step]]:
    """The keys of an object or a list: each alone, and where there are too many, some of them together."""
    keys: list[Step] = list(value) if isinstance(value, dict) else list(range(len(value)))
    if len(keys) <= most:
        return [[key] for key in keys]
    head = most - 1 if isinstance(value, dict) else min(_FIRST, most // 2)
    tail = most - 1 - head
    middle = keys[head : len(keys) - tail]
    return [*([key] for key in keys[:head]), middle, *([key] for key in keys[len(keys) - tail :])]


def _row(parent: Row, keys: list[Step], runs: _Runs) -> Row:
    paths = [(*parent.path, key) for key in keys]
    if len(keys) == 1:
        row = Row(paths[0], paths, parent.value[keys[0]])
    else:
        name: Step = range(keys[0], keys[-1] + 1) if isinstance(keys[0], int) and isinstance(keys[-1], int) else "*"
        row = Row((*parent.path, name), paths, [parent.value[key] for key in keys])
    effect = runs.without(parent.path, keys)
    if isinstance(effect, Fault):
        row.needed = effect.message
        other = _named_by(effect, parent, keys)
        if other is not None:
            effect = runs.without_both(keys, other)
    if len(keys) == 1 and keys[0] not in _KINDS and (isinstance(effect, Fault) or effect.blurred):
        effect = _clearer(effect, runs.altered(row.path))
    if not isinstance(effect, Fault):
        row.became, row.instead = effect.places, effect.instead
        row.notes, row.spared = effect.notes, effect.spared
    return row


def _clearer(left_out: _Effect | Fault, altered: _Effect | Fault) -> _Effect | Fault:
    """What tells best where a member went, of two changes of it."""
    if isinstance(altered, Fault) or not altered.places:
        return left_out
    if isinstance(left_out, Fault):
        return replace(altered, spared=[])
    return replace(altered, notes=left_out.notes, spared=left_out.spared)


def _named_by(error: Fault, parent: Row, keys: list[Step]) -> Step | None:
    """The other member of the body that an error is about."""
    if parent.path or error.param is None or not isinstance(parent.value, dict):
        return None
    name = error.param.partition(".")[0]
    return name if name in parent.value and name not in keys else None


def _places(result: Any, path: Path) -> list[RowPlace]:
    """What stands at a path: of an object whose members have nothing to do with each other, each of these."""
    found = _place(result, path)
    if not isinstance(found.value, dict) or not found.path or found.path[-1] not in _TOLD_APART:
        return [found]
    return [place for name in found.value for place in _places(result, (*found.path, name))]


def _place(result: Any, path: Path) -> RowPlace:
    """What holds one thing only stands for that."""
    value = at(result, path)
    while isinstance(value, dict | list) and len(value) == 1:
        step: Step = next(iter(value)) if isinstance(value, dict) else 0
        path, value = (*path, step), at(value, (step,))
    return RowPlace(path, value)


# --- changed bodies


def _changed(value: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """The same value but for what is at a path."""
    if not path:
        return change(value)
    step = path[0]
    assert not isinstance(step, range)
    copy = value.copy()
    copy[step] = _changed(value[step], path[1:], change)
    return copy


def _left(value: Any, keys: Sequence[Step]) -> Any:
    """An object or a list without members."""
    gone = set(keys)
    if isinstance(value, dict):
        return {name: member for name, member in value.items() if name not in gone}
    return [member for index, member in enumerate(value) if index not in gone]


_NAMING = frozenset({"call_id", "id", "name", "role", "status", "tool_call_id", "type"})
"""Members whose values have a meaning for others: of a whole object they stay as they are."""


def _altered(value: Any) -> Any:
    """A value of the same form that says something else."""
    if isinstance(value, str):
        return _altered_text(value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return [_altered(member) for member in value]
    if isinstance(value, dict):
        return {name: member if name in _NAMING else _altered(member) for name, member in value.items()}
    return value


def _altered_text(text: str) -> str:
    """With another letter near the end, so that base64 stays base64 and data URLs keep their type."""
    found = _LETTER.search(text, max(0, len(text) - 4)) or _LETTER.search(text)
    if found is None:
        return text + "A"
    at = found.start()
    return f"{text[:at]}{'B' if text[at] == 'A' else 'A'}{text[at + 1 :]}"


# --- what it costs


def run_cost(body: Any) -> float:
    """About the microseconds that one translation takes."""
    values, characters = 0, 0
    waiting = [body]
    while waiting:
        value = waiting.pop()
        values += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return _PER_RUN + values * _PER_VALUE + characters / 1000 * _PER_KB
