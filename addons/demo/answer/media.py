"""What the demo makes without a model: a small PNG, and vectors. All follow from the text they are made for."""

from __future__ import annotations

import base64
import hashlib
import math
import random
import struct
import zlib
from functools import lru_cache

from addons.demo.request.proto import JSON

_EDGES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
"""`imageSize` -> the edge of a square. Other ratios have about its area."""
_STEP = 16
"""Widths and heights are multiples of this."""
DIMENSIONS = 3072


def noun(mime: str) -> str:
    """What to call media of a MIME type."""
    kind = mime.partition("/")[0]
    return {"image": "image", "audio": "recording", "video": "video"}.get(kind, "document")


def image_part(text: str, ratio: str, size: str = "1K") -> JSON:
    """A PNG in a colour of its own. `ratio` reads like "16:9", `size` is an `imageSize`."""
    wide, high = (int(number) for number in ratio.split(":"))
    factor = math.sqrt(wide / high)
    width, height = (max(_STEP, round(_EDGES[size] * by / _STEP) * _STEP) for by in (factor, 1 / factor))
    colour = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=3).digest()
    return {"inlineData": {"mimeType": "image/png", "data": _base64(_png(width, height, colour))}}


@lru_cache(maxsize=256)
def vector(text: str, dimensions: int) -> list[float]:
    """An embedding. Of unit length at 3072 dimensions; a shorter one is its beginning, hence not of unit length."""
    source = random.Random(text)  # noqa: S311 - the same text shall give the same vector
    values = [source.uniform(-1, 1) for _ in range(DIMENSIONS)]
    length = math.sqrt(sum(value * value for value in values))
    return [round(value / length, 8) for value in values[:dimensions]]


def _png(width: int, height: int, colour: bytes) -> bytes:
    """With one bit for each pixel, of a palette of one colour: a large one is soon made."""
    rows = bytes(1 + (width + 7) // 8) * height
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)),
            _chunk(b"PLTE", colour),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
