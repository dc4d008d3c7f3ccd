"""JSON bytes, whole or cut off anywhere -> what they say.

Rules of this module:

* Whole JSON is parsed once, and that is all.
* JSON that breaks off is closed where it ends: a text keeps what there is of it, a member without its value is left
  out, and a number or word that may go on is null.
* What is not JSON raises ValueError, and nothing raises anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mapping import jsonio

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
"""Strings, also one cut off at the end, so that their brackets do not count; and brackets."""

_CLOSED_BY = {"[": "]", "{": "}"}
_DEEPEST = 500

_TAIL = 100
"""Characters at the end that hold a word, number or escape that breaks off."""
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_WORD = re.compile(r"[\w.+-]+\Z")


def loads(data: bytes) -> tuple[Any, bool]:
    """The value, and whether it was cut off. Raises ValueError when it is not JSON."""
    try:
        return jsonio.loads(data), False
    except ValueError:
        return _close(data.decode("utf-8", "replace").rstrip("\ufffd")), True


def _close(text: str) -> Any:
    brackets, last_string = _open_at_the_end(text)
    for ended in _endings(text, last_string):
        try:
            return jsonio.loads(ended + brackets)
        except ValueError:
            continue
    raise ValueError("not JSON")


def _endings(text: str, last_string: int) -> Iterator[str]:
    """What brackets can follow, if the text breaks off in a string, an escape, a word, after a value, or in a name."""
    head, tail = text[:-_TAIL], text[-_TAIL:]
    yield text + '"'
    yield head + _ESCAPE.sub("", tail) + '"'
    yield head + _WORD.sub("null", tail)
    yield text.rstrip().removesuffix(",")
    yield text[:last_string].rstrip().removesuffix(",")


def _open_at_the_end(text: str) -> tuple[str, int]:
    """What closes the brackets that are open, and where the last string begins.

    Raises ValueError when no bracket is open, or too many.
    """
    missing: list[str] = []
    last_string = 0
    for match in _TOKEN.finditer(text):
        mark = text[match.start()]
        if mark in _CLOSED_BY:
            missing.append(_CLOSED_BY[mark])
            if len(missing) > _DEEPEST:
                raise ValueError("nested too deeply")
        elif mark == '"':
            last_string = match.start()
        elif not missing or missing.pop() != mark:
            raise ValueError("not JSON")
    if not missing:
        raise ValueError("not JSON")
    return "".join(reversed(missing)), last_string
