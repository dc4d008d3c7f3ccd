"""The framing: payloads out of bytes in any slicing."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.gemini.sse import EventParser, frame

BODIES = [
    pytest.param(b"", [], id="nothing"),
    pytest.param(b'data: {"a":1}\n\n', [b'{"a":1}'], id="LF"),
    pytest.param(b'data: {"a":1}\r\n\r\n', [b'{"a":1}'], id="CRLF"),
    pytest.param(b'data: {"a":1}\r\rdata: 2\r\r', [b'{"a":1}', b"2"], id="CR"),
    pytest.param(b"data: 1\n\r\ndata: 2\r\n\n", [b"1", b"2"], id="mixed-ends"),
    pytest.param(b"data: 1\rdata: 2\n\n", [b"1\n2"], id="CR-within"),
    pytest.param(b"data: 1\n\ndata: 2\n\n", [b"1", b"2"], id="two-events"),
    pytest.param(b'data:{"a":1}\n\n', [b'{"a":1}'], id="no-space"),
    pytest.param(b"data:  1\n\n", [b" 1"], id="one-space-is-framing"),
    pytest.param(b"data: 1", [b"1"], id="no-line-end"),
    pytest.param(b"data: 1\n", [b"1"], id="no-blank-line"),
    pytest.param(b'data: {"a":\ndata: 1}\n\n', [b'{"a":\n1}'], id="multi-line"),
    pytest.param(b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: 1\n\n: end\n", [b"1"], id="comments-and-fields"),
    pytest.param(b"event: x\n\n\n\n", [], id="event-without-data"),
    pytest.param(b"\xef\xbb\xbfdata: 1\n\n", [b"1"], id="byte-order-mark"),
    pytest.param(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [b"1"], id="byte-order-mark-later-is-none"),
    pytest.param("data: a\u2028b\u2029c\u0085d\n\n".encode(), ["a\u2028b\u2029c\u0085d".encode()], id="U+2028"),
    pytest.param(b"data: a\x0bb\x0cc\x1cd\n\n", [b"a\x0bb\x0cc\x1cd"], id="other-controls"),
    pytest.param(b'{"error":{"code":1}}', [b'{"error":{"code":1}}'], id="raw-object"),
    pytest.param(b'{\n "error": {\n  "code": 1\n }\n}\n', [b'{\n "error": {\n  "code": 1\n }\n}'], id="raw-pretty"),
    pytest.param(
        b'data: 1\n\n[\n  {\n    "error": {"m": "a]}\\""}\n  }\n]\n',
        [b"1", b'{\n    "error": {"m": "a]}\\""}\n  }'],
        id="raw-list-after-event",
    ),
    pytest.param(b'data: 1\n[{"error":1}]', [b"1", b'{"error":1}'], id="raw-without-blank-line"),
    pytest.param(b'[{"a":1}\n,\r\n{"a":\n2}]', [b'{"a":1}', b'{"a":\n2}'], id="whole-body-a-list"),
    pytest.param(b'[{"a":[1]},{"b":{}}]', [b'{"a":[1]}', b'{"b":{}}'], id="list-on-one-line"),
    pytest.param(b'{"a":1}{"b":2}\n{"c":3}', [b'{"a":1}', b'{"b":2}', b'{"c":3}'], id="raw-values-in-a-row"),
    pytest.param(b'{"a":1}\ndata: 2\n\n', [b'{"a":1}', b"2"], id="event-after-raw"),
    pytest.param(b"[]\n", [], id="empty-list"),
    pytest.param(b'{"a":\n', [b'{"a":'], id="raw-cut-off"),
    pytest.param(b'[{"a":"x', [b'{"a":"x'], id="raw-cut-off-in-string"),
    pytest.param(b"<html>\n<body>Bad</body>\n", [], id="not-a-stream"),
]


def parsed(*pieces: bytes) -> list[bytes]:
    parser = EventParser()
    payloads = [payload for piece in pieces for payload in parser.feed(piece)]
    return payloads + parser.end()


@pytest.mark.parametrize(("body", "payloads"), BODIES)
def test_payloads(body: bytes, payloads: list[bytes]) -> None:
    assert parsed(body) == payloads


@pytest.mark.parametrize(("body", "payloads"), BODIES)
def test_slicing_byte_by_byte(body: bytes, payloads: list[bytes]) -> None:
    assert parsed(*(body[at : at + 1] for at in range(len(body)))) == payloads


@pytest.mark.parametrize(("body", "payloads"), BODIES)
def test_slicing_in_two(body: bytes, payloads: list[bytes]) -> None:
    for at in range(len(body) + 1):
        assert parsed(body[:at], body[at:]) == payloads


@given(
    st.lists(
        st.sampled_from([b"data: ", b"data:", b"\n", b"\r", b"\r\n", b'{"a":1}', b"[", b"]", b",", b'"', b"\\", b":"])
    ),
    st.lists(st.integers(0, 60)),
)
def test_any_bytes_in_any_slicing(tokens: list[bytes], cuts: list[int]) -> None:
    body = b"".join(tokens)
    marks = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in pairwise(marks)]
    assert parsed(*pieces) == parsed(body)


@given(st.lists(st.text().filter(lambda text: "\n" not in text and "\r" not in text), min_size=1))
def test_a_frame_gives_its_payload_back(texts: list[str]) -> None:
    payloads = [text.encode() for text in texts]
    assert parsed(b"".join(map(frame, payloads))) == payloads


def test_payloads_come_as_soon_as_they_are_complete() -> None:
    parser = EventParser()
    assert parser.feed(b'[{"a":1}\n') == [b'{"a":1}']
    assert parser.feed(b",\n") == []
    assert parser.feed(b'{"error":1}\n') == [b'{"error":1}']
    assert parser.feed(b"]\ndata: 2\r\n\r") == [b"2"]
    assert parser.feed(b"\ndata: 3\n\n") == [b"3"]


def feed_often(parser: EventParser, data: bytes) -> None:
    for _ in range(100):
        parser.feed(data)


@pytest.mark.parametrize(
    ("start", "data"),
    [
        pytest.param(b"data: ", b"0123456789", id="line"),
        pytest.param(b"x", b"0123456789", id="other-field"),
        pytest.param(b'{"a":"', b"0123456789\n", id="raw"),
        pytest.param(b"data: 1\n", b"data: 0123456789\n", id="lines"),
    ],
)
def test_an_endless_event_is_refused(start: bytes, data: bytes) -> None:
    parser = EventParser(limit=1000)
    parser.feed(start)
    with pytest.raises(UpstreamError) as caught:
        feed_often(parser, data)
    assert caught.value.kind is Kind.ANSWER


def test_a_long_stream_is_not() -> None:
    parser = EventParser(limit=1000)
    for _ in range(100):
        assert parser.feed(b"data: 0123456789\n\n: ping\n") == [b"0123456789"]
        assert parser.feed(b": ping\n\n") == []


def test_frame() -> None:
    assert frame(b"{}") == b"data: {}\n\n"
