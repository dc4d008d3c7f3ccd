"""Every shape of an upstream answer among the samples, against what their manifest says the client gets."""

from __future__ import annotations

import itertools
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from mapping.chat.answer import ChatAnswer
from mapping.chat.stream import ChatStream
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.request.plan import Plan

WIRE = Path(__file__).parents[2] / "data" / "wire"
OTHER_ENDPOINTS = ("embed_", "models_list_", "count_tokens")

SAMPLES = [
    sample
    for sample in json.loads((WIRE / "manifest.json").read_text())["samples"]
    if sample["http_status"] == 200 and not sample["file"].startswith(OTHER_ENDPOINTS)
]
ANSWERED = [sample for sample in SAMPLES if "action" not in sample["expect"]]
WHOLE = [sample for sample in ANSWERED if sample["kind"] == "json"]
STREAMS = [sample for sample in SAMPLES if sample["kind"] != "json"]
ANSWERED_STREAMS = [sample for sample in ANSWERED if sample["kind"] != "json"]


def by_file(samples: list[Any]) -> Any:
    return pytest.mark.parametrize("sample", samples, ids=[sample["file"] for sample in samples])


def action(name: str, kinds: tuple[str, ...]) -> Any:
    return by_file([s for s in SAMPLES if s["expect"].get("action") == name and s["kind"] in kinds])


def arguments(sample: Any) -> dict[str, Any]:
    count = itertools.count(1)
    plan = Plan(
        "gpt-x",
        "gemini-3.8-flash",
        include_usage=True,
        n=len(sample["expect"].get("choices", [1])),
        logprobs="logprobs" in sample["expect"],
    )
    return {"plan": plan, "created": 1_700_000_000, "mint": lambda prefix: f"{prefix}{next(count)}", "notes": Notes()}


def reads(sample: Any) -> list[bytes]:
    """The body, as the network gave it."""
    data = (WIRE / sample["file"]).read_bytes()
    if sample["kind"] == "chunks":
        return [b64decode(read) for read in json.loads(data)["reads_base64"]]
    return [data]


def whole(sample: Any) -> dict[str, Any]:
    answer = ChatAnswer(**arguments(sample))
    answer.add((WIRE / sample["file"]).read_bytes())
    body = answer.finish()
    ChatCompletion.model_validate_json(body, strict=True)
    found: dict[str, Any] = json.loads(body)
    return found


def streamed(sample: Any, pieces: list[bytes] | None = None) -> bytes:
    stream = ChatStream(**arguments(sample))
    return b"".join([stream.feed(piece) for piece in pieces or reads(sample)]) + stream.end()


def payloads(data: bytes) -> list[bytes]:
    *events, rest = data.split(b"\n\n")
    assert rest == b""
    return [event.removeprefix(b"data: ") for event in events]


def chunks(data: bytes) -> list[Any]:
    found = payloads(data)
    assert found[-1] == b"[DONE]"
    return [json.loads(payload) for payload in found[:-1]]


def accumulated(data: bytes) -> dict[str, Any]:
    """What the OpenAI SDK's helper makes of the stream."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for payload in payloads(data)[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(payload, strict=True))
    found: dict[str, Any] = state.current_completion_snapshot.to_dict()
    return found


def check(completion: dict[str, Any], expect: dict[str, Any]) -> None:
    """All that the manifest says of an answer."""
    if "choices" in expect:
        told = [
            {"index": c["index"], "text": c["message"]["content"], "finish_reason": c["finish_reason"]}
            for c in completion["choices"]
        ]
        assert told == expect["choices"]
    else:
        (choice,) = completion["choices"]
        check_choice(choice, expect)
    if "usage" in expect:
        check_usage(completion["usage"], expect["usage"])


def check_choice(choice: dict[str, Any], expect: dict[str, Any]) -> None:
    message = choice["message"]
    calls = message.get("tool_calls") or []
    found = {
        "finish_reason": choice["finish_reason"],
        "chat_finish": choice["finish_reason"],
        "text": message["content"] or (None if calls else ""),
        "tool_calls": len(calls),
        "arguments": [call["function"]["arguments"] for call in calls],
        "reasoning": message.get("reasoning_content"),
        "images": len(message.get("images", [])),
        "audio": "audio" in message,
        "logprobs": len(choice["logprobs"]["content"]) if choice.get("logprobs") else 0,
    }
    assert expect.keys() <= found.keys() | {"usage", "annotations", "combined_text", "images_api"}
    for name in found.keys() & expect.keys():
        assert found[name] == expect[name], name
    if "annotations" in expect:
        check_annotations(message, expect["annotations"])


def check_annotations(message: dict[str, Any], expect: Any) -> None:
    """Their number, or [start, end, grounding chunk] of each."""
    pages = message["extra_content"]["google"]["grounding_metadata"]["groundingChunks"]
    urls = [page["web"]["uri"] for page in pages]
    cited = [annotation["url_citation"] for annotation in message["annotations"]]
    found = [[cite["start_index"], cite["end_index"], urls.index(cite["url"])] for cite in cited]
    assert found == expect or len(found) == expect
    sentences = {message["content"][cite["start_index"] : cite["end_index"]] for cite in cited}
    assert sentences == {"Zürich is in Switzerland 🇨🇭.", "It lies on a lake."}


def check_usage(usage: dict[str, Any], expect: dict[str, int]) -> None:
    assert expect == {
        "prompt_tokens": usage["prompt_tokens"],
        "completion_tokens": usage["completion_tokens"],
        "reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"],
        "cached_tokens": usage["prompt_tokens_details"]["cached_tokens"],
        "total_tokens": usage["total_tokens"],
    }


def test_every_sample_has_its_file() -> None:
    listed = {sample["file"] for sample in json.loads((WIRE / "manifest.json").read_text())["samples"]}
    assert listed == {path.name for path in WIRE.iterdir()} - {"README.md", "manifest.json"}


@by_file(WHOLE)
def test_whole_answers(sample: Any) -> None:
    check(whole(sample), sample["expect"])


@by_file(WHOLE)
def test_whole_answers_as_a_stream_of_one_event(sample: Any) -> None:
    event = json.dumps(json.loads((WIRE / sample["file"]).read_bytes())).encode()
    completion = accumulated(streamed(sample, [b"data: " + event + b"\r\n\r\n"]))
    check(completion, sample["expect"])
    compare(completion, whole(sample))


@by_file(WHOLE)
def test_whole_answers_as_a_list_without_framing(sample: Any) -> None:
    check(accumulated(streamed(sample, [b"[", (WIRE / sample["file"]).read_bytes(), b"\n]"])), sample["expect"])


@by_file(ANSWERED_STREAMS)
def test_streams(sample: Any) -> None:
    check(accumulated(streamed(sample)), sample["expect"])


@by_file(ANSWERED_STREAMS)
def test_streams_have_the_form_that_clients_need(sample: Any) -> None:
    *choices, last = chunks(streamed(sample))
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0
    assert {chunk["usage"] for chunk in choices} == {None}
    assert {chunk["id"] for chunk in choices} == {last["id"]}
    for index in {chunk["choices"][0]["index"] for chunk in choices}:
        pieces = [chunk["choices"][0] for chunk in choices if chunk["choices"][0]["index"] == index]
        assert pieces[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
        assert [piece["finish_reason"] is None for piece in pieces] == [True] * (len(pieces) - 1) + [False]
        calls = [call for piece in pieces for call in piece["delta"].get("tool_calls", [])]
        assert [call["index"] for call in calls] == list(range(len(calls)))
        assert all(call["id"] and json.loads(call["function"]["arguments"]) is not None for call in calls)
        assert "" not in [piece["delta"].get("content") for piece in pieces[1:]]


@by_file(ANSWERED_STREAMS)
def test_streams_and_the_same_events_as_a_whole_answer_agree(sample: Any) -> None:
    answer = ChatAnswer(**arguments(sample))
    events = [json.loads(payload) for payload in upstream_payloads(b"".join(reads(sample)))]
    answer.add(json.dumps(events).encode())
    compare(accumulated(streamed(sample)), json.loads(answer.finish()))


def upstream_payloads(body: bytes) -> list[bytes]:
    """A slow and plain reading of server-sent events."""
    events = body.replace(b"\r\n", b"\n").split(b"\n\n")
    lines = [[line[5:] for line in event.split(b"\n") if line.startswith(b"data:")] for event in events]
    return [b"\n".join(data) for data in lines if data]


def compare(folded: dict[str, Any], expected: dict[str, Any]) -> None:
    """The SDK's helper leaves out nulls and adds what it parsed; all else must be the same."""
    assert folded["usage"] == expected["usage"]
    assert len(folded["choices"]) == len(expected["choices"])
    for choice, other in zip(folded["choices"], expected["choices"], strict=True):
        assert choice["finish_reason"] == other["finish_reason"]
        assert (choice.get("logprobs") or {}).get("content") == (other["logprobs"] or {}).get("content")
        message, wanted = choice["message"], other["message"]
        for name in wanted.keys() - {"content", "tool_calls"}:
            assert message.get(name) == wanted[name], name
        assert (message["content"] or None) == (wanted["content"] or None)
        for call, told in zip(message.get("tool_calls") or [], wanted.get("tool_calls", []), strict=True):
            assert {name: call[name] for name in told if name != "function"} == {
                k: v for k, v in told.items() if k != "function"
            }
            assert call["function"]["arguments"] == told["function"]["arguments"]
            assert call["function"]["name"] == told["function"]["name"]


@settings(max_examples=10, deadline=None)
@by_file(STREAMS)
@given(st.data())
def test_the_slicing_of_a_stream_changes_nothing(sample: Any, data: st.DataObject) -> None:
    body = b"".join(reads(sample))
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    marks = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(marks)]
    assert outcome(sample, pieces) == outcome(sample, [body])


@by_file(STREAMS)
def test_a_stream_byte_by_byte(sample: Any) -> None:
    body = b"".join(reads(sample))
    assert outcome(sample, [body[at : at + 1] for at in range(len(body))]) == outcome(sample, [body])


def outcome(sample: Any, pieces: list[bytes]) -> bytes | dict[str, Any]:
    try:
        return streamed(sample, pieces)
    except UpstreamError as fault:
        return error_object(fault.error)


# answers that are none


@action("retry_then_error", ("json",))
def test_answers_to_ask_for_again(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(sample)
    assert caught.value.kind is Kind.ANSWER
    assert caught.value.error.status == 500
    assert caught.value.error.code == sample["expect"].get("error_code", caught.value.error.code)


@action("retry_then_error", ("sse",))
def test_a_malformed_call_after_thoughts_ends_the_stream_with_an_error(sample: Any) -> None:
    *first, last = payloads(streamed(sample))
    assert json.loads(first[-1])["choices"][0]["delta"] == {"reasoning_content": "Trying a tool."}
    assert json.loads(last)["error"]["code"] == "malformed_function_call"


@action("resign_and_retry", ("json",))
def test_missing_signatures(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(sample)
    assert (caught.value.kind, caught.value.error.status) == (Kind.SIGNATURE, 400)


@action("error_500", ("json",))
def test_empty_answers(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        whole(sample)
    assert caught.value.error.status == 500


@action("error", ("sse",))
def test_an_error_as_the_first_event(sample: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        streamed(sample)
    assert caught.value.error.status == sample["expect"]["status"]


@action("error_midstream", ("sse",))
def test_errors_in_the_middle_of_a_stream(sample: Any) -> None:
    *first, last = payloads(streamed(sample))
    assert set(json.loads(last)) == {"error"}
    choices = [json.loads(payload)["choices"][0] for payload in first]
    assert {choice["finish_reason"] for choice in choices} == {None}
    text = "".join(choice["delta"]["content"] for choice in choices)
    assert text == sample["expect"].get("text", text) != ""


# long answers


def test_a_long_answer_streamed_in_hops() -> None:
    hop1, hop2 = (next(s for s in SAMPLES if s["file"] == f"stream_long_decode_hop{at}.sse") for at in (1, 2))
    stream = ChatStream(**arguments(hop2))
    data = stream.feed(*reads(hop1)) + stream.end()
    assert stream.continuation == hop1["expect"]["token"]
    completion = accumulated(data + stream.feed(*reads(hop2)) + stream.end())
    (choice,) = completion["choices"]
    assert choice["message"]["content"] == hop2["expect"]["combined_text"]
    assert choice["finish_reason"] == hop2["expect"]["finish_reason"]
    usage = completion["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (30, 65656, 65686)


@action("continue", ("json",))
def test_a_whole_answer_that_goes_on(sample: Any) -> None:
    answer = ChatAnswer(**arguments(sample))
    answer.add((WIRE / sample["file"]).read_bytes())
    assert answer.continuation == "Y29udGludWF0aW9uL2hvcC0x"
