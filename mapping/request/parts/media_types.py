"""The types of files, as data: by ending, by what an audio format is called, and by the first bytes."""

from __future__ import annotations

import base64

MEDIA = ("image/", "audio/", "video/")
"""The beginnings of the types of pictures, sound and video."""

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

MIME_ALIASES: dict[str, str] = {
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
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"AIFF", "audio/aiff"),
    *((0, b"\xff" + second, "audio/mp3") for second in (b"\xfb", b"\xfa", b"\xf3", b"\xf2", b"\xe3", b"\xe2")),
    *((0, b"\xff" + second, "audio/aac") for second in (b"\xf1", b"\xf9", b"\xf0", b"\xf8")),
    (0, b"PK\3\4", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
)
"""What stands at which byte of a file -> what it is. The first that fits."""

_ALIKE = (
    frozenset({"video/mp4", "video/mov", "video/3gpp", "audio/m4a", "audio/mp4", "audio/x-m4a"}),
    frozenset({"image/heic", "image/heif", "image/avif", "video/mp4"}),
    frozenset({"video/webm", "audio/webm", "video/x-matroska"}),
    frozenset({"audio/ogg", "video/ogg", "audio/opus"}),
    frozenset({"audio/mp3", "audio/mpeg", "audio/mpga", "audio/x-mp3"}),
    frozenset({"audio/aac", "audio/aacp", "audio/x-aac", "audio/mp3"}),
    frozenset({"audio/flac", "audio/x-flac"}),
    frozenset({"audio/aiff", "audio/x-aiff"}),
    frozenset({"video/avi", "video/x-msvideo", "video/msvideo"}),
)
"""Types that the first bytes of a file do not tell apart, or that are names of the same."""


def mime_of(name: str) -> str | None:
    """The MIME type that the extension of a file name or of a URL's path tells."""
    base, dot, extension = name.rpartition("/")[2].rpartition(".")
    return MIME_TYPES.get(extension.lower()) if dot and base else None


def is_other(mime: str, found: str) -> bool:
    """Whether bytes that are `found` are not of the type `mime`. Office files are zip archives."""
    if found == "application/zip":
        return mime.startswith(MEDIA) or mime == "application/pdf"
    return mime != found and not any(mime in types and found in types for types in _ALIKE)


def sniffed(data: str) -> str | None:
    """What clean base64 holds, told by its first twelve bytes."""
    head = base64.b64decode(data[:16])
    return next((mime for offset, magic, mime in _MAGIC if head.startswith(magic, offset)), None)
