"""What the way back has to know of a request for images, beside what every dialect has to (`mapping.request.plan`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from mapping.request.plan import Plan


@dataclass(slots=True)
class ImagesPlan(Plan):
    """`n` images are wanted, each from a call of its own."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "contents": "prompt",
            "generationConfig.imageConfig": "size",
            "generationConfig.responseModalities": "model",
        }
    )
    edit: bool = False
    """Images are edited, and events have other names."""
    as_url: bool = False
    """`response_format` is `url`: data URLs, since nothing is kept here."""
    output_format: str | None = None
    """`png`, `jpeg` or `webp`, where the client wants one of these. Images come as Gemini makes them otherwise."""
    compression: int | None = None
    """Of `output_format`, in per cent: 100 is the best picture."""
    quality: str = "medium"
    """What answers tell: low, medium, high, xhigh."""
    partial_images: int = 0
    """The most interim images that a stream shows."""
