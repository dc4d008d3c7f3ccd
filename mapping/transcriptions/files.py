"""The recording of a request: what it is, how large, how long.

Rules of this module:

* The bytes tell what it is; where they do not, the name of the file, then the type that the client told. Clients tell
  `upload` and `application/octet-stream` for anything.
* What is no sound is a 400, and what is larger than OpenAI takes a 413: Gemini would be asked in vain.
* How long it is counts for answers only, and is told where it is known: by the head of a WAV file, else by PyAV where
  that is installed. It is never guessed.
"""

from __future__ import annotations

import io
import struct
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.parts.media import clean_base64
from mapping.request.parts.media_types import MIME_ALIASES, is_other, mime_of, sniffed
from mapping.request.parts.text_files import looks_like_text
from mapping.values import JSON

MAX_BYTES = 25 * 2**20
"""The largest file, as at OpenAI."""

KINDS = "flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, or webm"
"""What OpenAI says that it takes. AAC and AIFF are taken, too."""

_SENT = {
    **dict.fromkeys(("audio/wav", "audio/mp3", "audio/ogg", "audio/flac", "audio/m4a", "audio/aac", "audio/aiff")),
    "audio/webm": None,
    # Containers of sound as well as of pictures: whatever is in them, the sound is what is asked about.
    "video/webm": "audio/webm",
    **dict.fromkeys(("video/mp4", "video/mov", "video/3gpp", "audio/mp4", "audio/x-m4a"), "audio/m4a"),
    **dict.fromkeys(("audio/mpeg", "audio/mpga", "audio/x-mp3", "video/mpeg", "video/mpg"), "audio/mp3"),
    **dict.fromkeys(("audio/opus", "video/ogg", "application/ogg"), "audio/ogg"),
    "audio/x-flac": "audio/flac",
    "audio/x-aac": "audio/aac",
    "audio/x-aiff": "audio/aiff",
}
"""Types that are taken -> how Gemini calls them; None: likewise."""
_EXTENSIONS = {"mpga": "audio/mp3", "mpeg": "audio/mp3", "mp4": "audio/m4a"}
"""Where a name means something else than elsewhere."""
_HEAD = 64 * 2**10
"""Bytes in which the chunks of a WAV file come before its samples."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file with sound in it."""

    mime: str
    """As Gemini calls it."""
    data: str
    """Base64."""


def read(value: Any, notes: Notes) -> Recording:
    """The member `file`. Raises Fault (400, 413)."""
    if value is None:
        raise faults.missing("file")
    if isinstance(value, list):
        raise faults.bad_value("file", "Invalid value for 'file': one file is expected, but several came.")
    if not is_file(value):
        raise faults.bad_value(
            "file",
            "Invalid value for 'file': expected a file, sent as multipart/form-data (curl: -F file=@name), or in JSON "
            'an object {"filename", "data"} with base64.',
        )
    if not value["data"]:
        raise faults.bad_value("file", "Invalid value for 'file': the file is empty.")
    data = clean_base64(value["data"], "file")
    size = len(data) // 4 * 3 - data.endswith("=") - data.endswith("==")
    if size > MAX_BYTES:
        raise Fault(
            413,
            f"Maximum content size limit ({MAX_BYTES}) exceeded ({size} bytes read). Cut the recording into parts, or "
            "compress it, as mp3 say.",
            code="request_too_large",
            param="file",
        )
    return Recording(_mime(value, data, notes), data)


def is_file(value: Any) -> bool:
    """Whether it looks like a file of a form."""
    return isinstance(value, dict) and isinstance(value.get("data"), str)


def with_type(file: JSON) -> JSON:
    """The same file; where neither name nor client tell its type, with the one that its bytes tell."""
    try:
        found = sniffed(file["data"]) if is_file(file) and not told_type(file) else None
    except ValueError:  # no base64, which is told later
        found = None
    return {**file, "content_type": found} if found else file


def told_type(file: Any) -> str:
    """The type that a file's name or the client tells, empty where neither says anything."""
    if not isinstance(file, dict):
        return ""
    name = file.get("filename")
    if isinstance(name, str):
        extension = name.rpartition(".")[2].lower()
        if mime := _EXTENSIONS.get(extension) or mime_of(name):
            return mime
    told = file.get("content_type")
    mime = told.partition(";")[0].strip().lower() if isinstance(told, str) else ""
    return "" if mime.endswith("/octet-stream") else MIME_ALIASES.get(mime, mime)


def _mime(file: Any, data: str, notes: Notes) -> str:
    found, told = sniffed(data), told_type(file)
    mime = found or ("" if looks_like_text(data) else told)
    if mime not in _SENT:
        raise faults.bad_value(
            "file",
            f"Invalid file format: {f'this is {mime[:60]}' if mime else 'this is no sound that is known here'}. "
            f"Supported formats: {KINDS}.",
        )
    if found and told in _SENT and is_other(told, found):
        notes.add("media-type", "file")
    return _SENT[mime] or mime


def seconds(recording: Recording) -> float | None:
    """How long it is; None where nothing tells."""
    if recording.mime == "audio/wav":
        head = b64decode(recording.data[: _HEAD // 3 * 4])
        return _wav_seconds(head, len(recording.data) // 4 * 3)
    try:
        import av
    except ImportError:
        return None
    try:
        with av.open(io.BytesIO(b64decode(recording.data)), "r") as container:
            duration = container.duration
    except (av.FFmpegError, ValueError):
        return None
    return duration / 1_000_000 if duration and duration > 0 else None


def _wav_seconds(head: bytes, size: int) -> float | None:
    """By the chunks before the samples. A length that says nothing (a stream's) is that of the file."""
    rate = 0
    at = 12
    while at + 8 <= len(head):
        name, length = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        if name == b"fmt " and at + 20 <= len(head):
            rate = struct.unpack_from("<I", head, at + 16)[0]
        elif name == b"data":
            return min(length, size - at - 8) / rate if rate else None
        at += 8 + length + length % 2
    return None
