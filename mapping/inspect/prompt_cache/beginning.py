"""The common beginning of two Gemini requests, by section, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mapping.inspect.printable import one_line
from mapping.inspect.prompt_cache import breaks
from mapping.inspect.prompt_cache.breaks import Break
from mapping.inspect.prompt_cache.sections import CHOICE, HEAD, MODEL, SYSTEM, TOOLS, Section
from mapping.values import JSON

_PARTS: Mapping[str, Callable[[Section, Section], list[Break]]] = MappingProxyType(
    {TOOLS: breaks.of_tools, CHOICE: breaks.of_choice, SYSTEM: breaks.of_system}
)
"""What tells of a section that is not the same any more."""


@dataclass(frozen=True, slots=True)
class SectionRow:
    """How much of a section of the later request the earlier one begins with, too."""

    name: str
    size: int
    same: int
    """Both in bytes."""

    def plain(self) -> JSON:
        """For JSON."""
        return {"name": self.name, "bytes": self.size, "same": self.same}


@dataclass(slots=True)
class Beginning:
    """What two prompts have in common."""

    rows: Sequence[SectionRow]
    """The sections of the later one."""
    share: float
    """How much of the later one is the common beginning, from 0 to 1: by bytes of text."""
    broken: Sequence[Break] = field(default_factory=list)
    """What ended it, and what would have ended it then: in the order of the prompt. Empty: one is the beginning of the
    other."""

    @property
    def section(self) -> str | None:
        """The section in which it ended; None: in none."""
        return self.broken[0].section if self.broken else None

    @property
    def at(self) -> int:
        """The byte of that section where it ended."""
        return next((row.same for row in self.rows if row.name == self.section), 0)

    def plain(self) -> JSON:
        """For JSON."""
        return {
            "share": round(self.share, 4),
            "section": self.section,
            "byte": self.at if self.broken else None,
            "broken": [{"section": one.section, "words": one.words} for one in self.broken],
            "sections": [row.plain() for row in self.rows],
        }


def common(before: Sequence[Section], after: Sequence[Section]) -> Beginning:
    """Of two requests as `sections` gives them."""
    broken = list(_broken(before, after))
    ended = broken[0].section if broken else None
    rows: list[SectionRow] = []
    reached = 0
    over = False
    for index, section in enumerate(after):
        size = weight = 0
        if not over and index < len(before):
            size, weight = breaks.common(before[index], section)
        over = over or section.name == ended
        reached += weight
        rows.append(SectionRow(section.name, section.size, size))
    total = sum(section.weight for section in after)
    return Beginning(rows, 0.0 if ended == MODEL else reached / total if total else 0.0, broken)


def _broken(before: Sequence[Section], after: Sequence[Section]) -> list[Break]:
    found: list[Break] = []
    if before[0].data != after[0].data:
        names = (one_line(section[0].data.decode("utf-8", "replace"), 60) for section in (before, after))
        found.append(Break(MODEL, "the model changed: " + " -> ".join(names)))
    for one, other in zip(before[1:HEAD], after[1:HEAD], strict=True):
        if [piece.data for piece in one.pieces] != [piece.data for piece in other.pieces]:
            found += _PARTS[one.name](one, other)
    return found + breaks.of_messages(before[HEAD:], after[HEAD:])
