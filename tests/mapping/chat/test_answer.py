"""The `chat.completion` object."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from mapping.chat.answer import ChatAnswer
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.request.signatures import text_key
from mapping.values import Options


def answering(notes: Notes | None = None, **plan: Any) -> ChatAnswer:
    count = itertools.count(1)
    return ChatAnswer(
        Plan("gpt-x", "gemini-3.8-flash", **plan),
        created=1_700_000_000,
        mint=lambda prefix: f"{prefix}{next(count)}",
        notes=notes if notes is not None else Notes(),
    )


def response(*parts: Any, finish: str = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, **more}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 1, "totalTokenCount": 8}
    return {"candidates": [candidate], "usageMetadata": usage, "responseId": "r1"}


def completion(*responses: Any, notes: Notes | None = None, **plan: Any) -> dict[str, Any]:
    answer = answering(notes, **plan)
    for item in responses:
        answer.add(item)
    body = answer.finish()
    ChatCompletion.model_validate_json(body, strict=True)
    found: dict[str, Any] = json.loads(body)
    return found


def message(*parts: Any, **plan: Any) -> dict[str, Any]:
    choices = completion(response(*parts), **plan)["choices"]
    found: dict[str, Any] = choices[0]["message"]
    return found


BASE = {"role": "assistant", "content": "", "refusal": None}
CALL = {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}}


def call(name: str = "f", arguments: str = '{"a":1}', id: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def extra(**google: Any) -> dict[str, Any]:
    return {"extra_content": {"google": google}}


def test_the_object() -> None:
    assert completion(response({"text": "Hi."})) == {
        "id": "chatcmpl-r1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "gpt-x",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
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
        "service_tier": "default",
        "system_fingerprint": None,
    }


@pytest.mark.parametrize("response_id", [None, "", 5])
def test_without_a_response_id_one_is_minted(response_id: Any) -> None:
    assert completion({**response({"text": "a"}), "responseId": response_id})["id"] == "chatcmpl-1"


@pytest.mark.parametrize(
    ("parts", "plan", "members"),
    [
        pytest.param([{"text": "a"}, {"text": "b"}], {}, {"content": "ab"}, id="texts-without-separator"),
        pytest.param([], {}, {}, id="empty"),
        pytest.param(
            [{"text": "t", "thought": True}, {"text": "a"}],
            {},
            {"content": "a", "reasoning_content": "t"},
            id="thoughts",
        ),
        pytest.param(
            [{"text": "t", "thought": True}, {"text": "u", "thought": True}, {"text": "a"}],
            {"thought_tag": "think"},
            {"content": "<think>tu</think>a"},
            id="thoughts-in-tags",
        ),
        pytest.param(
            [{"text": "t", "thought": True}],
            {"thought_tag": "think"},
            {"content": "<think>t</think>"},
            id="tag-at-the-end",
        ),
        pytest.param(
            [{"text": "t", "thought": True}, CALL],
            {"thought_tag": "think"},
            {"content": "<think>t</think>", "tool_calls": [call()]},
            id="tag-before-call",
        ),
        pytest.param([CALL], {}, {"content": None, "tool_calls": [call()]}, id="call"),
        pytest.param([{"text": "a"}, CALL], {}, {"content": "a", "tool_calls": [call()]}, id="text-and-call"),
        pytest.param(
            [{**CALL, "thoughtSignature": "c2ln"}],
            {},
            {"content": None, "tool_calls": [call(**extra(thought_signature="c2ln"))]},
            id="signed-call",
        ),
        pytest.param(
            [{"functionCall": {"name": "_9f", "args": {"n": 5.0}}}],
            {"names": {"_9f": "9f"}, "integers": {"_9f": {"properties": {"n": {"type": "integer"}}}}},
            {"content": None, "tool_calls": [call("9f", '{"n":5}', "call_1")]},
            id="name-and-integer",
        ),
        pytest.param(
            [{"functionCall": {"id": "x", "name": "c", "args": {"input": "go"}}}],
            {"names": {"c": "c"}, "custom": {"c"}},
            {"content": None, "tool_calls": [{"id": "x", "type": "custom", "custom": {"name": "c", "input": "go"}}]},
            id="custom-tool",
        ),
        pytest.param(
            [{"text": "a", "thoughtSignature": "c2ln"}],
            {},
            {"content": "a", **extra(thought_signature="c2ln")},
            id="signed-text",
        ),
        pytest.param(
            [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}] * 2,
            {},
            {
                "images": [
                    {"type": "image_url", "index": at, "image_url": {"url": "data:image/png;base64,AA=="}}
                    for at in (0, 1)
                ]
            },
            id="images",
        ),
        pytest.param(
            [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}} for data in ("AAE=", "AgM=")],
            {"audio_format": "pcm16"},
            {
                "content": None,
                "audio": {"id": "audio_1", "transcript": "", "data": "AAECAw==", "expires_at": 1_700_003_600},
            },
            id="audio",
        ),
        pytest.param(
            [{"text": "So:"}, {"executableCode": {"language": "PYTHON", "code": "print(1)\n"}}, {"text": "Yes."}],
            {},
            {"content": "So:\n```python\nprint(1)\n```\nYes."},
            id="code",
        ),
        pytest.param(
            [{"codeExecutionResult": {"output": "a```b"}}],
            {},
            {"content": "````\na```b\n````\n"},
            id="fence-within-output",
        ),
        pytest.param(
            [{"text": "a\n"}, {"fileData": {"fileUri": "gs://b/c"}}, {"text": "d"}],
            {},
            {"content": "a\ngs://b/c\nd"},
            id="file",
        ),
    ],
)
def test_messages(parts: list[Any], plan: dict[str, Any], members: dict[str, Any]) -> None:
    assert message(*parts, **plan) == {**BASE, **members}


def test_legacy_functions_get_the_first_call() -> None:
    notes = Notes()
    other = {"functionCall": {"name": "g"}}
    choice = completion(response(CALL, other), notes=notes, legacy_functions=True)["choices"][0]
    assert choice["message"] == {**BASE, "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}}
    assert choice["finish_reason"] == "function_call"
    assert list(notes) == [("call-left", "g")]


def test_annotations_count_what_stands_before_the_text() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"partIndex": 1, "endIndex": 2}, "groundingChunkIndices": [0]}],
    }
    found = completion(
        response({"text": "t", "thought": True}, {"text": "é"}, groundingMetadata=grounding), thought_tag="think"
    )["choices"][0]["message"]
    assert found["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "A", "start_index": 16, "end_index": 17},
        }
    ]
    assert found["content"][16:17] == "é"
    assert found["extra_content"] == {"google": {"grounding_metadata": grounding}}


def test_logprobs() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5}, {"token": "!"}],
        "topCandidates": [{"candidates": [{"token": "e", "logProbability": -1.5}]}],
    }
    choice = completion(response({"text": "é!"}, logprobsResult=result), logprobs=True)["choices"][0]
    assert choice["logprobs"] == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": [101]}],
            },
            {"token": "!", "logprob": 0.0, "bytes": [33], "top_logprobs": []},
        ],
        "refusal": None,
    }


def test_parallel_calls_make_the_choices() -> None:
    answer = answering(n=3)
    answer.add(response({"text": "a"}, CALL))
    with pytest.raises(UpstreamError):
        answer.add(response(finish="OTHER"))
    answer.add(json.dumps(response({"text": "b"}, CALL)).encode())
    answer.add(response({"text": "c"}, finish="MAX_TOKENS"))
    found = json.loads(answer.finish())
    told = [(choice["index"], choice["message"]["content"], choice["finish_reason"]) for choice in found["choices"]]
    assert told == [(0, "a", "tool_calls"), (1, "b", "tool_calls"), (2, "c", "length")]
    assert [choice["message"]["tool_calls"][0]["id"] for choice in found["choices"][:2]] == ["x", "call_1"]
    usage = found["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 9, 14)
    assert list(answer.remember()) == ["x", "call_1"]


def test_hops_make_one_choice() -> None:
    answer = answering()
    answer.add(response({"text": "a"}, finish="CONTINUATION", continuationToken="t1"))
    assert answer.continuation == "t1"
    answer.add(response({"text": "b"}))
    assert answer.continuation is None
    found = json.loads(answer.finish())
    assert [choice["message"]["content"] for choice in found["choices"]] == ["ab"]
    assert (found["usage"]["prompt_tokens"], found["usage"]["completion_tokens"]) == (5, 6)


def test_a_hop_that_is_not_continued_ends_by_length() -> None:
    found = completion(response({"text": "a"}, finish="CONTINUATION", continuationToken="t1"))
    assert found["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("n", [1, 3])
def test_a_blocked_prompt_is_refused_in_every_choice(n: int) -> None:
    found = completion({"promptFeedback": {"blockReason": "SAFETY"}}, n=n)
    refusal = "The prompt was blocked by Gemini (blockReason=SAFETY)."
    assert [choice["message"] for choice in found["choices"]] == [{**BASE, "refusal": refusal}] * n
    assert {choice["finish_reason"] for choice in found["choices"]} == {"content_filter"}


def test_blocked_parallel_calls_are_one_choice_each() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    assert len(completion(blocked, blocked, n=2)["choices"]) == 2


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        completion({"promptFeedback": {"blockReason": "SAFETY"}}, options=Options(blocked_prompt="error"))
    assert (caught.value.kind, caught.value.error.status) == (Kind.REQUEST, 400)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"<html>", b"{}", b"[]", b'{"candidates":[]}', b'{"error":{"code":500}}']
)
def test_no_answer(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        answering().add(data)


def test_nothing_added() -> None:
    with pytest.raises(UpstreamError):
        answering().finish()


@pytest.mark.parametrize("place", ["args", "groundingMetadata"])
def test_depth_is_no_crash(place: str) -> None:
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    part = b'{"functionCall":{"name":"f","args":' + (deep if place == "args" else b"{}") + b"}}"
    metadata = b',"groundingMetadata":' + deep if place != "args" else b""
    answer = answering()
    try:
        answer.add(b'{"candidates":[{"content":{"parts":[' + part + b']},"finishReason":"STOP"' + metadata + b"}]}")
        json.loads(answer.finish())
    except UpstreamError:
        pass


def test_what_is_remembered_of_a_text() -> None:
    answer = answering(thought_tag="think")
    parts = [{"text": "t", "thought": True}, {"text": "a", "thoughtSignature": "c2ln"}]
    answer.add(response(*parts))
    content = json.loads(answer.finish())["choices"][0]["message"]["content"]
    turns = answer.remember()
    assert list(turns) == [text_key(content)]
    assert turns[text_key(content)].parts == parts
