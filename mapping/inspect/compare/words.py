"""Two texts, word by word.

What both begin and end with is set apart first. Lines are set against each other before the words in them, so that
long texts with few differences take no time; a passage with more than `MOST` words is told as a whole.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal

type Op = Literal["=", "-", "+"]
type Piece = tuple[Op, str]
"""What both have, what only the first has, what only the second has; and the text."""

MOST = 4000
"""Words of a passage that are set against each other."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


def pieces(before: str, after: str) -> list[Piece]:
    """The pieces of both texts in order: joined, those with `=` and `-` are the first, with `=` and `+` the second."""
    found: list[Piece] = []
    for op, first, second in _aligned(_LINES.findall(before), _LINES.findall(after)):
        found += [("=", first)] if op == "equal" else _by_words(first, second)
    return _joined(found)


def _by_words(before: str, after: str) -> list[Piece]:
    first, second = _WORDS.findall(before), _WORDS.findall(after)
    found: list[Piece] = []
    for op, one, other in _aligned(first, second):
        found += [("=", one)] if op == "equal" else [("-", one), ("+", other)]
    return found


def _aligned(first: list[str], second: list[str]) -> list[tuple[str, str, str]]:
    """How the second becomes the first's successor: (what to do, the first's text, the second's)."""
    matcher = SequenceMatcher(str.isspace, first, second, autojunk=False)  # spaces are everywhere, and tell nothing
    head = _common(first, second)
    tail = _common(first[head:][::-1], second[head:][::-1])
    if len(first) + len(second) - 2 * (head + tail) > MOST:
        middle = [("replace", head, len(first) - tail, head, len(second) - tail)]
    else:
        matcher.set_seqs(first[head : len(first) - tail], second[head : len(second) - tail])
        middle = [(op, a + head, b + head, c + head, d + head) for op, a, b, c, d in matcher.get_opcodes()]
    ops = [
        ("equal", 0, head, 0, head),
        *middle,
        ("equal", len(first) - tail, len(first), len(second) - tail, len(second)),
    ]
    return [(op, "".join(first[a:b]), "".join(second[c:d])) for op, a, b, c, d in ops]


def _common(first: list[str], second: list[str]) -> int:
    """How many elements at the beginning are the same."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _joined(found: list[Piece]) -> list[Piece]:
    """Without empty pieces. Of neighbours what is gone comes first, and equal kinds are one; so are two changes with
    nothing but a space between them."""
    made: list[Piece] = []
    gone, come = "", ""
    rest = [piece for piece in found if piece[1]]
    for at, (op, text) in enumerate(rest):
        if op == "=":
            between = (gone or come) and text == " " and at + 1 < len(rest)
            if between:
                gone, come = gone + text, come + text
                continue
            made += _changed(gone, come)
            gone = come = ""
            if made and made[-1][0] == "=":
                made[-1] = ("=", made[-1][1] + text)
            else:
                made.append(("=", text))
        elif op == "-":
            gone += text
        else:
            come += text
    return made + _changed(gone, come)


def _changed(gone: str, come: str) -> list[Piece]:
    both: list[Piece] = [("-", gone), ("+", come)]
    return [piece for piece in both if piece[1]]
