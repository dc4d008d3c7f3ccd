"""A recording as a file: JSON that people read and git compares, the answer byte by byte.

    {"version": 1, "recorded": "2026-11-29T13:20:11Z", "model": ..., "method": ..., "query": ..., "request": {...},
     "number": 2, "answer": {"status": 200, "headers": {...}, "seconds": 1.25, ...}}

* `request` has its members in order, see `canonical`. `number`: of several recordings of one request.
* The body of the answer is one of `body` (its JSON), `events` (each with `at`, in seconds, and its JSON as `data`),
  `texts` (pairs of seconds and text), `base64`. JSON stands there where it gives the very bytes that came, written in
  the `form`; an event of which that can't be said stands as `text`.
* `broken`: what ended the answer before its end.
* Of a masked recording `matches` is what it is found by: `digest`, and what was `ignored`.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from addons.gateway.cassettes.canonical import RecordedRequest, settled
from mapping.values import JSON

VERSION = 1
MODELS = "_models.json"
"""What stood for which class of models when the folder was recorded."""

_FORMS: dict[str, tuple[Any, ...]] = {
    "compact": (None, (",", ":"), ""),
    "spaced": (None, (", ", ": "), ""),
    "indented": (2, (",", ": "), "\n"),
    "indented, no line end": (2, (",", ": "), ""),
}
"""How JSON was written: indent, separators, and what follows."""
_END = re.compile(rb"\r?\n\r?\n")
"""Of an event."""


_SHORT = 80
"""Characters of a value that stands on one line."""


class CassetteError(Exception):
    """A folder of recordings, or a file of it, can't be used. The message says why."""


type Piece = tuple[float, bytes]
"""Seconds after the call, and what came then."""


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What came."""

    status: int
    headers: dict[str, str]
    """Those that are needed, their names in lower case."""
    pieces: Sequence[Piece]
    seconds: float
    """Until its end."""
    broken: bool = False
    """The connection broke off."""

    @property
    def content(self) -> bytes:
        """All of it."""
        return b"".join(data for _, data in self.pieces)


@dataclass(frozen=True, slots=True)
class CassetteRecording:
    """One call with its answer."""

    asked: RecordedRequest
    answer: RecordedAnswer
    number: int = 1
    """Of the recordings of one request, from 1 on."""
    recorded: str = ""
    """When, in UTC."""
    name: str = ""
    """Of its file; empty: it has none yet."""
    digest: str = ""
    """Of a masked one: what it is found by; then `ignored` did not count."""
    ignored: tuple[str, ...] = field(default=())


# --- values


def plain(recording: CassetteRecording) -> JSON:
    """The file's content."""
    asked, answer = recording.asked, recording.answer
    made: JSON = {"version": VERSION, "recorded": recording.recorded, **asked.value()}
    if recording.number > 1:
        made["number"] = recording.number
    if recording.digest:
        made["matches"] = {"digest": recording.digest, "ignored": list(recording.ignored)}
    told: JSON = {"status": answer.status, "headers": answer.headers, "seconds": round(answer.seconds, 3)}
    told |= _body(answer)
    if answer.broken:
        told["broken"] = True
    return {**made, "answer": told}


def of_plain(value: Any, name: str) -> CassetteRecording:
    """The recording in a file. Raises CassetteError."""
    try:
        if value["version"] != VERSION:
            raise CassetteError(f"{name}: this format of a recording is not known here: {value['version']!r}")
        told, matches = value["answer"], value.get("matches", {})
        asked = RecordedRequest(
            str(value.get("model", "")),
            str(value.get("method", "")),
            str(value.get("query", "")),
            settled(value.get("request")),
        )
        answer = RecordedAnswer(
            int(told["status"]),
            {str(key): str(text) for key, text in told.get("headers", {}).items()},
            list(_pieces(told)),
            float(told.get("seconds", 0)),
            told.get("broken") is True,
        )
        return CassetteRecording(
            asked,
            answer,
            int(value.get("number", 1)),
            str(value.get("recorded", "")),
            name,
            str(matches.get("digest", "")),
            tuple(map(str, matches.get("ignored", ()))),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as e:
        raise CassetteError(f"{name} is no recording: {type(e).__name__} {e}") from None


def _body(answer: RecordedAnswer) -> JSON:
    content = answer.content
    if not content:
        return {}
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    if "event-stream" in answer.headers.get("content-type", ""):
        return _events(answer.pieces)
    for form in _FORMS:
        if (value := _as_json(text, form)) is not None:
            return {"form": form, "body": value[0]}
    texts = _texts(answer.pieces)
    return {"texts": texts} if texts is not None else {"texts": [[0.0, text]]}


def _texts(pieces: Sequence[Piece]) -> list[list[Any]] | None:
    """The pieces as they came; None where one ends within a character."""
    try:
        return [[round(at, 3), data.decode()] for at, data in pieces]
    except UnicodeDecodeError:
        return None


def _events(pieces: Sequence[Piece]) -> JSON:
    """A stream, event by event, each with the time of its last byte."""
    content = b"".join(data for _, data in pieces)
    ends: list[tuple[int, float]] = []
    size = 0
    for at, data in pieces:
        size += len(data)
        ends.append((size, at))
    parts, start = [], 0
    for found in _END.finditer(content):
        parts.append((found.end(), content[start : found.end()]))
        start = found.end()
    if start < len(content):
        parts.append((len(content), content[start:]))
    form = next((form for form in _FORMS if _event(parts[0][1], form) is not None), "compact")
    made, place = [], 0
    for end, data in parts:
        while ends[place][0] < end:
            place += 1
        event = _event(data, form)
        made.append({"at": round(ends[place][1], 3), **(event or {"text": data.decode()})})
    return {"form": form, "events": made}


def _event(data: bytes, form: str) -> JSON | None:
    """An event that has nothing but JSON; None where that would not give the same bytes."""
    for end in ("\r\n\r\n", "\n\n"):
        text = data.decode()
        if text.startswith("data: ") and text.endswith(end):
            value = _as_json(text[6 : -len(end)], form)
            if value is not None:
                return {"data": value[0]} if end == "\r\n\r\n" else {"end": end, "data": value[0]}
    return None


def _as_json(text: str, form: str) -> tuple[Any] | None:
    """The value of a text that is JSON of this form."""
    try:
        value = json.loads(text)
        return (value,) if _written(value, form) == text else None
    except (ValueError, RecursionError):
        return None


def _written(value: Any, form: str) -> str:
    indent, separators, end = _FORMS[form]
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators) + str(end)


def _pieces(told: JSON) -> Iterable[Piece]:
    if "body" in told:
        yield float(told.get("seconds", 0)), _written(told["body"], told["form"]).encode()
    elif "base64" in told:
        yield float(told.get("seconds", 0)), base64.b64decode(told["base64"])
    elif "events" in told:
        for event in told["events"]:
            text = event.get("text")
            if text is None:
                text = f"data: {_written(event['data'], told['form'])}{event.get('end', '\r\n\r\n')}"
            yield float(event["at"]), text.encode()
    else:
        for at, text in told.get("texts", ()):
            yield float(at), text.encode()


# --- files


def read(path: Path) -> CassetteRecording:
    """The recording of a file. Raises CassetteError."""
    return replace(of_plain(_json(path), str(path)), name=path.name)


def models(folder: Path) -> dict[str, str] | None:
    """Which model stood for each class of models when the folder was recorded; None: nobody has said.

    Raises CassetteError.
    """
    path = folder / MODELS
    if not path.exists():
        return None
    value = _json(path)
    if not isinstance(value, dict):
        raise CassetteError(f"{path} names no models: it is no JSON object")
    return {kind: str(model) for kind, model in value.items()}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as e:
        raise CassetteError(f"{path}: {e.strerror or e}") from None
    except (ValueError, RecursionError) as e:
        raise CassetteError(f"{path} is no JSON: {e}") from None


def in_folder(folder: Path) -> list[CassetteRecording]:
    """All recordings of a folder, in the order in which they were made. Raises CassetteError."""
    if folder.exists() and not folder.is_dir():
        raise CassetteError(f"{folder} is no folder")
    found = [read(path) for path in sorted(folder.glob("*.json")) if path.name != MODELS]
    return sorted(found, key=lambda one: (one.number, one.recorded, one.name))


def write(folder: Path, recording: CassetteRecording) -> None:
    """Write the file of a recording; one of that name is replaced. Raises CassetteError."""
    write_json(folder / recording.name, plain(recording))


def remove(path: Path) -> None:
    """Take a file away, if it is there. Raises CassetteError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as e:
        raise CassetteError(f"{path}: {e.strerror or e}") from None


def _pretty(value: Any, indent: str) -> str:
    """JSON for people, and for git: short values and lists of numbers on one line, others member by member."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (indent and len(flat) <= _SHORT):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(name, ensure_ascii=False)}: {_pretty(one, inner)}" for name, one in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if all(isinstance(one, int | float) for one in value):
        return flat
    return "[\n" + ",\n".join(inner + _pretty(one, inner) for one in value) + f"\n{indent}]"


def can_be_written(folder: Path) -> None:
    """Raises CassetteError where no file can be made in a folder, which may not be there yet."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not place.is_dir():
        raise CassetteError(f"{folder}: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise CassetteError(f"{folder}: nothing can be recorded, for {place} can't be written")


def write_json(path: Path, value: Any) -> None:
    """Write a file at once, or not at all. Raises CassetteError."""
    text = _pretty(value, "") + "\n"
    making = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        making.write_bytes(text.encode("utf-8", "backslashreplace"))
        making.replace(path)
    except OSError as e:
        with suppress(OSError):
            making.unlink()
        raise CassetteError(f"{path}: {e.strerror or e}") from None
