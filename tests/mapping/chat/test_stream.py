"""`chat.completion.chunk` events."""

from __future__ import annotations

import itertools
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.chat.answer import ChatAnswer
from mapping.chat.stream import ChatStream
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.request.plan import Plan
from mapping.request.signatures import text_key
from mapping.values import Options

CREATED = 1_700_000_000


def settings_of(plan: dict[str, Any]) -> dict[str, Any]:
    count = itertools.count(1)
    return {
        "plan": Plan("gpt-x", "gemini-3.8-flash", stream=True, **plan),
        "created": CREATED,
        "mint": lambda prefix: f"{prefix}{next(count)}",
        "notes": Notes(),
    }


def streaming(**plan: Any) -> ChatStream:
    return ChatStream(**settings_of(plan))


def event(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """A response with one candidate."""
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, **candidate}], "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in events)


def streamed(*events: Any, **plan: Any) -> bytes:
    stream = streaming(**plan)
    return stream.feed(sse(*events)) + stream.end()


def finish(stream: ChatStream, last: bytes) -> bytes:
    return stream.feed(last) + stream.end()


def payloads(data: bytes) -> list[Any]:
    """The events as a client reads them; `[DONE]` as text."""
    *events, rest = data.split(b"\n\n")
    assert rest == b""
    bodies = [item.removeprefix(b"data: ") for item in events]
    return [json.loads(body) if body != b"[DONE]" else "[DONE]" for body in bodies]


def deltas(data: bytes) -> list[Any]:
    """(index, delta, finish reason) of the chunks."""
    chunks = [item for item in payloads(data) if item != "[DONE]" and item.get("choices")]
    return [(c["index"], c["delta"], c["finish_reason"]) for chunk in chunks for c in chunk["choices"]]


ROLE = {"role": "assistant", "content": "", "refusal": None}
STOP = {"finishReason": "STOP"}
TEXT = {"text": "a"}


def role(index: int = 0) -> Any:
    return (index, ROLE, None)


def call(index: int, id: str, name: str = "f", arguments: str = "{}", **more: Any) -> Any:
    told = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return (0, {"tool_calls": [told]}, None)


# chunks


def test_every_chunk_has_the_same_frame() -> None:
    chunks = payloads(streamed(event(TEXT), event({"text": "b"}, **STOP)))
    assert chunks.pop() == "[DONE]"
    for chunk in chunks:
        choices = chunk.pop("choices")
        assert chunk == {
            "id": "chatcmpl-r1",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": "gpt-x",
            "service_tier": "default",
            "system_fingerprint": None,
        }
        assert [set(choice) for choice in choices] == [{"index", "delta", "logprobs", "finish_reason"}]


@pytest.mark.parametrize(
    ("events", "plan", "expected"),
    [
        pytest.param(
            [event(TEXT), event({"text": "b"}, **STOP)],
            {},
            [role(), (0, {"content": "a"}, None), (0, {"content": "b"}, None), (0, {}, "stop")],
            id="text",
        ),
        pytest.param([event({"text": ""}, **STOP)], {}, [role(), (0, {}, "stop")], id="empty"),
        pytest.param(
            [event({"text": "t", "thought": True}), event(TEXT, **STOP)],
            {},
            [role(), (0, {"reasoning_content": "t"}, None), (0, {"content": "a"}, None), (0, {}, "stop")],
            id="thoughts",
        ),
        pytest.param(
            [event({"text": "t", "thought": True}), event({"text": "u", "thought": True}), event(TEXT, **STOP)],
            {"thought_tag": "think"},
            [role(), *((0, {"content": text}, None) for text in ("<think>t", "u", "</think>", "a")), (0, {}, "stop")],
            id="thoughts-in-tags",
        ),
        pytest.param(
            [
                event({"functionCall": {"id": "x", "name": "f"}, "thoughtSignature": "c2ln"}),
                event(*[{"functionCall": {"name": "g", "args": {"é": 1}}}] * 2),
                event({"text": ""}, **STOP),
            ],
            {},
            [
                role(),
                call(0, "x", extra_content={"google": {"thought_signature": "c2ln"}}),
                call(1, "call_1", "g", '{"é":1}'),
                call(2, "call_2", "g", '{"é":1}'),
                (0, {}, "tool_calls"),
            ],
            id="calls-are-numbered-over-the-whole-stream",
        ),
        pytest.param(
            [event({"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}, **STOP)],
            {"legacy_functions": True},
            [role(), (0, {"function_call": {"name": "f", "arguments": "{}"}}, None), (0, {}, "function_call")],
            id="legacy-functions",
        ),
        pytest.param(
            [event({"functionCall": {"id": "x", "name": "c", "args": {"input": "go"}}}, **STOP)],
            {"names": {"c": "c"}, "custom": {"c"}},
            [
                role(),
                (
                    0,
                    {"tool_calls": [{"index": 0, "id": "x", "type": "custom", "custom": {"name": "c", "input": "go"}}]},
                    None,
                ),
                (0, {}, "tool_calls"),
            ],
            id="custom-tool",
        ),
        pytest.param(
            [event({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, **STOP)],
            {},
            [
                role(),
                (
                    0,
                    {"images": [{"type": "image_url", "index": 0, "image_url": {"url": "data:image/png;base64,AA=="}}]},
                    None,
                ),
                (0, {}, "stop"),
            ],
            id="image",
        ),
        pytest.param(
            [event({"inlineData": {"mimeType": "audio/L16", "data": "AAECAw=="}}), event(**STOP)],
            {"audio_format": "pcm16"},
            [
                role(),
                (0, {"audio": {"id": "audio_1", "transcript": ""}}, None),
                (0, {"audio": {"data": "AAEC"}}, None),
                (0, {"audio": {"data": "Aw=="}}, None),
                (0, {"audio": {"expires_at": CREATED + 3600}}, None),
                (0, {}, "stop"),
            ],
            id="audio",
        ),
        pytest.param(
            [
                event(TEXT),
                event(
                    {"text": "", "thoughtSignature": "c2ln"},
                    groundingMetadata={"groundingChunks": [{"web": {"uri": "https://a.example"}}]},
                    **STOP,
                ),
            ],
            {},
            [
                role(),
                (0, {"content": "a"}, None),
                (
                    0,
                    {
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url_citation": {
                                    "url": "https://a.example",
                                    "title": "https://a.example",
                                    "start_index": 0,
                                    "end_index": 1,
                                },
                            }
                        ]
                    },
                    None,
                ),
                (
                    0,
                    {
                        "extra_content": {
                            "google": {
                                "thought_signature": "c2ln",
                                "grounding_metadata": {"groundingChunks": [{"web": {"uri": "https://a.example"}}]},
                            }
                        }
                    },
                    None,
                ),
                (0, {}, "stop"),
            ],
            id="annotations-and-signature-before-the-finish",
        ),
        pytest.param(
            [{"promptFeedback": {"blockReason": "SAFETY"}}],
            {},
            [
                role(),
                (0, {"refusal": "The prompt was blocked by Gemini (blockReason=SAFETY)."}, None),
                (0, {}, "content_filter"),
            ],
            id="blocked-prompt",
        ),
    ],
)
def test_deltas(events: list[Any], plan: dict[str, Any], expected: list[Any]) -> None:
    data = streamed(*events, **plan)
    assert deltas(data) == expected
    assert data.endswith(b"data: [DONE]\n\n")


def test_usage_only_if_asked_for() -> None:
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
    events = [event(TEXT, **STOP), {"usageMetadata": usage}]
    *chunks, last, done = payloads(streamed(*events, include_usage=True))
    assert done == "[DONE]"
    assert [chunk["usage"] for chunk in chunks] == [None] * 3
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (3, 1)
    *chunks, done = payloads(streamed(*events))
    assert all("usage" not in chunk and len(chunk["choices"]) == 1 for chunk in chunks)


def test_lower_choices_begin_first() -> None:
    first = {"candidates": [{"index": 2, "content": {"parts": [TEXT]}}]}
    last = {"candidates": [{"index": index, "finishReason": "STOP"} for index in range(3)]}
    assert deltas(streamed(first, last, n=3)) == [
        role(0),
        role(1),
        role(2),
        (2, {"content": "a"}, None),
        (0, {}, "stop"),
        (1, {}, "stop"),
        (2, {}, "stop"),
    ]


def test_logprobs_go_with_their_text() -> None:
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]}
    data = streamed(event(TEXT), event({"text": "b"}, logprobsResult=result), event(TEXT, **STOP), logprobs=True)
    entries = {"content": [{"token": "a", "logprob": -1.0, "bytes": [97], "top_logprobs": []}], "refusal": None}
    chunks = [chunk["choices"][0] for chunk in payloads(data)[:-1]]
    assert [choice["logprobs"] for choice in chunks] == [None, None, entries, None, None]
    assert chunks[2]["delta"] == {"content": "b"}


def test_a_text_goes_out_as_soon_as_it_comes() -> None:
    stream = streaming()
    first = stream.feed(sse(event(TEXT)))
    assert deltas(first) == [role(), (0, {"content": "a"}, None)]
    assert deltas(stream.feed(sse(event({"text": "b"})))) == [(0, {"content": "b"}, None)]
    assert stream.feed(sse(event({"text": ""}, **STOP))) == b""


def test_lone_surrogates_and_large_numbers() -> None:
    stream = streaming()
    part = rb'{"functionCall":{"id":"x","name":"f","args":{"n":123456789012345678901234567890}}}'
    data = stream.feed(rb'data: {"candidates":[{"content":{"parts":[{"text":"a\ud83d"},' + part + b"]}}]}\n\n")
    assert deltas(data)[1:] == [
        (0, {"content": "a\ufffd"}, None),
        call(0, "x", arguments='{"n":123456789012345678901234567890}'),
    ]


# faults


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param([], id="nothing"),
        pytest.param([event()], id="empty-candidate"),
        pytest.param([event({"text": ""}), {"usageMetadata": {"promptTokenCount": 1}}], id="empty-text-and-usage"),
        pytest.param([event({"thoughtSignature": "c2ln"})], id="signature"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), Kind.CAPACITY, id="error-event"),
        pytest.param(sse([{"error": {"code": 429, "message": "x"}}]), Kind.QUOTA, id="error-in-list"),
        pytest.param(b'[{\n"error": {\n"code": 503}}]\n', Kind.CAPACITY, id="raw-error"),
        pytest.param(b"data: {\n\n", Kind.ANSWER, id="not-JSON"),
        pytest.param(b"data: \xff\xfe\n\n", Kind.ANSWER, id="not-UTF-8"),
        pytest.param(sse(event(finishReason="OTHER")), Kind.ANSWER, id="empty-answer"),
        pytest.param(sse(event(finishReason="MALFORMED_FUNCTION_CALL")), Kind.ANSWER, id="malformed-call"),
        pytest.param(sse(event(finishReason="MISSING_THOUGHT_SIGNATURE")), Kind.SIGNATURE, id="signature"),
        pytest.param(b"\xff\xfe garbage", Kind.ANSWER, id="garbage"),
        pytest.param(b"", Kind.ANSWER, id="end"),
    ],
)
def test_a_fault_before_content_is_raised(silent: list[Any], fault: bytes, kind: Kind) -> None:
    stream = streaming()
    assert stream.feed(sse(*silent)) == b""
    with pytest.raises(UpstreamError) as caught:
        finish(stream, fault)
    assert caught.value.kind is kind
    assert not stream.started
    assert stream.feed(sse(event(TEXT))) == b""
    assert stream.remember() == {}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), None, id="error-event"),
        pytest.param(b"data: {\n\n", "upstream_not_json", id="not-JSON"),
        pytest.param(b"", "upstream_incomplete", id="end"),
        pytest.param(b'data: {"candi', "upstream_incomplete", id="cut-off"),
        pytest.param(sse(event(finishReason="MISSING_THOUGHT_SIGNATURE")), None, id="signature"),
    ],
)
def test_a_fault_after_content_is_an_error_event(fault: bytes, code: str | None) -> None:
    stream = streaming(include_usage=True)
    first = stream.feed(sse(event(TEXT)))
    assert first
    assert stream.started
    (error,) = payloads(stream.feed(fault) + stream.end())
    assert set(error) == {"error"}
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert error["error"]["code"] == code
    assert stream.feed(sse(event(TEXT, **STOP))) + stream.end() == b""
    assert stream.remember() == {}


def test_a_malformed_call_after_text_is_a_stop_but_not_after_thoughts_alone() -> None:
    spoilt = event(finishReason="MALFORMED_FUNCTION_CALL")
    assert deltas(streamed(event(TEXT), spoilt))[-1] == (0, {}, "stop")
    last = payloads(streamed(event({"text": "t", "thought": True}), spoilt))[-1]
    assert last["error"]["code"] == "malformed_function_call"


def test_cut() -> None:
    stream = streaming()
    stream.feed(sse(event(TEXT)))
    assert stream.cut(Fault(502, "gone", kind=FaultKind.SERVER, code="upstream_unreachable")) == (
        b'data: {"error":{"message":"gone","type":"server_error","param":null,"code":"upstream_unreachable"}}\n\n'
    )
    assert stream.end() == b""


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        streamed({"promptFeedback": {"blockReason": "SAFETY"}}, options=Options(blocked_prompt="error"))
    assert caught.value.error.status == 400


# early opening


def test_open_sends_the_role_and_nothing_twice() -> None:
    stream = streaming()
    assert deltas(stream.open()) == [role()]
    assert stream.open() == b""
    assert not stream.started
    data = stream.feed(sse(event(TEXT, **STOP))) + stream.end()
    assert deltas(data) == [(0, {"content": "a"}, None), (0, {}, "stop")]
    assert payloads(data)[0]["id"] == "chatcmpl-1"


def test_another_attempt_goes_on_from_what_was_opened() -> None:
    stream = streaming()
    opened = payloads(stream.open())[0]
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503}}))
    again = stream.again()
    assert not again.started
    data = again.feed(sse(event(TEXT, **STOP))) + again.end()
    assert deltas(data) == [(0, {"content": "a"}, None), (0, {}, "stop")]
    assert payloads(data)[0]["id"] == opened["id"]


def test_another_attempt_takes_further_answers_again() -> None:
    stream = streaming(n=2)
    stream.open()
    stream.add_answer(event({"text": "b"}, **STOP))
    again = stream.again()
    again.add_answer(event({"text": "b"}, **STOP))
    data = again.feed(sse(event(TEXT, **STOP))) + again.end()
    assert [index for index, _, reason in deltas(data) if reason] == [0, 1]


def test_another_attempt_of_what_was_not_opened_is_as_new() -> None:
    again = streaming().again()
    assert again.feed(sse(event(TEXT, **STOP))) + again.end() == streamed(event(TEXT, **STOP))


# several upstream answers


def test_added_answers_are_the_next_choices() -> None:
    stream = streaming(n=3, include_usage=True)
    usage = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    first = stream.feed(sse(event(TEXT)))
    called = {"functionCall": {"id": "x", "name": "f"}}
    stream.add_answer({**event(called, **STOP), **usage})
    with pytest.raises(UpstreamError):
        stream.add_answer(event(finishReason="OTHER"))
    stream.add_answer(json.dumps({**event(called, **STOP), **usage}).encode())
    data = first + stream.feed(sse({**event(**STOP), **usage})) + stream.end()
    assert [(index, reason) for index, delta, reason in deltas(data) if reason] == [
        (0, "stop"),
        (1, "tool_calls"),
        (2, "tool_calls"),
    ]
    assert [index for index, delta, _ in deltas(data) if "role" in delta] == [0, 1, 2]
    assert [d["tool_calls"][0]["id"] for _, d, _ in deltas(data) if "tool_calls" in d] == ["x", "call_1"]
    assert len({chunk["id"] for chunk in payloads(data)[:-1]}) == 1
    total = payloads(data)[-2]["usage"]
    assert (total["prompt_tokens"], total["completion_tokens"]) == (5, 6)
    assert list(stream.remember()) == ["x", "call_1"]


def test_an_answer_may_be_added_before_the_stream_begins() -> None:
    stream = streaming(n=2)
    stream.add_answer(event({"text": "b"}, **STOP))
    assert not stream.started
    data = stream.feed(sse(event(TEXT, **STOP))) + stream.end()
    assert [index for index, _, _ in deltas(data)] == [0, 0, 0, 1, 1, 1]


def test_a_blocked_prompt_is_refused_in_every_choice() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    assert [index for index, _, reason in deltas(streamed(blocked, n=3)) if reason] == [0, 1, 2]
    stream = streaming(n=2)
    stream.add_answer(blocked)
    data = stream.feed(sse(blocked)) + stream.end()
    assert [index for index, _, reason in deltas(data) if reason] == [0, 1]


def test_hops_make_one_stream() -> None:
    stream = streaming(include_usage=True)
    hop = event(TEXT, finishReason="CONTINUATION", continuationToken="t1")
    usage = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    data = stream.feed(sse({**hop, **usage})) + stream.end()
    assert deltas(data) == [role(), (0, {"content": "a"}, None)]
    assert stream.continuation == "t1"
    data = stream.feed(sse({**event({"text": "b"}, **STOP), **usage})) + stream.end()
    assert deltas(data) == [(0, {"content": "b"}, None), (0, {}, "stop")]
    assert stream.continuation is None
    total = payloads(data)[-2]["usage"]
    assert (total["prompt_tokens"], total["completion_tokens"]) == (5, 4)


def test_a_hop_that_is_not_continued_ends_by_length() -> None:
    stream = streaming()
    stream.feed(sse(event(TEXT, finishReason="CONTINUATION", continuationToken="t1")))
    assert stream.end() == b""
    assert deltas(stream.end()) == [(0, {}, "length")]


def test_what_is_remembered() -> None:
    stream = streaming()
    parts = [TEXT, {"text": "", "thoughtSignature": "c2ln"}]
    stream.feed(sse(event(parts[0]), event(parts[1], **STOP)))
    assert stream.remember() == {}
    stream.end()
    turns = stream.remember()
    assert list(turns) == [text_key("a")]
    assert turns[text_key("a")].parts == parts


def test_what_is_remembered_of_a_stream_that_broke_off() -> None:
    """Its calls: the client has them, may run them and give them back. A text only where it is whole."""
    signed = {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    stream = streaming()
    stream.feed(sse(event(TEXT), event(signed)))
    assert list(stream.remember()) == ["x"]  # the client may leave at any time
    stream.feed(sse({"error": {"code": 503, "message": "x"}}))
    turns = stream.remember()
    assert list(turns) == ["x"]
    assert turns["x"].parts == [TEXT, signed]
    text = streaming()
    text.feed(sse(event({**TEXT, "thoughtSignature": "c2ln"}), {"error": {"code": 503, "message": "x"}}))
    assert text.remember() == {}


# whole and streamed


def fold(data: bytes) -> dict[str, Any]:
    """What a client makes of the chunks: a completion."""
    folded: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in payloads(data):
        if chunk == "[DONE]":
            break
        folded = {name: value for name, value in chunk.items() if name != "choices"}
        for piece in chunk["choices"]:
            choice = choices.setdefault(
                piece["index"], {"index": piece["index"], "message": {}, "logprobs": None, "finish_reason": None}
            )
            assert choice["finish_reason"] is None, "nothing follows the finish reason"
            join(choice["message"], piece["delta"])
            choice["finish_reason"] = piece["finish_reason"]
            if piece["logprobs"]:
                choice["logprobs"] = choice["logprobs"] or {"content": [], "refusal": None}
                choice["logprobs"]["content"] += piece["logprobs"]["content"]
    for choice in choices.values():
        message = choice["message"]
        if not message["content"] and any(name in message for name in ("tool_calls", "function_call", "audio")):
            message["content"] = None
        for told in message.get("tool_calls", []):
            del told["index"]
    return {**folded, "object": "chat.completion", "choices": list(choices.values())}


def join(known: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if known.get(name) is None:
            known[name] = value
        elif isinstance(value, dict):
            join(known[name], value)
        else:
            known[name] += value


TEXTS = st.sampled_from(["a", "é", "🇨🇭", "\n", "```", "x\n", ""])
SIGNATURES = st.sampled_from([{}, {}, {"thoughtSignature": "c2ln"}])
AUDIO = st.binary(min_size=1, max_size=4).map(lambda data: b64encode(data).decode())
PART = st.one_of(
    st.builds(lambda text, more: {"text": text, **more}, TEXTS, SIGNATURES),
    st.builds(lambda text: {"text": text, "thought": True}, TEXTS),
    st.builds(
        lambda name, more: {"functionCall": {"name": name, "args": {"n": 1.0}}, **more},
        st.sampled_from("fgc"),
        SIGNATURES,
    ),
    st.builds(lambda text: {"executableCode": {"language": "PYTHON", "code": text}}, TEXTS),
    st.builds(lambda text: {"codeExecutionResult": {"output": text}}, TEXTS),
    st.builds(lambda data: {"inlineData": {"mimeType": "audio/L16", "data": data}}, AUDIO),
    st.just({"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
    st.just({"fileData": {"fileUri": "gs://a"}}),
    st.just({"toolCall": {}}),
)
LOGPROBS = {"chosenCandidates": [{"token": "a"}], "topCandidates": []}
GROUNDING = {
    "groundingChunks": [{"web": {"uri": "https://a.example"}}],
    "groundingSupports": [{"segment": {"partIndex": 1, "endIndex": 2}, "groundingChunkIndices": [0]}],
}
MORE = st.sampled_from(
    [{}, {}, {"logprobsResult": LOGPROBS}, {"groundingMetadata": GROUNDING}, {"index": 0}, {"index": 1}]
)
EVENTS = st.lists(st.builds(lambda parts, more: event(*parts, **more), st.lists(PART, max_size=3), MORE), max_size=5)
REASONS = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "NEW"])
PLANS = st.fixed_dictionaries(
    {
        "thought_tag": st.sampled_from([None, "think"]),
        "audio_format": st.sampled_from([None, "pcm16", "wav"]),
        "legacy_functions": st.booleans(),
        "logprobs": st.booleans(),
        "custom": st.sampled_from([set(), {"c"}]),
        "include_usage": st.just(True),
    }
)


@given(EVENTS, REASONS, PLANS, st.data())
def test_the_chunks_add_up_to_the_whole_answer(
    events: list[Any], reason: str, plan: dict[str, Any], data: st.DataObject
) -> None:
    both = max([1, *(1 + item["candidates"][0].get("index", 0) for item in events)])
    usage = {"promptTokenCount": 2, "candidatesTokenCount": 1}
    last = {"candidates": [{"index": index, "finishReason": reason} for index in range(both)], "usageMetadata": usage}
    whole = ChatAnswer(**settings_of({**plan, "n": both}))
    stream = streaming(**plan, n=both)
    body = sse(*events, last)
    at = data.draw(st.integers(0, len(body)))
    expected = or_error(lambda: add_all(whole, [*events, last]))
    sent = or_error(lambda: stream.feed(body[:at]) + finish(stream, body[at:]))
    if isinstance(expected, bytes):
        assert isinstance(sent, bytes)
        assert fold(sent) == json.loads(expected)
        assert stream.remember() == whole.remember()
    else:
        assert expected == (payloads(sent)[-1] if isinstance(sent, bytes) else sent)


def add_all(answer: ChatAnswer, events: list[Any]) -> bytes:
    answer.add(json.dumps(events).encode())
    return answer.finish()


def or_error(translate: Callable[[], bytes]) -> bytes | dict[str, Any]:
    try:
        return translate()
    except UpstreamError as fault:
        return error_object(fault.error)


@given(
    st.lists(
        st.sampled_from(
            [b"data: ", b"\n\n", sse(event(TEXT)), sse(event(**STOP)), b"{", b'"', b"\xff", b"[", b"]", b"[DONE]"]
        )
    )
)
def test_any_bytes_give_bytes_or_an_upstream_error(pieces: list[bytes]) -> None:
    stream = streaming()
    try:
        assert isinstance(b"".join(map(stream.feed, pieces)) + stream.end(), bytes)
    except UpstreamError:
        assert not stream.started
