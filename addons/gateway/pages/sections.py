"""What is on the page of an exchange, in its order.

To add something: a function of a `Reading` that gives plain values (None: there is nothing to show), and a row in
`SECTIONS`. A section that is lines of text needs no template of its own: its function gives a list of texts, and
`lines.html` shows them. Any other has a template in `html/`, which finds what the function gave as `told`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.pages import sides
from addons.gateway.pages.sides import Marks, Sides
from addons.gateway.pages.trees import Room, tree
from addons.gateway.views import attempts_view
from addons.gateway.views.explained import note_line
from mapping.inspect.transcript import elements
from mapping.values import JSON


@dataclass(frozen=True, slots=True)
class Reading:
    """An exchange, and how it is to be shown."""

    record: JSON
    """The client's; of an exchange that was not recorded, its summary."""
    taken: TakenExchange | None
    """None: it was not recorded."""
    everything: bool = False
    """As much as a browser can bear, and not only what is read quickly."""
    all_at: str = ""
    """The address of the page that shows everything; empty: there is none."""
    running: bool = False
    """It is still under way."""
    masked: bool = False
    """What was said is not shown."""

    def room(self) -> Room:
        """How much of a value is shown."""
        return Room.for_all() if self.everything else Room(self.all_at)


@dataclass(frozen=True, slots=True)
class PageSection:
    """A part of the page. See the module."""

    name: str
    title: str
    make: Callable[[Reading], Any]
    template: str = "lines.html"
    live: bool = False
    """It is shown while the exchange runs too, and renewed; the others are there when it is over."""


@dataclass(frozen=True, slots=True)
class MadeSection:
    """A section with what there is to show."""

    section: PageSection
    told: Any


def made(reading: Reading) -> list[MadeSection]:
    """The sections that have something to show."""
    found = [MadeSection(section, section.make(reading)) for section in SECTIONS if section.live or not reading.running]
    return [one for one in found if one.told is not None]


# --- the sections


def _facts(reading: Reading) -> JSON:
    record = reading.record
    notes = [note_line((str(note[0]), str(note[1]))) for note in elements(list(record.get("notes") or ()))]
    return {"facts": attempts_view.numbers(record), "notes": notes}


@dataclass(frozen=True, slots=True)
class _Side:
    """One of two values beside each other."""

    title: str
    tree: Markup | None
    """None: there is no value, but a word on it."""
    word: str = ""


def _sides(reading: Reading, found: Sides, titles: tuple[str, str], words: tuple[str, str]) -> JSON:
    room = reading.room()

    def side(title: str, value: Any, marks: Marks, word: str) -> _Side:
        return _Side(title, None if value is None else tree(value, marks, room), word)

    return {
        "left": side(titles[0], found.value, found.marks, words[0]),
        "right": side(titles[1], found.made, found.made_marks, words[1]),
        "remarks": found.remarks,
        "refused": found.refused,
    }


def _request(reading: Reading) -> JSON | None:
    if (taken := reading.taken) is None:
        return None
    found = sides.request_sides(taken)
    size = f"Its body of {len(taken.body):,} bytes is no JSON." if taken.body else "It has no body."
    return _sides(
        reading, found, ("The client's request", "Gemini's request"), (size, "Nothing went to Gemini.")
    )  # fmt: skip


def _answer(reading: Reading) -> JSON | None:
    if (taken := reading.taken) is None:
        return None
    found = sides.answer_sides(taken)
    nothing = "Gemini gave no answer that was used." if taken.calls else "Gemini was not asked."
    return _sides(
        reading, found, ("Gemini's answer", "The client's answer"), (nothing, taken.text or "There is none.")
    )  # fmt: skip


SECTIONS: tuple[PageSection, ...] = (
    PageSection("facts", "What became of it", _facts, "facts.html", live=True),
    PageSection("request", "The request, and what was made of it", _request, "sides.html"),
    PageSection("answer", "The answer, and what was made of it", _answer, "sides.html"),
)
