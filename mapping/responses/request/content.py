"""Content parts of Responses items -> parts of a Gemini content.

Rules that this module keeps:

* Every part type of the OpenAI API reference is taken, chat's `text` too. An unknown one is left out with a note, its
  text kept.
* `encrypted_content` that is plain text counts as text: providers that encrypt nothing leave it so (Codex's messages
  between agents).
* Empty texts are left out: Gemini refuses them.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from typing import Any

from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.parts import content_parts, media
from mapping.values import JSON, Options

TEXT_PARTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
"""The types of parts that are text."""

_BASE64 = string.ascii_letters + string.digits + "+/-_="
_SEALED_LENGTH = 64


def is_sealed(text: str) -> bool:
    """Whether an `encrypted_content` is encrypted: a Fernet token (OpenAI's), or else one long word of base64."""
    return text.startswith("gAAAA") or (len(text) >= _SEALED_LENGTH and not text.strip(_BASE64))


class ContentReader:
    """Reads content. `resolution_per_part`: images may have a resolution of their own (Gemini 3)."""

    def __init__(self, *, resolution_per_part: bool, options: Options, notes: Notes) -> None:
        self.resolutions: list[str] = []
        """The media resolutions that were asked for and that the model takes only for the whole request."""
        self._resolution_per_part = resolution_per_part
        self._options = options
        self._notes = notes

    def parts(self, content: Any, path: str) -> list[JSON]:
        """The Gemini parts of a string or an array of content parts."""
        if isinstance(content, str):
            return [{"text": content}] if content else []
        parts: list[JSON] = []
        for part, part_path in members.objects(content, path, "a string or an array"):
            kind = part.get("type")
            read = _TYPES.get(kind) if isinstance(kind, str) else None
            if read is None:
                unknown.leave_out(kind, f"{part_path}.type", _TYPES, self._notes, self._options)
                read = ContentReader._unknown
            converted = read(self, part, part_path)
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

    def system_texts(self, content: Any, path: str) -> list[tuple[str, str]]:
        """The texts of a system or developer message, each with its path."""
        if isinstance(content, str):
            return [(content, path)]
        texts = []
        for part, part_path in members.objects(content, path, "a string or an array"):
            kind = part.get("type")
            if kind in TEXT_PARTS:
                texts.append((members.string(part, "text", part_path), part_path))
                continue
            unknown.leave_out(kind, f"{part_path}.type", ("input_text",), self._notes, self._options)
            texts.append((unknown.plain_text(part), part_path))
        return texts

    def _text(self, part: JSON, path: str) -> JSON | None:
        return content_parts.text(part, path)

    def _refusal(self, part: JSON, path: str) -> JSON | None:
        return content_parts.refusal(part, path)

    def _unknown(self, part: JSON, path: str) -> JSON | None:
        """What is left of a part of an unknown type."""
        text = unknown.plain_text(part)
        return {"text": text} if text else None

    def _audio(self, part: JSON, path: str) -> JSON:
        return content_parts.audio(part, path, self._notes)

    def _file(self, part: JSON, path: str) -> JSON:
        return media.file_part(part, path=path, notes=self._notes)

    def _sealed(self, part: JSON, path: str) -> JSON | None:
        text = members.string(part, "encrypted_content", path)
        if is_sealed(text):
            self._notes.add("content-foreign", path)
            return None
        return {"text": text} if text else None

    def _image(self, part: JSON, path: str) -> JSON:
        image: Any = part.get("image_url")
        if image is None and part.get("file_id") is not None:
            return media.file_part({"file_id": part["file_id"]}, path=path, notes=self._notes)
        where, detail, detail_path = f"{path}.image_url", part.get("detail"), f"{path}.detail"
        if isinstance(image, dict):  # as chat has it
            detail, detail_path = image.get("detail"), f"{where}.detail"
            image, where = image.get("url"), f"{where}.url"
        converted = media.image_part(image, path=where, notes=self._notes)
        level = media.resolution(detail, path=detail_path, notes=self._notes, options=self._options)
        if level is None:
            return converted
        if self._resolution_per_part:
            return {**converted, "mediaResolution": {"level": level}}
        self.resolutions.append(level)
        return converted


_TYPES: Mapping[str, Callable[[ContentReader, JSON, str], JSON | None]] = {
    **dict.fromkeys(TEXT_PARTS, ContentReader._text),
    "refusal": ContentReader._refusal,
    "input_image": ContentReader._image,
    "input_file": ContentReader._file,
    "input_audio": ContentReader._audio,
    "encrypted_content": ContentReader._sealed,
}
# Not in the reader: see `mapping.openai.chat_shape.messages`.
