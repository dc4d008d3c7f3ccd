"""How requests for images, answers and streams are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, override

from mapping.images.picture import format_of, size_of
from mapping.inspect.bodies import Event
from mapping.inspect.transcript import Transcript, base64_media, elements, members, string, url_media
from mapping.openai.bodies import OpenAIBodies
from mapping.values import JSON

_EVENTS = ("image_generation.", "image_edit.")
_FILES = ("image", "images", "mask", "markup")


class ImagesBodies(OpenAIBodies):
    """Prompts, and images as their format and size."""

    asked = frozenset({"prompt"})
    facts = MappingProxyType(
        {
            **OpenAIBodies.facts,
            "n": "number of images",
            "edit": "names of events",
            "as_url": "images are data URLs",
            "output_format": "format of the images",
            "compression": "quality of JPEG and WebP",
            "quality": "quality in the answer",
            "partial_images": "interim images in the stream",
        }
    )
    structure = replace(
        OpenAIBodies.structure,
        kept=OpenAIBodies.structure.kept | {"background", "content_type", "moderation", "response_format", "style"},
    )

    @override
    def answers(self, value: JSON) -> bool:
        """It has images, or is an event that has."""
        data = [members(one) for one in elements(value.get("data"))]
        return string(value.get("type")).startswith(_EVENTS) or any("b64_json" in one or "url" in one for one in data)

    @override
    def show(self, out: Transcript, value: JSON) -> None:
        if value.keys() & self.asked:
            out.facts(value, frozenset({"prompt", *_FILES}))
            self.show_asked(out, value)
        else:
            super().show(out, value)

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        out.turn("prompt")
        out.line(string(request.get("prompt")))
        for name in _FILES:
            value = request.get(name)
            for one in value if isinstance(value, list) else [] if value is None else [value]:
                out.line(_given(name, one))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        for one in map(members, elements(answer.get("data"))):
            out.turn("image")
            out.line(_shown(one))

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {}
        data: list[JSON] = []
        for event in events:
            about = {name: value for name, value in event.items() if name not in ("type", "b64_json")}
            if string(event.get("type")).endswith(".completed"):
                data.append({"b64_json": event.get("b64_json")})
                whole.update(about)
            elif "error" in event:
                whole.update(about)
        return {**whole, "data": data}

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        kind = string(event.get("type")).rpartition(".")[2].replace("_", " ")
        return ([kind] if kind and kind != "error" else []) + super().brings(event)[0], 0

    @override
    def is_last(self, event: Event) -> bool:
        return "error" in members(event) or string(members(event).get("type")).endswith(".completed")


def _given(name: str, value: Any) -> str:
    """An image of a request."""
    file = members(value)
    if "data" in file:
        told = " ".join(filter(None, (name, string(file.get("filename")))))
        return base64_media(told, file.get("content_type"), file["data"])
    return url_media(name, file.get("image_url") if file else value)


def _shown(one: JSON) -> str:
    """An image of an answer."""
    data = one.get("b64_json")
    if not isinstance(data, str):
        return url_media("image", one.get("url"))
    size = size_of(data)
    pixels = f", {size[0]} x {size[1]} pixels" if size else ""
    return base64_media("image", format_of("", data), data) + pixels


BODIES = {"images": ImagesBodies(), "image_edits": ImagesBodies()}
