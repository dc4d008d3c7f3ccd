"""Images in another format, where Pillow is installed (the extra `images`).

It is imported when an image is to be converted first, and not before.
"""

from __future__ import annotations

import base64
import importlib.util
import io
from functools import cache

MISSING = "Images stay as Gemini makes them, unless Pillow is installed beside the gateway (pip install pillow)."

_SAVED = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
"""`output_format` -> what Pillow calls it."""
_BEST = 95
"""Of JPEG and WebP, where the client names no compression: Pillow's advice for the upper end."""


@cache
def possible() -> bool:
    """Whether images can be converted."""
    return importlib.util.find_spec("PIL") is not None


class Converter:
    """Converts, and remembers what it has made: so it can be done ahead, in another thread."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str, int | None], str | None] = {}

    def converted(self, data: str, output_format: str, compression: int | None) -> str | None:
        """See the function."""
        key = (data, output_format, compression)
        if key not in self._made:
            self._made[key] = converted(*key)
        return self._made[key]


def converted(data: str, output_format: str, compression: int | None) -> str | None:
    """Base64 of an image -> base64 of the same in another format; None: it can't be read.

    `compression` is in per cent, 100 the best picture; for PNG it says nothing.
    """
    from PIL import Image

    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.load()
            plain = image.convert("RGB") if output_format == "jpeg" and image.mode != "RGB" else image
            options = {} if output_format == "png" else {"quality": _BEST if compression is None else compression}
            plain.save(out, _SAVED[output_format], **options)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    return base64.b64encode(out.getvalue()).decode("ascii")
