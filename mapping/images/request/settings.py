"""Which parameters requests for images have, and what they are in a form.

Sources: the OpenAI API reference (`CreateImageRequest`, `CreateImageEditRequest`); the SDKs send lists of files as
`image[]`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mapping.openai.multipart import Form
from mapping.request.settings.parameters import Unused

DEFAULT_MODEL = "gpt-image-1"
"""OpenAI takes a request that names no model."""

MAX_IMAGES = 10
"""The most that one request may ask for."""

MAX_INPUTS = 16
"""The most images that an edit may start from."""

FORM = Form(
    files=frozenset({"image", "mask", "markup"}),
    numbers=frozenset({"n", "output_compression", "partial_images"}),
    booleans=frozenset({"stream"}),
)

_TRANSLATED = """
    background cached_content extra_body google model n output_compression output_format partial_images prompt quality
    response_format safety_identifier safety_settings size stream
"""

GENERATIONS: Mapping[str, Unused | None] = {
    **dict.fromkeys(_TRANSLATED.split()),
    "moderation": Unused(str, ("low", "auto"), harmless=("auto",)),
    "style": Unused(str),
    "user": Unused(str),
}
"""The parameters of `/v1/images/generations`, for `mapping.request.settings.parameters.check_unused`."""

EDITS: Mapping[str, Unused | None] = {
    **GENERATIONS,
    **dict.fromkeys(("image", "images", "mask", "markup")),
    "input_fidelity": Unused(str, ("high", "low"), harmless=("low",)),
}
"""Those of `/v1/images/edits`, likewise."""
