"""An explanation of a translation as text: each member, what became of it, and why.

* Lines are short: mitmweb neither wraps them nor shows much of them beside its list of flows.
* Long values stand as their type and size.
* Members that say only what kind of thing another one is (`type`, `role`) stand beside its name.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from mapping import jsonio
from mapping.inspect.explain_call import is_sent
from mapping.inspect.explain_diff import Path, dotted
from mapping.inspect.explain_rows import Explanation, Note, Row, RowPlace
from mapping.inspect.transcript import WIDTH, url_media
from mapping.notes import CODES

type Said = Callable[[Path], str]
"""Words for a place in the result."""
type Shown = Callable[[Row], Sequence[RowPlace]]
"""The places of a row that are worth a word."""

_NAME = 20
_VALUE = 20
_SHORT = 36
"""Characters of a value that stands as it is."""
_TEXT = 16
"""Characters that are shown of a longer text."""
_BELOW = 6
"""Spaces before what did not fit beside its member."""
_MOST_PLACES = 4

_KINDS = ("type", "object")
"""Members that say what kind of thing another one is, also where it is taken for that without them."""
SAYS_NOTHING: tuple[Any, ...] = (None, False, "", {}, [])

BECAME = "→"
LOST = "✗"
NOTE = "!"


def sent(row: Row) -> Sequence[RowPlace]:
    """A `Shown`: what Gemini gets; how the answer is made only where Gemini gets nothing of it."""
    return [place for place in row.became if is_sent(place.path)] or row.became


def everywhere(row: Row) -> Sequence[RowPlace]:
    """A `Shown`: all places."""
    return row.became


def lines(found: Explanation, said: Said, shown: Shown) -> list[str]:
    """The lines of all rows, those of children after their parent's and further in."""
    return [line for row in found.rows for line in _lines(row, said, shown, 0, 0)]


def wrapped(text: str, indent: int = 0) -> str:
    """Lines that are short enough; those after the first stand a little further in."""
    room = max(20, WIDTH - indent)
    first, *rest = textwrap.wrap(text, room, subsequent_indent="  ", break_on_hyphens=False) or [""]
    return "\n".join(" " * indent + line for line in (first, *rest))


def note_line(note: Note) -> str:
    """A note with its sentence."""
    return f"{_short(note)}: {CODES.get(note[0], '')}".removesuffix(": ")


def remarks(found: Explanation) -> list[str]:
    """Only what was changed or left out, with the members that it is about."""
    by_note: dict[Note, list[str]] = {}
    for row in found.all():
        for note in row.notes:
            by_note.setdefault(note, []).append(row.name)
    told = [f"{_few(names)}\n{wrapped(note_line(note), 4)}" for note, names in by_note.items()]
    told += [wrapped(note_line(note)) for note in found.notes]
    lost = [
        row.name for row in found.leaves() if not (row.has_effect or is_kind(row)) and row.value not in SAYS_NOTHING
    ]
    return told + ([wrapped(f"without effect: {', '.join(lost)}")] if lost else [])


def value_text(value: Any) -> str:
    """A short value as it is, a long one as its type and size."""
    if isinstance(value, str):
        if value.startswith("data:") and len(value) > _SHORT:
            return url_media("data URL", value)
        if len(value) <= _SHORT - 4:
            return jsonio.dumps(value).decode()
        return f'{jsonio.dumps(value[:_TEXT]).decode()[:-1]}…" ({len(value):,} characters)'
    if not isinstance(value, dict | list):
        return jsonio.dumps(value).decode()
    try:
        data = jsonio.dumps(value)
    except RecursionError:
        return "nested too deeply to show"
    if len(data) <= _SHORT:
        return data.decode()
    kind, unit = ("object", "member") if isinstance(value, dict) else ("list", "element")
    return f"{kind}, {len(value):,} {unit}{'s' if len(value) != 1 else ''}, {len(data):,} B"


def _lines(row: Row, said: Said, shown: Shown, above: int, depth: int) -> list[str]:
    """A row and all under it. Its name goes on from the first `above` steps of its path, which stand further up."""
    unnamed = above > 0 and not isinstance(row.path[above], str)  # an element: with the name of its list
    name = "  " * depth + dotted(row.path[above - unnamed :])
    if not row.children:
        return _leaf(name, row, said, shown)
    made: list[str] = []
    kinds = [child for child in row.children if is_kind(child)]
    if kinds or row.notes:
        about = " · ".join(f"{kind.path[-1]} {value_text(kind.value)}" for kind in kinds)
        made.append(f"{name}  {about}".rstrip())
        made += [wrapped(f"{NOTE} {_short(note)}", _BELOW) for note in row.notes]
        above, depth = len(row.path), depth + 1
    for child in row.children:
        if child not in kinds:
            made += _lines(child, said, shown, above, depth)
    return made


def _leaf(name: str, row: Row, said: Said, shown: Shown) -> list[str]:
    value = value_text(row.value) if len(row.paths) == 1 else f"({len(row.paths):,} of them)"
    first, *rest = fates(row, said, shown)
    left = f"{f'{name:{_NAME}} {value}':{_NAME + 1 + _VALUE}} "
    if len(left) <= _NAME + _VALUE + 2 and len(left) + len(first) <= WIDTH:
        return [left + first, *(wrapped(fate, _BELOW) for fate in rest)]
    return [left.rstrip(), *(wrapped(fate, _BELOW) for fate in (first, *rest))]


def fates(row: Row, said: Said, shown: Shown, *, values: bool = True) -> list[str]:
    """What became of a row without children: at least one thing, with `BECAME`, `LOST` or `NOTE` before it.

    `values` False: no value of a member is told.
    """
    notes = [f"{NOTE} {_short(note)}" for note in row.notes]
    places = _places(row, said, shown, values)
    if not places and not notes and row.spared:
        return [f"{BECAME} without it there would be the note {_short(note)}" for note in row.spared]
    if places:
        return places + notes
    if row.needed and not notes:
        return [f"{NOTE} needed: {row.needed}"]
    return [f"{LOST} left out", *notes] if notes else [f"{LOST} no effect"]


def _short(note: Note) -> str:
    code, detail = note
    return f"{code}={detail}" if detail else code


def _places(row: Row, said: Said, shown: Shown, values: bool) -> list[str]:
    places = shown(row)
    # That something else is null then is not what became of it.
    places = [place for place in places if place.value is not None] or places
    told = list(dict.fromkeys(said(place.path) + (_as(place.value, row) if values else "") for place in places))
    if len(told) > _MOST_PLACES:
        told = [*told[: _MOST_PLACES - 1], f"and {len(told) - _MOST_PLACES + 1:,} more places"]
    told = [f"{BECAME} {text}" for text in told]
    if row.instead and not row.became:
        told.append(f"{BECAME} instead of: {_few([said(path) for path in row.instead])}")
    return told


def _as(value: Any, row: Row) -> str:
    """The value at a place, where it is short and another one."""
    if isinstance(value, dict | list) or isinstance(row.value, dict | list) or value == row.value:
        return ""
    return f" = {value_text(value)}" if len(str(value)) <= _SHORT else ""


def is_kind(row: Row) -> bool:
    """Whether it says only what kind of thing its neighbours are."""
    plain = isinstance(row.value, str | int | float | bool) and not row.children and len(row.paths) == 1
    says_nothing = bool(row.needed) or row.path[-1] in _KINDS
    return plain and says_nothing and not (row.became or row.instead or row.notes or row.spared)


def _few(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    return ", ".join(names) if len(names) <= _MOST_PLACES else f"{', '.join(names[:3])} and {len(names) - 3:,} more"
