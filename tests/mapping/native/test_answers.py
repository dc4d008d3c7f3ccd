"""mapping.native.answer and mapping.native.stream: what comes goes down as it is, and a fault is a fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapping.dialect import Given
from mapping.dialects import named
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.native.answer import NativeAnswer
from mapping.native.request import BATCH_EMBED, COUNT, EMBED, GENERATE, METHODS
from mapping.notes import Notes
from mapping.translators import StreamTranslator

MODEL = "gemini-3.8-flash"


def answering(method: str, **members: Any) -> Any:
    dialect = named(method)
    assert dialect is not None
    notes = Notes()
    model = "gemini-embedding-001" if method in (EMBED, BATCH_EMBED) else MODEL
    given = Given(model, "m", mint=lambda prefix, size=12: prefix, now=lambda: 0, seal=str, notes=notes)
    return dialect.translate({"model": "m", **members}, given)


def whole(method: str, data: bytes) -> tuple[NativeAnswer, Notes, Any]:
    asked, notes = answering(method), Notes()
    answer = asked.whole(notes)
    answer.add(data)
    answer.close()
    return answer, notes, asked


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [{"text": said}]}, **more}]}


END = {**text("", finishReason="STOP"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}

WHOLE = [
    # method, what comes and goes down
    (GENERATE, b'{ "candidates": [ {"finishReason": "STOP" } ], "new": {"a": 1.0}}\n'),
    (GENERATE, b'{"promptFeedback": {"blockReason": "SAFETY"}}'),
    (COUNT, b'{ "totalTokens": 7 }'),
    (EMBED, b'{"embedding": {"values": [ 0.10 ]}}'),
    (BATCH_EMBED, b'{"embeddings": [{"values": [ 0.10 ]}]}'),
]


@pytest.mark.parametrize(("method", "data"), WHOLE)
def test_bytes_stay(method: str, data: bytes) -> None:
    assert whole(method, data)[0].finish() == data


def test_the_wrapper_of_the_cloud_code_api() -> None:
    wrapped = json.dumps({"response": END, "traceId": "t"}).encode()
    assert json.loads(whole(GENERATE, wrapped)[0].finish()) == {**END, "responseId": "t"}


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (EMBED, {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}),
        (BATCH_EMBED, {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 3}}),
    ],
)
def test_predictions_of_vertex(method: str, answer: Any) -> None:
    predicted = {"predictions": [{"embeddings": {"values": [0.5], "statistics": {"token_count": 3}}}]}
    assert json.loads(whole(method, json.dumps(predicted).encode())[0].finish()) == answer


def test_what_is_counted() -> None:
    call = {"parts": [{"functionCall": {"name": "f"}}]}
    candidates = [
        {"content": call, "finishReason": "STOP"},
        {"finishReason": "MAX_TOKENS", "index": 1},
        {"finishReason": "NEW_REASON"},
    ]
    data = {"candidates": candidates, "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}
    data |= {"modelVersion": "gemini-4-argon", "modelStatus": {"retirementTime": "2027-01-01T00:00:00Z"}}
    answer, notes, asked = whole(GENERATE, json.dumps(data).encode())
    assert answer.finish_reasons() == ["tool_calls", "length", "stop"]
    assert (answer.totals().prompt, answer.totals().completion) == (3, 4)
    assert set(notes) == {("served", "gemini-4-argon"), ("retires", "2027-01-01")}
    assert asked.served == "gemini-4-argon"
    assert whole(GENERATE, WHOLE[1][1])[0].finish_reasons() == ["content_filter"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [b"{", b"7", b"[]", b'{"error": {"code": 503, "message": "no"}}', b"null", b"[DONE]"])
def test_what_is_no_answer(method: str, data: bytes) -> None:
    with pytest.raises(UpstreamError):
        whole(method, data)


@pytest.mark.parametrize("data", [b"{}", b'{"candidates": []}', b'{"promptFeedback": {}}'])
def test_an_answer_without_candidates(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        whole(GENERATE, data)


def sse(*events: Any) -> bytes:
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(event).encode() for event in events)


def plain(*events: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)


def stream(alt: str = "sse") -> StreamTranslator:
    made: StreamTranslator = answering("streamGenerateContent", alt=alt).stream()
    return made


FAILED = {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}
TOLD = {
    "error": {
        "code": 500,
        "message": "The upstream's answer ended without a finish reason.",
        "status": "INTERNAL",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "UPSTREAM_INCOMPLETE",
                "domain": "openai-gemini-gateway",
            }
        ],
    }
}
STREAMS = [
    # what comes, the chunks that go down, whether it has failed
    ([text("a"), END], [text("a"), END], False),
    ([text("a"), {"usageMetadata": {"totalTokenCount": 7}}, END], None, False),
    ([{"promptFeedback": {"blockReason": "SAFETY"}}], None, False),
    (
        [text("a", index=1), text("b"), text("", finishReason="STOP"), text("", finishReason="STOP", index=1)],
        None,
        False,
    ),
    ([text("a"), FAILED], [text("a"), FAILED], True),
    ([text("a"), FAILED, END], [text("a"), FAILED], True),
    ([text("a")], [text("a"), TOLD], True),
    ([text("a", index=1), END], [text("a", index=1), END, TOLD], True),
    ([{"response": text("a")}, {"response": END, "traceId": "t"}], [text("a"), {**END, "responseId": "t"}], False),
]


@pytest.mark.parametrize(("came", "chunks", "failed"), STREAMS)
def test_streams(came: list[Any], chunks: list[Any] | None, failed: bool) -> None:
    chunks = came if chunks is None else chunks
    for alt in ("sse", "json"):
        for size in (1, 7, 10_000):
            translator, data = stream(alt), sse(*came)
            out = b"".join(translator.feed(data[start : start + size]) for start in range(0, len(data), size))
            out += translator.end()
            if alt == "sse":
                assert [json.loads(event[6:]) for event in out.split(b"\n\n")[:-1]] == chunks
                assert all(line.startswith(b"data: {") for line in out.split(b"\n\n")[:-1])
            else:
                assert json.loads(out) == chunks
            assert (translator.fault is not None) == failed


def test_chunks_are_the_bytes_that_came() -> None:
    translator = stream()
    odd = b'{ "candidates": [ {"finishReason": "STOP", "x": 1.0 } ] }'
    assert translator.feed(b"data: " + odd + b"\r\n\r\n") + translator.end() == b"data: " + odd + b"\n\n"
    assert stream().feed(b'data: {"candidates":\ndata: [{}]}\n\n') == b'data: {"candidates":[{}]}\n\n'


@pytest.mark.parametrize("data", [b"", sse(FAILED), b"[DONE]", b'data: {"candidates": [{}]'])
def test_a_fault_before_the_first_chunk(data: bytes) -> None:
    translator = stream()
    with pytest.raises(UpstreamError):
        translator.feed(data) + translator.end()
    assert not translator.started


@pytest.mark.parametrize(
    ("alt", "begun", "out"),
    [
        ("sse", True, b"data: E\n\n"),
        ("sse", False, b"data: E\n\n"),
        ("json", True, b",\r\nE]"),
        ("json", False, b"[E]"),
    ],
)
def test_a_stream_that_is_cut(alt: str, begun: bool, out: bytes) -> None:
    translator = stream(alt)
    if begun:
        translator.feed(sse(text("a")))
    error = b'{"error":{"code":503,"message":"stop","status":"UNAVAILABLE"}}'
    assert translator.cut(Fault(503, "stop")) == out.replace(b"E", error)
    assert translator.feed(sse(END)) == translator.end() == b""


def test_nothing_but_chunks_is_in_a_stream() -> None:
    translator = stream()
    assert translator.open() == translator.keep_alive() == b""
    assert answering("streamGenerateContent", alt="sse").content_type is None
    assert answering("streamGenerateContent").content_type == b"application/json; charset=UTF-8"
