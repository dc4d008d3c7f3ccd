"""JSON that begins as an earlier one did: each request of a conversation repeats, byte for byte, what was said before.

What was parsed of it then is taken over; only what follows is parsed. That gives what parsing the whole text gives:

* A parser of JSON goes from left to right: what it is in the midst of depends on the text so far, and on nothing else.
* A `KnownPart` ends behind an element of an array that is a member of the root object. That is proven: with a marked
  element more and the closing brackets it is JSON, and the mark is found where it was meant to be.
* What follows is parsed behind an empty object in an array of a marked name. Nothing but a comma or the end of the
  array can stand there, so no token goes on across the border; and names that come twice mean the later value, as ever.

Nobody can guess the mark, so nobody can write it.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import orjson

from mapping.values import JSON

_MARK = token_hex(16)
_OPENED = f'{{"{_MARK}":[{{}}'.encode()
"""What stands for the part that is known, before what follows."""
_CLOSED = f',{{"{_MARK}":0}}]}}'.encode()
"""What is put behind a part, to see where it ends."""

_MESSAGES = b'{"role"', b'{"parts"', b'{"type":"function_call', b'{"type":"message"'
"""How messages, contents and items of the dialects begin, as SDKs write them."""
KEPT_OUT = 4
"""Messages at the end of a text that are parsed each time: clients change the last ones (marks for a cache, say)."""
_TRIES = 4
"""Beginnings of messages that are looked at beyond those."""
_REST = 2**18
"""Bytes at the end of a text among which its last messages are looked for."""
_BLANKS = 64
"""The most that are looked through between two messages."""
_FAR = 2**16
"""Bytes of new text from which on they become part of what is known."""


class KnownPart:
    """The beginning of a text of JSON, up to the end of an element of an array in its root object.

    Whether it is one shows when it is parsed, the first time that another text begins so.
    """

    __slots__ = ("_elements", "_name", "_root", "is_none", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.is_none = False
        """It has turned out to end elsewhere, and is of no use."""
        self._root: JSON = {}
        """The members of the root object so far."""
        self._name = ""
        """Of the member that is the array."""
        self._elements: list[Any] = []
        """Its elements so far; empty: nothing was parsed yet."""

    def loads(self, text: bytes) -> JSON | None:
        """The value of a text that begins so; None: it has to be parsed as a whole, and may be no JSON.

        All values of texts that begin so share the elements that they have in common.
        """
        if not self._elements and not self._parse():
            return None
        try:
            rest = orjson.loads(_OPENED + text[len(self.text) :])
        except orjson.JSONDecodeError:
            return None
        return {**self._root, self._name: [*self._elements, *rest.pop(_MARK)[1:]], **rest}

    def longer(self, text: bytes) -> KnownPart | None:
        """The part that is known after `loads` of this text, where there is much that is new in it."""
        size = len(self.text)
        if len(text) - size < _FAR or (end := _cut(text, size)) is None or end - size < _FAR // 2:
            return None
        try:
            added = orjson.loads(b"[{}" + text[size:end] + b"]")
        except orjson.JSONDecodeError:
            return None
        part = KnownPart(text[:end])
        part._root, part._name, part._elements = self._root, self._name, [*self._elements, *added[1:]]
        return part

    def _parse(self) -> bool:
        """Parse the part itself. False: it does not end behind an element."""
        self.is_none = True
        try:
            root = orjson.loads(self.text + _CLOSED)
        except orjson.JSONDecodeError:
            return False
        name = next(reversed(root)) if isinstance(root, dict) else ""
        elements = root[name] if name else None
        if not isinstance(elements, list) or len(elements) < 2 or elements.pop() != {_MARK: 0}:
            return False
        self._root, self._name, self._elements = root, name, elements
        self.is_none = False
        return True


def known_part(text: bytes) -> KnownPart | None:
    """What a later text will most likely begin with, of one that is a JSON object; None: nothing that would help."""
    end = _cut(text, len(text) // 2)
    return None if end is None else KnownPart(text[:end])


def _cut(text: bytes, start: int) -> int | None:
    """Where the comma before one of the last messages stands, behind `start`: what follows it closes an array and then
    the root object."""
    start = max(start, len(text) - _REST)
    return next((end for begin in _MESSAGES if (end := _cut_before(begin, text, start)) is not None), None)


def _cut_before(begin: bytes, text: bytes, start: int) -> int | None:
    at = len(text)
    for i in range(KEPT_OUT + _TRIES):
        at = text.rfind(begin, start, at)
        if at < 0:
            return None
        if i < KEPT_OUT - 1 or (comma := _comma(text, start, at)) is None:
            continue
        try:
            orjson.loads(_OPENED + text[comma:])
        except orjson.JSONDecodeError:
            continue
        return comma
    return None


def _comma(text: bytes, start: int, at: int) -> int | None:
    """The last comma before `at`, where nothing but blanks is between."""
    comma = text.rfind(b",", max(start, at - _BLANKS), at)
    return comma if comma >= 0 and not text[comma + 1 : at].strip(b" \t\r\n") else None
