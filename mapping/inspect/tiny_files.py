"""The smallest valid files of common media types, to stand in for others: 1 x 1 pixels, an empty page, silence.

They are told from their media type alone, so equal types give equal files.
"""

from __future__ import annotations

from base64 import b64decode

_PDF = (
    b"%%PDF-1.0\n"
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 3 3]>>endobj\n"
    b"xref\n0 4\n0000000000 65535 f \n%s"
    b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
) % (b"".join(b"%010d 00000 n \n" % at for at in (9, 52, 101)), 160)

_WAV = b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"

_JPEG = bytes.fromhex(
    "ffd8 ffe0 0010 4a46494600 0101 01 0048 0048 0000 ffdb 0043 00"
    + "ff" * 64
    + "ffc2 000b 08 0001 0001 01 011100 ffc4 0014 1001"
    + "00" * 15
    + "00 ffda 0008 01 0100 013f10 ffd9"
)

_FILES: dict[str, bytes] = {
    "image/png": b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    ),
    "image/jpeg": _JPEG,
    "image/gif": b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"),
    "image/webp": b64decode("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAgA0JaQAA3AA/vuUAAA="),
    "audio/wav": _WAV + b"data\x02\x00\x00\x00\x00\x00",
    "application/pdf": _PDF,
}
_TEXT = b"x\n"
_OTHER = bytes(4)
"""Raw sound: two samples of silence."""


def tiny_file(media_type: str) -> bytes:
    """The file for a media type in lower case, without parameters; four zeros for a type that is not known here."""
    return _FILES.get(media_type) or (_TEXT if media_type.startswith("text/") else _OTHER)
