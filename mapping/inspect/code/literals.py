"""JSON values as Python's and JavaScript's literals, and texts for a shell.

Rules of this module:

* Whatever is in a text, the program has the same text: quotes, line ends, `$`, other scripts, control characters.
* What can't be seen stands escaped, so that a program looks like what it does.
* Lines are short where they can be; a text of several lines is written in lines.
* A member `__proto__` is a member in JavaScript, too.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, override

from mapping import jsonio
from mapping.inspect.printable import json_text

WIDTH = 88
"""Characters of a line that is not cut."""
DEEPEST = 40
"""Levels of a value that are written as literals; what is deeper is JSON in a text: Python's parser has a limit."""
_INDENT = "    "
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Base64:
    """Bytes, where an SDK for Python wants them as such, and one for JavaScript as base64."""

    text: str


@dataclass(frozen=True, slots=True)
class FileValue:
    """A file that is sent."""

    filename: str
    data: str
    """Base64."""
    type: str = ""


class Language(ABC):
    """Writes values."""

    words: tuple[str, str, str]
    """null, true, false."""

    def __init__(self) -> None:
        self.needs: set[str] = set()
        """Names of what the written literals use: `Base64`, `FileValue`, `JSON`."""

    def write(self, value: Any, depth: int = 0, used: int = 0) -> str:
        """A value, its first line at a place where `used` characters are taken; `depth`: levels around it."""
        if isinstance(value, Base64 | FileValue):
            self.needs.add(type(value).__name__)
            return self.base64(value.text) if isinstance(value, Base64) else self.file(value)
        if isinstance(value, dict | list) and value and depth >= DEEPEST:
            self.needs.add("JSON")
            return self.parsed(self.text(jsonio.dumps(value).decode()))
        if isinstance(value, str):
            return self._lines(value, depth, used)
        if not isinstance(value, dict | list):
            return self._plain(value)
        first, last = "{}" if isinstance(value, dict) else "[]"
        short = self._short(value, WIDTH - used)
        if short is not None:
            return short
        indent = _INDENT * (depth + 1)
        written = "".join(f"{indent}{one},\n" for one in self._each(value, depth + 1))
        return f"{first}\n{written}{_INDENT * depth}{last}"

    def member(self, name: str, depth: int, value: Any, mark: str) -> str:
        """A member or an argument with its value."""
        begin = f"{name}{mark}"
        return begin + self.write(value, depth, len(_INDENT) * depth + len(begin))

    def _each(self, value: Any, depth: int) -> Iterator[str]:
        if isinstance(value, list):
            for one in value:
                yield self.write(one, depth, len(_INDENT) * depth)
        else:
            for name, one in value.items():
                yield self.member(self.key(name), depth, one, ": ")

    def _short(self, value: Any, room: int) -> str | None:
        """On one line; None where that is too long."""
        if isinstance(value, str):
            return self.text(value) if len(value) <= room and "\n" not in value[:-1] else None
        if not isinstance(value, dict | list):
            return None if isinstance(value, Base64 | FileValue) else self._plain(value)
        first, last = "{}" if isinstance(value, dict) else "[]"
        parts: list[str] = []
        names: Sequence[str | None] = list(value) if isinstance(value, dict) else [None] * len(value)
        for name, one in zip(names, value.values() if isinstance(value, dict) else value, strict=True):
            before = "" if name is None else f"{self.key(name)}: "
            room -= len(before) + 2
            part = self._short(one, room) if room > 0 else None
            if part is None or len(part) > room:
                return None
            room -= len(part)
            parts.append(before + part)
        return f"{first}{self.padded(', '.join(parts), first)}{last}"

    def _plain(self, value: Any) -> str:
        words = dict(zip((None, True, False), self.words, strict=True))
        return words[value] if value is None or isinstance(value, bool) else jsonio.dumps(value).decode()

    def _lines(self, value: str, depth: int, used: int) -> str:
        pieces = _LINES.findall(value)
        if len(pieces) < 2 or len(value) <= WIDTH - used - 10:
            return self.text(value)
        indent = _INDENT * (depth + 1)
        return self.joined([f"{indent}{self.text(piece)}" for piece in pieces], _INDENT * depth)

    def padded(self, inner: str, mark: str) -> str:
        """What stands between braces on one line."""
        return inner

    @abstractmethod
    def text(self, value: str) -> str:
        """A text on one line."""

    @abstractmethod
    def joined(self, lines: list[str], indent: str) -> str:
        """A text of several pieces, each a literal on a line."""

    @abstractmethod
    def key(self, name: str) -> str:
        """The name of a member."""

    @abstractmethod
    def base64(self, text: str) -> str:
        """See `Base64`."""

    @abstractmethod
    def file(self, file: FileValue) -> str:
        """See `FileValue`."""

    @abstractmethod
    def parsed(self, literal: str) -> str:
        """The value of a JSON text."""


class Python(Language):
    """For Python 3."""

    words = ("None", "True", "False")

    @override
    def text(self, value: str) -> str:
        return f'"{"".join(c if c.isprintable() and c not in _QUOTED else _escaped(c) for c in value)}"'

    @override
    def joined(self, lines: list[str], indent: str) -> str:
        return "(\n" + "".join(f"{line}\n" for line in lines) + f"{indent})"

    @override
    def key(self, name: str) -> str:
        return self.text(name)

    @override
    def base64(self, text: str) -> str:
        return f"base64.b64decode({self.text(text)})"

    @override
    def file(self, file: FileValue) -> str:
        self.needs.add("Base64")
        told = [self.text(file.filename), self.base64(file.data), *([self.text(file.type)] if file.type else [])]
        return f"({', '.join(told)})"

    @override
    def parsed(self, literal: str) -> str:
        return f"json.loads({literal})"


class JavaScript(Language):
    """For JavaScript, in Node and in browsers."""

    words = ("null", "true", "false")

    @override
    def text(self, value: str) -> str:
        return json_text(json.dumps(value, ensure_ascii=False))

    @override
    def joined(self, lines: list[str], indent: str) -> str:
        return "[\n" + "".join(f"{line},\n" for line in lines) + f'{indent}].join("")'

    @override
    def key(self, name: str) -> str:
        if name == "__proto__":
            return f"[{self.text(name)}]"
        return name if _NAME.fullmatch(name) else self.text(name)

    @override
    def padded(self, inner: str, mark: str) -> str:
        return f" {inner} " if mark == "{" and inner else inner

    @override
    def base64(self, text: str) -> str:
        return self.text(text)

    @override
    def file(self, file: FileValue) -> str:
        about = f", {{ type: {self.text(file.type)} }}" if file.type else ""
        return f'await toFile(Buffer.from({self.text(file.data)}, "base64"), {self.text(file.filename)}{about})'

    @override
    def parsed(self, literal: str) -> str:
        return f"JSON.parse({literal})"


_QUOTED = '"\\'
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(c: str) -> str:
    number = ord(c)
    plain = f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    return _ESCAPES.get(c, plain)


def quoted(text: str) -> str:
    """A text as one word for a POSIX shell, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def pretty(value: Any) -> str:
    """Indented JSON, what can't be seen escaped. No line of it is a bare word."""
    indented = json.dumps(value, ensure_ascii=False, indent=2)
    return "\n".join(map(json_text, indented.split("\n")))
