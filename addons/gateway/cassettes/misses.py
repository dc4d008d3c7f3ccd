"""What no recording answers: which one is nearest, where it differs, and what the client is told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.gateway.cassettes.canonical import RecordedRequest, masked
from addons.gateway.cassettes.files import CassetteRecording
from mapping.faults import Fault
from mapping.inspect.compare.ignored import IgnoredPlaces
from mapping.inspect.compare.report import ComparedSection, Comparison
from mapping.inspect.compare.values import changes
from mapping.values import JSON

CODE = "cassette_miss"
STATUS = 400
"""No SDK asks again, and none takes it for a model that is not there."""
TOLD = 1500
"""Characters of the difference that a client is told."""
LOGGED = 20_000
_WORDS = 400
"""Of a text that count when two requests are compared."""
_WORD = re.compile(r"\w+")
_SECTION = "the request"
_COMPARED = 300
"""Recordings that are read for it."""
_SAME_METHOD, _SAME_MODEL = 0.5, 0.25
"""What these count for, where all that is said counts for 1."""
_DIGEST = re.compile(r"-([0-9a-f]{8})(?:-\d+)?\.json\Z")


@dataclass(frozen=True, slots=True)
class CassetteMiss:
    """A request that was not recorded."""

    folder: Path
    asked: RecordedRequest
    nearest: str
    """The name of the nearest recording; empty: there is none."""
    difference: Sequence[str]
    """Lines: where the request differs from that."""
    used_up: bool = False
    """It was recorded, and came more often than it was recorded."""

    @property
    def note(self) -> str:
        """The detail of the note: what the names of files end with, as their words are a client's."""
        found = _DIGEST.search(self.nearest)
        return f"nearest {found[1]}" if found else ""

    def text(self, most: int) -> str:
        """For a person. `most`: characters of the difference."""
        what = f"{self.asked.method} {self.asked.model}".strip() or "the list of models"
        if self.used_up:
            return f"{self.folder} has no further recording of this request ({what}): {self.nearest} was the last one."
        if not self.nearest:
            return f"{self.folder} has no recording of this request ({what}), and no other either."
        said = "\n".join(self.difference)
        if len(said) > most:
            said = said[:most] + f"… ({len(said) - most} more characters; the gateway's log has more)"
        return (
            f"{self.folder} has no recording of this request ({what}). The nearest is {self.nearest}. "
            f"- is what that has, + is what was asked:\n{said}"
        )

    def fault(self) -> Fault:
        """What the client is told."""
        todo = "Nothing was sent to Gemini. Record it anew, or name in [cassette] ignore what changes from run to run."
        return Fault(STATUS, f"{self.text(TOLD)}\n{todo}", code=CODE, should_retry=False)

    def plain(self) -> JSON:
        """For programs."""
        return {"miss": self.asked.value().get("method", ""), "nearest": self.nearest, "text": self.text(LOGGED)}


def found(
    folder: Path, asked: RecordedRequest, recordings: Sequence[CassetteRecording], ignored: IgnoredPlaces
) -> CassetteMiss:
    """What there is to say of a request that has no recording."""
    if not recordings:
        return CassetteMiss(folder, asked, "", ())
    plain, covered = asked.value(), RecordedRequest(asked.model, asked.method, asked.query, masked(asked.body)).value()
    mine = {False: _leaves(plain), True: _leaves(covered)}
    alike = sorted(recordings, key=lambda one: -_alike(one.asked, asked))[:_COMPARED]  # in their order otherwise
    nearest = max(alike, key=lambda one: _likeness(one.asked, asked, mine[bool(one.digest)]))
    now = covered if nearest.digest else plain
    return CassetteMiss(folder, asked, nearest.name, _difference(nearest, now, ignored))


def _difference(nearest: CassetteRecording, now: JSON, ignored: IgnoredPlaces) -> list[str]:
    before = nearest.asked.value()
    for value in (before, now):
        if "request" in value:
            value["request"] = ignored.within(value["request"])
    section = ComparedSection(_SECTION, changes=changes(before, now))
    if not section.differs:
        what = "in the words of what was masked" if nearest.digest else "in the order of what means the same"
        return [f"only {what}"]
    lines = Comparison("", "", [section]).lines()
    return lines[next(at for at, line in enumerate(lines) if _SECTION in line) + 1 :]


def _likeness(recorded: RecordedRequest, asked: RecordedRequest, mine: Counter[tuple[str, str]]) -> float:
    theirs = _leaves(recorded.value())
    shared = (mine & theirs).total()
    said = 2 * shared / ((mine.total() + theirs.total()) or 1)
    return said + _alike(recorded, asked)


def _alike(recorded: RecordedRequest, asked: RecordedRequest) -> float:
    """As far as one sees without reading it."""
    return _SAME_METHOD * (recorded.method == asked.method) + _SAME_MODEL * (recorded.model == asked.model)


def _leaves(value: Any) -> Counter[tuple[str, str]]:
    return Counter(_all_leaves(value, ""))


def _all_leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Each value with the name of its member, texts word by word. Places in lists don't count: messages come before
    others."""
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _all_leaves(member, key)
    elif isinstance(value, list):
        for one in value:
            yield from _all_leaves(one, name)
    elif isinstance(value, str):
        for word in _WORD.findall(value[: _WORDS * 10])[:_WORDS]:
            yield name, word
    else:
        yield name, repr(value)
