"""JSON that is parsed in steps: what comes of it is what the parser makes of it, or nothing."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import jsonio
from mapping.notes import Notes
from mapping.request.parts import long_texts, media

LONG = 64
STEP = 100


@pytest.fixture(autouse=True)
def short() -> Iterator[None]:
    """What counts as long, and a step, is small enough to be tried in every place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "LONG", LONG)
        patch.setattr(long_texts, "STEP", STEP)
        patch.setattr(long_texts, "_AT_ONCE", 3)
        yield


def read(data: bytes) -> tuple[long_texts.Read | None, int]:
    """What comes of a body, and in how many steps."""
    steps, count = long_texts.read(data), 1
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def agrees(data: bytes) -> list[long_texts.LongText]:
    """It is what the parser gives, or None. What was cut out is in it, and is what it is said to be."""
    got, _ = read(data)
    if got is None:
        return []
    value, found = got
    assert jsonio.dumps(value) == jsonio.dumps(jsonio.loads(data))
    assert value == jsonio.loads(data)
    inside = list(texts(value))
    for one in found:
        assert any(one.text is text for text in inside)
        base64.b64decode(one.text[one.base64 :], validate=True)
        with long_texts.known(found):
            assert media.clean_base64(one.text[one.base64 :], "x") == one.text[one.base64 :]
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member)


B64 = base64.b64encode(bytes(range(256)) * 3).decode()
PADDED = base64.b64encode(bytes(range(256)) + b"!").decode()
HEAD = "data:image/png;base64,"


def test_long_texts_are_cut_out_wherever_they_are_values() -> None:
    body = {"a": [{"b": HEAD + B64}, 1, {"c": PADDED, "d": "short"}], "e": B64, "f": "\u00e9\ud83d\ude80" * 100}
    for data in (json.dumps(body).encode(), json.dumps(body, indent=2).encode(), b"\n " + jsonio.dumps(body)):
        found = agrees(data)
        assert [(one.text, one.base64) for one in found] == [(HEAD + B64, len(HEAD)), (PADDED, 0), (B64, 0)]


def test_a_long_text_takes_steps_and_each_is_short() -> None:
    got, steps = read(jsonio.dumps({"a": "QUJD" * 100}))
    assert got is not None
    assert steps > 400 / STEP
    got, steps = read(jsonio.dumps({"a": ["QUJD" * 100], "b": [[1]] * 300}))
    assert got is not None
    assert steps > 400 / STEP + 300 / 3 / 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'"%s"' % B64.encode(),
        b'["%s"]' % B64.encode(),
        b'{"%s": 1}' % B64.encode(),
        b'{"a": "%s", "a": 1}' % B64.encode(),
        b'{"a": "x\\"%s"}' % B64.encode(),
        b'{"a": "x\\\\"%s"}' % B64.encode(),
        b'{"a": "%s' % B64.encode(),
        b'{"a": %s"}' % B64.encode(),
        b'{"a": "b" %s"c"}' % B64.encode(),
        b'{"a": "b"%s"c"}' % B64.encode(),
        b'{"a": "b", %s : "c"}' % (b"1" * 400),
        b'{"a": ["b",%s,"c"]}' % (b"1" * 400),
        b'{"a": "%s-"}' % B64.encode(),
        b'{"a": "%s\\n"}' % B64.encode(),
        b'{"a": "%s\n"}' % B64.encode(),
        b'{"a": "%s\x00"}' % B64.encode(),
        b'{"a": "%s\xff"}' % B64.encode(),
        b'{"a": "%s\xc3\xa9"}' % B64.encode(),
        b'{"a": "%s==="}' % B64.encode(),
        b'{"a": "=%s==="}' % B64.encode(),
        b'{"a": "%sA"}' % B64.encode(),
        b'{"a": "data:x;base64,%sA"}' % B64.encode(),
        b'{"a": "data:\\u0022,%s"}' % B64.encode(),
        b'{"a": "data:,%s,"}' % B64.encode(),
        b'{"a": "%s"}}' % B64.encode(),
        b'{"a": "%s"' % B64.encode(),
        b'{"a": "%s"} x' % B64.encode(),
    ],
)
def test_what_else_there_is_stays_with_the_parser(data: bytes) -> None:
    assert read(data)[0] is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1, "a": "%s"}' % B64.encode(),
        b'{"a": "\\\\", "b": "%s"}' % B64.encode(),
        b'{"a": "\\"", "b": "%s", "c": "\\\\\\""}' % B64.encode(),
        b'{"a": "\\ud83d", "b": "%s"}' % B64.encode(),
        b'{"a": 123456789012345678901234567890, "b": "%s"}' % B64.encode(),
        b'{"%s": "%s"}' % (B64.encode(), B64.encode() * 2),
        b'{"a": "%s", "b": [%s]}' % (B64.encode(), b"1," * 400 + b"1"),
    ],
)
def test_odd_neighbours(data: bytes) -> None:
    agrees(data)
    assert jsonio.loads(data)


PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ":", ",", '"', '"a"', '"b":', "\\", '\\"', "\\\\", "\\u0041", " ", "\n", "1", "-0.5e9"),
        *("true", "null", "data:image/png;base64,", "data:,", "A" * LONG, "AAA", "Q", "=", "==", "/+", "-", "_"),
        *("\u00e9", "\x00", B64, PADDED, '"' + B64 + '"', '"' + HEAD + B64 + '"', '{"a":', '"}', '{"a":"'),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=20),
    st.binary(min_size=30, max_size=500).map(lambda data: base64.b64encode(data).decode()),
    st.binary(min_size=30, max_size=500).map(lambda data: "data:a/b;base64," + base64.b64encode(data).decode()),
    st.lists(PIECES, max_size=6).map("".join),
)
KEYS = st.one_of(st.text(max_size=4), LEAVES.filter(lambda leaf: isinstance(leaf, str)))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5))


@given(st.lists(PIECES, max_size=14).map("".join))
def test_whatever_bytes_there_are(text: str) -> None:
    data = ("{" + text).encode()
    agrees(data)
    agrees(b'{"a":"' + data[1:] + b'"}')


@given(st.dictionaries(KEYS, VALUES, max_size=5), st.booleans(), st.integers(0, 4))
def test_every_json(value: Any, ascii: bool, indent: int) -> None:
    agrees(json.dumps(value, ensure_ascii=ascii, indent=indent or None).encode("utf-8", "surrogatepass"))


@given(st.binary(min_size=60, max_size=400), st.sampled_from(["", HEAD]), st.text(max_size=50), st.text(max_size=50))
def test_every_base64_that_is_long_is_cut_out(content: bytes, head: str, before: str, after: str) -> None:
    text = head + base64.b64encode(content).decode()
    found = agrees(jsonio.dumps({"a": before, "b": text, "c": after}))
    assert [one.text for one in found] == [text] * (len(text) > LONG)


def test_translation_does_not_look_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    got, _ = read(jsonio.dumps({"url": HEAD + B64, "data": B64}))
    assert got is not None
    value, found = got
    looked: list[str] = []
    monkeypatch.setattr(media, "_is_standard", lambda data: not looked.append(data))
    with long_texts.known(found):
        part = media.image_part(value["url"], path="p", notes=Notes())
        assert part["inlineData"]["data"] == B64
        assert media.clean_base64(value["data"], "p") is value["data"]
        assert not looked
        media.clean_base64(HEAD + B64, "p")
    media.clean_base64(value["data"], "p")
    assert len(looked) == 2
