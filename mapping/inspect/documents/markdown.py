"""A conversation as Markdown (GitHub's).

What is said stands in quotes, so that no heading in it passes for a turn, and no fence that is left open swallows what
follows. Its own Markdown stays; tags in it, which readers of Markdown hide, are shown.
"""

from __future__ import annotations

import re
from typing import Any, override

from mapping.inspect.documents.document import Document
from mapping.inspect.printable import block, one_line
from mapping.inspect.transcript import string

_FENCE = re.compile(r"\s{0,3}(```+|~~~+)")
_MARKS = re.compile(r"(`+)(?:(?!`).)*?\1(?!`)|<|&(?=#?\w+;)")
_ESCAPES = {"<": "&lt;", "&": "&amp;"}
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>#|~])")
_TICKS = re.compile(r"`+")


class Markdown(Document):
    """See the module. `title` is the document's."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._lines = [f"# {_plain(title)}"]

    @override
    def part(self, title: str) -> None:
        self._block(f"## {_plain(title)}")

    @override
    def turn(self, *about: str) -> None:
        self._block(f"### {_plain(' · '.join(part for part in about if part))}")

    @override
    def fact(self, name: str, value: Any) -> None:
        if value is not None:
            if not self._lines[-1].startswith("* "):
                self._gap()
            self._lines.append(f"* {_plain(name)}: {_plain(string(value))}")

    @override
    def line(self, text: str) -> None:
        if text.strip():
            self._quote(_shown(block(text.strip("\n"))))

    @override
    def labelled(self, label: str, id: str, text: str) -> None:
        ticks = "`" * max(3, 1 + max((len(found) for found in _TICKS.findall(text)), default=0))
        about = f"**{_plain(label)}**" + (f" ({_plain(id)})" if id else "")
        fenced = ["", ticks, *block(text).split("\n"), ticks] if text else []
        self._quote([about, *fenced])

    @override
    def render(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _block(self, line: str) -> None:
        self._gap()
        self._lines.append(line)

    def _quote(self, lines: list[str]) -> None:
        if self._lines[-1].startswith(">"):
            self._lines.append(">")
        else:
            self._gap()
        self._lines += [f"> {line}" if line else ">" for line in lines]

    def _gap(self) -> None:
        if self._lines[-1]:
            self._lines.append("")


def _plain(text: str) -> str:
    """A text on one line that has no Markdown in it."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text))


def _shown(text: str) -> list[str]:
    """The lines of what was said; outside of code tags are shown, and lines stay lines."""
    made: list[str] = []
    fence = ""
    for line in text.split("\n"):
        if fence:
            made.append(line)
            found = _FENCE.match(line)
            fence = "" if found and found[1].startswith(fence) else fence
        elif found := _FENCE.match(line):
            fence = found[1]
            made.append(line)
        else:
            shown = _MARKS.sub(lambda mark: _ESCAPES.get(mark[0], mark[0]), line).rstrip()
            made.append(f"{shown}  " if shown else "")
    return made
