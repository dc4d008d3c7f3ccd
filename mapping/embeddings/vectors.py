"""Vectors as OpenAI's clients get them: of the length that was asked for, of unit length, as numbers or as bytes."""

from __future__ import annotations

import math
import sys
from array import array
from base64 import b64encode

from mapping import jsonio


def fitted(vector: array[float], dimensions: int | None) -> array[float]:
    """The vector with so many numbers, and of length 1; None: as it is.

    Gemini's shorter vectors are the beginnings of its whole ones, and so are not of length 1 as OpenAI's all are. That
    of a model that has no shorter ones is cut here.
    """
    if dimensions is None:
        return vector
    cut = vector[:dimensions]
    norm = math.hypot(*cut)
    return cut if norm in (0.0, 1.0) or not math.isfinite(norm) else array("d", [value / norm for value in cut])


def encoded(vector: array[float], *, base64: bool) -> bytes:
    """The JSON of an `embedding`: an array of numbers, or a string of base64: floats of 32 bits, little-endian."""
    if not base64:
        return jsonio.dumps(vector.tolist())
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return b'"' + b64encode(floats.tobytes()) + b'"'
