"""OpenAI's Python SDK: what its parameters become upstream, structured output, and reasoning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from openai import ContentFilterFinishReasonError, LengthFinishReasonError, OpenAI
from pydantic import BaseModel

from tests.e2e.checked_sdk import BOTH_WAYS, checked_client, complete, config, sent, user

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- parameters


SAMPLING = [
    ({"temperature": 0.3}, {"temperature": 0.3}),
    ({"temperature": 0}, {"temperature": 0}),
    ({"top_p": 0.5}, {"topP": 0.5}),
    ({"seed": 7}, {"seed": 7}),
    ({"seed": 2**40 + 7}, {"seed": 7}),
    ({"presence_penalty": 0.5, "frequency_penalty": -0.5}, {"presencePenalty": 0.5, "frequencyPenalty": -0.5}),
    ({"frequency_penalty": 2}, {"frequencyPenalty": 1.99}),
    ({"stop": "END"}, {"stopSequences": ["END"]}),
    ({"max_tokens": 4000, "max_completion_tokens": 3000}, {"maxOutputTokens": 3000}),
    ({"extra_body": {"top_k": 40}}, {"topK": 40}),
]


@pytest.mark.parametrize(("given", "expected"), SAMPLING, ids=[str(given) for given, _ in SAMPLING])
def test_generation_parameters(
    client: OpenAI, upstream: Upstream, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    client.chat.completions.create(model="gemini-2.5-flash-lite", messages=user(), **given)
    assert config(upstream) == expected


def test_newer_models_get_no_sampling_parameters(client: OpenAI, upstream: Upstream) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gemini-3.8-flash", messages=user(), temperature=0.2, top_p=0.9
    )
    assert "generationConfig" not in sent(upstream)
    assert "model-refuses=temperature,top_p" in raw.headers["x-antigravity-notes"]


def test_what_is_ignored_is_noted(client: OpenAI, upstream: Upstream) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gemini-3-flash",
        messages=user(),
        logit_bias={"50256": -100},
        verbosity="low",
        parallel_tool_calls=False,
        extra_body={"frobnicate": 1},
        user="u",
        # Hints, which may be ignored without a word:
        metadata={"a": "b"},
        store=True,
        prompt_cache_key="k",
        safety_identifier="s",
        service_tier="default",
    )
    count, _, names = raw.headers["x-antigravity-notes"].partition(" ignored=")
    assert set(names.split(",")) == {"logit_bias", "verbosity", "parallel_tool_calls", "frobnicate", "user"}
    assert count == "5"
    assert sent(upstream).keys() == {"contents"}
    assert raw.parse().choices[0].message.content


def test_system_and_developer_messages(client: OpenAI, upstream: Upstream) -> None:
    messages: Any = [
        {"role": "system", "content": "first"},
        {"role": "developer", "content": [{"type": "text", "text": "second"}]},
        *user(),
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "name": "ann", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    client.chat.completions.create(model="gemini-3-flash", messages=messages)
    assert sent(upstream)["systemInstruction"] == {"parts": [{"text": "first"}, {"text": "second"}]}
    assert sent(upstream)["contents"] == [
        {"role": "user", "parts": [{"text": "Hello!"}]},
        {"role": "model", "parts": [{"text": "Hi."}]},
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
    ]


# ---- reasoning


EFFORTS: list[tuple[str, Any, dict[str, Any]]] = [
    ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
    ("gemini-2.5-flash", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
    ("gemini-2.5-pro", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
    ("gemini-3-flash", "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
    ("gemini-3-flash", "low", {"thinkingLevel": "LOW", "includeThoughts": True}),
    ("gemini-4-argon", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
    ("gemini-4-hydrogen", "xhigh", {"thinkingLevel": "XHIGH", "includeThoughts": True}),
]


@BOTH_WAYS
@pytest.mark.parametrize(("model", "effort", "expected"), EFFORTS, ids=[f"{m}-{e}" for m, e, _ in EFFORTS])
def test_reasoning(
    client: OpenAI, upstream: Upstream, model: str, effort: Any, expected: dict[str, Any], stream: bool
) -> None:
    completion = complete(client, stream, model=model, messages=user(), reasoning_effort=effort)
    assert config(upstream) == {"thinkingConfig": expected}
    message: Any = completion.choices[0].message
    assert message.reasoning_content.startswith("**Reading the request**")
    assert "Reading the request" not in message.content


def test_reasoning_switched_off(client: OpenAI, upstream: Upstream) -> None:
    completion = client.chat.completions.create(model="gemini-2.5-flash", messages=user(), reasoning_effort="none")
    assert config(upstream)["thinkingConfig"]["thinkingBudget"] == 0
    assert not hasattr(completion.choices[0].message, "reasoning_content")


GOOGLE: list[dict[str, Any]] = [
    {"extra_body": {"google": {"thinking_config": {"include_thoughts": True, "thinking_budget": 512}}}},
    {"google": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 512}}},
]


@pytest.mark.parametrize("extra", GOOGLE, ids=["nested", "top level"])
def test_google_thinking_config(client: OpenAI, upstream: Upstream, extra: dict[str, Any]) -> None:
    completion = client.chat.completions.create(model="gemini-2.5-flash", messages=user(), extra_body=extra)
    assert config(upstream) == {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 512}}
    assert completion.choices[0].message.model_extra
    assert completion.choices[0].message.model_extra["reasoning_content"]


# ---- structured output


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    """Nested, optional, an enumeration, lists, a number with a bound."""

    name: str
    nickname: str | None
    favourite: Colour
    homes: list[Address]
    workplace: Address | None
    height: float


class Category(BaseModel):
    """Recursive, through a list and directly. Gemini takes recursion only in members that it may leave out."""

    title: str
    children: list[Category] = []
    parent: Category | None = None


@BOTH_WAYS
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash", "gemini-4-argon"])
@pytest.mark.parametrize("form", [Person, Category])
def test_parse(client: OpenAI, upstream: Upstream, model: str, form: type[BaseModel], stream: bool) -> None:
    body: Any = {"model": model, "messages": user(), "response_format": form}
    if stream:
        with client.chat.completions.stream(**body) as events:
            parsed = events.get_final_completion().choices[0].message.parsed
    else:
        parsed = client.chat.completions.parse(**body).choices[0].message.parsed
    assert isinstance(parsed, form)
    assert config(upstream)["responseMimeType"] == "application/json"
    assert list(config(upstream)["responseJsonSchema"]["properties"]) == list(form.model_fields)


def test_json_object(client: OpenAI, upstream: Upstream) -> None:
    completion = client.chat.completions.create(
        model="gemini-3-flash", messages=user("JSON please"), response_format={"type": "json_object"}
    )
    assert json.loads(completion.choices[0].message.content or "")
    assert config(upstream) == {"responseMimeType": "application/json"}


def test_json_schema(client: OpenAI, upstream: Upstream) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer", "minimum": 9}},
        "required": ["kind", "lives"],
        "additionalProperties": False,
    }
    form: Any = {"type": "json_schema", "json_schema": {"name": "animal", "schema": schema, "strict": True}}
    completion = client.chat.completions.create(model="gemini-3-flash", messages=user(), response_format=form)
    assert json.loads(completion.choices[0].message.content or "") == {"kind": "cat", "lives": 9}
    assert "$schema" not in config(upstream)["responseJsonSchema"]


@pytest.mark.parametrize(
    ("model", "error"),
    [("demo-safety", ContentFilterFinishReasonError), ("demo-max-tokens", LengthFinishReasonError)],
)
def test_parse_raises_when_the_answer_is_not_whole(client: OpenAI, model: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.chat.completions.parse(model=model, messages=user(), response_format=Person)
    with (
        pytest.raises(error),
        client.chat.completions.stream(model=model, messages=user(), response_format=Person) as stream,
    ):
        stream.get_final_completion()
