"""`size` and `quality` -> `imageConfig`, as far as the model takes it.

Rules of this module:

* A `size` decides alone: the ratio that comes nearest, and the smallest of Gemini's sizes whose longer edge is not
  below it. `quality` decides where no size is given.
* What the model does not take is not sent: one that makes images of 1K only gets the ratio.
* Gemini's images are of these ratios nearly, and of 1K in area: what comes is told by the answer.

Sources: the OpenAI API reference (`CreateImageRequest`), the Gemini API's page on image generation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mapping import faults
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON, Options

EDGES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
"""`imageSize` -> pixels of the edge of a square."""
_DEFAULT = "1K"

_QUALITIES = {
    "auto": None,
    "standard": None,
    "low": "512",
    "medium": "1K",
    "high": "2K",
    "hd": "2K",
    "xhigh": "4K",
    "max": "4K",
}
"""`quality` -> the size that it stands for; None: whatever Gemini makes."""
_TOLD = {"512": "low", "1K": "medium", "2K": "high", "4K": "xhigh"}
"""The other way round."""

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is asked for."""

    config: JSON = field(default_factory=dict)
    """`imageConfig`; empty: nothing is said."""
    quality: str = _TOLD[_DEFAULT]
    """What answers tell: low, medium, high, xhigh."""


def read_picture(body: JSON, model: Model, notes: Notes, options: Options) -> Picture:
    """Read `size` and `quality`. Raises Fault (400)."""
    size = _size(body.get("size"))
    quality = parameters.one_of(body.get("quality"), "quality", _QUALITIES)
    hinted = _QUALITIES[quality] if quality else None
    wanted = (_at_least(EDGES, max(size)) or "4K") if size else hinted
    config: JSON = {}
    if size and model.image_ratios:
        config["aspectRatio"] = _nearest(size, model.image_ratios)
    made = _DEFAULT
    if wanted and model.image_sizes:
        config["imageSize"] = made = _at_least(model.image_sizes, EDGES[wanted]) or model.image_sizes[-1]
    if size and size != (EDGES[made], EDGES[made]):
        notes.add("clamped", "size")
    if hinted and hinted != made:
        parameters.leave_out("quality", notes, options)
    return Picture(config, _TOLD[made])


def _size(value: Any) -> tuple[int, int] | None:
    """Width and height in pixels; None: any."""
    text = parameters.string(value, "size")
    if text is None or text == "auto":
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise faults.bad_value(
            "size", f"Invalid value: '{text[:40]}'. Expected 'auto', or pixels like '1024x1024' or '1536x1024'."
        )
    return int(match[1]), int(match[2])


def _at_least(sizes: Iterable[str], edge: int) -> str | None:
    """The smallest size that is not below an edge; None: there is none."""
    return next((size for size in sizes if EDGES[size] >= edge), None)


def _nearest(size: tuple[int, int], ratios: Iterable[str]) -> str:
    """The ratio that differs by the smallest factor."""
    wanted = math.log(size[0] / size[1])

    def distance(ratio: str) -> float:
        width, _, height = ratio.partition(":")
        return abs(math.log(int(width) / int(height)) - wanted)

    return min(ratios, key=distance)
