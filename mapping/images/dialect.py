"""The Images API behind the contract of `mapping.dialect`: two dialects, which differ in what images are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, override

from mapping import jsonio
from mapping.dialect import Answering, ErrorAnswer, Given, Lookups, Received, WorksAhead
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.images import convert
from mapping.images.answer.answer import ImagesAnswer
from mapping.images.answer.objects import image
from mapping.images.answer.reader import pictures_in
from mapping.images.answer.stream import ImagesStream
from mapping.images.errors import error_object
from mapping.images.plan import ImagesPlan
from mapping.images.request.inputs import with_types
from mapping.images.request.request import edit, generate
from mapping.images.request.settings import DEFAULT_MODEL, FORM
from mapping.notes import Notes
from mapping.openai import multipart
from mapping.openai.contract import ChoicesAnswering, OpenAIDialect, Translate, understood
from mapping.request.plan import Translated
from mapping.values import JSON

_TELLING = ("background", "moderation", "output_compression", "output_format", "partial_images", "quality", "size")
"""Parameters that tell a request for images from one for a text."""


class ImagesAnswering(ChoicesAnswering[ImagesPlan], WorksAhead):
    """Makes answers of images, which may have to be converted."""

    def __init__(self, translated: Translated, plan: ImagesPlan, given: Given) -> None:
        self._converter = convert.Converter()
        whole = partial(ImagesAnswer, converter=self._converter)
        stream = partial(ImagesStream, converter=self._converter)
        super().__init__(translated, plan, given, whole, stream)

    def ahead(self, translator: Any, others: Sequence[bytes]) -> Callable[[], None] | None:
        """Convert what is there."""
        if self.plan.output_format is None or not convert.possible():
            return None
        pictures, plan, converter = translator.pictures, replace(self.plan), self._converter

        def work() -> None:
            for mime, data in (*pictures, *(one for other in others for one in pictures_in(other, plan))):
                image(mime, data, plan, Notes(), converter)

        return work


class Images(OpenAIDialect):
    """`POST /v1/images/generations`."""

    name = "images"
    _translate: Translate = staticmethod(generate)

    def likeness(self, body: JSON) -> int:
        """It has a prompt, and something that only images have."""
        named = str(body.get("model")).rpartition("/")[2]
        telling = "-image" in named or "dall-e" in named or any(body.get(name) is not None for name in _TELLING)
        return 3 if body.get("prompt") is not None and telling else 0

    @override
    def read(self, received: Received) -> JSON:
        """JSON, or a form. Where no model is named OpenAI's default stands; with each file the type of its bytes."""
        body = with_types(multipart.read(received, FORM))
        return body if body.get("model") is not None else {**body, "model": DEFAULT_MODEL}

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing: the request says all."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = understood(self._translate, body, given)
        assert isinstance(translated.plan, ImagesPlan)
        return ImagesAnswering(translated, translated.plan, given)

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return replace(super().error(fault), body=jsonio.dumps(error_object(fault)))

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return stream.replace(sse.KEEP_ALIVE, b"")


class ImageEdits(Images):
    """`POST /v1/images/edits`."""

    name = "image_edits"
    _translate: Translate = staticmethod(edit)

    @override
    def likeness(self, body: JSON) -> int:
        """It has images, and a prompt."""
        has_images = body.get("image") is not None or body.get("images") is not None
        return 4 if has_images and body.get("prompt") is not None else 0


DIALECTS = (Images(), ImageEdits())
