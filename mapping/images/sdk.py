"""How programs make requests for images. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words(
    "prompt background model n output_compression output_format partial_images quality response_format size stream user"
)

SDKS = {
    "images": OpenAISdk("client.images.generate", _KNOWN | {"moderation", "style"}, ("prompt",)),
    "image_edits": OpenAISdk(
        "client.images.edit", _KNOWN | {"image", "mask", "input_fidelity"}, ("prompt", "image"), ("image", "mask")
    ),
}
