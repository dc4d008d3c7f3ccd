"""The images that an edit starts from -> parts of a Gemini content.

Rules of this module:

* Three shapes are taken: files of a form (`mapping.openai.multipart`), `images` with `image_url` in each, as OpenAI
  has it in JSON, and a data URL or an address as text.
* The type that goes out is that of the bytes: the SDKs tell `application/octet-stream` for anything.
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.images.request.settings import MAX_INPUTS
from mapping.notes import Notes
from mapping.request.parts import media
from mapping.request.parts.media_types import sniffed
from mapping.request.settings import parameters
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
        return _picture(_data_url(value, path), path, notes)
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
    kind: str = part.get("inlineData", {}).get("mimeType", "image/")
    if not kind.startswith("image/"):
        raise _no_image(path, f"it is of type '{kind}'")
    return part


def _data_url(file: JSON, path: str) -> str:
    """Of a file of a form, with the type of its bytes, else the one that it tells."""
    data = parameters.string(file.get("data"), f"{path}.data")
    if not data:
        raise _no_image(path, "it is empty")
    told = file.get("content_type")
    kind = _type_of(data) or (told if isinstance(told, str) and told.startswith("image/") else "")
    if not kind:
        raise _no_image(path, "its bytes are of no known type")
    return f"data:{kind};base64,{data}"


def _type_of(data: str) -> str | None:
    try:
        return sniffed(data)
    except ValueError:  # no base64: `media` says so
        return None


def _no_image(path: str, why: str) -> Fault:
    return faults.bad_value(
        path, f"Invalid value for '{path}': the file is no image: {why}. Send PNG, JPEG, WebP or HEIC."
    )
