"""Anthropic's Python SDK: create, events, the stream helper, parse, tokens, models. Every answer is checked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import pydantic
import pytest

from addons.demo.answer import media
from tests.e2e.checked_sdk import config, sent
from tests.e2e.messages.sdk import MODEL, WAYS, ask, checked_async_client, checked_client, kinds, root, text, user

if TYPE_CHECKING:
    from anthropic import Anthropic

    from tests.e2e.conftest import Gateway, Upstream


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Anthropic]:
    with checked_client(gateway) as checked:
        yield checked


# ---- texts


@WAYS
@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL, "gemini-4-argon"])
def test_a_text(client: Anthropic, way: str, model: str) -> None:
    message = ask(client, way, model=model, messages=user("Hello, 你好 🇨🇭!"))
    assert "Hello, 你好 🇨🇭!" in text(message)
    assert message.model == model
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0


async def _one(gateway: Gateway) -> tuple[Any, str]:
    async with checked_async_client(gateway) as client:
        whole = await client.messages.create(model=MODEL, max_tokens=100, messages=user())
        async with client.messages.stream(model=MODEL, max_tokens=100, messages=user()) as stream:
            return whole, "".join([piece async for piece in stream.text_stream])


def test_the_asynchronous_client(gateway: Gateway) -> None:
    import asyncio

    whole, streamed = asyncio.run(_one(gateway))
    assert text(whole) == streamed


def test_what_is_said_arrives(client: Anthropic, upstream: Upstream) -> None:
    turns = [
        *user("One."),
        {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
        {"role": "user", "content": [{"type": "text", "text": "Three."}, {"type": "text", "text": "Four."}]},
    ]
    ask(client, messages=turns, system=[{"type": "text", "text": "Be brief."}])
    body = sent(upstream)
    assert body["systemInstruction"]["parts"][0]["text"] == "Be brief."
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert [part["text"] for part in body["contents"][2]["parts"]] == ["Three.", "Four."]
    assert config(upstream)["maxOutputTokens"] == 1000


@WAYS
def test_a_limit_and_a_stop_sequence(client: Anthropic, way: str) -> None:
    short = ask(client, way, max_tokens=5, model="gemini-2.5-flash-lite")
    assert short.stop_reason == "max_tokens"
    stopped = ask(client, way, messages=user("Up to here STOP and no further"), stop_sequences=["no further"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "no further")
    assert "no further" not in text(stopped)


def test_more_than_the_model_can_say(client: Anthropic, upstream: Upstream) -> None:
    ask(client, "events", max_tokens=128_000)
    assert config(upstream)["maxOutputTokens"] == 65_536


def test_pictures_and_documents(client: Anthropic, upstream: Upstream) -> None:
    picture = media.image_part("a picture", "1:1")["inlineData"]["data"]
    pdf = base64.b64encode(b"%PDF-1.4 nothing in it").decode()
    source = {"type": "base64", "media_type": "image/png", "data": picture}
    content = [
        {"type": "image", "source": source},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": pdf}},
        {"type": "text", "text": "What is in them?"},
    ]
    seen = text(ask(client, messages=user(content)))
    assert "1 picture" in seen or "1 image" in seen, seen
    found = [part["inlineData"]["mimeType"] for part in sent(upstream)["contents"][0]["parts"] if "inlineData" in part]
    assert found == ["image/png", "application/pdf"]


def test_an_answer_without_any_text(client: Anthropic) -> None:
    for way in ("whole", "events"):
        message = ask(client, way, model="demo-empty")
        assert kinds(message) == ["text"]
        assert text(message)


# ---- thoughts

THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


@WAYS
def test_thoughts(client: Anthropic, way: str, upstream: Upstream) -> None:
    message = ask(client, way, max_tokens=4000, thinking=THINKING)
    assert config(upstream)["thinkingConfig"]["includeThoughts"] is True
    assert kinds(message) == ["thinking", "text"]
    thought: Any = message.content[0]
    assert "Reading the request" in thought.thinking
    assert thought.signature


@WAYS
def test_thoughts_that_nobody_wants_to_see(client: Anthropic, way: str) -> None:
    message = ask(client, way, max_tokens=4000, thinking={"type": "adaptive", "display": "omitted"})
    thoughts: list[Any] = [block for block in message.content if block.type == "thinking"]
    assert all(block.thinking == "" and block.signature for block in thoughts)
    plain = ask(client, way)
    assert "Reading the request" not in str(plain.content)


# ---- shaped answers


class Person(pydantic.BaseModel):
    name: str
    nickname: str | None
    age: int
    favourite: Literal["red", "green"]
    homes: list[str]


def test_parse(client: Anthropic, upstream: Upstream) -> None:
    message = client.messages.parse(model=MODEL, max_tokens=1000, messages=user(), output_format=Person)
    assert isinstance(message.parsed_output, Person)
    assert message.parsed_output.favourite == "red"
    schema = config(upstream)["responseJsonSchema"]
    assert set(schema["properties"]) == set(Person.model_fields)
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=user(), output_format=Person) as stream:
        assert isinstance(stream.get_final_message().parsed_output, Person)


# ---- searching


@WAYS
def test_a_search(client: Anthropic, way: str, upstream: Upstream) -> None:
    tools: Any = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]
    message = ask(client, way, messages=user("Where is Zürich?"), tools=tools)
    assert sent(upstream)["tools"] == [{"googleSearch": {}}]
    searched = ["server_tool_use", "web_search_tool_result"]
    assert kinds(message) == ([*searched, "text"] if way == "whole" else ["text", *searched])
    result: Any = message.content[kinds(message).index("web_search_tool_result")]
    assert {one.url for one in result.content} == {"https://example.com/zurich", "https://example.org/lake"}
    cited = [c for block in message.content if block.type == "text" for c in block.citations or ()]
    assert {citation.cited_text for citation in cited} >= {"It has a lake."}
    assert "Zürich lies in Switzerland 🇨🇭. It has a lake." in text(message)


# ---- what else there is


def test_tokens(client: Anthropic, upstream: Upstream) -> None:
    counted = client.messages.count_tokens(model=MODEL, messages=user("Hello, this is a text."), system="Be brief.")
    assert 5 < counted.input_tokens < 30
    assert upstream.requests[-1].path.endswith(":countTokens")


def test_models(client: Anthropic) -> None:
    listed = {model.id: model for model in client.models.list(limit=5)}  # in pages
    assert {"gemini-2.5-flash", "claude-opus-4-6"} <= listed.keys()
    assert all(2020 < model.created_at.year < 2030 for model in listed.values())
    one = client.models.retrieve("gemini-2.5-flash")
    assert one == listed["gemini-2.5-flash"]


def test_the_key_comes_as_it_likes(gateway: Gateway) -> None:
    for options in ({"auth_token": "a-token", "api_key": None}, {"api_key": "a-key"}):
        with checked_client(gateway, **options) as client:
            assert text(ask(client))


def test_a_base_url_with_a_version(gateway: Gateway) -> None:
    with checked_client(gateway, base_url=f"{root(gateway)}/v1") as client:
        assert text(ask(client))
        assert client.beta.messages.create(model=MODEL, max_tokens=100, messages=user()).content


def test_the_request_id_is_the_gateways(client: Anthropic) -> None:
    raw = client.messages.with_raw_response.create(model=MODEL, max_tokens=100, messages=user())
    assert raw.headers["request-id"].startswith("req_")
    assert raw.parse()._request_id == raw.headers["request-id"]
    assert raw.headers["x-mapped-model"].startswith(MODEL)
