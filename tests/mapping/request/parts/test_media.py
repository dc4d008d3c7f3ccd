"""`mapping.request.parts.media`: data URLs, links and files -> parts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai.errors import error_body
from mapping.request.parts import media
from mapping.values import Options
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
    ("not-base64", "data:image/gif,GIF89a%2F%3E", inline("image/gif", base64.b64encode(b"GIF89a/>").decode())),
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
    notes = Notes()
    assert media.image_part(url, path=URL, notes=notes) == part
    assert not notes


ADDRESSES = [
    ("a.png", "image/png", None, "image/png"),
    ("a.mp4", None, "video/mp4", "video/mp4"),
    ("a.pdf", None, None, "application/pdf"),
    ("a.mp3", None, None, "audio/mp3"),
    ("a.csv", None, None, "text/csv"),
    ("a.json?x=a.png", None, None, "application/json"),
    ("show.php?picture=1", None, None, None),
    ("show.PHP", None, None, None),
    ("a.html", None, None, "text/html"),
    ("a", None, None, None),
]


@pytest.mark.parametrize(("name", "image", "video", "file"), ADDRESSES, ids=[row[0] for row in ADDRESSES])
def test_the_kind_of_the_part_says_what_an_address_is(name: str, image: Any, video: Any, file: Any) -> None:
    url = f"https://example.com/{name}"
    assert media.image_part(url, path="p", notes=Notes()) == linked(url, image)
    assert media.video_part(url, path="p", notes=Notes()) == linked(url, video)
    assert media.file_part({"file_url": url}, path="p", notes=Notes()) == linked(url, file)


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


TOLD = [
    ("image/png", b"\xff\xd8\xff\xe01234", "image/jpeg"),
    ("image/jpeg", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ("image/png", b"%PDF-1.7", "application/pdf"),
    ("application/pdf", b"\x89PNG\r\n\x1a\n", "image/png"),
    ("text/plain", b"\x89PNG\r\n\x1a\n", "image/png"),
    ("text/csv", b"\x89PNG\r\n\x1a\n", "image/png"),
    ("audio/wav", b"ID3\4\0", "audio/mp3"),
    ("audio/mp3", b"RIFF\0\0\0\0WAVE", "audio/wav"),
    ("audio/mpeg", b"ID3\4\0", None),
    ("audio/mpeg", b"\xff\xfb\x90\0", None),
    ("video/quicktime", b"\0\0\0\x18ftypqt  ", "video/mov"),
    ("audio/webm", b"\x1aE\xdf\xa3", None),
    ("image/heif", b"\0\0\0\x18ftypheic", None),
    ("image/png", b"\0\1\2\3\4\5\6\7", None),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\3\4", None),
]


@pytest.mark.parametrize(("mime", "raw", "sent"), TOLD)
def test_the_bytes_say_what_they_are(mime: str, raw: bytes, sent: str | None) -> None:
    notes = Notes()
    part = media.image_part(f"data:{mime};base64,{encoded(raw)}", path=URL, notes=notes)
    assert part == inline(sent or mime, encoded(raw))
    assert list(notes) == ([] if sent in (None, "video/mov") else [("media-type", URL)])


def test_the_bytes_say_what_sound_is() -> None:
    notes = Notes()
    data = encoded(b"RIFF\0\0\0\0WAVE")
    assert media.audio_part(data, "mp3", path=OBJECT, notes=notes) == inline("audio/wav", data)
    assert list(notes) == [("media-type", f"{OBJECT}.data")]


@pytest.mark.parametrize(
    "raw",
    [
        b"<!DOCTYPE html><html>",
        b'{"error": "not found"}',
        b"[object Object]",
        b"PK\3\4\x14\0\0\0",
        b"\x1f\x8b\x08\0\0\0\0\0",
    ],
)
def test_what_is_no_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(Fault) as caught:
        media.image_part(f"data:image/png;base64,{encoded(raw)}", path=URL, notes=Notes())
    assert (caught.value.code, caught.value.param) == ("invalid_value", URL)


def test_an_unknown_detail_is_left_to_gemini() -> None:
    notes = Notes()
    assert media.resolution("huge", path="p.detail", notes=notes, options=Options()) is None
    assert list(notes) == [("unknown", "p.detail huge")]


TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("json", {"file_data": "data:application/json,%7B%7D", "filename": "a.json"}, "[file a.json]\n{}"),
    ("markdown", {"file_data": "data:text/markdown;base64,IyBh", "filename": "a.md"}, "[file a.md]\n# a"),
    ("no name", {"file_data": "data:text/csv;base64,YSxi"}, "[file of type text/csv]\na,b"),
    ("svg", {"file_data": "data:image/svg+xml,%3Csvg%2F%3E"}, "[file of type image/svg+xml]\n<svg/>"),
    ("unknown text type", {"file_data": "data:application/x-thing,a"}, "[file of type application/x-thing]\na"),
    ("stream", {"file_data": "data:application/octet-stream;base64,YSxi", "filename": "a.csv"}, "[file a.csv]\na,b"),
    ("source code", {"file_data": "YSxi", "filename": "src/main.rs"}, "[file src/main.rs]\na,b"),
    ("unknown ending", {"file_data": encoded("käse".encode()), "filename": "a.zig"}, "[file a.zig]\nkäse"),
    ("no ending", {"file_data": encoded(b"all:"), "filename": "Makefile"}, "[file Makefile]\nall:"),
    ("no name or type", {"file_data": encoded(b"all:")}, "[file]\nall:"),
    ("mark", {"file_data": encoded(b"\xef\xbb\xbfa"), "filename": "a.yaml"}, "[file a.yaml]\na"),
    ("utf-16", {"file_data": encoded("käse".encode("utf-16")), "filename": "a.xml"}, "[file a.xml]\nkäse"),
    ("charset", {"file_data": "data:text/csv;charset=iso-8859-1,k%E4se"}, "[file of type text/csv]\nkäse"),
    ("older encoding", {"file_data": "data:text/csv,k%E4se"}, "[file of type text/csv]\nkäse"),
    ("unknown charset", {"file_data": "data:text/csv;charset=x-y,a"}, "[file of type text/csv]\na"),
]


@pytest.mark.parametrize(("file", "text"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_text_files_go_as_text(file: dict[str, Any], text: str) -> None:
    notes = Notes()
    assert media.file_part(file, path="p", notes=notes) == {"text": f"{text}\n[end of file]"}
    assert not notes


@pytest.mark.parametrize(
    ("file", "member"),
    [
        ({"file_data": "data:application/zip;base64,UEsDBA==", "filename": "a.zip"}, "file_data"),
        ({"file_data": "data:application/x-thing;base64,AAAA"}, "file_data"),
        ({"file_data": "UEsDBA==", "filename": "a.zig"}, "file_data"),
        ({"file_data": "AAAA", "filename": "a.zig"}, "filename"),
        ({"file_data": "/////w=="}, "filename"),
    ],
)
def test_bytes_of_unknown_types_are_refused(file: dict[str, Any], member: str) -> None:
    with pytest.raises(Fault) as caught:
        media.file_part(file, path="p", notes=Notes())
    assert (caught.value.code, caught.value.param) == ("invalid_value", f"p.{member}")


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
    with pytest.raises(Fault) as caught:
        media.image_part(url, path=URL, notes=Notes())
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, URL)
    error_body(caught.value)


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
    assert media.audio_part(data, format, path=OBJECT, notes=Notes()) == part


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
    with pytest.raises(Fault) as caught:
        media.audio_part(data, format, path=OBJECT, notes=Notes())
    assert (caught.value.code, caught.value.param) == (code, f"{OBJECT}.{member}")


FILE_ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "data-url",
        {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "x.txt"},
        inline("application/pdf", PDF),
    ),
    ("bare", {"file_data": PDF, "filename": "x.PDF"}, inline("application/pdf", PDF)),
    ("bare-sniffed", {"file_data": PDF}, inline("application/pdf", PDF)),
    ("text", {"file_data": "data:text/plain;charset=utf-8,a%20b"}, inline("text/plain", "YSBi")),
    ("url", {"file_url": "https://example.com/a.pdf"}, linked("https://example.com/a.pdf", "application/pdf")),
    ("nulls", {"file_data": None, "file_id": None, "file_url": "gs://b/c"}, linked("gs://b/c")),
    ("gemini-file", {"file_id": "files/abc-123"}, linked(FILES)),
    ("gemini-file-uri", {"file_id": FILES}, linked(FILES)),
]


@pytest.mark.parametrize(("file", "part"), [row[1:] for row in FILE_ROWS], ids=[row[0] for row in FILE_ROWS])
def test_file(file: dict[str, Any], part: Any) -> None:
    assert media.file_part(file, path="p.file", notes=Notes()) == part


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
    with pytest.raises(Fault) as caught:
        media.file_part(file, path="p.file", notes=Notes())
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
    assert media.file_part({"file_data": data}, path="p", notes=Notes()) == inline(mime, data)


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
    assert media.resolution(detail, path="p", notes=Notes(), options=Options()) == level


@pytest.mark.parametrize(("detail", "code"), [(3, "invalid_type")])
def test_resolution_errors(detail: Any, code: str) -> None:
    with pytest.raises(Fault) as caught:
        media.resolution(detail, path="p.detail", notes=Notes(), options=Options())
    assert (caught.value.code, caught.value.param) == (code, "p.detail")


def test_highest() -> None:
    low, high, ultra = (f"MEDIA_RESOLUTION_{name}" for name in ("LOW", "HIGH", "ULTRA_HIGH"))
    assert media.highest([low]) == low
    assert media.highest([high, low]) == high
    assert media.highest([low, ultra]) == high


@pytest.mark.parametrize("size", [1, 2, 3, 49151, 49152, 49153, 100_000])
def test_data_of_any_length(size: int) -> None:
    data = base64.b64encode(bytes(i % 251 for i in range(size))).decode()
    assert (
        media.file_part({"file_data": data, "filename": "a.bin.pdf"}, path="p", notes=Notes())["inlineData"]["data"]
        == data
    )
    broken = data[:-5] + "*" + data[-4:] if size > 4 else "*" + data[1:]
    with pytest.raises(Fault):
        media.file_part({"file_data": broken, "filename": "a.pdf"}, path="p", notes=Notes())


@given(raw=st.binary(min_size=1, max_size=200), urlsafe=st.booleans(), padded=st.booleans(), width=st.integers(1, 80))
def test_every_spelling_of_base64_is_read(raw: bytes, urlsafe: bool, padded: bool, width: int) -> None:
    raw = b"\x89PNG" + raw
    standard = base64.b64encode(raw).decode()
    sent = base64.urlsafe_b64encode(raw).decode() if urlsafe else standard
    sent = sent if padded else sent.rstrip("=")
    sent = "\r\n".join(sent[i : i + width] for i in range(0, len(sent), width))
    assert media.image_part(f"data:image/png;base64,{sent}", path=URL, notes=Notes()) == inline("image/png", standard)


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=2)
URLS = st.builds(
    "".join, st.tuples(st.sampled_from(["data:", "data:a/b;base64,", "https://", "gs://", ""]), st.text(max_size=20))
)
CALLS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: media.image_part(a, path="p", notes=Notes()),
    lambda a, b: media.audio_part(a, b, path="p", notes=Notes()),
    lambda a, b: media.file_part({"file_data": a, "filename": b}, path="p", notes=Notes()),
    lambda a, b: media.file_part({"file_id": a, "file_url": b}, path="p", notes=Notes()),
    lambda a, b: media.resolution(a, path="p", notes=Notes(), options=Options()),
]


@given(first=URLS | JSON_VALUES, second=URLS | JSON_VALUES, call=st.sampled_from(CALLS))
@example(first="data:text/plain,\ud83d", second=None, call=CALLS[0])
@example(first="data:a/b;base64,%ff%ff%ff%ff", second=None, call=CALLS[0])
@example(first="https://exa\u2100mple.com/", second=None, call=CALLS[0])
def test_anything_is_read_or_refused(first: Any, second: Any, call: Callable[[Any, Any], Any]) -> None:
    try:
        part = call(first, second)
    except Fault as error:
        error_body(error)
        return
    if isinstance(part, dict) and "inlineData" in part:
        assert base64.b64decode(part["inlineData"]["data"], validate=True)


def test_ten_megabytes_are_looked_at_in_large_pieces() -> None:
    url = "data:image/png;base64," + "ABCD" * 2_500_000
    assert calls(lambda: media.image_part(url, path=URL, notes=Notes())) < 2000
