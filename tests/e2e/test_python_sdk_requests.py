"""OpenAI's Python SDK: errors as its exception classes, its retries, and the odd requests that clients make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest
from mitmproxy.net.encoding import encode
from openai import OpenAI

from addons.demo import faults, signatures
from tests.e2e.answer_checks import check_completion
from tests.e2e.checked_sdk import BOTH_WAYS, checked_client, complete, sent, user

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

ONE_ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
ONLY_HELLO = [{"role": "user", "parts": [{"text": "Hello!"}]}]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- errors


def test_a_key_is_needed(starter: Starter, upstream: Upstream) -> None:
    gateway = starter(f'[proxy]\nauth_mode = "strict"\napi_key = "sesame"\n{ONE_ACCOUNT}')
    body: Any = {"model": "gemini-3-flash", "messages": user()}
    with checked_client(gateway, api_key="wrong") as client:
        for call in (lambda: client.chat.completions.create(**body), client.models.list):
            with pytest.raises(openai.AuthenticationError) as caught:
                call()
            assert caught.value.code == "invalid_api_key"
    assert not upstream.requests
    with checked_client(gateway, api_key="sesame") as client:
        assert client.chat.completions.create(**body).choices[0].message.content
    assert all("sesame" not in str(request) for request in upstream.requests)


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}
FILE = {"type": "file", "file": {"file_id": "file-123"}}
FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": [{"role": 7, "content": "x"}]}, "messages[0].role", "invalid_type"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": [{"type": 7}]}]}, "messages[0].content[0].type", "invalid_type"),
    ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages[0].content[0].image_url.url", "invalid_value"),
    ({"messages": [{"role": "user", "content": [FILE]}]}, "messages[0].content[0].file.file_id", "unsupported_value"),
    ({"temperature": 3}, "temperature", "invalid_value"),
    ({"temperature": "1"}, "temperature", "invalid_type"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 9}, "n", "unsupported_value"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
    ({"reasoning_effort": "colossal"}, "reasoning_effort", "invalid_value"),
    ({"tools": [{"type": 7}]}, "tools[0].type", "invalid_type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"tool_choice": "sometimes"}, "tool_choice", "invalid_value"),
    ({"response_format": {"type": "yaml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    ({"modalities": ["audio"], "audio": {"format": "wav", "voice": "x"}}, "modalities", "unsupported_value"),
    ({"extra_body": {"model": None}}, "model", "missing_required_parameter"),
    ({"model": ""}, "model", "model_not_found"),
]


@BOTH_WAYS
@pytest.mark.parametrize(("given", "param", "code"), FAULTS, ids=[f"{p}-{c}" for _, p, c in FAULTS])
def test_bad_requests(
    client: OpenAI, upstream: Upstream, given: dict[str, Any], param: str, code: str, stream: bool
) -> None:
    if stream and param == "stream_options":
        given = {"stream_options": "usage"}
        code = "invalid_type"
    body: Any = {"model": "gemini-3-flash", "messages": user(), "stream": stream, **given}
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**body)
    error = caught.value
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert isinstance(error, openai.NotFoundError if code == "model_not_found" else openai.BadRequestError)
    assert error.request_id
    assert not upstream.requests


UNKNOWN: list[tuple[dict[str, Any], str, str]] = [
    ({"messages": [{"role": "wizard", "content": "x"}, *user()]}, "messages[0].role", "wizard"),
    ({"messages": [{"role": "user", "content": [{"type": "x"}]}]}, "messages[0].content[0].type", "x"),
    ({"tools": [{"type": "mystery"}]}, "tools[0].type", "mystery"),
]
"""What a newer client may send, the parameter that it is, and its word."""
BY_PARAMETER = pytest.mark.parametrize(("given", "param", "word"), UNKNOWN, ids=[param for _, param, _ in UNKNOWN])


@BOTH_WAYS
@BY_PARAMETER
def test_what_is_unknown_is_left_out_with_a_note(
    client: OpenAI, given: dict[str, Any], param: str, word: str, stream: bool
) -> None:
    body: Any = {"model": "gemini-3-flash", "messages": user(), "stream": stream, **given}
    raw = client.chat.completions.with_raw_response.create(**body)
    assert f"unknown={param} {word}" in raw.headers["x-antigravity-notes"]
    answer = raw.parse()
    assert list(answer)[-1].choices[0].finish_reason == "stop" if stream else answer.choices[0].message.content


@BOTH_WAYS
@BY_PARAMETER
def test_what_is_unknown_is_refused_where_settings_are_strict(
    strict_gateway: Gateway, upstream: Upstream, given: dict[str, Any], param: str, word: str, stream: bool
) -> None:
    body: Any = {"model": "gemini-3-flash", "messages": user(), "stream": stream, **given}
    with checked_client(strict_gateway) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**body)
    error = caught.value
    assert (error.param, error.code, error.type) == (param, "invalid_value", "invalid_request_error")
    assert word in error.message
    assert not upstream.requests


@BOTH_WAYS
def test_a_model_that_is_not_there(client: OpenAI, stream: bool) -> None:
    for call in (
        lambda: client.chat.completions.create(model="llama-7b", messages=user(), stream=stream),
        lambda: client.chat.completions.create(model="demo-404", messages=user(), stream=stream),
        lambda: client.models.retrieve("llama-7b"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "model_not_found"


STATUSES: list[tuple[str, type[openai.APIStatusError]]] = [
    ("demo-400", openai.BadRequestError),
    ("demo-429-all", openai.RateLimitError),
    ("demo-429-day-all", openai.RateLimitError),
    ("demo-500-all", openai.InternalServerError),
    ("demo-503-all", openai.InternalServerError),
    ("demo-refuse-all", openai.InternalServerError),
    ("demo-error-first-event-all", openai.InternalServerError),
    ("demo-malformed-call-all", openai.InternalServerError),
]


@BOTH_WAYS
@pytest.mark.parametrize(("model", "error"), STATUSES, ids=[model for model, _ in STATUSES])
def test_errors_of_the_upstream(client: OpenAI, model: str, error: type[openai.APIStatusError], stream: bool) -> None:
    with pytest.raises(error) as caught:
        client.chat.completions.create(model=model, messages=user(), stream=stream)
    assert caught.value.response.headers["x-mapped-model"] == model


@pytest.mark.parametrize("model", ["demo-error-mid-stream", "demo-cut-mid-stream", "demo-end-without-finish"])
def test_an_error_in_the_middle_of_a_stream(client: OpenAI, model: str) -> None:
    stream = client.chat.completions.create(model=model, messages=user(), stream=True)
    pieces = [next(stream).choices[0].delta.content for _ in range(2)]
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert caught.value.type == "server_error"
    assert "".join(filter(None, pieces))
    with (
        pytest.raises(openai.APIError),
        client.chat.completions.stream(model=model, messages=user()) as helped,
    ):
        helped.get_final_completion()


@BOTH_WAYS
def test_the_sdk_comes_back_after_a_rate_limit(
    starter: Starter, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    """The gateway says how long to wait, to the millisecond, and has got over it when the SDK is back."""
    monkeypatch.setattr(faults, "QUOTA_SECONDS", 0.4)
    gateway = starter(f'[retry]\nmax_wait = "0s"\n{ONE_ACCOUNT}')
    with checked_client(gateway, max_retries=1) as client:
        model = f"demo-429-stream-{stream}"
        answer: Any = client.chat.completions.create(model=model, messages=user(), stream=stream)
        assert list(answer) if stream else answer.choices[0].message.content
    assert len(upstream.requests) == 2


def test_errors_that_no_retry_mends_are_not_retried(client: OpenAI, upstream: Upstream) -> None:
    patient = client.with_options(max_retries=3)
    with pytest.raises(openai.RateLimitError):
        patient.chat.completions.create(model="demo-429-day-all", messages=user())
    assert len(upstream.requests) == 2  # one for each account


@BOTH_WAYS
def test_a_choice_that_fails_is_made_again(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    """Where the choices are calls of their own, each has its own second attempt."""
    answer = complete(client, stream, model=f"demo-malformed-call-first-n1-{stream}", messages=user(), n=3)
    assert [choice.finish_reason for choice in answer.choices] == ["stop"] * 3
    assert 4 <= len(upstream.requests) <= 6


@BOTH_WAYS
def test_nothing_more_is_asked_for_a_client_that_left(gateway: Gateway, upstream: Upstream, stream: bool) -> None:
    body: Any = {"model": "demo-slow-1-n1", "messages": user(), "n": 3, "stream": stream}
    with (
        OpenAI(base_url=gateway.base_url, api_key="any", max_retries=0) as hasty,
        pytest.raises(openai.APITimeoutError),
    ):
        hasty.chat.completions.create(**body, timeout=0.3)
    # This takes longer than it would take to make another attempt.
    assert gateway.chat("demo-slow-0.6").status == 200
    assert len(upstream.requests) == 3 + 1
    assert "Unexpected error" not in gateway.log


# ---- odd requests


NULLS = """
    audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata
    modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format
    safety_identifier seed service_tier stop store stream stream_options temperature tool_choice tools top_logprobs
    top_p user verbosity web_search_options
"""


def test_explicit_nulls_are_absent(client: OpenAI, upstream: Upstream) -> None:
    messages: Any = [
        {"role": "user", "content": "Hello!", "name": None},
        {"role": "assistant", "content": None, "refusal": None, "audio": None, "tool_calls": None},
        {"role": "assistant", "content": "Hi.", "function_call": None, "tool_calls": [], "annotations": []},
        {"role": "user", "content": "Go on."},
    ]
    raw = client.chat.completions.with_raw_response.create(
        model="gemini-3-flash", messages=messages, extra_body=dict.fromkeys(NULLS.split())
    )
    assert "x-antigravity-notes" not in raw.headers
    assert sent(upstream) == {
        "contents": [
            *ONLY_HELLO,
            {"role": "model", "parts": [{"text": "Hi."}]},
            {"role": "user", "parts": [{"text": "Go on."}]},
        ]
    }


def test_assistant_turns_with_nothing_in_them(client: OpenAI, upstream: Upstream) -> None:
    messages: Any = [*user(), {"role": "assistant"}, {"role": "user", "content": "Go on."}]
    raw = client.chat.completions.with_raw_response.create(model="gemini-3-flash", messages=messages)
    assert "turn-dropped=messages[1]" in raw.headers["x-antigravity-notes"]
    parts = [{"text": "Hello!"}, {"text": "Go on."}]
    assert sent(upstream)["contents"] == [{"role": "user", "parts": parts}]


def test_thoughts_that_come_back_are_left_out(client: OpenAI, upstream: Upstream) -> None:
    echo: Any = {"role": "assistant", "content": "Hi.", "reasoning_content": "Secretly.", "reasoning": "Secretly."}
    client.chat.completions.create(model="gemini-3-flash", messages=[*user(), echo, *user("Go on.")])
    assert sent(upstream)["contents"][1] == {"role": "model", "parts": [{"text": "Hi."}]}


def test_a_remembered_answer_is_replayed_as_it_was(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": "gemini-3-flash", "reasoning_effort": "low"}
    message: Any = client.chat.completions.create(**body, messages=user("Think.")).choices[0].message
    client.chat.completions.create(**body, messages=[*user("Think."), message, *user("Go on.")])
    thought, answer = sent(upstream)["contents"][1]["parts"]
    assert thought == {"text": message.reasoning_content, "thought": True}
    assert answer["text"] == message.content
    assert signatures.genuine(answer["thoughtSignature"])


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "count": {"type": "integer", "format": "uint32", "minimum": 0},
        "big": {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
        "huge": {"type": "integer", "format": "uint64", "maximum": 18446744073709551615},
        "name": {"type": ["string", "null"], "pattern": "^[a-z]+$"},
        "tree": {"$ref": "#/definitions/Tree", "description": "A tree."},
    },
    "required": ["count", "big", "tree", "gone"],
    "additionalProperties": False,
    "definitions": {
        "Tree": {
            "type": "object",
            "properties": {"left": {"$ref": "#/definitions/Tree"}, "leaf": {"const": 1}},
            "required": ["left", "leaf"],
        }
    },
}


def test_schemas_as_clients_write_them(client: OpenAI, upstream: Upstream) -> None:
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    raw = client.chat.completions.with_raw_response.create(model="gemini-3-flash", messages=user(), tools=tools)
    assert "schema" in raw.headers["x-antigravity-notes"]
    calls: list[Any] = raw.parse().choices[0].message.tool_calls or []
    arguments = json.loads(calls[0].function.arguments)
    assert arguments["tree"]["leaf"] == 1
    cleaned = sent(upstream)["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    properties = cleaned["properties"]
    assert "$schema" not in cleaned
    assert cleaned["required"] == ["count", "big", "tree"]
    assert properties["big"] == {"type": "integer"}  # such bounds only say "any integer"
    assert properties["huge"] == {"type": "integer", "description": "(constraint: format: uint64)"}
    assert properties["count"]["minimum"] == 0
    assert "format" not in properties["count"]
    assert "pattern" not in properties["name"]
    assert "^[a-z]+$" in properties["name"]["description"]


def test_a_stream_for_a_client_that_accepts_json_only(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="gemini-3-flash", messages=user(), stream=True, extra_headers={"Accept": "application/json"}
    )
    assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "stop"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_compressed_requests(gateway: Gateway, upstream: Upstream, encoding: str) -> None:
    body = json.dumps({"model": "gemini-3-flash", "messages": user()}).encode()
    answer = gateway.call(
        "POST", "/v1/chat/completions", encode(body, encoding), headers={"Content-Encoding": encoding}
    )
    assert answer.status == 200, answer.body
    check_completion(answer.body)
    assert sent(upstream) == {"contents": ONLY_HELLO}
    assert "content-encoding" not in upstream.requests[-1].headers
    broken = gateway.call("POST", "/v1/chat/completions", body, headers={"Content-Encoding": encoding})
    assert (broken.status, broken.error["type"]) == (400, "invalid_request_error")


def test_half_a_character(gateway: Gateway) -> None:
    """JSON can say it; UTF-8 cannot."""
    body = b'{"model": "gemini-3-flash", "messages": [{"role": "user", "content": "half \\ud83c."}]}'
    answer = gateway.call("POST", "/v1/chat/completions", body)
    assert answer.status == 200, answer.body
    check_completion(answer.body)
    assert "half " in answer.text


def test_a_large_request(client: OpenAI, upstream: Upstream) -> None:
    text = "0123456789abcdef" * 250_000
    completion = client.chat.completions.create(model="gemini-3-flash", messages=user(text))
    assert completion.choices[0].message.content
    assert sent(upstream)["contents"][0]["parts"] == [{"text": text}]


def test_an_answer_in_one_huge_piece(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="demo-huge-chunk", messages=user(), stream=True)
    assert sum(len(chunk.choices[0].delta.content or "") for chunk in stream) == 1_000_000
