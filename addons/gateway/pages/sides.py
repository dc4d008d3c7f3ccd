"""Both sides of a translation beside each other: each member's way between them, as marks on two trees.

What became of a member is found out by `mapping.inspect.explain`, and told in the words of the view "Translation".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.pages.trees import Mark
from addons.gateway.views import explained, failure
from addons.gateway.views.explained import Said, Shown
from addons.gateway.views.translated import GeminiAnswers, has_translation, request_translation
from mapping import dialects
from mapping.inspect.explain import FEWEST_RUNS, explain, run_cost
from mapping.inspect.explain_call import BODY, said
from mapping.inspect.explain_diff import Path, dotted
from mapping.inspect.explain_rows import Explanation, Row
from mapping.inspect.transcript import members, string
from mapping.values import JSON

COST = 250_000
"""What finding out may cost, see `explain`: a page is not waited for long."""
_MOST = 1_000_000
"""Microseconds that it may take where it can't be had for that."""
UNTOLD = (
    "It has so many members that what became of each is not found out here. The view Translation, "
    "antigravity.explain and the page with everything tell it."
)
_MANY = 20
"""How many members of the other side a way leads to at most."""
_SOURCES = 3
"""How many members are named that stand in one of the other side."""
_NOTE_LINE = re.compile(r"\n {4}(?=\S)")
_WRAPPED = re.compile(r"\n *")
_KINDS = ("role", "type", "object", "index")
"""Members that say what the object is that they are in."""
ADDED = "+"
FROM = "←"

type Marks = dict[Path, Mark]


@dataclass(frozen=True, slots=True)
class Blame:
    """What Gemini said of a request that failed."""

    attempt: str
    message: str
    names: list[tuple[str, str]]
    """The members of the client's request that it is about, and their ids."""


@dataclass(slots=True)
class Sides:
    """A value, what was made of it, and what is said of the members of both."""

    value: Any
    made: Any
    marks: Marks = field(default_factory=dict)
    made_marks: Marks = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What was left out or changed, in words."""
    refused: str = ""
    """Why it could not be translated."""
    word: str = ""
    """Why nothing is said of the members."""
    blames: list[Blame] = field(default_factory=list)


def record_of(taken: TakenExchange) -> JSON:
    """The record as the translation reads it: a case has no attempts in it, but their calls."""
    return {**taken.record, "attempts": taken.record.get("attempts") or [call.record for call in taken.own_calls]}


def request_sides(taken: TakenExchange, ids: str = "r", *, values: bool = True, patient: bool = False) -> Sides:
    """The client's request, and the one that went to Gemini last.

    `ids`: what ids of members begin with. `values` False: what is said of members holds none of their values.
    `patient`: what became of them is found out however long that takes.
    """
    own = taken.own_calls
    sides = Sides(taken.request, own[-1].request if own else None)
    record = record_of(taken)
    if not has_translation(record) or taken.request is None:
        return sides
    if not patient and _takes_long(taken.request):
        sides.word = UNTOLD
        return sides
    facts = dialects.bodies(taken.endpoint, taken.request).facts
    found = explain(taken.request, request_translation(record), COST)
    _explain(sides, found, partial(said, facts=facts), explained.sent, (BODY,), ids, values)
    if values:
        _blame(sides, own, found)
    return sides


def _blame(sides: Sides, calls: Sequence[TakenCall], found: Explanation) -> None:
    """Which members the errors of failed attempts name."""
    for number, call in enumerate(calls, 1):
        message = "" if _used(call) else failure.message_of(members(call.answer))
        if message and message not in [blame.message for blame in sides.blames]:
            rows = failure.named(message, found)
            names = [(row.name, mark.id) for row in rows if (mark := sides.marks.get(row.paths[0])) is not None]
            told = f"Attempt {string(call.record.get('number')) or number}, {string(call.record.get('outcome'))}"
            sides.blames.append(Blame(told.removesuffix(", "), message, names))
            for row in rows:
                if (mark := sides.marks.get(row.paths[0])) is not None:
                    mark.tone = "blamed"
                    mark.words.append(f"{explained.NOTE} Gemini's error names it")


def answer_sides(taken: TakenExchange, ids: str = "a", *, values: bool = True, patient: bool = False) -> Sides:
    """Gemini's answer, the first where several make up the client's, and the client's."""
    own, others = (
        [call.answer for call in taken.calls if bool(call.part) is further and call.answer is not None and _used(call)]
        for further in (False, True)
    )
    answers = GeminiAnswers.of(own, others)
    sides = Sides(answers.first, taken.answer)
    if answers.first is None and (last := taken.last_call) is not None:
        sides.value = last.answer  # what came instead: an error, or the beginning of an answer
    record = record_of(taken)
    if not patient and answers.first is not None and _takes_long(answers.first, taken.request):
        sides.word = UNTOLD
        return sides
    found = answers.explained(record, taken.request, COST) if has_translation(record) else None
    if found is not None:
        _explain(sides, found, dotted, explained.everywhere, (), ids, values)
    return sides


def _takes_long(*bodies: Any) -> bool:
    """Whether even the fewest translations of all these would keep a reader waiting."""
    return sum(map(run_cost, bodies)) * FEWEST_RUNS > _MOST


def _used(call: TakenCall) -> bool:
    """Whether it brought an answer that was used. A case names an outcome only where a connection failed."""
    return call.record.get("status") == 200 and call.record.get("outcome") in ("200", "", None)


def _explain(sides: Sides, found: Explanation, say: Said, shown: Shown, below: Path, ids: str, values: bool) -> None:
    """Put on both sides what was found out. `below`: where in the result the other side's value stands."""
    if found.refused is not None:
        sides.refused = found.refused.message
        return
    sides.remarks = [_unwrapped(remark) for remark in explained.remarks(found)]
    for number, row in enumerate(found.leaves()):
        if explained.is_kind(row):
            continue
        told = explained.fates(row, say, shown, values=values)
        mark = Mark(_tone(row, told), told, id=f"{ids}{number}")
        for place in shown(row):
            for path in _known(place.path, below, sides.made):
                other = sides.made_marks.setdefault(path, Mark(id=f"{ids}-{len(sides.made_marks)}"))
                if other.id not in mark.to and len(mark.to) < _MANY:
                    mark.to.append(other.id)
                    other.to.append(mark.id)
                    other.words.append(row.name)
        sides.marks[row.paths[0]] = mark
    for mark in sides.made_marks.values():
        more = len(mark.words) - _SOURCES
        mark.words = [f"{FROM} {', '.join(mark.words[:_SOURCES])}{f' and {more} more' if more > 0 else ''}"]
    covered = {
        path for row in found.all() for place in row.became for path in _known(place.path, below, sides.made, most=None)
    }
    for path in _uncovered(sides.made, covered):
        if path and path[-1] not in _KINDS:
            sides.made_marks[path] = Mark("added", [f"{ADDED} added"])


def _unwrapped(remark: str) -> str:
    """As one line: a page wraps by itself. Between members and the note on them is a colon."""
    return _WRAPPED.sub(" ", _NOTE_LINE.sub(": ", remark, count=1))


def _tone(row: Row, told: Sequence[str]) -> str:
    if told[0].startswith(explained.LOST):
        return "lost" if row.notes or row.value not in explained.SAYS_NOTHING else ""
    return "changed" if row.notes else "moved"


def _known(path: Path, below: Path, made: Any, most: int | None = _MANY) -> Iterator[Path]:
    """The members at a path in the result, as they are in the other side's value: as far as it has them."""
    if path[: len(below)] != below:
        return
    steps = path[len(below) :]
    last = steps[-1] if steps else None
    if isinstance(last, range):
        for number in last[:most]:
            yield from _known((*below, *steps[:-1], number), below, made)
        return
    known: list[str | int] = []
    value = made
    for step in steps:
        if isinstance(step, range) or not _has(value, step):
            break
        known.append(step)
        value = value[step]
    if known:
        yield tuple(known)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(step, str):
        return step in members(value)
    return isinstance(value, list) and step in range(len(value))


def _uncovered(made: Any, covered: set[Path]) -> Iterator[Path]:
    """The outermost members that nothing leads into."""
    above = {path[:length] for path in covered for length in range(len(path) + 1)}
    waiting: list[tuple[Path, Any]] = [((), made)]
    while waiting:
        path, value = waiting.pop()
        if path in covered:
            continue
        if path not in above:
            yield path
        elif isinstance(value, dict):
            waiting += [((*path, name), member) for name, member in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, number), element) for number, element in enumerate(value)]
