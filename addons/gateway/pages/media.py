"""Pictures and sounds in a JSON value, as `data:` addresses that a browser shows and plays.

They are found by what all dialects have in common: a `data:` address, or base64 beside its type.
"""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.inspect.transcript import string
from mapping.speech.pcm import Samples
from mapping.values import JSON

_TYPE = re.compile(r"(image|audio)/[a-z0-9][a-z0-9.+-]{0,60}")
_ADDRESS = re.compile(r"data:((?:image|audio)/[a-z0-9.+-]+)(?:;[a-z0-9=-]+)*;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]+=*\s*")
_PCM = ("audio/l16", "audio/pcm")


@dataclass(frozen=True, slots=True)
class Medium:
    """Something to look at or to listen to."""

    kind: str
    """`image` or `audio`."""
    address: str
    """A `data:` address."""


def of_text(text: str) -> Medium | None:
    """What a `data:` address holds."""
    found = _ADDRESS.match(text)
    return _medium(found[1], text[found.end() :]) if found else None


def of_object(value: JSON) -> tuple[str, Medium] | None:
    """What an object holds in base64, and the member that it is."""
    for name, read in _FORMS.items():
        if isinstance(data := value.get(name), str) and (type := read(value)) and (medium := _medium(type, data)):
            return name, medium
    return None


def of_bytes(content_type: str, data: bytes) -> Medium | None:
    """What a body is, if it is to be looked at or listened to."""
    return _medium(content_type, b64encode(data).decode())


def _named(*names: str) -> Callable[[JSON], str]:
    return lambda value: next((string(value[name]) for name in names if value.get(name)), "")


def _of_data(value: JSON) -> str:
    """The type of what is in `data`: Gemini's, Anthropic's, or `input_audio` of OpenAI's."""
    told = _named("mimeType", "mime_type", "media_type")(value)
    return told or (f"audio/{value['format']}" if isinstance(value.get("format"), str) else "")


def _of_picture(value: JSON) -> str:
    return f"image/{string(value.get('output_format')) or 'png'}"


_FORMS: Mapping[str, Callable[[JSON], str]] = {
    "data": _of_data,
    "b64_json": _of_picture,
    "bytesBase64Encoded": _named("mimeType"),
    "partial_image_b64": _of_picture,
    "result": lambda value: _of_picture(value) if value.get("type") == "image_generation_call" else "",
}
"""Member that holds base64 -> its type, by the object that it is in; empty: it holds something else."""


def _medium(type: str, data: str) -> Medium | None:
    kind = type.partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(kind) or not data or not _BASE64.fullmatch(data):
        return None
    if kind in _PCM:
        return _sound(type, data)
    return Medium(kind.partition("/")[0], f"data:{kind};base64,{''.join(data.split())}")


def _sound(type: str, data: str) -> Medium | None:
    """Samples with the head of a WAV file: browsers play no bare ones."""
    samples = Samples()
    try:
        pcm = samples.add(type, data)
    except (UpstreamError, Fault):
        return None
    rate = samples.rate
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", len(pcm)),
    )
    return Medium("audio", f"data:audio/wav;base64,{b64encode(head + pcm).decode()}")
