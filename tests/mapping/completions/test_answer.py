"""The `text_completion` object."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai.types import Completion

from mapping.completions.answer import CompletionsAnswer
from mapping.completions.plan import CompletionsPlan
from mapping.completions.text import logprobs_object
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.values import Options

WIRE = Path(__file__).parents[2] / "data" / "wire"
OTHER_ENDPOINTS = ("embed_", "models_list_", "count_tokens")


def answering(notes: Notes | None = None, **plan: Any) -> CompletionsAnswer:
    count = itertools.count(1)
    return CompletionsAnswer(
        CompletionsPlan("davinci", "gemini-3.8-flash", **plan),
        created=1_700_000_000,
        mint=lambda prefix: f"{prefix}{next(count)}",
        notes=notes if notes is not None else Notes(),
    )


def candidate(*parts: Any, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}


def response(*parts: Any, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 1, "totalTokenCount": 8}
    return {"candidates": [candidate(*parts, finish=finish, **more)], "usageMetadata": usage, "responseId": "r1"}


def completion(*responses: Any, notes: Notes | None = None, **plan: Any) -> dict[str, Any]:
    answer = answering(notes, **plan)
    for item in responses:
        answer.add(item)
    body = answer.finish()
    Completion.model_validate_json(body, strict=True)
    assert answer.remember() == {}
    found: dict[str, Any] = json.loads(body)
    return found


def told(found: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(choice["index"], choice["text"], choice["finish_reason"]) for choice in found["choices"]]


TEXT = {"text": "a"}
BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}}


def test_the_object() -> None:
    assert completion(response({"text": "Hi."})) == {
        "id": "cmpl-r1",
        "object": "text_completion",
        "created": 1_700_000_000,
        "model": "davinci",
        "choices": [{"text": "Hi.", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "total_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0, "text_tokens": 0, "image_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 1,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
    }


def test_without_a_response_id_one_is_minted() -> None:
    assert completion({**response(TEXT), "responseId": None})["id"] == "cmpl-1"


@pytest.mark.parametrize(
    ("parts", "text", "notes"),
    [
        pytest.param([{"text": "a"}, {"text": "b"}], "ab", [], id="texts-without-separator"),
        pytest.param([], "", [], id="empty"),
        pytest.param([{"text": "t", "thought": True}, TEXT], "a", [], id="thoughts"),
        pytest.param([{"text": "a", "thoughtSignature": "c2ln"}], "a", [], id="signature"),
        pytest.param([TEXT, {"functionCall": {"name": "f"}}], "a", ["functionCall"], id="call"),
        pytest.param(
            [TEXT, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}], "a", ["inlineData image"], id="image"
        ),
        pytest.param(
            [TEXT, {"inlineData": {"mimeType": "audio/L16", "data": "AAE="}}], "a", ["inlineData audio"], id="audio"
        ),
        pytest.param(
            [
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                TEXT,
            ],
            "a",
            ["executableCode", "codeExecutionResult"],
            id="code",
        ),
        pytest.param([{"fileData": {"fileUri": "gs://b/c"}}, TEXT], "a", ["fileData"], id="file"),
    ],
)
def test_a_completion_is_text(parts: list[Any], text: str, notes: list[str]) -> None:
    found = Notes()
    assert told(completion(response(*parts), notes=found)) == [(0, text, "stop")]
    assert [note for note in found if note[0] != "empty"] == [("part-unknown", note) for note in notes]


def test_citations_are_left_out() -> None:
    notes = Notes()
    cited = {"citationSources": [{"startIndex": 0, "endIndex": 1, "uri": "https://a.example"}]}
    assert told(completion(response(TEXT, citationMetadata=cited), notes=notes)) == [(0, "a", "stop")]
    assert list(notes) == [("part-unknown", "citations")]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("RECITATION", "content_filter")],
)
def test_finish_reasons(reason: str, expected: str) -> None:
    assert told(completion(response(TEXT, finish=reason))) == [(0, "a", expected)]


def test_echo() -> None:
    assert told(completion(response({"text": " b"}), echo=True, prompts=("a",))) == [(0, "a b", "stop")]
    assert told(completion(response({"text": " b"}), prompts=("a",))) == [(0, " b", "stop")]


# log probabilities

CHOSEN = {
    "chosenCandidates": [{"token": "é!", "logProbability": -0.5}, {"token": "b"}],
    "topCandidates": [
        {"candidates": [{"token": "e", "logProbability": -1.5}, {"token": "é!", "logProbability": -0.5}]}
    ],
}


@pytest.mark.parametrize("echo", [False, True])
def test_logprobs(echo: bool) -> None:
    found = completion(response({"text": "é!b"}, logprobsResult=CHOSEN), logprobs=True, echo=echo, prompts=("four",))
    assert found["choices"][0]["logprobs"] == {
        "tokens": ["é!", "b"],
        "token_logprobs": [-0.5, 0.0],
        "top_logprobs": [{"e": -1.5, "é!": -0.5}, {"b": 0.0}],
        "text_offset": [4, 6],
    }


def test_logprobs_that_were_not_asked_for() -> None:
    assert completion(response(TEXT, logprobsResult=CHOSEN))["choices"][0]["logprobs"] is None


def test_no_entries() -> None:
    assert logprobs_object([], 3) == {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}


# several choices


def candidates(*texts: str) -> dict[str, Any]:
    found = [{**candidate({"text": text}), "index": at} for at, text in enumerate(texts)]
    return {**response(), "candidates": found}


def test_several_prompts_with_candidates() -> None:
    found = completion(candidates("a1", "a2"), candidates("b1", "b2"), n=2, prompts=("a", "b"), echo=True)
    assert told(found) == [(0, "aa1", "stop"), (1, "aa2", "stop"), (2, "bb1", "stop"), (3, "bb2", "stop")]
    assert found["usage"]["prompt_tokens"] == 10
    assert found["usage"]["total_tokens"] == 16


def test_several_prompts_with_copies() -> None:
    answers = [response({"text": text}) for text in ("a1", "a2", "b1", "b2")]
    found = completion(*answers, n=2, copies=2, prompts=("a", "b"))
    assert told(found) == [(at, text, "stop") for at, text in enumerate(("a1", "a2", "b1", "b2"))]
    usage = found["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 12, 22)


def test_choices_that_are_missing_are_there_as_empty() -> None:
    notes = Notes()
    found = completion(candidates("a1"), candidates("b1", "b2"), n=2, prompts=("a", "b"), notes=notes)
    assert told(found) == [(0, "a1", "stop"), (1, "", "content_filter"), (2, "b1", "stop"), (3, "b2", "stop")]
    assert list(notes) == [("choice-missing", "")]


def test_choices_that_nobody_asked_for_are_left_out() -> None:
    notes = Notes()
    found = completion(candidates("a1", "a2"), candidates("b1"), prompts=("a", "b"), notes=notes)
    assert told(found) == [(0, "a1", "stop"), (1, "b1", "stop")]
    assert list(notes) == [("part-unknown", "candidates[1]")]


def test_a_blocked_prompt_is_refused_in_all_its_choices_and_in_no_others() -> None:
    notes = Notes()
    found = completion(candidates("a1", "a2"), BLOCKED, n=2, prompts=("a", "b"), echo=True, notes=notes)
    assert told(found) == [
        (0, "aa1", "stop"),
        (1, "aa2", "stop"),
        (2, "b", "content_filter"),
        (3, "b", "content_filter"),
    ]
    assert list(notes) == [("finish", "SAFETY")]


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        completion(BLOCKED, options=Options(blocked_prompt="error"))
    assert (caught.value.kind, caught.value.error.status) == (Kind.REQUEST, 400)


def test_an_answer_that_was_refused_leaves_no_trace() -> None:
    answer = answering(prompts=("a", "b"))
    answer.add(response({"text": "a1"}))
    with pytest.raises(UpstreamError):
        answer.add(response(finish="OTHER"))
    answer.add(json.dumps(response({"text": "b1"})).encode())
    assert told(json.loads(answer.finish())) == [(0, "a1", "stop"), (1, "b1", "stop")]


def test_hops_make_one_choice() -> None:
    answer = answering()
    answer.add(response(TEXT, finish="CONTINUATION", continuationToken="t1"))
    assert answer.continuation == "t1"
    answer.add(response({"text": "b"}))
    assert answer.continuation is None
    found = json.loads(answer.finish())
    assert told(found) == [(0, "ab", "stop")]
    assert (found["usage"]["prompt_tokens"], found["usage"]["completion_tokens"]) == (5, 6)


@pytest.mark.parametrize(
    "refused", [{}, response({"text": "x"}, finish="MALFORMED_FUNCTION_CALL"), {"candidates": [{"index": 99}]}]
)
def test_a_hop_that_was_refused_leaves_no_trace(refused: Any) -> None:
    answer = answering()
    answer.add(response(TEXT, finish="CONTINUATION", continuationToken="t1"))
    answer.add(response({"text": "b"}, finish="CONTINUATION", continuationToken="t2"))
    with pytest.raises(UpstreamError):
        answer.add(refused)
    assert answer.continuation == "t2"
    answer.add(json.dumps(response({"text": "c"})).encode())
    assert told(json.loads(answer.finish())) == [(0, "abc", "stop")]


def test_a_hop_that_is_not_continued_ends_by_length() -> None:
    found = completion(response(TEXT, finish="CONTINUATION", continuationToken="t1"))
    assert told(found) == [(0, "a", "length")]


# no answers


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"<html>", b"{}", b"[]", b'{"candidates":[]}', b'{"error":{"code":500}}']
)
def test_no_answer(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        answering().add(data)


def test_nothing_added() -> None:
    with pytest.raises(UpstreamError):
        answering().finish()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PART = st.one_of(
    st.just(TEXT),
    st.just({"text": "t", "thought": True}),
    st.dictionaries(st.sampled_from(["text", "functionCall", "inlineData", "fileData", "executableCode"]), JSON),
)
CANDIDATE = st.fixed_dictionaries(
    {},
    optional={
        "index": st.integers(0, 3) | JSON,
        "content": st.fixed_dictionaries({"parts": st.lists(PART, max_size=3)}) | JSON,
        "finishReason": st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "CONTINUATION", "NEW"]) | JSON,
        "continuationToken": JSON,
        "logprobsResult": st.just(CHOSEN) | JSON,
        "citationMetadata": JSON,
    },
)
RESPONSE = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(CANDIDATE, max_size=3) | JSON,
        "usageMetadata": JSON,
        "promptFeedback": st.just(BLOCKED["promptFeedback"]) | JSON,
        "responseId": JSON,
    },
)
PLANS = st.sampled_from(
    [
        {},
        {"n": 2, "prompts": ("a", "b"), "echo": True},
        {"n": 2, "copies": 2, "logprobs": True},
        {"logprobs": True, "echo": True, "prompts": ("p",)},
    ]
)


@given(st.lists(RESPONSE | JSON, max_size=3), PLANS)
@example([{"candidates": [{"continuationToken": "t1", "finishReason": "CONTINUATION"}]}, {}], {})
def test_any_json_gives_a_completion_or_an_upstream_error(answers: list[Any], plan: dict[str, Any]) -> None:
    answer = answering(**plan)
    added = False
    for item in answers:
        try:
            answer.add(json.dumps(item).encode())
            added = True
        except UpstreamError:
            pass
    if added:
        found = Completion.model_validate_json(answer.finish(), strict=True)
        assert [choice.index for choice in found.choices] == list(range(len(found.choices)))


# recorded answers

SAMPLES = [
    sample
    for sample in json.loads((WIRE / "manifest.json").read_text())["samples"]
    if sample["http_status"] == 200 and sample["kind"] == "json" and not sample["file"].startswith(OTHER_ENDPOINTS)
]
ANSWERED = [sample for sample in SAMPLES if "action" not in sample["expect"]]
FAILING = [
    sample
    for sample in SAMPLES
    if sample["expect"].get("action") in ("retry_then_error", "error_500", "resign_and_retry")
]
FINISH = {"tool_calls": "stop", "function_call": "stop"}


def by_file(samples: list[Any]) -> Any:
    return pytest.mark.parametrize("sample", samples, ids=[sample["file"] for sample in samples])


@by_file(ANSWERED)
def test_recorded_answers(sample: Any) -> None:
    expect = sample["expect"]
    upstream = (WIRE / sample["file"]).read_bytes()
    found = completion(upstream, n=len(expect.get("choices", [1])), logprobs="logprobs" in expect)
    wanted = expect.get("choices") or [{"index": 0, "text": expect.get("text"), "finish_reason": reason_of(expect)}]
    for choice, other in zip(found["choices"], wanted, strict=True):
        assert choice["index"] == other["index"]
        assert choice["finish_reason"] == FINISH.get(other["finish_reason"], other["finish_reason"])
        if b"executableCode" not in upstream and other["text"] is not None:
            assert choice["text"] == other["text"]
        if "reasoning" in expect:
            assert expect["reasoning"] not in choice["text"]
    if "logprobs" in expect:
        logprobs = found["choices"][0]["logprobs"]
        assert {len(logprobs[name]) for name in logprobs} == {expect["logprobs"]}
        assert "".join(logprobs["tokens"]) == found["choices"][0]["text"]
    if "usage" in expect:
        assert {name: found["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")} == {
            name: expect["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        }


def reason_of(expect: dict[str, Any]) -> str:
    reason: str = expect.get("chat_finish") or expect["finish_reason"]
    return reason


@by_file(FAILING)
def test_recorded_answers_that_are_none(sample: Any) -> None:
    with pytest.raises(UpstreamError):
        completion((WIRE / sample["file"]).read_bytes())
