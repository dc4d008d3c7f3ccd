"""What `mapping.inspect.explain` finds out: a row for every member of a body, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mapping.faults import Fault
from mapping.inspect.explain_diff import Path, dotted

type Note = tuple[str, str]
"""(code, detail), as in `mapping.notes`."""


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where something stands in what the translation has made, and its value."""

    path: Path
    value: Any


@dataclass(slots=True)
class Row:
    """A member of the body, or several in a row that are taken together."""

    path: Path
    """Several elements of a list have a range at its end; several members of an object end it with `*`."""
    paths: list[Path]
    """The paths of all that it stands for: one, if it is one member."""
    value: Any
    """Of one member its value; of several the list of theirs."""
    became: list[RowPlace] = field(default_factory=list)
    """What is gone or different in the result without it."""
    instead: list[Path] = field(default_factory=list)
    """Where the result would have something without it that it has not now."""
    notes: list[Note] = field(default_factory=list)
    """What the translation says of it."""
    spared: list[Note] = field(default_factory=list)
    """What the translation would say without it."""
    needed: str = ""
    """Why the translation refuses to do without it."""
    children: list[Row] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The path in dots and brackets, for people: `messages[0].content`."""
        return dotted(self.path)

    @property
    def has_effect(self) -> bool:
        """The result, or what is said of it, would be another without the member."""
        return bool(self.became or self.instead or self.notes or self.spared or self.needed)

    def all(self) -> Iterator[Row]:
        """This one and all under it."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(slots=True)
class Explanation:
    """What became of a body."""

    rows: list[Row] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """Notes that belong to no row alone."""
    refused: Fault | None = None
    """Why it could not be translated; then there are no rows."""

    def all(self) -> Iterator[Row]:
        """The rows, those with children before these."""
        for row in self.rows:
            yield from row.all()

    def leaves(self) -> Iterator[Row]:
        """The rows without children: every member of the body is in exactly one of them."""
        return (row for row in self.all() if not row.children)
