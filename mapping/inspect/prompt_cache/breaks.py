"""What broke the common beginning of two prompts, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mapping.inspect.compare.values import changes
from mapping.inspect.explain_diff import dotted
from mapping.inspect.printable import one_line
from mapping.inspect.prompt_cache.sections import BESIDE, CHOICE, MESSAGE, SYSTEM, TOOLS, Piece, Section

_SHOWN = 40
"""Characters that are shown of a text."""
_NAMES = 6
"""Names of tools that are shown."""
_AROUND = 60
"""Characters before and behind a difference among which a date is looked for."""

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WEEKDAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+"
_DATE = (
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}"
    rf"|(?:{_WEEKDAY})?{_MONTH}\s+\d{{1,2}}(?:,?\s+\d{{4}})?|(?:{_WEEKDAY})?\d{{1,2}}\.?\s+{_MONTH}(?:,?\s+\d{{4}})?"
)
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[ap]m\b)?(?:\s?(?:z\b|utc\b|[+-]\d\d:?\d\d))?"
_KINDS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("date and time", rf"(?:{_DATE})(?:t|,?\s+){_TIME}"),
        ("date", _DATE),
        ("time", _TIME),
        ("id", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b(?=[a-z_-]*\d)[0-9a-z]+[_-][0-9a-z]{12,}\b"),
        ("number", r"(?<![\w.])\d[\d,.]*\b"),
    )
)
"""What often changes by itself in a prompt."""


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that broke it."""

    section: str
    words: str


def common(before: Section, after: Section) -> tuple[int, int]:
    """How much of two sections is the same from their beginnings on: bytes, and weight of the second."""
    size = weight = 0
    if before.role != after.role:
        return 0, 0
    for one, other in zip(before.pieces, after.pieces, strict=False):
        if one.data != other.data:
            same = _same(one.data, other.data)
            return size + same, weight + (other.weight * same // len(other.data) if other.data else 0)
        size += len(other.data)
        weight += other.weight
    return size, weight


def grown(before: Section, after: Section) -> bool:
    """Whether all of a section stands at the beginning of another, which may go on: of a message the last part."""
    count = len(before.pieces)
    if before.role != after.role or count > len(after.pieces):
        return False
    *head, last = [(one.data, other.data) for one, other in zip(before.pieces, after.pieces, strict=False)] or [
        (b"", b"")
    ]
    text = not before.pieces or isinstance(before.pieces[-1].value, str)
    goes_on = text and count == len(after.pieces) and last[1].startswith(last[0])
    return all(one == other for one, other in head) and (last[0] == last[1] or goes_on)


def of_tools(before: Section, after: Section) -> list[Break]:
    """Of two lists of tools that are not the same."""
    first, second = _by_name(before.pieces), _by_name(after.pieces)
    told = []
    for names, what in (
        ([name for name in second if name not in first], "added"),
        ([name for name in first if name not in second], "removed"),
    ):
        if names:
            told.append(f"{_tool(names)} {what}")
    stayed = [name for name in second if name in first]
    order = [name for name in first if name in second]
    if stayed != order:
        told.append(f"tools were reordered: {_listed(order)} -> {_listed(stayed)}")
    for name in stayed:
        if first[name].data != second[name].data:
            told.append(f"tool {_text(name)} was changed: {_how(first[name], second[name])}")
    return [Break(TOOLS, words) for words in told or ["tools were put together otherwise"]]


def of_choice(before: Section, after: Section) -> list[Break]:
    """Of two tool choices that are not the same."""
    one, other = (section.data.decode("utf-8", "replace") for section in (before, after))
    return [Break(CHOICE, f"the tool choice changed: {_quoted(one, 80)} -> {_quoted(other, 80)}")]


def of_system(before: Section, after: Section) -> list[Break]:
    """Of two system instructions that are not the same."""
    if not before.pieces or not after.pieces:
        return [Break(SYSTEM, f"the system message was {'added' if after.pieces else 'removed'}")]
    return [Break(SYSTEM, _text_change("the system message", before, after))]


def of_messages(before: Sequence[Section], after: Sequence[Section]) -> list[Break]:
    """Of two conversations. Empty where the one is the beginning of the other."""
    first, second = ([(one.role, one.data) for one in sections] for sections in (before, after))
    at = 0
    while at < min(len(first), len(second)) and first[at] == second[at]:
        at += 1
    if at in (len(first), len(second)) or (at == len(first) - 1 and grown(before[at], after[at])):
        return []
    name = f"{MESSAGE} {at + 1}"
    gone, come = _met_again(first[at:], second[at:])
    if gone and not come:
        words = f"history was cut: {_range(at, at + gone)} gone"
    elif come and not gone:
        words = f"{come} message{'s' if come > 1 else ''} came in before {name}"
    elif gone > come:
        by = f"{come} message{'s' if come > 1 else ''} of {sum(one.size for one in after[at : at + come]):,} bytes"
        words = f"history was cut: {_range(at, at + gone, verb=False)} became {by}"
    elif before[at].role != after[at].role:
        words = f"{name} was replaced: by {after[at].role}, and not by {before[at].role}"
    else:
        words = _text_change(name, before[at], after[at], "was rewritten")
    return [Break(name, words)]


def _met_again(first: Sequence[object], second: Sequence[object]) -> tuple[int, int]:
    """How many elements of each have to be left out until both go on in the same way; one of each, if they never do."""
    places: dict[object, int] = {}
    for index, one in enumerate(second):
        places.setdefault(one, index)
    met = [(gone, places[one]) for gone, one in enumerate(first) if one in places]
    if met:
        return min(met, key=lambda pair: pair[0] + pair[1])
    return (len(first), len(second)) if len(first) > len(second) else (1, 1)


def _range(begin: int, end: int, *, verb: bool = True) -> str:
    many = end - begin > 1
    told = f"messages {begin + 1}-{end}" if many else f"message {begin + 1}"
    return told + (" are" if many else " is") * verb


def _text_change(what: str, before: Section, after: Section, did: str = "changed") -> str:
    """`the date in the system message changed at byte 120: '2026-11-28' -> '2026-11-29'`."""
    size = 0
    for one, other in zip(before.pieces, after.pieces, strict=False):
        if one.data != other.data:
            if isinstance(one.value, str) and isinstance(other.value, str):
                return _words_of(what, did, size, one.value, other.value)
            if beside := [name for name in _names(one) if name in _names(other) and name != "text"]:
                return f"{what} {did}: {_text(beside[0])} is another, at byte {size + _same(one.data, other.data)}"
            break
        size += len(one.data)
    else:
        longer, shorter = sorted((before.pieces, after.pieces), key=len, reverse=True)
        only = longer[len(shorter)]
        came = longer is after.pieces
        if beside := [name for name in _names(only) if name in BESIDE]:
            return f"{what} {did}: {beside[0]} {'came' if came else 'is gone'}, at byte {size}"
        return f"{what} {did}: it has {'more' if came else 'fewer'} parts, from byte {size} on"
    return f"{what} {did} at byte {size}: {_quoted(_of(one))} -> {_quoted(_of(other))}"


def _words_of(what: str, did: str, size: int, one: str, other: str) -> str:
    at = _same(one, other)
    byte = size + len(one[:at].encode("utf-8", "replace"))
    begin = max(0, at - _AROUND)
    windows = [text[begin : at + _AROUND] for text in (one, other)]
    for kind, pattern in _KINDS:
        found = [_covering(pattern, window, at - begin) for window in windows]
        if all(found):
            return f"the {kind} in {what} changed at byte {byte}: {found[0]!r} -> {found[1]!r}"
    start = max(one.rfind(" ", 0, at), one.rfind("\n", 0, at), at - _SHOWN // 2) + 1
    return f"{what} {did} at byte {byte}: {_quoted(one[start:])} -> {_quoted(other[start:])}"


def _covering(pattern: re.Pattern[str], text: str, at: int) -> str:
    """What matches at a place of a text."""
    return next((one[0] for one in pattern.finditer(text) if one.start() <= at <= one.end()), "")


def _of(piece: Piece) -> str:
    return piece.value if isinstance(piece.value, str) else piece.data.decode("utf-8", "replace")


def _names(piece: Piece) -> Sequence[str]:
    return list(piece.value) if isinstance(piece.value, dict) else []


def _how(before: Piece, after: Piece) -> str:
    """Where two tools of one name differ."""
    found = [dotted(change.path) for change in changes(before.value, after.value)]
    if not found:
        return "its members were reordered"
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return ", ".join(map(_text, found[:3])) + more


def _by_name(pieces: Sequence[Piece]) -> dict[str, Piece]:
    """The tools by their names; of several with one name, the others by it and a number."""
    made: dict[str, Piece] = {}
    for piece in pieces:
        made[f"{piece.name} ({len(made) + 1})" if piece.name in made else piece.name] = piece
    return made


def _tool(names: Sequence[str]) -> str:
    return f"tools {_listed(names)} were" if len(names) > 1 else f"tool {_text(names[0])} was"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_text, names[:_NAMES])) + (", ..." if len(names) > _NAMES else "")


def _text(text: str) -> str:
    return one_line(text, 60)


def _quoted(text: str, most: int = _SHOWN) -> str:
    return repr(one_line(text, most)) if text else "nothing"


def _same[T: (str, bytes)](one: T, other: T) -> int:
    """How many characters or bytes at the beginning are the same: by halves, because texts may be long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
