"""Text files of a message: Gemini takes `text/plain` and refuses most other types, so they go as text, with a name."""

from __future__ import annotations

import base64
import codecs

from mapping.values import JSON

_TYPES = frozenset(
    f"application/{name}"
    for name in (
        *("json", "jsonl", "x-ndjson", "ndjson", "json5", "xml", "yaml", "x-yaml", "toml", "sql", "graphql", "csv"),
        *("javascript", "x-javascript", "ecmascript", "typescript", "x-typescript", "x-python", "x-python-code"),
        *("x-sh", "x-shellscript", "x-httpd-php", "x-php", "x-perl", "x-ruby", "x-tex", "x-latex", "x-sql"),
    )
)
_SUFFIXES = ("+json", "+xml", "+yaml")

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROLS = bytes({*range(32)} - {*b"\t\n\f\r\x1b\b"})
"""Bytes that text has none of."""


def is_text(mime: str) -> bool:
    """Whether files of the type are text."""
    return mime.startswith("text/") or mime in _TYPES or mime.endswith(_SUFFIXES)


def decoded(data: str, charset: str = "", *, told: bool) -> str | None:
    """The text in clean base64; None where it is none. `charset` is what the sender says, "" for nothing.

    `told`: the type says that it is text, so what is no UTF-8 counts as one of the older one-byte encodings.
    """
    raw = base64.b64decode(data)
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    if encoding is None and len(raw.translate(None, _CONTROLS)) < len(raw):
        return None
    for name in (encoding, charset or None, "utf-8", "cp1252" if told else None):
        try:
            if name is not None:
                return raw.decode(name)
        except (UnicodeError, LookupError):
            continue
    return None


def looks_like_text(data: str) -> bool:
    """Whether the first bytes in clean base64 are text, as those of a page or an error message are."""
    head = base64.b64decode(data[:64])
    return len(head) >= _HEAD and head.isascii() and len(head.translate(None, _CONTROLS)) == len(head)


_HEAD = 8
"""Bytes that are few enough to be text by chance."""


def text_part(text: str, name: str | None, mime: str) -> JSON:
    """The part for a text file. Without a name its type is told."""
    title = f"file {name}" if name else f"file of type {mime}" if mime else "file"
    return {"text": f"[{title}]\n{text}\n[end of file]"}
