"""A conversation as text: facts, turns, and what is said in them.

Rules of this module:

* Texts stand whole. Bytes (images, audio, files) stand as their type and size, and are never decoded.
* Values of any type are taken: what comes from a client may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from mapping import jsonio

JSON = dict[str, Any]

_CLIPPED = 600
_URL = 200
_GAP = "\N{NO-BREAK SPACE}"
"""An empty line: mitmweb gives one without any character no height."""
_UNITS = ("kB", "MB", "GB")


class Transcript:
    """Lines of text, in order."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, text: str) -> None:
        if text:
            self._lines.append(text)

    def fact(self, name: str, value: Any) -> None:
        """A setting or a number; nothing when it is null."""
        if value is not None:
            self._lines.append(f"{name}: {string(value)}")

    def facts(self, values: JSON, without: frozenset[str] = frozenset()) -> None:
        for name, value in values.items():
            if name not in without:
                self.fact(name, value)

    def turn(self, *about: str) -> None:
        """What follows is said by somebody else."""
        if self._lines:
            self._lines.append(_GAP)
        self._lines.append(f"── {' · '.join(part for part in about if part)} ──")

    def call(self, name: Any, arguments: Any, id: Any = None) -> None:
        """A tool is called."""
        self._lines.append(f"→ {string(name) or '?'}({string(arguments)}){_id(id)}")

    def result(self, name: Any, value: Any, id: Any = None) -> None:
        """What a tool gave back."""
        self._lines.append(f"← {string(name)}{_id(id)} {string(value)}".rstrip())

    def timeline(self, kinds: Iterable[tuple[str, int]]) -> None:
        """The events of a stream: of each its kind, and how many characters it brought. Equal ones in a row are one."""
        self.turn("events")
        number = 0
        for kind, group in groupby(kinds, key=lambda event: event[0]):
            sizes = [size for _, size in group]
            first, number = number + 1, number + len(sizes)
            numbers = str(first) if len(sizes) == 1 else f"{first}-{number}"
            brought = f", {sum(sizes)} characters" if any(sizes) else ""
            self._lines.append(f"{numbers:>11}  {kind}{brought}")

    def render(self) -> str:
        return "\n".join(self._lines)


def members(value: Any) -> JSON:
    """The value if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def elements(value: Any) -> list[Any]:
    """The value if it is a list; else an empty one."""
    return value if isinstance(value, list) else []


def string(value: Any) -> str:
    """A text as it is, null as nothing, all else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return jsonio.dumps(value).decode()
    except (TypeError, ValueError, RecursionError):
        return "(nested too deeply to show)"


def clipped(value: Any) -> str:
    """What is of no known form, and may be long without saying much."""
    text = string(value)
    return text if len(text) <= _CLIPPED else f"{text[:_CLIPPED]}… ({len(text)} characters)"


def base64_media(kind: str, type: Any, data: Any) -> str:
    """`[image image/png, 10.0 MB]`, for bytes in base64."""
    text = data if isinstance(data, str) else ""
    size = len(text) * 3 // 4 - text.count("=", max(0, len(text) - 2))
    return _media(kind, string(type), _amount(max(0, size)))


def url_media(kind: str, url: Any) -> str:
    """The same for a URL: of a data URL its type and size, of any other the URL."""
    text = string(url)
    if not text.startswith("data:"):
        return _media(kind, text if len(text) <= _URL else f"{text[:_URL]}…")
    comma = text.find(",")
    type, *parameters = text[5 : comma if comma >= 0 else _URL].split(";")
    data = text[comma + 1 :] if comma >= 0 else ""
    if "base64" in parameters:
        return base64_media(kind, type, data)
    return _media(kind, type, _amount(len(data)))


def _media(*about: str) -> str:
    kind, *rest = [part for part in about if part]
    return f"[{kind} {', '.join(rest)}]" if rest else f"[{kind}]"


def _amount(size: float) -> str:
    if size < 1000:
        return f"{size:.0f} B"
    for unit in _UNITS:
        size /= 1000
        if size < 1000 or unit == _UNITS[-1]:
            break
    return f"{size:.1f} {unit}"


def _id(id: Any) -> str:
    return f"  [{string(id)}]" if id else ""
