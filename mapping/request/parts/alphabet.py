"""Whether a long text is of one alphabet: tens of megabytes of base64 are looked at character by character here.

No function of Python's does that as fast as `strspn` of glibc, which looks up each character in a table: in a third of
the time of a table of Python's (`bytes.translate`), which stands in for it where the C library is another.
"""

from __future__ import annotations

import ctypes
import string
import sys
from collections.abc import Callable
from typing import Any

_SLICE = 1 << 16
"""Characters that are looked at in one step: they stay in the processor's cache."""


class Alphabet:
    """Some ASCII characters, NUL not among them."""

    def __init__(self, characters: str) -> None:
        self._holds = _by_glibc(characters.encode()) or _by_table(characters.encode())

    def holds(self, text: str, end: int) -> bool:
        """Whether the first `end` characters of a text are of the alphabet."""
        return text.isascii() and all(
            self._holds(text[start : min(start + _SLICE, end)].encode()) for start in range(0, end, _SLICE)
        )

    def holds_bytes(self, data: bytes, start: int, end: int) -> bool:
        """Whether these bytes of some data are of the alphabet."""
        return all(self._holds(data[at : min(at + _SLICE, end)]) for at in range(start, end, _SLICE))


def _by_table(alphabet: bytes) -> Callable[[bytes], bool]:
    others = bytes(byte not in alphabet for byte in range(256))  # of the alphabet: 0, everything else: 1
    return lambda data: b"\1" not in data.translate(others)


def _by_glibc(alphabet: bytes) -> Callable[[bytes], bool] | None:
    """None: the C library is not glibc. Others compare bit by bit, which takes longer than the table."""
    if sys.platform != "linux":
        return None
    libc = ctypes.PyDLL(None)  # keeps the interpreter's lock: to give it up takes as long as the look at a slice
    if not hasattr(libc, "gnu_get_libc_version"):
        return None
    span: Any = libc.strspn
    span.argtypes, span.restype = [ctypes.c_char_p, ctypes.c_char_p], ctypes.c_size_t
    return lambda data: bool(span(data, alphabet) == len(data))  # a NUL ends it too early, and is not of the alphabet


BASE64 = Alphabet(string.ascii_letters + string.digits + "+/")
"""That of base64 (RFC 4648, 4), without the padding."""
