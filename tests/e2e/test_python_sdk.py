"""OpenAI's Python SDK: completions, whole and streamed, one choice and several, and how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from tests.e2e.checked_sdk import BOTH_WAYS, checked_async_client, checked_client, complete, config, user
from tests.e2e.conftest import FLASH

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

MODELS = ["gemini-2.5-flash", "gemini-3-flash", "gemini-3.8-flash", "gemini-4-argon", "gpt-4o"]
ONE_PARAGRAPH = "Erste Zeile\nzweite: äöü 你好 🇨🇭 \u2028 'quoted' \"quoted\" \\ back"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- whole and streamed


@BOTH_WAYS
@pytest.mark.parametrize("model", MODELS)
def test_a_completion(client: OpenAI, model: str, stream: bool) -> None:
    completion = complete(client, stream, model=model, messages=user(ONE_PARAGRAPH))
    choice = completion.choices[0]
    assert choice.message.role == "assistant"
    assert ONE_PARAGRAPH in (choice.message.content or "")
    assert choice.message.refusal is None
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == model
    assert (completion.usage is None) == stream  # not asked for


def test_create_with_stream_gives_the_text_in_pieces(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="gemini-3-flash", messages=user(), stream=True)
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks]
    assert len(list(filter(None, pieces))) > 2
    whole = client.chat.completions.create(model="gemini-3-flash", messages=user())
    assert "".join(filter(None, pieces)) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]


def test_usage_of_a_stream_is_that_of_the_whole_answer(client: OpenAI) -> None:
    body: Any = {"model": "gemini-3-flash", "messages": user(), "reasoning_effort": "low"}
    whole = client.chat.completions.create(**body)
    stream = client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True})
    *_, last = stream
    assert last.choices == []
    assert last.usage == whole.usage
    assert last.usage
    assert last.usage.completion_tokens_details
    assert last.usage.completion_tokens_details.reasoning_tokens
    final = complete(client, True, **body, stream_options={"include_usage": True})
    assert final.usage == whole.usage


def test_events_of_the_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="gemini-3-flash", messages=user()) as stream:
        events = [event.type for event in stream]
        assert stream.get_final_completion().choices[0].message.content
    assert {"chunk", "content.delta", "content.done"} <= set(events)


def test_the_asynchronous_client(gateway: Gateway) -> None:
    async def run() -> tuple[str, str, str]:
        async with checked_async_client(gateway) as client:
            body: Any = {"model": "gemini-3-flash", "messages": user()}

            async def streamed() -> str:
                stream = await client.chat.completions.create(**body, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            async def helped() -> str:
                async with client.chat.completions.stream(**body) as stream:
                    return (await stream.get_final_completion()).choices[0].message.content or ""

            whole, first, second = await asyncio.gather(client.chat.completions.create(**body), streamed(), helped())
            return whole.choices[0].message.content or "", first, second

    whole, first, second = asyncio.run(run())
    assert "Hello!" in whole
    assert whole == first == second


def test_many_at_once(gateway: Gateway) -> None:
    async def run() -> list[str]:
        async with checked_async_client(gateway) as client:

            async def one(number: int) -> str:
                text = f"number {number}."
                stream = await client.chat.completions.create(
                    model="gemini-3-flash", messages=user(text), stream=True, n=1 + number % 2
                )
                pieces = [c.delta.content or "" async for chunk in stream for c in chunk.choices if c.index == 0]
                return "".join(pieces)

            return await asyncio.gather(*map(one, range(24)))

    for number, text in enumerate(asyncio.run(run())):
        assert f"number {number}." in text


@BOTH_WAYS
def test_an_answer_without_text(client: OpenAI, stream: bool) -> None:
    choice = complete(client, stream, model="demo-empty", messages=user()).choices[0]
    assert choice.message.content == ""
    assert choice.finish_reason == "stop"


# ---- several choices


@BOTH_WAYS
@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize(("model", "parallel"), [("gemini-2.5-flash", False), ("gemini-3-flash", True)])
def test_several_choices(client: OpenAI, upstream: Upstream, model: str, parallel: bool, n: int, stream: bool) -> None:
    completion = complete(client, stream, model=model, messages=user(), n=n)
    assert [choice.index for choice in completion.choices] == list(range(n))
    for choice in completion.choices:
        assert "Hello!" in (choice.message.content or "")
        assert choice.finish_reason == "stop"
    assert len(upstream.requests) == (n if parallel else 1)
    counts = {request.body.get("generationConfig", {}).get("candidateCount") for request in upstream.requests}
    assert counts == {None if parallel else n}


def test_usage_of_several_choices_counts_the_prompt_once(client: OpenAI) -> None:
    def usage(n: int) -> Any:
        return client.chat.completions.create(model="gemini-3-flash", messages=user(), n=n).usage

    one, three = usage(1), usage(3)
    assert three.prompt_tokens == one.prompt_tokens
    assert three.completion_tokens == 3 * one.completion_tokens


# ---- ends


@BOTH_WAYS
def test_stop(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    completion = complete(client, stream, model="gemini-3-flash", messages=user(), stop=[", answering", "never"])
    assert completion.choices[0].message.content == "This is the demo upstream"
    assert completion.choices[0].finish_reason == "stop"
    assert config(upstream) == {"stopSequences": [", answering", "never"]}


@BOTH_WAYS
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_length_ends_an_answer(client: OpenAI, upstream: Upstream, name: str, stream: bool) -> None:
    body: Any = {"model": "gemini-2.5-flash-lite", "messages": user(), name: 5}
    completion = complete(client, stream, **body)
    assert completion.choices[0].finish_reason == "length"
    assert completion.choices[0].message.content == "This is the demo ups"
    assert config(upstream)["maxOutputTokens"] == 5


@BOTH_WAYS
def test_filtered_answers(client: OpenAI, stream: bool) -> None:
    choice = complete(client, stream, model="demo-safety", messages=user()).choices[0]
    assert choice.finish_reason == "content_filter"
    assert not choice.message.content
    kept = complete(client, stream, model="demo-recitation", messages=user()).choices[0]
    assert (kept.finish_reason, kept.message.content) == ("content_filter", "It was a well known opening line")


@BOTH_WAYS
@pytest.mark.parametrize("n", [1, 2])
def test_a_blocked_prompt(client: OpenAI, n: int, stream: bool) -> None:
    completion = complete(client, stream, model="demo-blocked", messages=user(), n=n)
    assert len(completion.choices) == n
    for choice in completion.choices:
        assert choice.finish_reason == "content_filter"
        assert "SAFETY" in (choice.message.refusal or "")
        assert choice.message.content == ""


# ---- models and headers


def test_models(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert "gemini-2.5-flash" in names
    one = client.models.retrieve("gemini-2.5-flash")
    assert (one.id, one.object) == ("gemini-2.5-flash", "model")


@BOTH_WAYS
def test_raw_response_headers(client: OpenAI, stream: bool) -> None:
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=user(), stream=stream)
    assert raw.headers["x-mapped-model"] == FLASH
    assert raw.headers["x-account-email"].endswith("@example.com")
    assert raw.request_id
    assert raw.request_id.startswith("req_")
    parsed: Any = raw.parse()
    if stream:
        assert list(parsed)[-1].choices[0].finish_reason == "stop"
    else:
        assert parsed._request_id == raw.request_id
