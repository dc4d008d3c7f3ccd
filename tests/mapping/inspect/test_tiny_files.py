"""The tiny files are what their media types say."""

from __future__ import annotations

import pytest

from mapping.inspect.tiny_files import tiny_file


@pytest.mark.parametrize(
    ("media_type", "start", "end"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),
        ("image/jpeg", b"\xff\xd8\xff", b"\xff\xd9"),
        ("image/gif", b"GIF89a", b";"),
        ("image/webp", b"RIFF", b""),
        ("audio/wav", b"RIFF", b"\0\0"),
        ("application/pdf", b"%PDF-", b"%%EOF\n"),
        ("text/csv", b"x", b"\n"),
        ("application/x-unknown", b"\0", b"\0"),
        ("", b"\0", b"\0"),
    ],
)
def test_tiny_file(media_type: str, start: bytes, end: bytes) -> None:
    data = tiny_file(media_type)
    assert data.startswith(start)
    assert data.endswith(end)
    assert len(data) < 400
    if start == b"RIFF":
        assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_the_table_of_the_pdf_is_right() -> None:
    data = tiny_file("application/pdf")
    table = data.index(b"xref")
    assert int(data.split(b"startxref\n")[1].split()[0]) == table
    entries = [line for line in data[table:].split(b"\n") if line.endswith(b" n ")]
    for number, entry in enumerate(entries, 1):
        assert data[int(entry[:10]) :].startswith(b"%d 0 obj" % number)
