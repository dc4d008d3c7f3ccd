"""Content parts of Responses items -> parts of a Gemini content.

Rules that this module keeps:

* Every part type of the OpenAI API reference is taken, chat's `text` too; an unknown one is a 400 that names those
  there are.
* Empty texts are left out: Gemini refuses them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping import content_parts, media, members
from mapping.gemini import JSON

TEXT_PARTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
"""The types of parts that are text."""


class ContentReader:
    """Reads content. `resolution_per_part`: images may have a resolution of their own (Gemini 3)."""

    def __init__(self, *, resolution_per_part: bool) -> None:
        self.resolutions: list[str] = []
        """The media resolutions that were asked for and that the model takes only for the whole request."""
        self._resolution_per_part = resolution_per_part
        self._types: dict[str, Callable[[JSON, str], JSON | None]] = {
            **dict.fromkeys(TEXT_PARTS, content_parts.text),
            "refusal": content_parts.refusal,
            "input_image": self._image,
            "input_file": _file,
            "input_audio": content_parts.audio,
        }

    def parts(self, content: Any, path: str) -> list[JSON]:
        """The Gemini parts of a string or an array of content parts."""
        if isinstance(content, str):
            return [{"text": content}] if content else []
        parts: list[JSON] = []
        for part, part_path in members.objects(content, path, "a string or an array"):
            kind = part.get("type")
            read = self._types.get(kind) if isinstance(kind, str) else None
            if read is None:
                raise members.unknown(kind, f"{part_path}.type", self._types)
            converted = read(part, part_path)
            if converted is not None:
                parts.append(converted)
        return parts

    def output(self, value: Any, path: str) -> tuple[str, list[JSON]]:
        """The text and the other parts of a tool's output. Tools that return nothing are sent as null by some."""
        if value is None:
            return "", []
        if isinstance(value, str):
            return value, []
        parts = self.parts(value, path)
        text = "\n".join(part["text"] for part in parts if "text" in part)
        return text, [part for part in parts if "text" not in part]

    def _image(self, part: JSON, path: str) -> JSON:
        image: Any = part.get("image_url")
        if image is None and part.get("file_id") is not None:
            return media.file_part({"file_id": part["file_id"]}, path=path)
        where, detail, detail_path = f"{path}.image_url", part.get("detail"), f"{path}.detail"
        if isinstance(image, dict):  # as chat has it
            detail, detail_path = image.get("detail"), f"{where}.detail"
            image, where = image.get("url"), f"{where}.url"
        converted = media.image_part(image, path=where)
        level = media.resolution(detail, path=detail_path)
        if level is None:
            return converted
        if self._resolution_per_part:
            return {**converted, "mediaResolution": {"level": level}}
        self.resolutions.append(level)
        return converted


def system_texts(content: Any, path: str) -> list[tuple[str, str]]:
    """The texts of a system or developer message, each with its path."""
    if isinstance(content, str):
        return [(content, path)]
    texts = []
    for part, part_path in members.objects(content, path, "a string or an array"):
        kind = part.get("type")
        if kind not in TEXT_PARTS:
            raise members.unknown(kind, f"{part_path}.type", ("input_text",))
        texts.append((members.string(part, "text", part_path), part_path))
    return texts


def _file(part: JSON, path: str) -> JSON:
    return media.file_part(part, path=path)
