"""`mapping.media`: data URLs, links and files -> parts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mapping import media
from mapping.errors import OpenAIError
from tests.work import calls

URL = "messages[0].content[1].image_url.url"
OBJECT = "messages[0].content[1].input_audio"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n1234").decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()


def inline(mime: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": data}}


def linked(uri: str, mime: str | None = None) -> dict[str, Any]:
    return {"fileData": {"fileUri": uri} if mime is None else {"fileUri": uri, "mimeType": mime}}


FILES = "https://generativelanguage.googleapis.com/v1beta/files/abc-123"
YOUTUBE = "https://www.youtube.com/watch?v=9hE5-98ZeCg"

IMAGES = [
    ("data", f"data:image/png;base64,{PNG}", inline("image/png", PNG)),
    ("parameters", f"data:image/png;name=a.png;base64,{PNG}", inline("image/png", PNG)),
    ("upper-case", f"DATA:IMAGE/PNG;BASE64,{PNG}", inline("image/png", PNG)),
    ("spaces-around", f"  data: image/png ; base64 ,{PNG}\n", inline("image/png", PNG)),
    ("line-breaks", "data:image/png;base64,AAEC\r\nAwQF\n", inline("image/png", "AAECAwQF")),
    ("url-safe", "data:image/png;base64,-_-_", inline("image/png", "+/+/")),
    ("no-padding", "data:image/png;base64,AA", inline("image/png", "AA==")),
    ("odd-padding", "data:image/png;base64,AAA==", inline("image/png", "AAA=")),
    ("percent-encoded", "data:image/png;base64,%2B%2F%2Bw%3D%3D", inline("image/png", "+/+w")),
    ("not-base64", "data:image/svg+xml,%3Csvg%2F%3E", inline("image/svg+xml", base64.b64encode(b"<svg/>").decode())),
    ("jpg", "data:image/jpg;base64,AAAA", inline("image/jpeg", "AAAA")),
    ("type-sniffed", f"data:;base64,{PNG}", inline("image/png", PNG)),
    ("type-sniffed-stream", f"data:application/octet-stream;base64,{PNG}", inline("image/png", PNG)),
    ("gif-passes", "data:image/gif;base64,AAAA", inline("image/gif", "AAAA")),
    ("https", "https://example.com/a", linked("https://example.com/a")),
    (
        "https-extension",
        "https://example.com/a.b/c.PNG?x=1.jpg#y",
        linked("https://example.com/a.b/c.PNG?x=1.jpg#y", "image/png"),
    ),
    ("http", "http://example.com/a.webp", linked("http://example.com/a.webp", "image/webp")),
    ("host-is-no-name", "https://example.png", linked("https://example.png")),
    ("gs", "gs://bucket/a.jpg", linked("gs://bucket/a.jpg", "image/jpeg")),
    ("files-api", FILES, linked(FILES)),
    ("files-api-name", "files/abc-123", linked(FILES)),
    ("youtube", YOUTUBE, linked(YOUTUBE)),
    ("youtu.be", "https://youtu.be/9hE5", linked("https://youtu.be/9hE5")),
]


@pytest.mark.parametrize(("url", "part"), [row[1:] for row in IMAGES], ids=[row[0] for row in IMAGES])
def test_image(url: str, part: Any) -> None:
    assert media.image_part(url, path=URL) == part
    assert media.video_part(url, path=URL) == part


BAD_URLS = [
    ("null", None, "missing_required_parameter"),
    ("number", 5, "invalid_type"),
    ("empty", "", "invalid_value"),
    ("bare-base64", PNG, "invalid_value"),
    ("file-scheme", "file:///etc/passwd", "invalid_value"),
    ("ftp", "ftp://example.com/a.png", "invalid_value"),
    ("javascript", "javascript:alert(1)", "invalid_value"),
    ("no-host", "https://", "invalid_value"),
    ("bad-host", "https://[::1/a.png", "invalid_value"),
    ("relative", "/a.png", "invalid_value"),
    ("no-comma", "data:image/png;base64", "invalid_value"),
    ("no-text", "data:text/plain,", "invalid_value"),
    ("no-data", "data:image/png;base64,", "invalid_value"),
    ("bad-alphabet", "data:image/png;base64,AA!A", "invalid_value"),
    ("not-ascii", "data:image/png;base64,AAé=", "invalid_value"),
    ("surrogate", "data:image/png;base64,AA\ud83d=", "invalid_value"),
    ("bad-length", "data:image/png;base64,AAAAA", "invalid_value"),
    ("padding-inside", "data:image/png;base64,AA==AAAA", "invalid_value"),
    ("only-padding", "data:image/png;base64,====", "invalid_value"),
    ("bad-type", "data:im age;base64,AAAA", "invalid_value"),
    ("no-type", "data:;base64,AAAA", "invalid_value"),
]


@pytest.mark.parametrize(("url", "code"), [row[1:] for row in BAD_URLS], ids=[row[0] for row in BAD_URLS])
def test_image_errors(url: Any, code: str) -> None:
    with pytest.raises(OpenAIError) as caught:
        media.image_part(url, path=URL)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, URL)
    caught.value.body()


AUDIO = [
    ("wav", "AAAA", "wav", inline("audio/wav", "AAAA")),
    ("mp3", "AAAA", "MP3", inline("audio/mp3", "AAAA")),
    ("flac", "AA", "flac", inline("audio/flac", "AA==")),
    ("pcm16", "AAAA", "pcm16", inline("audio/pcm", "AAAA")),
    ("data-url", "data:audio/ogg;base64,AAAA", None, inline("audio/ogg", "AAAA")),
    ("data-url-untyped", "data:;base64,AAAA", "wav", inline("audio/wav", "AAAA")),
]


@pytest.mark.parametrize(("data", "format", "part"), [row[1:] for row in AUDIO], ids=[row[0] for row in AUDIO])
def test_audio(data: str, format: Any, part: Any) -> None:
    assert media.audio_part(data, format, path=OBJECT) == part


@pytest.mark.parametrize(
    ("data", "format", "member", "code"),
    [
        (None, "wav", "data", "missing_required_parameter"),
        ([], "wav", "data", "invalid_type"),
        ("!!!!", "wav", "data", "invalid_value"),
        ("", "wav", "data", "invalid_value"),
        ("AAAA", None, "format", "missing_required_parameter"),
        ("AAAA", "midi", "format", "invalid_value"),
    ],
)
def test_audio_errors(data: Any, format: Any, member: str, code: str) -> None:
    with pytest.raises(OpenAIError) as caught:
        media.audio_part(data, format, path=OBJECT)
    assert (caught.value.code, caught.value.param) == (code, f"{OBJECT}.{member}")


FILE_ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "data-url",
        {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "x.txt"},
        inline("application/pdf", PDF),
    ),
    ("bare", {"file_data": PDF, "filename": "x.PDF"}, inline("application/pdf", PDF)),
    ("bare-sniffed", {"file_data": PDF}, inline("application/pdf", PDF)),
    (
        "stream",
        {"file_data": "data:application/octet-stream;base64,AAAA", "filename": "a.csv"},
        inline("text/csv", "AAAA"),
    ),
    ("text", {"file_data": "data:text/plain;charset=utf-8,a%20b"}, inline("text/plain", "YSBi")),
    ("source-code", {"file_data": "AAAA", "filename": "src/main.rs"}, inline("text/plain", "AAAA")),
    ("url", {"file_url": "https://example.com/a.pdf"}, linked("https://example.com/a.pdf", "application/pdf")),
    ("nulls", {"file_data": None, "file_id": None, "file_url": "gs://b/c"}, linked("gs://b/c")),
    ("gemini-file", {"file_id": "files/abc-123"}, linked(FILES)),
    ("gemini-file-uri", {"file_id": FILES}, linked(FILES)),
]


@pytest.mark.parametrize(("file", "part"), [row[1:] for row in FILE_ROWS], ids=[row[0] for row in FILE_ROWS])
def test_file(file: dict[str, Any], part: Any) -> None:
    assert media.file_part(file, path="p.file") == part


@pytest.mark.parametrize(
    ("file", "member", "code"),
    [
        ({}, "file_data", "missing_required_parameter"),
        ({"file_data": 5}, "file_data", "invalid_type"),
        ({"file_data": "?"}, "file_data", "invalid_value"),
        ({"file_data": "AAAA", "filename": "noextension"}, "filename", "invalid_value"),
        ({"file_data": "AAAA", "filename": 7}, "filename", "invalid_value"),
        ({"file_url": "file:///x"}, "file_url", "invalid_value"),
        ({"file_id": "file-abc"}, "file_id", "unsupported_value"),
        ({"file_id": 1}, "file_id", "invalid_type"),
    ],
)
def test_file_errors(file: dict[str, Any], member: str, code: str) -> None:
    with pytest.raises(OpenAIError) as caught:
        media.file_part(file, path="p.file")
    assert (caught.value.code, caught.value.param) == (code, f"p.file.{member}")


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"OggS", "audio/ogg"),
    ],
)
def test_sniffed_types(head: bytes, mime: str) -> None:
    data = base64.b64encode(head).decode()
    assert media.file_part({"file_data": data}, path="p") == inline(mime, data)


@pytest.mark.parametrize(
    ("detail", "level"),
    [
        (None, None),
        ("auto", None),
        ("low", "MEDIA_RESOLUTION_LOW"),
        ("high", "MEDIA_RESOLUTION_HIGH"),
        ("original", "MEDIA_RESOLUTION_ULTRA_HIGH"),
        ("MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_MEDIUM"),
    ],
)
def test_resolution(detail: Any, level: Any) -> None:
    assert media.resolution(detail, path="p") == level


@pytest.mark.parametrize(("detail", "code"), [("huge", "invalid_value"), (3, "invalid_type")])
def test_resolution_errors(detail: Any, code: str) -> None:
    with pytest.raises(OpenAIError) as caught:
        media.resolution(detail, path="p.detail")
    assert (caught.value.code, caught.value.param) == (code, "p.detail")


def test_highest() -> None:
    low, high, ultra = (f"MEDIA_RESOLUTION_{name}" for name in ("LOW", "HIGH", "ULTRA_HIGH"))
    assert media.highest([low]) == low
    assert media.highest([high, low]) == high
    assert media.highest([low, ultra]) == high


@pytest.mark.parametrize("size", [1, 2, 3, 49151, 49152, 49153, 100_000])
def test_data_of_any_length(size: int) -> None:
    data = base64.b64encode(bytes(i % 251 for i in range(size))).decode()
    assert media.file_part({"file_data": data, "filename": "a.bin.pdf"}, path="p")["inlineData"]["data"] == data
    broken = data[:-5] + "*" + data[-4:] if size > 4 else "*" + data[1:]
    with pytest.raises(OpenAIError):
        media.file_part({"file_data": broken, "filename": "a.pdf"}, path="p")


@given(raw=st.binary(min_size=1, max_size=200), urlsafe=st.booleans(), padded=st.booleans(), width=st.integers(1, 80))
def test_every_spelling_of_base64_is_read(raw: bytes, urlsafe: bool, padded: bool, width: int) -> None:
    standard = base64.b64encode(raw).decode()
    sent = base64.urlsafe_b64encode(raw).decode() if urlsafe else standard
    sent = sent if padded else sent.rstrip("=")
    sent = "\r\n".join(sent[i : i + width] for i in range(0, len(sent), width))
    assert media.image_part(f"data:image/png;base64,{sent}", path=URL) == inline("image/png", standard)


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=2)
URLS = st.builds(
    "".join, st.tuples(st.sampled_from(["data:", "data:a/b;base64,", "https://", "gs://", ""]), st.text(max_size=20))
)
CALLS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: media.image_part(a, path="p"),
    lambda a, b: media.audio_part(a, b, path="p"),
    lambda a, b: media.file_part({"file_data": a, "filename": b}, path="p"),
    lambda a, b: media.file_part({"file_id": a, "file_url": b}, path="p"),
    lambda a, b: media.resolution(a, path="p"),
]


@given(first=URLS | JSON_VALUES, second=URLS | JSON_VALUES, call=st.sampled_from(CALLS))
@example(first="data:text/plain,\ud83d", second=None, call=CALLS[0])
@example(first="data:a/b;base64,%ff%ff%ff%ff", second=None, call=CALLS[0])
@example(first="https://exa\u2100mple.com/", second=None, call=CALLS[0])
def test_anything_is_read_or_refused(first: Any, second: Any, call: Callable[[Any, Any], Any]) -> None:
    try:
        part = call(first, second)
    except OpenAIError as error:
        error.body()
        return
    if isinstance(part, dict) and "inlineData" in part:
        assert base64.b64decode(part["inlineData"]["data"], validate=True)


def test_ten_megabytes_are_looked_at_in_large_pieces() -> None:
    url = "data:image/png;base64," + "ABCD" * 2_500_000
    assert calls(lambda: media.image_part(url, path=URL)) < 2000
