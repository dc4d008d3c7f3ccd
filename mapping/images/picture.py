"""What the first bytes of an image tell: its format, and its size in pixels.

Sources: the PNG specification (IHDR), JPEG (ITU T.81, start of frame), the WebP container specification.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

from mapping.request.parts.media_types import sniffed

_HEAD = 1 << 19
"""Characters of base64 that are looked at: what stands before the size of a JPEG (colour profile, origin) fits."""
_NO_FRAME = (0xC4, 0xC8, 0xCC)
"""Markers between those of frames that begin none."""


def format_of(mime: str, data: str) -> str:
    """`png`, `jpeg`, `webp`, ...: what the bytes are, else what is told."""
    try:
        found = sniffed(data)
    except ValueError:
        found = None
    return (found or mime).rpartition("/")[2]


def size_of(data: str) -> tuple[int, int] | None:
    """Width and height of base64; None: not known."""
    try:
        head = base64.b64decode(data[:_HEAD])
        read = next((read for magic, read in _READERS if head.startswith(magic)), None)
        return read(head) if read else None
    except (ValueError, IndexError, struct.error):
        return None


def _png(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + length
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


_READERS: tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...] = (
    (b"\x89PNG", _png),
    (b"\xff\xd8", _jpeg),
    (b"RIFF", _webp),
)
