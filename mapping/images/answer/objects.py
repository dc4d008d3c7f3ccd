"""Images as OpenAI's API tells them: what is common to whole answers and to events.

Rules of this module (OpenAI API reference, `ImagesResponse`, `ImageGenCompletedEvent`; clients were tried with it):

* Base64 unless the client asks for a `url`; then a data URL, since nothing is kept here.
* Format and size are those of the bytes, whatever was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapping.images import convert
from mapping.images.picture import format_of, size_of
from mapping.images.plan import ImagesPlan
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.values import JSON


@dataclass(frozen=True, slots=True)
class Image:
    """An image for the client."""

    data: str
    """Base64."""
    output_format: str
    size: str
    """`WIDTHxHEIGHT`, or `auto` where it is not known."""

    def members(self, plan: ImagesPlan) -> JSON:
        """What an answer or an event tells of it beside the data."""
        return {
            "background": "opaque",
            "output_format": self.output_format,
            "quality": plan.quality,
            "size": self.size,
        }

    @property
    def url(self) -> str:
        """A data URL."""
        return f"data:image/{self.output_format};base64,{self.data}"


def image(mime: str, data: str, plan: ImagesPlan, notes: Notes, converter: convert.Converter) -> Image:
    """An image as the client wants it, as far as it can be had so."""
    found = format_of(mime, data)
    wanted = plan.output_format
    if wanted and (wanted != found or plan.compression not in (None, 100)):
        made = converter.converted(data, wanted, plan.compression) if convert.possible() else None
        if made is not None:
            data, found = made, wanted
        elif wanted != found:
            notes.add("ignored", "output_format")
    size = size_of(data)
    return Image(data, found, f"{size[0]}x{size[1]}" if size else "auto")


def usage(totals: Totals) -> JSON:
    """`usage`: thoughts are part of `output_tokens`, and no image tokens."""
    prompt_images = min(totals.prompt_by.get("IMAGE", 0), totals.prompt)
    made = totals.completion_by.get("IMAGE", 0) if totals.completion_by else totals.completion - totals.reasoning
    images = max(0, min(made, totals.completion))
    return {
        "input_tokens": totals.prompt,
        "input_tokens_details": {"image_tokens": prompt_images, "text_tokens": totals.prompt - prompt_images},
        "output_tokens": totals.completion,
        "output_tokens_details": {"image_tokens": images, "text_tokens": totals.completion - images},
        "total_tokens": totals.total,
    }
