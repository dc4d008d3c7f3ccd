"""The images that an edit starts from -> parts of a Gemini content.

Rules of this module:

* Three shapes are taken: files of a form (`mapping.openai.multipart`), `images` with `image_url` in each, as OpenAI
  has it in JSON, and a data URL or an address as text.
* The type that goes out is that of the bytes: the SDKs tell `application/octet-stream` for anything.
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.images.request.settings import MAX_INPUTS
from mapping.notes import Notes
from mapping.request.parts import media
from mapping.request.parts.media_types import sniffed
from mapping.values import JSON

_MEMBERS = ("image", "images")
_UNKNOWN = {
    "mask": "say in the prompt what is to change and what is to stay, or send the area that is to change by itself",
    "markup": "draw it into the image, and say in the prompt what it means",
}
"""Images that mean something else -> what to do instead."""


def read_images(body: JSON, notes: Notes) -> list[JSON]:
    """The parts, in their order. Raises Fault (400)."""
    for name, instead in _UNKNOWN.items():
        if body.get(name) is not None:
            raise faults.unsupported_parameter(
                name, f"Unsupported parameter: '{name}'. Gemini's models take no {name}: {instead}."
            )
    found = [(path, value) for name in _MEMBERS for path, value in _listed(name, body.get(name))]
    if not found:
        raise faults.missing("image")
    if len(found) > MAX_INPUTS:
        raise faults.bad_value(
            "image", f"Invalid 'image': at most {MAX_INPUTS} images can be edited together, but got {len(found)}."
        )
    return [_part(value, path, notes) for path, value in found]


def with_types(body: JSON) -> JSON:
    """The same request, in which the files say of what type their bytes are."""
    made = dict(body)
    for name in _MEMBERS:
        value = body.get(name)
        if isinstance(value, dict | list):
            made[name] = [_typed(item) for item in value] if isinstance(value, list) else _typed(value)
    return made


def _typed(file: Any) -> Any:
    data = file.get("data") if isinstance(file, dict) else None
    try:
        found = sniffed(data) if isinstance(data, str) else None
    except ValueError:  # no base64, which is told later
        found = None
    return {**file, "content_type": found} if found else file


def _listed(name: str, value: Any) -> list[tuple[str, Any]]:
    """Each with its path."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(f"{name}[{i}]", item) for i, item in enumerate(value)]
    return [(name, value)]


def _part(value: Any, path: str, notes: Notes) -> JSON:
    if isinstance(value, str):
        return _picture(value, path, notes)
    if not isinstance(value, dict):
        raise faults.wrong_type(path, "a file, or an object with 'image_url'", value)
    if "data" in value:
        told = value.get("content_type")
        return media.image_file_part(value["data"], told if isinstance(told, str) else "", path=path, notes=notes)
    if value.get("file_id") is not None:
        raise faults.unsupported_value(
            f"{path}.file_id",
            f"Unsupported value for '{path}.file_id': files uploaded to OpenAI are not known here. Send the image as "
            "'image_url', a data URL, or as a file of a form.",
        )
    if value.get("image_url") is None:
        raise faults.missing(f"{path}.image_url")
    return _picture(value["image_url"], f"{path}.image_url", notes)


def _picture(url: Any, path: str, notes: Notes) -> JSON:
    part: JSON = media.image_part(url, path=path, notes=notes)
    kind = part.get("inlineData", {}).get("mimeType", "image/")
    if not kind.startswith("image/"):
        raise faults.bad_value(
            path, f"Invalid value for '{path}': it is of type '{kind}', no image. Send PNG, JPEG, WebP or HEIC."
        )
    return part
