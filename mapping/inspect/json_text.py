"""Changes single values in a JSON text, or in server-sent events of JSON texts, and leaves every other byte as it is.

The text need not be whole: what was cut off, or is no JSON at all, is gone through as far as it makes sense. Words
outside of strings count as texts too, so that nothing is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      "(?P<text>(?:[^"\\\r\n]|\\.)*)(?:"|\\?(?=[\r\n]|\Z))
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<mark>[{}\[\]:,])
    | (?P<word>[^\W\d_]+)
    """,
    re.VERBOSE,
)
_EVENT = re.compile(r"(?P<prefix>^data:|^(?:event|id|retry|):[^\r\n]*)|(?P<gap>\r?\n\r?\n)", re.MULTILINE)
_IS_EVENTS = re.compile(r"\ufeff?\s*(?:data|event|id|retry|):")
_LITERALS = frozenset({"true", "false", "null", "DONE"})


@dataclass(slots=True)
class _Object:
    name: str | None = None
    """Of the member whose value comes next; None where a name is expected."""
    members: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text or a number in a JSON text, or a word that stands where a value should."""

    raw: str
    """As it stands there; of a text what is between its quotes."""
    is_text: bool
    path: tuple[str, ...]
    """The names of the members around it."""
    _around: _Object | None = None

    def beside(self, name: str) -> str:
        """The text of a member before it in the same object; empty if there is none."""
        return self._around.members.get(name, "") if self._around else ""


type Change = Callable[[Leaf], str | None]
"""Gives what is to stand in a leaf's place; None: it stays."""


def rewrite(text: str, change: Change) -> str:
    """The text with its leaves changed."""
    if not _IS_EVENTS.match(text):
        return _Rewriter(change).run(text)
    out, at, rewriter = [], 0, _Rewriter(change)
    for found in _EVENT.finditer(text):
        out += [rewriter.run(text[at : found.start()]), found[0]]
        at = found.end()
        if found["gap"]:
            rewriter = _Rewriter(change)
    return "".join([*out, rewriter.run(text[at:])])


class _Rewriter:
    """Goes through one JSON text, which may come in pieces between tokens."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._open: list[_Object | None] = []
        """The objects and lists (None) around what comes next."""

    def run(self, text: str) -> str:
        return _TOKEN.sub(self._replaced, text)

    def _replaced(self, found: re.Match[str]) -> str:
        kind = found.lastgroup
        if kind == "mark":
            self._mark(found[0])
            return found[0]
        if kind == "word":
            return found[0] if found[0] in _LITERALS else self._changed(found[0], True)
        if kind == "number":
            return self._changed(found[0], False)
        raw = found["text"]
        around = self._open[-1] if self._open else None
        if around is not None and around.name is None:
            around.name = _decoded(raw)
            return found[0]
        if around is not None and around.name is not None:
            around.members[around.name] = raw
        return '"' + self._changed(raw, True) + found[0][1 + len(raw) :]

    def _mark(self, mark: str) -> None:
        if mark == "{":
            self._open.append(_Object())
        elif mark == "[":
            self._open.append(None)
        elif mark in "}]":
            if self._open:
                self._open.pop()
        elif mark == "," and self._open and (around := self._open[-1]) is not None:
            around.name = None

    def _changed(self, raw: str, is_text: bool) -> str:
        path = tuple(around.name for around in self._open if around is not None and around.name is not None)
        made = self._change(Leaf(raw, is_text, path, self._open[-1] if self._open else None))
        return raw if made is None else made


def _decoded(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"'))
    except ValueError:
        return raw
