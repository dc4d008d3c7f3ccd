"""What a comparison has found, as lines of text and as plain values for JSON.

A section is about one thing that both sides have: a table of facts, or a value. Of a value only the places are told
where it differs, `- ` before what the first has and `+ ` before what the second has, and of longer texts the words:
`[-gone-]{+new+}`. What differs between any two answers (ids, times) is counted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping.inspect.compare.values import ABSENT, ValueChange
from mapping.inspect.compare.words import Piece, pieces
from mapping.inspect.explain_diff import dotted
from mapping.inspect.printable import block
from mapping.inspect.transcript import Transcript, string
from mapping.values import JSON

SAME = "the same"
_CLIPPED = 400
"""Characters of a value that are shown."""
_PLACES = 200
"""Places of a section that are told to a person; more than these nobody reads."""
_AROUND = 60
"""Characters of what is the same that are shown beside what is not."""
_BLANKS = re.compile(r"\s")
_DATA = 80
"""Characters from which on a text without a blank is no text: base64, a signature."""
_BEGINNING = 20
"""Characters of it that are shown."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """A fact of both sides. Empty texts: it has none."""

    name: str
    before: str
    after: str
    about: str = ""
    """How they differ: `+1.20 s`, `x 3.0`."""


@dataclass(slots=True)
class ComparedSection:
    """One thing that both sides have."""

    name: str
    rows: Sequence[FactRow] = ()
    changes: Sequence[ValueChange] = ()
    remark: str = ""
    """What stands in the place of a comparison: that one side has nothing."""

    @property
    def differs(self) -> bool:
        """Whether there is anything to see. Times are never the same, so rows don't count."""
        return bool(self.remark or any(not change.passing for change in self.changes))


@dataclass(slots=True)
class Comparison:
    """Two exchanges, or two attempts, side by side."""

    before: str
    after: str
    """What each is, on one line."""
    sections: list[ComparedSection] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether anything else than times, tokens, ids differs."""
        return any(section.differs for section in self.sections)

    def lines(self) -> list[str]:
        """As text, for a person."""
        out = Transcript()
        out.line(f"- {self.before}")
        out.line(f"+ {self.after}")
        for section in self.sections:
            out.turn(section.name)
            for line in _told(section):
                out.line(line)
        return block(out.render()).split("\n")

    def plain(self) -> JSON:
        """As JSON."""
        sections = [_plain(section) for section in self.sections]
        return {"before": self.before, "after": self.after, "differs": self.differs, "sections": sections}


# --- text


def _told(section: ComparedSection) -> Iterator[str]:
    if section.remark:
        yield section.remark
    if section.rows:
        yield from _table(section.rows)
    if not section.rows and not section.remark and not section.differs:
        yield SAME
    told = [change for change in section.changes if not change.passing]
    for change in told[:_PLACES]:
        yield from _change(change)
    if len(told) > _PLACES:
        yield f"({len(told) - _PLACES} more places differ; as JSON all are told)"
    if passing := len(section.changes) - len(told):
        yield f"({passing} ids, times or signatures, which differ in every answer, differ too)"


def _table(rows: Sequence[FactRow]) -> Iterator[str]:
    cells = [(row.name, row.before or "-", row.after or "-", row.about) for row in rows]
    widths = [min(30, max(len(cell[at]) for cell in cells)) for at in range(3)]
    for cell in cells:
        yield "  ".join([f"{text:{width}}" for text, width in zip(cell[:3], widths, strict=True)] + [cell[3]]).rstrip()


def _change(change: ValueChange) -> Iterator[str]:
    yield dotted(change.path) or "all of it"
    if (told := _words(change)) is not None:
        yield f"  {_inline(told)}"
        return
    if change.before is not ABSENT:
        yield f"- {_shown(change.before)}"
    if change.after is not ABSENT:
        yield f"+ {_shown(change.after)}"


def _words(change: ValueChange) -> list[Piece] | None:
    """The words of two texts; None where they are no texts, or have nothing in common."""
    before, after = change.before, change.after
    if not isinstance(before, str) or not isinstance(after, str) or _is_data(before) or _is_data(after):
        return None
    found = pieces(before, after)
    return found if any(op == "=" and _has_word(text) for op, text in found) else None


def _is_data(text: str) -> bool:
    return len(text) >= _DATA and not _BLANKS.search(text[:_DATA])


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


def _inline(told: Sequence[Piece]) -> str:
    last = len(told) - 1
    marks = {"-": "[-{}-]", "+": "{{+{}+}}"}
    return "".join(
        _middle(text, begins=at > 0, ends=at < last) if op == "=" else marks[op].format(_shown(text))
        for at, (op, text) in enumerate(told)
    )


def _middle(text: str, *, begins: bool, ends: bool) -> str:
    """What is the same, as far as it stands beside what is not."""
    kept = _AROUND * (begins + ends)
    if len(text) <= kept + _AROUND:
        return text
    return (text[:_AROUND] if begins else "") + "…" + (text[-_AROUND:] if ends else "")


def _shown(value: Any) -> str:
    text = {None: "null", "": '""'}[value] if value in (None, "") else string(value)
    if _is_data(text) and isinstance(value, str):
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{text[:_BEGINNING]}… ({len(text)} characters, sha256 {digest}…)"
    return text if len(text) <= _CLIPPED else f"{text[:_CLIPPED]}… ({len(text)} characters)"


# --- JSON


def _plain(section: ComparedSection) -> JSON:
    made: JSON = {"name": section.name, "differs": section.differs}
    if section.remark:
        made["remark"] = section.remark
    if section.rows:
        made["facts"] = [
            {"name": row.name, "before": row.before or None, "after": row.after or None, "about": row.about}
            for row in section.rows
        ]
    else:
        made["changes"] = [_plain_change(change) for change in section.changes]
    return made


def _plain_change(change: ValueChange) -> JSON:
    made: JSON = {"path": dotted(change.path)}
    made |= {name: value for name, value in (("before", change.before), ("after", change.after)) if value is not ABSENT}
    if change.passing:
        made["passing"] = True
    elif (told := _words(change)) is not None:
        made["words"] = [list(piece) for piece in told]
    return made
