"""JSON with megabytes of base64 in it, parsed in steps: between them others have a turn.

A parser looks at each byte of a long text, copies it twice, and nobody else has a turn until it is done; then the
translation looks at each byte once more. Here such texts are looked at piece by piece and cut out. What is left is
small, and parsed as ever; then the texts are put in.

That gives what the parser gives, for every body. A text is cut out where all of this holds:

* It stands between two quotes, and a backslash stands neither before the first nor between them. So the first one
  either begins a text or ends one.
* It begins with a letter, a digit, `+` or `/`, none of which may follow on the end of a text. So the first quote begins
  one, or the body is no JSON, and that is found out as well when a letter stands there in place of the text.
* It is base64, with or without the head of a data URL: nothing that is written otherwise in JSON than it is meant.

Whatever else there is, and every body that turns out to be no JSON, is left to the parser as it stands.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from mapping import jsonio
from mapping.request.parts.alphabet import BASE64
from mapping.values import JSON

LONG = 2**18
"""Bytes from which on a text is cut out."""

STEP = 2**20
"""Bytes that are looked at in one step: half a millisecond."""

_AT_ONCE = 5000
"""Values that are looked at in one step for where a text is to be put in."""

_OBJECT = re.compile(rb"[ \t\r\n]*\{")
_HEAD = re.compile(rb'"data:[\w/+.;=-]{0,200},', re.ASCII)
_FIRST = re.compile(rb'"[A-Za-z0-9+/]')
_NAME = "text" + secrets.token_hex(16)
"""What the names of what was cut out begin with. No client can know it."""


class LongText:
    """A text that was cut out."""

    __slots__ = ("base64", "text")

    def __init__(self, text: str, base64: int) -> None:
        self.text = text
        self.base64 = base64
        """Where its base64 begins: standard, and padded as it has to be."""


type Read = tuple[JSON, list[LongText]]


def read(data: bytes) -> Generator[None, None, Read | None]:
    """A JSON object, and what was cut out while it was parsed. None: the parser has to read it as it stands."""
    if not _OBJECT.match(data):
        return None
    found: dict[str, LongText] = {}
    rest: list[bytes] = []
    end = 0
    for opening, closing in _gaps(data):
        yield
        base64 = yield from _base64(data, opening, closing)
        if base64 < 0:
            continue
        name = f"{_NAME}{len(found):08}"
        with memoryview(data) as view:
            found[name] = LongText(str(view[opening + 1 : closing], "ascii"), base64 - opening - 1)
        rest += data[end : opening + 1], name.encode()
        end = closing
        yield
    if not found:
        return None
    rest.append(data[end:])
    try:
        value = jsonio.loads(b"".join(rest))
    except ValueError:
        return None
    if not isinstance(value, dict) or not (yield from _put_in(value, dict(found))):
        return None
    return value, list(found.values())


def _gaps(data: bytes) -> Iterator[tuple[int, int]]:
    """Where a quote is, and the next one, that have at least `LONG` bytes between them, and where a text may begin."""
    step = LONG // 2
    at, end = step, 0
    while at < len(data):
        closing = data.find(b'"', at)
        if closing < 0:
            return
        opening = data.rfind(b'"', end, at)
        if opening >= 0 and closing - opening > LONG and data[opening - 1 : opening] != b"\\":
            yield opening, closing
        end = closing
        at += step * max(1, (closing - at) // step)


def _base64(data: bytes, opening: int, closing: int) -> Generator[None, None, int]:
    """Where the base64 begins of the text between two quotes; -1: it is none, or there is something else."""
    head = _HEAD.match(data, opening, closing)
    start = head.end() if head else opening + 1
    if (closing - start) % 4 or not (head or _FIRST.match(data, opening)):
        return -1
    end = closing
    while end > closing - 2 and data[end - 1] == ord("="):
        end -= 1
    for at in range(start, end, STEP):
        if not BASE64.holds_bytes(data, at, min(at + STEP, end)):
            return -1
        yield
    return start


def _put_in(value: JSON, found: dict[str, LongText]) -> Generator[None, None, bool]:
    """Put the texts where their names are. False: there is one without a place. It is a name, or has another twin."""
    inner: list[Any] = [value]
    looked_at = 0
    while inner and found:
        node = inner.pop()
        for key, member in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(member, str):
                if member.startswith(_NAME) and (one := found.pop(member, None)):
                    node[key] = one.text
            elif isinstance(member, dict | list):
                inner.append(member)
        looked_at += len(node)
        if looked_at > _AT_ONCE:
            looked_at = 0
            yield
    return not found


_known: list[LongText] = []


@contextmanager
def known(found: list[LongText]) -> Iterator[None]:
    """For that time `is_clean` knows of these texts, which need not be looked at again."""
    _known.extend(found)
    try:
        yield
    finally:
        for one in found:
            _known.remove(one)


def is_clean(text: str, start: int) -> bool:
    """Whether a text is known to be standard base64 from there on, and nothing else."""
    return bool(_known) and any(one.text is text and one.base64 == start for one in _known)
