"""Forms as clients send them -> JSON values. A row: the parts, what becomes of them."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from typing import Any

import pytest

from mapping.dialect import Received
from mapping.faults import Fault
from mapping.openai import multipart

FORM = multipart.Form(
    files=frozenset({"file", "image"}),
    numbers=frozenset({"n", "temperature", "options.threshold"}),
    booleans=frozenset({"stream"}),
    lists=frozenset({"include"}),
)
BOUNDARY = "----formdata-undici-0123456789"

type Parts = list[tuple[str, bytes]]
"""The part's Content-Disposition after `form-data; `, perhaps further header lines, and its data."""


def body(parts: Parts, boundary: str = BOUNDARY) -> bytes:
    out = b""
    for head, data in parts:
        out += f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
    return out + f"--{boundary}--\r\n".encode()


def read(data: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}") -> dict[str, Any]:
    return multipart.read(Received(data, content_type), FORM)


def file(name: str, data: bytes, kind: str = "") -> dict[str, str]:
    return {"filename": name, "content_type": kind, "data": b64encode(data).decode()}


ROWS: dict[str, tuple[Parts, dict[str, Any]]] = {
    "text": ([('name="model"', b"m"), ("name=prompt", "ä\r\n\nb".encode())], {"model": "m", "prompt": "ä\r\n\nb"}),
    "empty text": ([('name="language"', b"")], {"language": ""}),
    "a file first": (
        [('name="file"; filename="a.wav"\r\nContent-Type: audio/x-wav', b"\r\n--\0"), ('name="model"', b"m")],
        {"file": file("a.wav", b"\r\n--\0", "audio/x-wav"), "model": "m"},
    ),
    "names": (
        [('name="file"; filename="ä %22b%22.wav"', b"")],
        {"file": file('ä "b".wav', b"")},
    ),
    "numbers": ([('name="n"', b"2"), ('name="temperature"', b"0.5")], {"n": 2, "temperature": 0.5}),
    "no number": ([('name="n"', b"two")], {"n": "two"}),
    "numbers as JSON has them": (
        [('name="n"', b" -1\n"), ('name="temperature"', b"1.5e-1")],
        {"n": -1, "temperature": 0.15},
    ),
    "numbers of Python's": (
        [('name="n"', "\u0661".encode()), ('name="temperature"', b"nan"), ('name="options[threshold]"', b"1_0")],
        {"n": "\u0661", "temperature": "nan", "options": {"threshold": "1_0"}},
    ),
    "numbers beyond all": (
        [('name="n"', b"9" * 5000), ('name="temperature"', b"-Infinity")],
        {"n": "9" * 5000, "temperature": "-Infinity"},
    ),
    "booleans": ([('name="stream"', b"true")], {"stream": True}),
    "no boolean": ([('name="stream"', b"yes")], {"stream": "yes"}),
    "lists": ([('name="x[]"', b"a"), ('name="x[]"', b"a")], {"x": ["a", "a"]}),
    "a list of one": ([('name="x[]"', b"a")], {"x": ["a"]}),
    "lists by number": ([('name="x[0]"', b"a"), ('name="x[1]"', b"b")], {"x": ["a", "b"]}),
    "repeated": ([('name="x"', b"a"), ('name="x"', b"a"), ('name="x"', b"b")], {"x": ["a", "a", "b"]}),
    "a list without brackets": ([('name="include"', b"a")], {"include": ["a"]}),
    "objects": (
        [('name="options[type]"', b"server_vad"), ('name="options[threshold]"', b"0.5")],
        {"options": {"type": "server_vad", "threshold": 0.5}},
    ),
    "images": (
        [('name="image[]"; filename="a"', b"1"), ('name="image[]"; filename="b"', b"2")],
        {"image": [file("a", b"1"), file("b", b"2")]},
    ),
    "nothing": ([], {}),
}


@pytest.mark.parametrize("row", ROWS)
def test_forms(row: str) -> None:
    parts, expected = ROWS[row]
    assert read(body(parts)) == expected


def test_bytes_stay_as_they_are() -> None:
    for size in (0, 1, 2, 1000, 200_000):
        data = os.urandom(size) + b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\r\n" * 3
        assert b64decode(read(body([('name="file"; filename="x"', data)]))["file"]["data"]) == data


def test_json_is_taken_too() -> None:
    assert read(b'{"model": "m", "file": {"data": "AA=="}}', "application/json")["file"] == {"data": "AA=="}
    assert read(b'{"model": "m"}', "") == {"model": "m"}


FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
BAD: dict[str, tuple[bytes, str, str | None, str]] = {
    "a bare Buffer of Node": (
        body([(f'name="image[{i}]"', b"137") for i in range(5000)]),
        FORM_TYPE,
        "image",
        "toFile(",
    ),
    "a text for a file": (body([('name="file"', b"a.wav")]), FORM_TYPE, "file", "-F file=@name"),
    "too many parts": (body([(f'name="x{i}"', b"") for i in range(2000)]), FORM_TYPE, None, "at most 1000"),
    "no boundary": (b"x", "multipart/form-data", None, "boundary"),
    "nothing": (b"", FORM_TYPE, None, "not valid"),
    "another boundary": (body([('name="x"', b"")], "other"), FORM_TYPE, None, "not valid"),
    "cut off": (body([('name="x"', b"abc")])[:-20], FORM_TYPE, None, "not valid"),
    "no name": (body([('filename="x"', b"abc")])[:-20], FORM_TYPE, None, "not valid"),
    "a name that is no UTF-8": (
        body([('name="a"', b"")]).replace(b'"a"', b'"\xe4"'),
        FORM_TYPE,
        None,
        "part, as with the name of a file, is not UTF-8",
    ),
    "no UTF-8": (body([('name="prompt"', b"\xe4")]), FORM_TYPE, "prompt", "UTF-8"),
    "a value and an object": (body([('name="x"', b"a"), ('name="x[y]"', b"a")]), FORM_TYPE, "x", "both"),
    "another kind of form": (b"model=m", "application/x-www-form-urlencoded", None, "-F"),
    "JSON that is none": (b"{", "application/json", None, "JSON"),
}


@pytest.mark.parametrize("row", BAD)
def test_bad_forms(row: str) -> None:
    data, content_type, param, word = BAD[row]
    with pytest.raises(Fault) as caught:
        read(data, content_type)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert word in caught.value.message
