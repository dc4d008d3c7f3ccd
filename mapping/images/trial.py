"""How the Images API is tried. See `mapping.trial`."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from mapping import jsonio
from mapping.inspect.tiny_files import tiny_file
from mapping.openai.trial import OpenAITrial, check_error, no_stream_wanted, payloads
from mapping.trial import Ask, Wrong
from mapping.values import JSON


class ImagesTrial(OpenAITrial):
    """One image, several, and as a stream."""

    def samples(self) -> Sequence[JSON]:
        """Two."""
        return [
            {"model": "demo-echo", "prompt": "A tree", "size": "1536x1024", "quality": "high", "n": 2},
            {"model": "demo-echo", "prompt": "A tree", "stream": True, "partial_images": 2, "output_format": "png"},
        ]

    def request(self, ask: Ask) -> JSON:
        """A prompt. The model is one that makes images, or has a fault."""
        model = "gpt-image-1" if ask.model.startswith(("gpt-", "gemini-")) else ask.model
        return {"model": model, "stream": ask.stream, "prompt": ask.text, "n": ask.choices}

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """There are images, at most as many as were wanted."""
        no_stream_wanted(request)
        data = jsonio.loads(answer)["data"]
        if not 1 <= len(data) <= request.get("n", 1) or not all(base64.b64decode(one["b64_json"]) for one in data):
            raise Wrong("too few images, or too many")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """It ends with an image, or an error is the last event."""
        last = jsonio.loads(payloads(answer)[-1])
        if last["type"] == "error":
            check_error(last["error"])
            return False
        if not last["type"].endswith(".completed") or not base64.b64decode(last["b64_json"]):
            raise Wrong("a stream that does not end with an image")
        return True


class EditsTrial(ImagesTrial):
    """The same, made of an image."""

    def samples(self) -> Sequence[JSON]:
        """As those without images."""
        return [{**sample, "image": _file()} for sample in super().samples()]

    def request(self, ask: Ask) -> JSON:
        """A prompt, and an image."""
        return {**super().request(ask), "image": _file()}


def _file() -> JSON:
    data = base64.b64encode(tiny_file("image/png")).decode("ascii")
    return {"filename": "x.png", "content_type": "image/png", "data": data}


TRIALS = {"images": ImagesTrial(), "image_edits": EditsTrial()}
