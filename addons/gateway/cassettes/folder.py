"""The recordings of a folder: found by what is asked, in the order in which they were made, and added to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from addons.gateway.cassettes import files
from addons.gateway.cassettes.canonical import RecordedRequest, half_masked, masked, words
from addons.gateway.cassettes.files import CassetteRecording, RecordedAnswer
from addons.gateway.workers.counts import TurnCounts
from mapping.inspect import masking
from mapping.inspect.compare.ignored import IgnoredPlaces

logger = logging.getLogger("antigravity")

type Repeat = Literal["last", "never"]
"""What answers a request that comes more often than it was recorded: its last recording, or none."""

_LONGEST = 40
"""Characters of the words in a name."""


class CassetteFolder:
    """See the module. `path` may not be there yet. Raises CassetteError for a file that can't be read."""

    def __init__(self, path: Path, ignored: Iterable[str] = (), counts: TurnCounts | None = None) -> None:
        self.path = path
        self.ignored = IgnoredPlaces(ignored)
        self._counts = counts or TurnCounts()
        self.recordings = files.in_folder(path)
        self._known: dict[str, list[CassetteRecording]] = {}
        self._masked: dict[tuple[str, ...], dict[str, list[CassetteRecording]]] = {}
        """Masked recordings, by what did not count when they were made."""
        for recording in self.recordings:
            self._learn(recording)
        self._used: dict[str, None] = {}

    def _learn(self, recording: CassetteRecording) -> None:
        if recording.digest:
            known, digest = self._masked.setdefault(recording.ignored, {}), recording.digest
        else:
            known, digest = self._known, recording.asked.digest(self.ignored)
        known.setdefault(digest, []).append(recording)

    def take(self, asked: RecordedRequest, repeat: Repeat = "last") -> CassetteRecording | None:
        """The recording whose turn it is; None: there is none."""
        found = self._found(asked)
        if not found:
            return None
        turn = self._counts.take(f"played {found[0].name}")
        if turn >= len(found) and repeat == "never":
            return None
        recording = found[min(turn, len(found) - 1)]
        self._used[recording.name] = None
        return recording

    def _found(self, asked: RecordedRequest) -> list[CassetteRecording]:
        found = self._known.get(asked.digest(self.ignored), [])
        if not found and self._masked:
            half = half_masked(asked)
            for ignored, known in self._masked.items():
                found = found or known.get(half.digest(IgnoredPlaces(ignored)), [])
        return found

    def last(self, asked: RecordedRequest) -> CassetteRecording | None:
        """The last of the recordings of a request; None: it has none."""
        found = self._found(asked)
        return found[-1] if found else None

    @property
    def unused(self) -> list[str]:
        """The names of those that were there and have answered nothing here, and were not made anew."""
        return [recording.name for recording in self.recordings if recording.name not in self._used]

    # --- recording

    def reserve(self, asked: RecordedRequest) -> int:
        """The number of a call that is to be recorded: of several with the same request they are in order."""
        return self._counts.take(f"recorded {asked.digest(self.ignored)}") + 1

    def add(
        self, asked: RecordedRequest, answer: RecordedAnswer, number: int, *, mask: bool = False
    ) -> CassetteRecording:
        """Write a recording, in the place of one of the same request and number. Raises CassetteError.

        The first one of a request takes away what the folder had of it before.
        """
        digest = asked.digest(self.ignored)
        name = _name(asked, digest, number, () if mask else words(asked, self.ignored))
        recorded = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        recording = CassetteRecording(asked, answer, number, recorded, name)
        if mask:
            recording = _masked(recording, half_masked(asked).digest(self.ignored), self.ignored.names)
        if self._counts.take(f"renewed {digest}") == 0:
            for before in self._found(asked):
                if before.name != name:
                    files.remove(self.path / before.name)
        files.write(self.path, recording)
        self._used[name] = None
        return recording


def _name(asked: RecordedRequest, digest: str, number: int, said: Iterable[str]) -> str:
    """`gemini-3-flash-what-is-the-weather-in-3f9a1c2b.json`, `...-2.json`: telling, and the same for the same."""
    what = asked.model or "-".join(_of_path(asked.method)) or "models"
    method = "" if "enerateContent" in asked.method or not asked.model else f"-{asked.method}"
    text = "-".join(said)[:_LONGEST].rstrip("-")
    head = "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{what}{method}").strip(".-_")[:60]
    return f"{head}{f'-{text}' if text else ''}-{digest[:8]}{f'-{number}' if number > 1 else ''}.json"


def _of_path(method: str) -> list[str]:
    """Of `POST /upload/v1beta/files?x`: `post`, `upload`, `files`."""
    verb, _, path = method.partition(" ")
    parts = [part for part in path.partition("?")[0].split("/") if part and not part.startswith("v1")]
    return [verb.lower(), *parts] if parts else []


def _masked(recording: CassetteRecording, digest: str, ignored: tuple[str, ...]) -> CassetteRecording:
    """With fillers. What it is found by is of the call as it was."""
    asked, answer = recording.asked, recording.answer
    content = masking.mask_answer(answer.content) if 200 <= answer.status < 300 else answer.content
    # A filler is as long as what it stands for, but data of media is not: then all comes at the end.
    pieces, at = [], 0
    if len(content) == len(answer.content):
        for when, data in answer.pieces:
            pieces.append((when, content[at : at + len(data)]))
            at += len(data)
    else:
        pieces = [(answer.seconds, content)]
    return replace(
        recording,
        asked=replace(asked, body=masked(asked.body)),
        answer=replace(answer, pieces=pieces),
        digest=digest,
        ignored=ignored,
    )


def is_recorded(path: Path) -> bool:
    """Whether a folder has a recording at least."""
    return any(file.name != files.MODELS for file in path.glob("*.json"))
