"""A conversation as text: facts, turns, and what is said in them.

Rules of this module:

* Texts stand whole, in lines that are short enough: mitmweb does not wrap them. The raw view has them as they came.
* Bytes (images, audio, files) stand as their type and size, and are never decoded.
* What went wrong stands first.
* Values of any type are taken: what comes from a client may be anything.
"""

from __future__ import annotations

import math
import re
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

from mapping import jsonio
from mapping.values import JSON

WIDTH = 76
"""Characters of a line: what mitmweb shows beside its list in a window of 1280 pixels, and a terminal of 80."""
_HANG = 4
"""Spaces before what goes on with a fact."""
_MANY = 10
"""Turns, from which on the last one is shown first, and so many lines of it:"""
_PREVIEW = 8
_CLIPPED = 600
_URL = 200
_GAP = "\N{NO-BREAK SPACE}"
"""An empty line: mitmweb gives one without any character no height."""
_UNITS = ("kB", "MB", "GB")
_MAY_BE_WIDE = re.compile(r"[^\0-\u10ff]")
"""No character of the others takes the place of two. Named by its own range, the set takes 8 ms to compile."""
_SECOND = "\0"
"""Stands for the second half of a wide character while lines are measured."""
_ERROR_SAYS = ("code", "status", "type")
"""Members of an error that name it."""


class Transcript:
    """Lines of text, in order."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def line(self, text: str) -> None:
        """A text of one or more lines; nothing when it is empty."""
        if text:
            self._lines += _folded(text)

    def row(self, text: str) -> None:
        """What is in lines already, of a table say."""
        self._lines.append(text)

    def remark(self, text: str) -> None:
        """A word on the whole, apart from what stands before."""
        if self._lines:
            self._lines.append(_GAP)
        self.line(text)

    def fact(self, name: str, value: Any) -> None:
        """A setting or a number; nothing when it is null."""
        if value is not None:
            first, *rest = _folded(f"{name}: {string(value)}", _HANG)
            self._lines += [first, *(" " * _HANG + line for line in rest)]

    def facts(self, values: JSON, without: frozenset[str] = frozenset()) -> None:
        """All members that are not null, those of `without` apart, each as a fact."""
        for name, value in values.items():
            if name not in without:
                self.fact(name, value)

    def details(self, values: JSON, without: frozenset[str]) -> None:
        """The facts of an answer, which matter less than what it says."""
        if any(value is not None for name, value in values.items() if name not in without):
            if self._lines:
                self.turn("details")
            self.facts(values, without)

    def error(self, error: Any) -> None:
        """What went wrong; nothing when it is null."""
        if error is None:
            return
        about = members(error) or {"message": error}
        self.turn("error", *(string(about.get(name)) for name in _ERROR_SAYS))
        self.line(string(about.get("message")))
        self.facts(about, frozenset(("message", *_ERROR_SAYS)))

    def turn(self, *about: str) -> None:
        """What follows is said by somebody else."""
        self.remark(f"── {' · '.join(part for part in about if part)} ──")

    def preview(self, count: int, show: Callable[[Transcript], None]) -> None:
        """The last of many turns, as far as a few lines go: it is what is asked now, and it stands far below."""
        if count < _MANY:
            return
        last = Transcript()
        show(last)
        self.turn(f"the last of {count} turns")
        self._lines += last._lines[:_PREVIEW]
        if len(last._lines) > _PREVIEW:
            self._lines.append("…")

    def call(self, name: Any, arguments: Any, id: Any = None) -> None:
        """A tool is called."""
        self.line(f"→ {string(name) or '?'}({string(arguments)}){_id(id)}")

    def result(self, name: Any, value: Any, id: Any = None) -> None:
        """What a tool gave back."""
        self.line(f"← {string(name)}{_id(id)} {string(value)}".rstrip())

    def timeline(self, kinds: Iterable[tuple[str, int]], times: Sequence[float] = ()) -> None:
        """The events of a stream: of each its kind, how many characters it brought, and where that is known the
        seconds after which it came. Equal ones in a row are one."""
        self.turn("events")
        number = 0
        for kind, group in groupby(kinds, key=lambda event: event[0]):
            sizes = [size for _, size in group]
            first, number = number + 1, number + len(sizes)
            numbers = str(first) if len(sizes) == 1 else f"{first}-{number}"
            brought = f", {sum(sizes)} characters" if any(sizes) else ""
            self._lines.append(f"{numbers:>11}  {_span(times[first - 1 : number])}{kind}{brought}")

    def render(self) -> str:
        """The whole text, without a line end after the last line."""
        return "\n".join(self._lines)


def _span(times: Sequence[float]) -> str:
    """From the first to the last of some times in seconds."""
    if not times:
        return ""
    first, last = f"{times[0]:.2f}", f"{times[-1]:.2f}"
    return f"{first if first == last else f'{first} - {last}':>13} s  "


def _folded(text: str, hang: int = 0) -> list[str]:
    """The lines of a text, each short enough. Where words have to be cut, they are."""
    width = WIDTH - hang
    if len(text) <= width // 2 and "\n" not in text:
        return [text]
    return [piece for line in text.split("\n") for piece in _pieces(line, width)]


def _pieces(line: str, width: int) -> Iterator[str]:
    measured = line if line.isascii() else _MAY_BE_WIDE.sub(_in_its_width, line)
    if len(measured) <= width:
        yield line or _GAP
        return
    for match in _fitting(width).finditer(measured):
        yield match[0].rstrip().replace(_SECOND, "") or _GAP


def _in_its_width(character: re.Match[str]) -> str:
    return _measured(character[0])


@lru_cache(4096)
def _measured(character: str) -> str:
    """A character, and the second half of a wide one behind it. What takes no place of its own counts as one."""
    from wcwidth import wcwidth  # its tables take a while to load, and most of what is shown has no such characters

    return character + _SECOND if wcwidth(character) == 2 else character


@cache
def _fitting(width: int) -> re.Pattern[str]:
    """As much of a line as fits: to its end or a space; of a word that no line can hold, to a comma in it."""
    to_a_space = rf".{{0,{width - 1}}}\S(?:\s++(?!\S{{{width + 1}}})|\Z)"
    to_a_comma = rf".{{{width // 2},{width - 1}}},"
    return re.compile(rf"{to_a_space}|{to_a_comma}|.{{1,{width}}}", re.DOTALL)


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


def counts(value: Any) -> Any:
    """The numbers of a usage object, `prompt_tokens 12, completion_tokens 34`; parts of them only where there are any.

    What is no object stays as it is.
    """
    if not isinstance(value, dict):
        return value
    told = [f"{name} {number}" for name, number in value.items() if is_number(number)]
    inner = [(name, part) for whole in value.values() for name, part in members(whole).items() if is_number(part)]
    return ", ".join(told + [f"{name} {part}" for name, part in inner if part])


def number_of(value: Any) -> float | None:
    """The value if it is a number; else None."""
    return float(value) if is_number(value) else None


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def count_of(value: Any) -> int | None:
    """The value if it is a count; else None."""
    return value if type(value) is int and value >= 0 else None


def base64_media(kind: str, type: Any, data: Any) -> str:
    """`[image image/png, 10.0 MB]`, for bytes in base64."""
    text = data if isinstance(data, str) else ""
    size = len(text) * 3 // 4 - text.count("=", max(0, len(text) - 2))
    return _media(kind, string(type), _amount(max(0, size)))


def bytes_media(kind: str, type: Any, size: int) -> str:
    """The same for bytes as they are."""
    return _media(kind, string(type), _amount(size))


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


def vector(value: Any) -> str:
    """`[vector of 3072 numbers, length 1.000]`, for an embedding: numbers, or base64 of floats of 32 bits."""
    numbers = value
    if isinstance(value, str):
        try:
            numbers = array("f", b64decode(value, validate=True)).tolist()
        except ValueError:
            return clipped(value)
    try:
        norm = math.hypot(*numbers)
    except (TypeError, OverflowError):
        return clipped(value)
    return f"[vector of {len(numbers)} numbers, length {norm:.3f}]"


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
