"""Images, audio, video and files of a message -> parts of a Gemini content.

Rules kept here:

* A part has one data member: `inlineData` {mimeType, data} for bytes, `fileData` {fileUri, mimeType?} for what Gemini
  fetches itself (Gemini API reference, `Part`). Nothing is fetched here.
* `data` is base64 in the standard alphabet with padding. Clients also send the URL-safe alphabet, line breaks, missing
  padding, and data URLs that are percent-encoded or not base64 at all; all of it is put right.
* The type that goes out is that of the bytes, where they tell: a data URL that says another is put right with a note.
  What is no picture at all is a 400, and so are bytes of a type that Gemini does not take.
* Text files of other types than `text/plain` go as text (`mapping.request.parts.text_files`).
* Of an address, the kind of the part says what it is: an ending counts only where it names something of that kind.
* Tens of megabytes pass through here: data is looked at once, by functions that run in C, and copied only to cut
  off the head of its URL.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from mapping import faults
from mapping.notes import Notes
from mapping.request import unknown
from mapping.request.parts import long_texts, text_files
from mapping.request.parts.alphabet import BASE64
from mapping.request.parts.media_types import AUDIO_FORMATS, MEDIA, MIME_ALIASES, is_other, mime_of, sniffed
from mapping.values import JSON, Options

FILES_URI = "https://generativelanguage.googleapis.com/v1beta/"

_TAKEN = ("text/plain", "text/rtf", "application/rtf", "application/pdf", "application/msword", "application/vnd.")
"""Types, or their beginnings, that Gemini takes beside media, at least some of its models."""

_PROGRAMS = (".php", ".pl", ".asp", ".aspx", ".jsp", ".cgi")
"""Endings of addresses that name what makes the answer, not what the answer is."""

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
_STANDARD = bytes.maketrans(b"-_", b"+/")
_MAX_HEAD = 1000
"""Characters in which the comma of a data URL must come."""


def image_part(url: Any, *, path: str, notes: Notes) -> JSON:
    """The part for an image: a data URL, or a URL that Gemini fetches (https, http, gs, a file of the Files API, a
    video of YouTube).

    `path` is that of the URL itself (`messages[0].content[1].image_url.url`). Raises Fault (400) that names it.
    """
    return _part(url, path, "an image", ("image/",), notes)


def image_file_part(data: Any, told: str, *, path: str, notes: Notes) -> JSON:
    """The part for an image that came as a file: base64, and the type that was told, which is mostly a guess."""
    clean = clean_base64(_text(data, path), path)
    mime = sniffed(clean) or told
    if not mime.startswith("image/"):
        found = f"it is of type '{mime[:80]}'" if mime and mime not in _UNTOLD else "its bytes are of no known type"
        raise faults.bad_value(
            path, f"Invalid value for '{path}': the file is no image: {found}. Send PNG, JPEG, WebP or HEIC."
        )
    return _bytes_part(mime, clean, path, notes)


def bytes_part(data: Any, mime: Any, *, path: str, mime_path: str, notes: Notes) -> JSON:
    """The part for base64 of a type that is told beside it; bytes of another type are put right, with a note.

    `path` is that of the data, `mime_path` that of the type.
    """
    text = _text(data, path)
    told, text, charset = _data_url(text, path) if _is_data_url(text) else ("", clean_base64(text, path), "")
    given = _text(mime, mime_path).lower().strip() if mime is not None else told
    mime = MIME_ALIASES.get(given, given)
    if mime in _UNTOLD:
        mime = sniffed(text) or ""
    if not _is_mime(mime):
        raise faults.bad_value(mime_path, f"Invalid value for '{mime_path}': '{given[:40]}' is not a MIME type.")
    return _bytes_part(mime, text, path, notes, charset=charset)


def url_part(url: Any, *, path: str, notes: Notes) -> JSON:
    """The part for a file of any kind at a URL: as `image_part`."""
    return _part(url, path, "a file", ("",), notes)


def uploaded_part(file_id: Any, *, path: str, member: str, home: str = "OpenAI") -> JSON:
    """The part for a file of the Gemini Files API, by its name. Raises 400 for one that was uploaded elsewhere.

    `member` is where the client can send the file itself; `home` is whose API has files with such ids.
    """
    text = _text(file_id, path)
    if text.startswith(("files/", FILES_URI + "files/", "gs://")):
        return _file(text, path, "a file", ("",))
    raise faults.unsupported_value(
        path,
        f"Unsupported value for '{path}': files uploaded to {home} are not known here. Send the file as {member}, "
        "or give the name of a file of the Gemini Files API ('files/...').",
    )


def video_part(url: Any, *, path: str, notes: Notes) -> JSON:
    """The part for a video (`video_url`, which some clients send): as `image_part`."""
    return _part(url, path, "a video", ("video/",), notes)


def audio_part(data: Any, format: Any, *, path: str, notes: Notes, member: str = "data") -> JSON:
    """The part for `input_audio`: base64, or a data URL, and a key of `AUDIO_FORMATS`.

    `path` is that of the object; errors name `format` or `member` in it, which is where the data was.
    """
    where = f"{path}.{member}"
    text = _text(data, where)
    if _is_data_url(text):
        mime, data, charset = _data_url(text, where)
        if mime not in _UNTOLD:
            return _bytes_part(mime, data, where, notes, charset=charset)
        text = data
    name = _text(format, f"{path}.format").lower()
    if name not in AUDIO_FORMATS:
        raise faults.bad_value(
            f"{path}.format", f"Invalid value: '{name[:40]}'. Supported values are: {_listed(AUDIO_FORMATS)}."
        )
    return _bytes_part(AUDIO_FORMATS[name], clean_base64(text, where), where, notes)


def file_part(file: JSON, *, path: str, notes: Notes) -> JSON:
    """The part for a file: `file_data` (a data URL, or bare base64 that `filename` tells the type of), `file_url`, or
    `file_id` when it is a file of the Gemini Files API.

    `path` is that of `file`, an object; errors name a member of it.
    """
    if file.get("file_data") is not None:
        return _file_data(file, path, notes)
    if file.get("file_url") is not None:
        return _part(file["file_url"], f"{path}.file_url", "a file", ("",), notes)
    if file.get("file_id") is not None:
        return uploaded_part(file["file_id"], path=f"{path}.file_id", member="'file_data'")
    raise faults.missing(f"{path}.file_data")


def resolution(detail: Any, *, path: str, notes: Notes, options: Options) -> str | None:
    """The `MediaResolution` of an image's `detail`; None leaves it to Gemini. Gemini's own names are taken too."""
    if detail is None:
        return None
    name = _text(detail, path)
    if name in _LEVELS:
        return name
    if name not in _RESOLUTIONS:
        unknown.leave_out(name, path, _RESOLUTIONS, notes, options)
    return _RESOLUTIONS.get(name)


def highest(levels: Iterable[str]) -> str:
    """The one level for a whole request (`generationConfig.mediaResolution`), where parts have none of their own.

    `levels` is not empty. Ultra high exists for parts only.
    """
    return _LEVELS[min(max(map(_LEVELS.index, levels)), 2)]


def _part(url: Any, path: str, what: str, kinds: tuple[str, ...], notes: Notes) -> JSON:
    """`kinds` are the beginnings of the types that the ending of an address may name."""
    text = _text(url, path)
    if not _is_data_url(text):
        return _file(text, path, what, kinds)
    mime, data, charset = _data_url(text, path)
    told = (sniffed(data) or "") if mime in _UNTOLD else mime
    if not told:
        raise faults.bad_value(path, f"Invalid value for '{path}': the data URL does not say what it holds.")
    return _bytes_part(told, data, path, notes, charset=charset)


def _bytes_part(mime: str, data: str, path: str, notes: Notes, *, name: str | None = None, charset: str = "") -> JSON:
    """The part for clean base64 of a type that the client told, or that the name tells."""
    if text_files.is_text(mime) and (mime not in _TAKEN or name is not None):
        text = text_files.decoded(data, charset, told=True)
        if text is not None:
            return text_files.text_part(text, name, mime)
    found = sniffed(data)
    if found is not None and is_other(mime, found):
        notes.add("media-type", path)
        mime = found
    elif found is None and mime.startswith("image/") and text_files.looks_like_text(data):
        raise faults.bad_value(path, f"Invalid value for '{path}': the data is text, no image of type '{mime[:40]}'.")
    if not mime.startswith((*MEDIA, *_TAKEN)):
        text = text_files.decoded(data, charset, told=False)
        if text is None:
            raise faults.bad_value(
                path,
                f"Invalid value for '{path}': files of type '{mime[:80]}' are not supported. Send pictures, sound, "
                "video, PDF or text.",
            )
        return text_files.text_part(text, name, mime)
    return {"inlineData": {"mimeType": mime, "data": data}}


def _file(uri: str, path: str, what: str, kinds: tuple[str, ...]) -> JSON:
    """A reference to what Gemini fetches."""
    uri = uri.strip()
    if uri.startswith("files/"):
        uri = FILES_URI + uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http", "gs") or not parts.netloc:
        raise faults.bad_value(
            path,
            f"Invalid value for '{path}': expected {what} as a data URL with base64, or a URL that begins with "
            "https://, http:// or gs://.",
        )
    mime = mime_of(parts.path)
    if mime is not None and (not mime.startswith(kinds) or parts.path.lower().endswith(_PROGRAMS)):
        mime = None
    return {"fileData": {"fileUri": uri} if mime is None else {"fileUri": uri, "mimeType": mime}}


def _file_data(file: JSON, path: str, notes: Notes) -> JSON:
    where = f"{path}.file_data"
    text = _text(file["file_data"], where)
    mime, data, charset = _data_url(text, where) if _is_data_url(text) else ("", clean_base64(text, where), "")
    given = file.get("filename")
    name = given if isinstance(given, str) and given else None
    if mime not in _UNTOLD:
        return _bytes_part(mime, data, where, notes, name=None if mime in _TAKEN else name, charset=charset)
    told = (mime_of(name) if name else None) or sniffed(data)
    if told is not None:
        return _bytes_part(told, data, where, notes, name=name, charset=charset)
    content = text_files.decoded(data, charset, told=False)
    if content is None:
        raise faults.bad_value(
            f"{path}.filename",
            f"Invalid value for '{path}.filename': the type of the file is not known, and it is no text. Give a name "
            "with a usual extension, or the data as 'data:<mime type>;base64,...'.",
        )
    return text_files.text_part(content, name, "")


def _text(value: Any, path: str) -> str:
    if value is None:
        raise faults.missing(path)
    if not isinstance(value, str):
        raise faults.wrong_type(path, "a string", value)
    return value


def _is_data_url(text: str) -> bool:
    return text[:64].lstrip()[:5].lower() == "data:"


def _data_url(url: str, path: str) -> tuple[str, str, str]:
    """The MIME type ("" when there is none), the base64 and the charset ("") of a data URL (RFC 2397)."""
    comma = url.find(",", 0, _MAX_HEAD)
    if comma < 0:
        raise faults.bad_value(path, f"Invalid value for '{path}': a data URL needs a comma before its data.")
    mime, *parameters = url[:comma].strip()[len("data:") :].lower().split(";")
    mime = mime.strip()
    mime = MIME_ALIASES.get(mime, mime)
    if mime and not _is_mime(mime):
        raise faults.bad_value(path, f"Invalid value for '{path}': '{mime[:40]}' is not a MIME type.")
    charsets = (parameter.strip() for parameter in parameters if parameter.strip().startswith("charset="))
    charset = next(charsets, "").removeprefix("charset=").strip('"')
    data = url[comma + 1 :]
    if any(parameter.strip() == "base64" for parameter in parameters):
        return mime, data if long_texts.is_clean(url, comma + 1) else clean_base64(data, path), charset
    return mime or "text/plain", clean_base64(base64.b64encode(_unquoted(data)).decode(), path), charset


def _is_mime(text: str) -> bool:
    major, slash, minor = text.partition("/")
    return bool(major and slash and minor) and text.isascii() and text.isprintable() and " " not in text


def clean_base64(data: str, path: str) -> str:
    """`data` as standard base64: itself when it is that already. Raises Fault (400)."""
    if long_texts.is_clean(data, 0):
        return data
    if len(data) % 4 or not _is_standard(data):
        data = _cleaned(data)
        if len(data) % 4 == 1 or not _is_standard(data):
            raise faults.bad_value(path, f"Invalid value for '{path}': expected base64-encoded data.")
        data += "=" * (-len(data) % 4)
    if not data:
        raise faults.bad_value(path, f"Invalid value for '{path}': the data is empty.")
    return data


def _is_standard(data: str) -> bool:
    """Whether all but the padding is of the standard alphabet."""
    return BASE64.holds(data, len(data) - (2 if data.endswith("==") else data.endswith("=")))


def _cleaned(data: str) -> str:
    """Without white space and padding, in the standard alphabet; percent-encoding undone."""
    raw = _unquoted(data) if "%" in data else data.encode("utf-8", "replace")
    return raw.translate(_STANDARD, b" \t\r\n\v\f").rstrip(b"=").decode("latin-1")


def _unquoted(data: str) -> bytes:
    return unquote_to_bytes(data.encode("utf-8", "replace"))


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
