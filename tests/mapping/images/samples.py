"""Upstream answers with pictures, and translations, for the tests of this folder."""

from __future__ import annotations

import base64
import io
import itertools
import json
from functools import cache
from typing import Any

from PIL import Image

from mapping.dialect import Answering, Given
from mapping.images.dialect import DIALECTS
from mapping.notes import Notes
from mapping.values import Options

CREATED = 1_700_000_000
IMAGE = "gemini-3.1-flash-image"
GENERATE, EDIT = DIALECTS


@cache
def picture(form: str = "PNG", width: int = 4, height: int = 3, colour: str = "red") -> str:
    """Base64 of an image."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, form)
    return base64.b64encode(out.getvalue()).decode()


def opened(data: str) -> tuple[str | None, tuple[int, int]]:
    """Format and size of an image, by another reader than ours."""
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return image.format, image.size


def blob(data: str, mime: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": data}, **more}


def answer(*parts: Any, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """A response with one candidate, of five tokens and of seven."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    return {"candidates": [{**candidate, **more}], "usageMetadata": usage, "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events)


def understood(
    body: dict[str, Any], *, edit: bool = False, model: str = IMAGE, notes: Notes | None = None, **options: Any
) -> Answering:
    """The translation of a request with a prompt."""
    count = itertools.count(1)
    given = Given(
        model=model,
        client_model="gpt-image-1",
        mint=lambda prefix, size=12: f"{prefix}{next(count)}",
        now=lambda: CREATED,
        seal=lambda payload: "",
        options=Options(**options),
        notes=Notes() if notes is None else notes,
    )
    return (EDIT if edit else GENERATE).translate({"model": "gpt-image-1", "prompt": "A tree", **body}, given)


def events(stream: bytes) -> list[Any]:
    """The data of events, whose names are checked."""
    found = []
    for frame in stream.decode().split("\n\n")[:-1]:
        name, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found
