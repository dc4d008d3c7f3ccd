"""Images, audio, video and files of a message -> parts of a Gemini content.

Rules kept here:

* A part has one data member: `inlineData` {mimeType, data} for bytes, `fileData` {fileUri, mimeType?} for what Gemini
  fetches itself (Gemini API reference, `Part`). Nothing is fetched here.
* `data` is base64 in the standard alphabet with padding. Clients also send the URL-safe alphabet, line breaks, missing
  padding, and data URLs that are percent-encoded or not base64 at all; all of it is put right.
* Tens of megabytes pass through here: data is looked at once, by functions that run in C, and copied only to cut
  off the head of its URL.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from mapping import errors
from mapping.gemini import JSON

FILES_URI = "https://generativelanguage.googleapis.com/v1beta/"

MIME_TYPES: dict[str, str] = {
    # images
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    # audio
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aif": "audio/aiff",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/m4a",
    # video
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "mov": "video/mov",
    "avi": "video/avi",
    "flv": "video/x-flv",
    "webm": "video/webm",
    "wmv": "video/wmv",
    "3gp": "video/3gpp",
    "mkv": "video/x-matroska",
    # documents
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "text/rtf",
    # text
    "html": "text/html",
    "htm": "text/html",
    "css": "text/css",
    "csv": "text/csv",
    "xml": "text/xml",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "json": "application/json",
    **dict.fromkeys(
        (
            *("txt", "text", "log", "ini", "cfg", "conf", "toml", "yaml", "yml", "tsv", "jsonl", "rst", "tex", "srt"),
            *("py", "js", "mjs", "ts", "tsx", "jsx", "java", "kt", "c", "h", "cc", "cpp", "hpp", "cs", "go", "rs"),
            *("rb", "php", "swift", "scala", "sh", "bash", "ps1", "bat", "sql", "r", "lua", "pl", "vue", "diff"),
        ),
        "text/plain",
    ),
}
"""File name extension, in lower case -> MIME type as Gemini's documentation writes it."""

AUDIO_FORMATS: dict[str, str] = {
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/m4a",
    "webm": "audio/webm",
    "pcm16": "audio/pcm",
}
"""`input_audio.format` -> MIME type. OpenAI documents wav and mp3."""

_MIME_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "video/quicktime": "video/mov",
    "application/x-pdf": "application/pdf",
}

_MAGIC = (
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/avi"),
    (0, b"%PDF", "application/pdf"),
    (0, b"ID3", "audio/mp3"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypM4A", "audio/m4a"),
    (4, b"ftyp", "video/mp4"),
)
"""What stands at which byte of a file -> what it is, for data that comes without a type. The first that fits."""

_RESOLUTIONS = {
    "auto": None,
    "low": "MEDIA_RESOLUTION_LOW",
    "medium": "MEDIA_RESOLUTION_MEDIUM",
    "high": "MEDIA_RESOLUTION_HIGH",
    "original": "MEDIA_RESOLUTION_ULTRA_HIGH",
    "ultra_high": "MEDIA_RESOLUTION_ULTRA_HIGH",
}
_LEVELS = ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_ULTRA_HIGH")

_UNTOLD = ("", "application/octet-stream", "binary/octet-stream")
_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_STANDARD = bytes.maketrans(b"-_", b"+/")
_SLICE = 1 << 16
_MAX_HEAD = 1000
"""Characters in which the comma of a data URL must come."""


def image_part(url: Any, *, path: str) -> JSON:
    """The part for an image: a data URL, or a URL that Gemini fetches (https, http, gs, a file of the Files API, a
    video of YouTube).

    `path` is that of the URL itself (`messages[0].content[1].image_url.url`). Raises OpenAIError (400) that names it.
    """
    return _part(url, path, "an image")


def video_part(url: Any, *, path: str) -> JSON:
    """The part for a video (`video_url`, which some clients send): as `image_part`."""
    return _part(url, path, "a video")


def audio_part(data: Any, format: Any, *, path: str, member: str = "data") -> JSON:
    """The part for `input_audio`: base64, or a data URL, and a key of `AUDIO_FORMATS`.

    `path` is that of the object; errors name `format` or `member` in it, which is where the data was.
    """
    where = f"{path}.{member}"
    text = _text(data, where)
    if _is_data_url(text):
        mime, data = _data_url(text, where)
        if mime not in _UNTOLD:
            return _inline(mime, data)
        text = data
    name = _text(format, f"{path}.format").lower()
    if name not in AUDIO_FORMATS:
        raise errors.bad_value(
            f"{path}.format", f"Invalid value: '{name[:40]}'. Supported values are: {_listed(AUDIO_FORMATS)}."
        )
    return _inline(AUDIO_FORMATS[name], _base64(text, where))


def file_part(file: JSON, *, path: str) -> JSON:
    """The part for a file: `file_data` (a data URL, or bare base64 that `filename` tells the type of), `file_url`, or
    `file_id` when it is a file of the Gemini Files API.

    `path` is that of `file`, an object; errors name a member of it.
    """
    if file.get("file_data") is not None:
        return _file_data(file, path)
    if file.get("file_url") is not None:
        return _part(file["file_url"], f"{path}.file_url", "a file")
    if file.get("file_id") is not None:
        return _file_id(file["file_id"], f"{path}.file_id")
    raise errors.missing(f"{path}.file_data")


def resolution(detail: Any, *, path: str) -> str | None:
    """The `MediaResolution` of an image's `detail`; None leaves it to Gemini. Gemini's own names are taken too."""
    if detail is None:
        return None
    name = _text(detail, path)
    if name in _LEVELS:
        return name
    if name not in _RESOLUTIONS:
        raise errors.bad_value(path, f"Invalid value: '{name[:40]}'. Supported values are: {_listed(_RESOLUTIONS)}.")
    return _RESOLUTIONS[name]


def highest(levels: Iterable[str]) -> str:
    """The one level for a whole request (`generationConfig.mediaResolution`), where parts have none of their own.

    `levels` is not empty. Ultra high exists for parts only.
    """
    return _LEVELS[min(max(map(_LEVELS.index, levels)), 2)]


def mime_of(name: str) -> str | None:
    """The MIME type that the extension of a file name or of a URL's path tells."""
    base, dot, extension = name.rpartition("/")[2].rpartition(".")
    return MIME_TYPES.get(extension.lower()) if dot and base else None


def _part(url: Any, path: str, what: str) -> JSON:
    text = _text(url, path)
    if _is_data_url(text):
        mime, data = _data_url(text, path)
        told = _sniffed(data) if mime in _UNTOLD else mime
        if told is None:
            raise errors.bad_value(path, f"Invalid value for '{path}': the data URL does not say what it holds.")
        return _inline(told, data)
    return _file(text, path, what)


def _file(uri: str, path: str, what: str) -> JSON:
    """A reference to what Gemini fetches."""
    uri = uri.strip()
    if uri.startswith("files/"):
        uri = FILES_URI + uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http", "gs") or not parts.netloc:
        raise errors.bad_value(
            path,
            f"Invalid value for '{path}': expected {what} as a data URL with base64, or a URL that begins with "
            "https://, http:// or gs://.",
        )
    mime = mime_of(parts.path)
    return {"fileData": {"fileUri": uri} if mime is None else {"fileUri": uri, "mimeType": mime}}


def _file_data(file: JSON, path: str) -> JSON:
    where = f"{path}.file_data"
    text = _text(file["file_data"], where)
    mime, data = _data_url(text, where) if _is_data_url(text) else ("", _base64(text, where))
    if mime in _UNTOLD:
        name = file.get("filename")
        told = (mime_of(name) if isinstance(name, str) else None) or _sniffed(data)
        if told is None:
            raise errors.bad_value(
                f"{path}.filename",
                f"Invalid value for '{path}.filename': the type of the file is not known. Give a name with a usual "
                "extension, or the data as 'data:<mime type>;base64,...'.",
            )
        mime = told
    return _inline(mime, data)


def _file_id(file_id: Any, path: str) -> JSON:
    text = _text(file_id, path)
    if text.startswith(("files/", FILES_URI + "files/", "gs://")):
        return _file(text, path, "a file")
    raise errors.unsupported_value(
        path,
        f"Unsupported value for '{path}': files uploaded to OpenAI are not known here. Send the file as 'file_data', "
        "or give the name of a file of the Gemini Files API ('files/...').",
    )


def _inline(mime: str, data: str) -> JSON:
    return {"inlineData": {"mimeType": mime, "data": data}}


def _text(value: Any, path: str) -> str:
    if value is None:
        raise errors.missing(path)
    if not isinstance(value, str):
        raise errors.wrong_type(path, "a string", value)
    return value


def _is_data_url(text: str) -> bool:
    return text[:64].lstrip()[:5].lower() == "data:"


def _data_url(url: str, path: str) -> tuple[str, str]:
    """The MIME type ("" when there is none) and the base64 of a data URL (RFC 2397)."""
    comma = url.find(",", 0, _MAX_HEAD)
    if comma < 0:
        raise errors.bad_value(path, f"Invalid value for '{path}': a data URL needs a comma before its data.")
    mime, *parameters = url[:comma].strip()[len("data:") :].lower().split(";")
    mime = mime.strip()
    mime = _MIME_ALIASES.get(mime, mime)
    if mime and not _is_mime(mime):
        raise errors.bad_value(path, f"Invalid value for '{path}': '{mime[:40]}' is not a MIME type.")
    data = url[comma + 1 :]
    if any(parameter.strip() == "base64" for parameter in parameters):
        return mime, _base64(data, path)
    return mime or "text/plain", _base64(base64.b64encode(_unquoted(data)).decode(), path)


def _is_mime(text: str) -> bool:
    major, slash, minor = text.partition("/")
    return bool(major and slash and minor) and text.isascii() and text.isprintable() and " " not in text


def _base64(data: str, path: str) -> str:
    """`data` as standard base64: itself when it is that already."""
    if len(data) % 4 or not _is_standard(data):
        data = _cleaned(data)
        if len(data) % 4 == 1 or not _is_standard(data):
            raise errors.bad_value(path, f"Invalid value for '{path}': expected base64-encoded data.")
        data += "=" * (-len(data) % 4)
    if not data:
        raise errors.bad_value(path, f"Invalid value for '{path}': the data is empty.")
    return data


def _is_standard(data: str) -> bool:
    """Whether all but the padding is of the standard alphabet.

    Deleting the alphabet is the fastest look at every character, in slices that stay in the processor's cache.
    """
    end = len(data) - (2 if data.endswith("==") else data.endswith("="))
    return data.isascii() and not any(
        data[start : min(start + _SLICE, end)].encode().translate(None, _ALPHABET) for start in range(0, end, _SLICE)
    )


def _cleaned(data: str) -> str:
    """Without white space and padding, in the standard alphabet; percent-encoding undone."""
    raw = _unquoted(data) if "%" in data else data.encode("utf-8", "replace")
    return raw.translate(_STANDARD, b" \t\r\n\v\f").rstrip(b"=").decode("latin-1")


def _unquoted(data: str) -> bytes:
    return unquote_to_bytes(data.encode("utf-8", "replace"))


def _sniffed(data: str) -> str | None:
    """What clean base64 holds, told by its first twelve bytes."""
    head = base64.b64decode(data[:16])
    return next((mime for offset, magic, mime in _MAGIC if head.startswith(magic, offset)), None)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
