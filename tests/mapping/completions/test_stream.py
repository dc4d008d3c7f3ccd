"""Streamed `text_completion` events."""

from __future__ import annotations

import itertools
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Completion

from mapping.completions.answer import CompletionsAnswer
from mapping.completions.plan import CompletionsPlan
from mapping.completions.stream import CompletionsStream
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.values import Options

CREATED = 1_700_000_000
WIRE = Path(__file__).parents[2] / "data" / "wire"


def settings_of(plan: dict[str, Any]) -> dict[str, Any]:
    count = itertools.count(1)
    return {
        "plan": CompletionsPlan("davinci", "gemini-3.8-flash", stream=True, **plan),
        "created": CREATED,
        "mint": lambda prefix: f"{prefix}{next(count)}",
        "notes": Notes(),
    }


def streaming(**plan: Any) -> CompletionsStream:
    return CompletionsStream(**settings_of(plan))


def event(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """A response with one candidate."""
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, **candidate}], "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in events)


def streamed(*events: Any, **plan: Any) -> bytes:
    stream = streaming(**plan)
    return stream.feed(sse(*events)) + stream.end()


def payloads(data: bytes) -> list[Any]:
    """The events as a client reads them; `[DONE]` as text."""
    *events, rest = data.split(b"\n\n")
    assert rest == b""
    bodies = [item.removeprefix(b"data: ") for item in events]
    return [json.loads(body) if body != b"[DONE]" else "[DONE]" for body in bodies]


def chunks(data: bytes) -> list[dict[str, Any]]:
    """All events but `[DONE]`. Each is a `Completion` of the SDK, but for the finish reason that is still to come."""
    found = [item for item in payloads(data) if item != "[DONE]"]
    for chunk in found:
        choices = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in chunk["choices"]]
        Completion.model_validate({**chunk, "choices": choices}, strict=True)
    return found


def texts(data: bytes) -> list[Any]:
    """(index, text, finish reason) of the chunks."""
    return [(c["index"], c["text"], c["finish_reason"]) for chunk in chunks(data) for c in chunk["choices"]]


STOP = {"finishReason": "STOP"}
TEXT = {"text": "a"}
THOUGHT = {"text": "t", "thought": True}
USAGE = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}


# chunks


def test_the_bytes_of_a_stream() -> None:
    head = b'data: {"id":"cmpl-r1","object":"text_completion","created":1700000000,"model":"davinci","choices":['
    assert streamed(event(TEXT), event({"text": "\u00e9"}, **STOP)) == (
        head
        + b'{"text":"a","index":0,"logprobs":null,"finish_reason":null}]}\n\n'
        + head
        + '{"text":"\u00e9","index":0,"logprobs":null,"finish_reason":null}]}\n\n'.encode()
        + head
        + b'{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}\n\n'
        + b"data: [DONE]\n\n"
    )


@pytest.mark.parametrize(
    ("events", "plan", "expected"),
    [
        pytest.param(
            [event(TEXT), event({"text": "b"}, **STOP)],
            {},
            [(0, "a", None), (0, "b", None), (0, "", "stop")],
            id="text",
        ),
        pytest.param([event({"text": ""}, **STOP)], {}, [(0, "", "stop")], id="empty"),
        pytest.param([event(THOUGHT), event(TEXT, **STOP)], {}, [(0, "a", None), (0, "", "stop")], id="thoughts"),
        pytest.param([event(THOUGHT, finishReason="MAX_TOKENS")], {}, [(0, "", "length")], id="thoughts-alone"),
        pytest.param(
            [event(TEXT, **STOP)],
            {"echo": True, "prompts": ("p",)},
            [(0, "p", None), (0, "a", None), (0, "", "stop")],
            id="echo",
        ),
        pytest.param(
            [event(TEXT, **STOP)], {"echo": True}, [(0, "a", None), (0, "", "stop")], id="echo-of-an-empty-prompt"
        ),
        pytest.param(
            [event(TEXT), event({"functionCall": {"name": "f"}}, **STOP)],
            {},
            [(0, "a", None), (0, "", "stop")],
            id="call",
        ),
        pytest.param(
            [
                event({"text": "b"}, index=1),
                event(TEXT, index=0),
                {"candidates": [{"index": 0, **STOP}, {"index": 1, "finishReason": "SAFETY"}]},
            ],
            {"n": 2},
            [(1, "b", None), (0, "a", None), (0, "", "stop"), (1, "", "content_filter")],
            id="candidates",
        ),
        pytest.param(
            [
                event({"text": "b"}, index=1),
                event(TEXT, index=0),
                {"candidates": [{"index": 0, **STOP}, {"index": 1, **STOP}]},
            ],
            {"n": 2, "echo": True, "prompts": ("p",)},
            [(0, "p", None), (1, "p", None), (1, "b", None), (0, "a", None), (0, "", "stop"), (1, "", "stop")],
            id="echoes-in-order",
        ),
    ],
)
def test_chunks(events: list[Any], plan: dict[str, Any], expected: list[Any]) -> None:
    data = streamed(*events, **plan)
    assert texts(data) == expected
    assert payloads(data)[-1] == "[DONE]"


def test_usage_is_a_chunk_of_its_own() -> None:
    *choices, last = chunks(streamed(event(TEXT), {**event(**STOP), **USAGE}, include_usage=True))
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (5, 2)
    assert [chunk["usage"] for chunk in choices] == [None, None]


def test_usage_that_was_not_asked_for() -> None:
    assert all("usage" not in chunk for chunk in chunks(streamed({**event(TEXT, **STOP), **USAGE})))


def test_logprobs_go_with_their_text() -> None:
    def result(*tokens: str) -> dict[str, Any]:
        return {"chosenCandidates": [{"token": token, "logProbability": -1.0} for token in tokens]}

    data = streamed(
        event({"text": "ab"}, logprobsResult=result("a", "b")),
        event({"text": "c"}),
        event({"text": "d"}, logprobsResult=result("d"), **STOP),
        logprobs=True,
        echo=True,
        prompts=("four",),
    )
    found = [chunk["choices"][0] for chunk in chunks(data)]
    assert [choice["text"] for choice in found] == ["four", "ab", "c", "d", ""]
    logprobs = [choice["logprobs"] for choice in found]
    assert [item and item["text_offset"] for item in logprobs] == [None, [4, 5], None, [6], None]
    assert logprobs[1] == {
        "tokens": ["a", "b"],
        "token_logprobs": [-1.0, -1.0],
        "top_logprobs": [{"a": -1.0}, {"b": -1.0}],
        "text_offset": [4, 5],
    }


def test_logprobs_wait_for_their_text_while_another_choice_begins() -> None:
    result = {"chosenCandidates": [{"token": "a"}]}
    data = streamed(
        {"candidates": [{"index": 0, "logprobsResult": result}, {"index": 1, "content": {"parts": [TEXT]}}]},
        event(TEXT, index=0),
        {"candidates": [{"index": 0, **STOP}, {"index": 1, **STOP}]},
        n=2,
        logprobs=True,
    )
    found = [chunk["choices"][0] for chunk in chunks(data)]
    assert [(c["index"], c["text"], bool(c["logprobs"])) for c in found[:2]] == [(1, "a", False), (0, "a", True)]


def test_a_text_goes_out_as_soon_as_it_comes() -> None:
    stream = streaming()
    assert stream.feed(sse(event(THOUGHT))) == b""
    assert not stream.started
    assert texts(stream.feed(sse(event(TEXT)))) == [(0, "a", None)]
    assert stream.started
    assert stream.feed(sse(event({"text": ""}, **STOP))) == b""
    assert texts(stream.end()) == [(0, "", "stop")]
    assert stream.end() + stream.feed(sse(event(TEXT))) == b""


# faults


@pytest.mark.parametrize("silent", [[], [event(THOUGHT)]], ids=["nothing", "thoughts"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), Kind.CAPACITY, id="error-event"),
        pytest.param(b"data: {\n\n", Kind.ANSWER, id="not-JSON"),
        pytest.param(sse(event(finishReason="OTHER")), Kind.ANSWER, id="empty-answer"),
        pytest.param(b"", Kind.ANSWER, id="end"),
    ],
)
def test_a_fault_before_text_is_raised(silent: list[Any], fault: bytes, kind: Kind) -> None:
    stream = streaming()
    assert stream.feed(sse(*silent)) == b""
    with pytest.raises(UpstreamError) as caught:
        raise_or_end(stream, fault)
    assert caught.value.kind is kind
    assert stream.feed(sse(event(TEXT))) == b""


def raise_or_end(stream: CompletionsStream, last: bytes) -> bytes:
    return stream.feed(last) + stream.end()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), None, id="error-event"),
        pytest.param(b"data: {\n\n", "upstream_not_json", id="not-JSON"),
        pytest.param(b"", "upstream_incomplete", id="end"),
        pytest.param(b'data: {"candi', "upstream_incomplete", id="cut-off"),
    ],
)
def test_a_fault_after_text_is_an_error_event(fault: bytes, code: str | None) -> None:
    stream = streaming(include_usage=True)
    assert stream.feed(sse(event(TEXT)))
    (error,) = payloads(raise_or_end(stream, fault))
    assert set(error) == {"error"}
    assert set(error["error"]) == {"message", "type", "param", "code"}
    assert error["error"]["code"] == code
    assert stream.feed(sse(event(TEXT, **STOP))) + stream.end() == b""


def test_cut() -> None:
    stream = streaming()
    stream.feed(sse(event(TEXT)))
    assert stream.cut(Fault(502, "gone", kind=FaultKind.SERVER, code="upstream_unreachable")) == (
        b'data: {"error":{"message":"gone","type":"server_error","param":null,"code":"upstream_unreachable"}}\n\n'
    )
    assert stream.end() == b""


def test_a_blocked_prompt() -> None:
    assert texts(streamed(BLOCKED, n=2)) == [(0, "", "content_filter"), (1, "", "content_filter")]
    with pytest.raises(UpstreamError) as caught:
        streamed(BLOCKED, options=Options(blocked_prompt="error"))
    assert caught.value.error.status == 400


# early opening


@pytest.mark.parametrize(("echo", "text"), [(True, "p"), (False, "")])
def test_open_sends_a_chunk_and_nothing_twice(echo: bool, text: str) -> None:
    stream = streaming(echo=echo, prompts=("p",))
    assert texts(stream.open()) == [(0, text, None)]
    assert stream.open() == b""
    assert not stream.started
    data = stream.feed(sse(event(TEXT, **STOP))) + stream.end()
    assert texts(data) == [(0, "a", None), (0, "", "stop")]
    assert chunks(data)[0]["id"] == "cmpl-1"


def test_another_attempt_goes_on_from_what_was_opened() -> None:
    stream = streaming(echo=True, prompts=("p", "q"))
    opened = chunks(stream.open())[0]
    stream.add_answer(event({"text": "b"}, **STOP))
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503}}))
    again = stream.again()
    assert not again.started
    again.add_answer(event({"text": "b"}, **STOP))
    data = again.feed(sse(event(TEXT, **STOP))) + again.end()
    assert texts(data) == [(0, "a", None), (0, "", "stop"), (1, "q", None), (1, "b", None), (1, "", "stop")]
    assert {chunk["id"] for chunk in chunks(data)} == {opened["id"]}


def test_another_attempt_of_what_was_not_opened_is_as_new() -> None:
    again = streaming().again()
    assert again.feed(sse(event(TEXT, **STOP))) + again.end() == streamed(event(TEXT, **STOP))


# several upstream answers


def test_added_answers_are_the_next_choices() -> None:
    stream = streaming(n=2, copies=2, prompts=("p", "q"), include_usage=True)
    first = stream.feed(sse(event(TEXT)))
    stream.add_answer({**event({"text": "b"}, **STOP), **USAGE})
    with pytest.raises(UpstreamError):
        stream.add_answer(event(finishReason="OTHER"))
    stream.add_answer(json.dumps({**event({"text": "c"}, **STOP), **USAGE}).encode())
    stream.add_answer({**event({"text": "d"}, finishReason="MAX_TOKENS"), **USAGE})
    data = first + stream.feed(sse({**event(**STOP), **USAGE})) + stream.end()
    assert [item for item in texts(data) if item[1]] == [(at, text, None) for at, text in enumerate("abcd")]
    assert [reason for _, _, reason in texts(data) if reason] == ["stop", "stop", "stop", "length"]
    usage = chunks(data)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 8)


def test_missing_and_surplus_candidates() -> None:
    assert texts(streamed(event(TEXT, **STOP), n=2)) == [(0, "a", None), (0, "", "stop"), (1, "", "content_filter")]
    surplus = {"candidates": [{"index": at, "content": {"parts": [TEXT]}, **STOP} for at in (0, 1)]}
    assert texts(streamed(surplus)) == [(0, "a", None), (0, "", "stop")]


def test_hops_make_one_stream() -> None:
    stream = streaming(include_usage=True)
    hop = event(TEXT, finishReason="CONTINUATION", continuationToken="t1")
    assert texts(stream.feed(sse({**hop, **USAGE})) + stream.end()) == [(0, "a", None)]
    assert stream.continuation == "t1"
    data = stream.feed(sse({**event({"text": "b"}, **STOP), **USAGE})) + stream.end()
    assert texts(data) == [(0, "b", None), (0, "", "stop")]
    usage = chunks(data)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (5, 4)
    assert stream.remember() == {}


# whole and streamed


def fold(data: bytes) -> dict[str, Any]:
    """What a client makes of the chunks: a completion."""
    folded: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks(data):
        folded = {name: value for name, value in chunk.items() if name != "choices"}
        for piece in chunk["choices"]:
            choice = choices.setdefault(
                piece["index"], {"text": "", "index": piece["index"], "logprobs": None, "finish_reason": None}
            )
            assert choice["finish_reason"] is None, "nothing follows the finish reason"
            choice["text"] += piece["text"]
            choice["finish_reason"] = piece["finish_reason"]
            if piece["logprobs"]:
                known = choice["logprobs"] or {}
                choice["logprobs"] = {name: known.get(name, []) + told for name, told in piece["logprobs"].items()}
    return {**folded, "choices": [choices[index] for index in sorted(choices)]}


PART = st.one_of(
    st.sampled_from(["a", "é", "🇨🇭", "\n", "\u2028", ""]).map(lambda text: {"text": text}),
    st.just(THOUGHT),
    st.just({"text": "s", "thoughtSignature": "c2ln"}),
    st.just({"functionCall": {"name": "f"}}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
)
LOGPROBS = {"chosenCandidates": [{"token": "ab"}, {"token": "é", "logProbability": -2.5}]}
MORE = st.sampled_from([{}, {"logprobsResult": LOGPROBS}, {"index": 0}, {"index": 1}])
EVENTS = st.lists(st.builds(lambda parts, more: event(*parts, **more), st.lists(PART, max_size=3), MORE), max_size=5)
REASONS = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "NEW"])
PLANS = st.fixed_dictionaries(
    {
        "n": st.integers(1, 3),
        "logprobs": st.booleans(),
        "echo": st.booleans(),
        "prompts": st.sampled_from([("",), ("four",)]),
        "include_usage": st.just(True),
    }
)


@given(EVENTS, REASONS, PLANS, st.data())
def test_the_chunks_add_up_to_the_whole_answer(
    events: list[Any], reason: str, plan: dict[str, Any], data: st.DataObject
) -> None:
    given_candidates = max([1, *(1 + item["candidates"][0].get("index", 0) for item in events)])
    ends = [{"index": index, "finishReason": reason} for index in range(given_candidates)]
    last = {"candidates": ends, "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 1}}
    body = sse(*events, last)
    at = data.draw(st.integers(0, len(body)))
    stream = streaming(**plan)
    expected = or_error(lambda: whole([*events, last], plan))
    sent = or_error(lambda: stream.feed(body[:at]) + raise_or_end(stream, body[at:]))
    if isinstance(expected, bytes):
        assert isinstance(sent, bytes)
        assert fold(sent) == json.loads(expected)
    else:
        assert expected == (payloads(sent)[-1] if isinstance(sent, bytes) else sent)


def whole(events: list[Any], plan: dict[str, Any]) -> bytes:
    answer = CompletionsAnswer(**settings_of(plan))
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


# recorded streams

SAMPLES = [
    sample
    for sample in json.loads((WIRE / "manifest.json").read_text())["samples"]
    if sample["http_status"] == 200 and sample["kind"] != "json"
]
ANSWERED = [sample for sample in SAMPLES if "action" not in sample["expect"]]


def by_file(samples: list[Any]) -> Any:
    return pytest.mark.parametrize("sample", samples, ids=[sample["file"] for sample in samples])


def reads(sample: Any) -> list[bytes]:
    """The body, as the network gave it."""
    data = (WIRE / sample["file"]).read_bytes()
    if sample["kind"] == "chunks":
        return [b64decode(read) for read in json.loads(data)["reads_base64"]]
    return [data]


def outcome(sample: Any, pieces: list[bytes]) -> bytes | dict[str, Any]:
    stream = streaming(include_usage=True, n=len(sample["expect"].get("choices", [1])))
    return or_error(lambda: b"".join([stream.feed(piece) for piece in pieces]) + stream.end())


@by_file(ANSWERED)
def test_recorded_streams(sample: Any) -> None:
    expect = sample["expect"]
    data = outcome(sample, reads(sample))
    assert isinstance(data, bytes)
    found = fold(data)
    reason = expect.get("chat_finish") or expect.get("finish_reason")
    wanted = expect.get("choices") or [{"index": 0, "text": expect.get("text"), "finish_reason": reason}]
    for choice, other in zip(found["choices"], wanted, strict=True):
        assert choice["index"] == other["index"]
        told = other["finish_reason"]
        assert choice["finish_reason"] == ("stop" if told == "tool_calls" else told)
        if b"executableCode" not in b"".join(reads(sample)) and other["text"] is not None:
            assert choice["text"] == other["text"]
    for name in {"prompt_tokens", "completion_tokens", "total_tokens"} & expect.get("usage", {}).keys():
        assert found["usage"][name] == expect["usage"][name]


@by_file(SAMPLES)
def test_a_stream_byte_by_byte(sample: Any) -> None:
    body = b"".join(reads(sample))
    assert outcome(sample, [body[at : at + 1] for at in range(len(body))]) == outcome(sample, [body])


@settings(max_examples=10, deadline=None)
@by_file(SAMPLES)
@given(st.data())
def test_the_slicing_of_a_stream_changes_nothing(sample: Any, data: st.DataObject) -> None:
    body = b"".join(reads(sample))
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    marks = [0, *sorted(cuts), len(body)]
    assert outcome(sample, [body[a:b] for a, b in itertools.pairwise(marks)]) == outcome(sample, [body])
