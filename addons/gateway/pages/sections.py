"""What is on the page of an exchange, in its order.

To add something: a function of a `Reading` that gives plain values (None: there is nothing to show), and a row in
`SECTIONS`. A section that is lines of text needs no template of its own: its function gives a list of texts, and
`lines.html` shows them. Any other has a template in `html/`, which finds what the function gave as `told`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from addons.gateway.cases import compare, copies
from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.conversations.prompts import cache_report, prompt_turn
from addons.gateway.look.addresses import page_of
from addons.gateway.pages import events, media, sides
from addons.gateway.pages.sides import Marks, Sides
from addons.gateway.pages.trees import Room, player, tree
from addons.gateway.prompts.of_exchange import limit_here, tokens_of
from addons.gateway.timing import drawing, phases
from addons.gateway.views import attempts_view
from addons.gateway.views.explained import note_line
from mapping.inspect.transcript import elements, string
from mapping.values import JSON

_PROGRAMS = ("curl", "python", "javascript")
_IN_THE_HEAD = ("id", "message")
"""What stands above all sections."""
_LONGEST = 200_000
"""Characters of a program that is shown."""


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
    running: str = ""
    """What it is doing, if it is still under way."""
    renewed: bool = False
    """Only what changes while it is under way is asked for."""
    masked: bool = False
    """There are fillers for what was said (`copies.masked`), and no value is told in words either."""
    in_file: bool = False
    """The page is a file: it leads nowhere, and nobody answers."""
    url: str = ""
    """Of the gateway, as programs that are copied ask it; empty: as it was asked."""
    other: TakenExchange | str | None = None
    """What it is to be compared with, or why that can't be done."""
    accounts: tuple[str, ...] = ()
    """On which it can be asked again; none: it can't."""
    thread: Sequence[TakenExchange] = ()
    """The turns of its conversation before it, as far as the prompt cache may have something of them."""
    known: tuple[tuple[str, str], ...] = ()
    """(id, words) of others that it can be compared with."""

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
    """It changes while the exchange runs, and is renewed then."""
    later: bool = False
    """It is there when the exchange is over."""


@dataclass(frozen=True, slots=True)
class MadeSection:
    """A section with what there is to show."""

    section: PageSection
    told: Any


def made(reading: Reading) -> list[MadeSection]:
    """The sections that have something to show."""
    wanted = [
        section
        for section in SECTIONS
        if not (section.later and reading.running) and (section.live or not reading.renewed)
    ]
    found = [MadeSection(section, section.make(reading)) for section in wanted]
    return [one for one in found if one.told is not None]


# --- the sections


def _facts(reading: Reading) -> JSON:
    record = reading.record
    notes = [_note(reading, note) for note in elements(list(record.get("notes") or ()))]
    facts = [
        (name, value.removeprefix(f"{name} "))
        for name, value in attempts_view.numbers(record)
        if name not in _IN_THE_HEAD
    ]
    return {"facts": facts, "notes": notes}


def _note(reading: Reading, note: Any) -> str:
    code, detail = str(note[0]), str(note[1])
    return note_line((code, "" if reading.masked else detail))


def _timeline(reading: Reading) -> JSON | None:
    record = reading.record
    taken = reading.taken or TakenExchange(record, "", "", None, b"", None, "")
    found = phases.timeline(taken)
    if not found.known or not found.attempts:
        return None
    until = max((phase.end for one in found.attempts for phase in one.phases), default=0.0)
    told = [f"{drawing.MARKS[name]} {at:.2f} s" for name, at in found.marks.items() if name in drawing.MARKS]
    return {"timeline": found.plain(), "until": until, "marks": told}


def _tokens(reading: Reading) -> list[str] | None:
    found = tokens_of(reading.taken, limit_here()) if reading.taken is not None else None
    return None if found is None else found.told()


def _cache(reading: Reading) -> list[str] | None:
    taken = reading.taken
    if taken is None or reading.masked or reading.in_file or not reading.record.get("conversation"):
        return None
    if prompt_turn(taken) is None:
        return None
    head, *rest = cache_report([*reading.thread, taken]).turns[-1].lines()
    return [head.partition(f"{taken.id} · ")[2], *rest]


def _events(reading: Reading) -> Any:
    if (taken := reading.taken) is None:
        return None
    return events.listed(taken, everything=reading.everything, texts=not reading.masked) or None


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
        "remarks": () if reading.masked else found.remarks,
        "refused": "" if reading.masked else found.refused,
        "word": found.word,
        "blames": found.blames,
    }


def _request(reading: Reading) -> JSON | None:
    if (taken := reading.taken) is None:
        return None
    found = sides.request_sides(taken, values=not reading.masked, patient=reading.everything)
    size = f"Its body of {len(taken.body):,} bytes is no JSON." if taken.body else "It has no body."
    titles = "The client's request", "Gemini's request"
    return _sides(reading, found, titles, (size, "Nothing went to Gemini."))


def _answer(reading: Reading) -> JSON | None:
    if (taken := reading.taken) is None:
        return None
    found = sides.answer_sides(taken, values=not reading.masked, patient=reading.everything)
    nothing = "No answer came." if taken.calls else "Gemini was not asked."
    titles = "Gemini's answer", "The client's answer"
    made = _sides(reading, found, titles, (nothing, taken.text or "There is none."))
    if taken.answer is None and (medium := media.of_bytes(taken.content_type, taken.sent)) is not None:
        made["right"] = _Side(titles[1], player(medium))
    return made


def _calls(reading: Reading) -> Any:
    """The calls that the sides don't show: earlier attempts, and those for further parts of the answer."""
    taken = reading.taken
    if taken is None or len(taken.calls) < 2:
        return None
    shown, room = taken.last_call, reading.room()
    return [_call(call, shown, room) for call in taken.calls if call is not shown] or None


def _call(call: TakenCall, shown: TakenCall | None, room: Room) -> JSON:
    record = call.record
    whose = f"Call {call.part + 1}, attempt" if call.part else "Attempt"
    told = [
        f"{whose} {record.get('number') or ''}".strip(),
        *map(string, (record.get("outcome"), record.get("account"))),
    ]
    same = shown is not None and call.request == shown.request
    return {
        "title": " · ".join(part for part in told if part),
        "request": None if same else tree(call.request, {}, room),
        "answer": None if call.answer is None else tree(call.answer, {}, room),
    }


def _copies(reading: Reading) -> Any:
    if (taken := reading.taken) is None:
        return None
    return [(form, *_copied(taken, form, reading)) for form in _PROGRAMS]


def _copied(taken: TakenExchange, form: str, reading: Reading) -> tuple[str, str]:
    """A program, or why there is none."""
    too_long = len(taken.body) > _LONGEST
    try:
        text = "" if too_long else copies.copied([taken], form, url=reading.url)
    except CaseError as e:
        return "", str(e)
    if too_long or len(text) > _LONGEST:
        return "", "It is too long to be shown. antigravity.copy.file writes it into a file."
    return text, ""


def _compared(reading: Reading) -> JSON | None:
    if reading.taken is None or reading.in_file:
        return None
    lines: list[str] = []
    if isinstance(other := reading.other, TakenExchange):
        lines = compare.exchanges(other, reading.taken).lines()
    return {"lines": lines, "problem": other if isinstance(other, str) else "", "known": reading.known}


def _again(reading: Reading) -> JSON | None:
    if reading.taken is None or reading.masked or not reading.accounts:
        return None
    record = reading.record
    return {
        "page": page_of(str(record.get("id"))),
        "accounts": reading.accounts,
        "account": record.get("account"),
        "model": record.get("client_model"),
    }


SECTIONS: tuple[PageSection, ...] = (
    PageSection("facts", "What became of it", _facts, "facts.html", live=True),
    PageSection("again", "Ask again", _again, "actions.html", later=True),
    PageSection("timeline", "Where the time went", _timeline, "timeline.html", live=True),
    PageSection("request", "The request", _request, "sides.html"),
    PageSection("answer", "The answer", _answer, "sides.html", later=True),
    PageSection("calls", "Other calls to Gemini", _calls, "calls.html", later=True),
    PageSection("events", "Events", _events, "events.html", live=True),
    PageSection("tokens", "What took the tokens of the prompt", _tokens, later=True),
    PageSection("cache", "What the prompt cache had", _cache, later=True),
    PageSection("compare", "Compare", _compared, "compare.html", later=True),
    PageSection("copies", "As a program", _copies, "copies.html", later=True),
)
