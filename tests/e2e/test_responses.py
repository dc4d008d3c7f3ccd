"""`/v1/responses` with OpenAI's Python SDK: what is asked, what comes back, whole and streamed, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import APIStatusError, BadRequestError, OpenAI
from pydantic import BaseModel

from tests.e2e.checked_sdk import checked_async_client, checked_client, config, sent
from tests.e2e.responses_sdk import ENCRYPTED, FUNCTION, MODEL, RED_DOT, WAYS, WHOLE_OR_EVENTS, kinds, respond

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Starter, Upstream

MODELS = ["gemini-2.5-flash", MODEL, "gemini-4-argon", "gpt-4o"]
TEXT = "Erste Zeile\nzweite: äöü 你好 🇨🇭 \u2028 'quoted' \"quoted\" \\ back"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- whole and streamed


@WAYS
@pytest.mark.parametrize("model", MODELS)
def test_a_response(client: OpenAI, model: str, way: str) -> None:
    response = respond(client, way, model=model, input=TEXT)
    assert TEXT in response.output_text
    assert kinds(response) == ["message"]
    assert response.id.startswith("resp_")
    assert response.model == model
    assert response.status == "completed"
    assert response.usage
    assert response.usage.total_tokens


@WAYS
def test_instructions_and_a_string_both_arrive(client: OpenAI, upstream: Upstream, way: str) -> None:
    response = respond(client, way, model=MODEL, instructions="Be brief.", input="What is it?")
    assert sent(upstream)["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert sent(upstream)["contents"] == [{"role": "user", "parts": [{"text": "What is it?"}]}]
    assert response.instructions == "Be brief."


def test_all_ways_give_the_same(client: OpenAI) -> None:
    body: Any = {"model": MODEL, "input": "Hello!", "reasoning": {"effort": "low", "summary": "auto"}, "tools": []}
    found = []
    for way in ("whole", "events", "helper"):
        response = respond(client, way, **body)
        told = response.model_dump(exclude={"id", "created_at", "completed_at", "choices", "output"})
        found.append((told, response.output_text, kinds(response)))
    assert found[0] == found[1] == found[2]


def test_the_request_is_repeated(client: OpenAI) -> None:
    body: Any = {
        "instructions": "Be brief.",
        "max_output_tokens": 500,
        "metadata": {"a": "b"},
        "parallel_tool_calls": True,
        "prompt_cache_key": "key",
        "reasoning": {"effort": "low", "summary": "concise"},
        "safety_identifier": "someone",
        "store": False,
        "temperature": 0.5,
        "top_p": 0.25,
        "tool_choice": "none",
        "user": "u",
    }
    told = client.responses.create(model=MODEL, input="x", tools=[FUNCTION], **body).model_dump(mode="json")
    assert {name: told[name] for name in body} | {"reasoning": body["reasoning"]} == body
    assert told["reasoning"]["summary"] == "concise"
    assert told["tools"][0]["name"] == "get_time"
    assert told["tools"][0]["strict"] is True


def test_choices_beside_the_output(client: OpenAI, starter: Starter) -> None:
    response: Any = client.responses.create(model=MODEL, input="Hello!")
    assert response.choices[0]["message"] == {"role": "assistant", "content": response.output_text}
    off = starter('[responses]\nchoices = false\n[[accounts]]\nemail="a"\napi_key="k"\nbase_url="UPSTREAM"\n')
    with checked_client(off) as other:
        assert "choices" not in (other.responses.create(model=MODEL, input="Hello!").model_extra or {})


def test_the_asynchronous_client(gateway: Gateway) -> None:
    async def run() -> set[str]:
        async with checked_async_client(gateway) as client:

            async def streamed() -> str:
                events = await client.responses.create(model=MODEL, input="Hello!", stream=True)
                return "".join([e.delta async for e in events if e.type == "response.output_text.delta"])

            async def helped() -> str:
                async with client.responses.stream(model=MODEL, input="Hello!") as stream:
                    return (await stream.get_final_response()).output_text

            whole = client.responses.create(model=MODEL, input="Hello!")
            first, *others = await asyncio.gather(whole, streamed(), helped(), streamed())
            return {first.output_text, *others}

    (text,) = asyncio.run(run())
    assert "Hello!" in text


# ---- reasoning


@WAYS
@pytest.mark.parametrize("summary", [None, "auto", "detailed"])
def test_reasoning(client: OpenAI, upstream: Upstream, way: str, summary: str | None) -> None:
    reasoning: Any = {"effort": "low", **({"summary": summary} if summary else {})}
    response = respond(client, way, model=MODEL, input="Think.", reasoning=reasoning)
    assert config(upstream)["thinkingConfig"]["thinkingLevel"] == "LOW"
    assert kinds(response) == (["reasoning", "message"] if summary else ["message"])
    if response.output[0].type == "reasoning":
        assert "I am a demo" in response.output[0].summary[0].text
    assert response.reasoning
    assert (response.reasoning.effort, response.reasoning.summary) == ("low", summary)
    assert response.usage
    assert response.usage.output_tokens_details.reasoning_tokens


@WAYS
def test_encrypted_content_of_a_text(client: OpenAI, way: str) -> None:
    response = respond(client, way, model=MODEL, input="Think.", store=False, include=[ENCRYPTED])
    assert kinds(response)[-1] == "reasoning"
    assert response.output[-1].type == "reasoning"
    assert response.output[-1].encrypted_content


# ---- shaped answers


class Person(BaseModel):
    name: str
    age: int


@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL])
def test_parse(client: OpenAI, upstream: Upstream, model: str) -> None:
    parsed = client.responses.parse(model=model, input="A person.", text_format=Person)
    assert parsed.output_parsed == Person(name="demo name", age=1)
    assert config(upstream)["responseMimeType"] == "application/json"
    with client.responses.stream(model=model, input="A person.", text_format=Person) as stream:
        assert stream.get_final_response().output_parsed == parsed.output_parsed


@WAYS
def test_a_json_schema(client: OpenAI, way: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    text: Any = {"format": {"type": "json_schema", "name": "s", "schema": schema, "strict": True}}
    response = respond(client, way, model=MODEL, input="x", text=text)
    assert json.loads(response.output_text) == {"a": 1}
    assert response.text
    assert response.text.format
    assert response.text.format.type == "json_schema"


# ---- media, and OpenAI's own tools


@WAYS
def test_an_image_in_the_input(client: OpenAI, upstream: Upstream, way: str) -> None:
    content: Any = [{"type": "input_text", "text": "See."}, {"type": "input_image", "image_url": RED_DOT}]
    response = respond(client, way, model=MODEL, input=[{"role": "user", "content": content}])
    assert "1 image (image/png, 70 bytes)" in response.output_text
    parts = sent(upstream)["contents"][0]["parts"]
    assert parts[1]["inlineData"] == {"mimeType": "image/png", "data": RED_DOT.partition(",")[2]}


@WAYS
@pytest.mark.parametrize("include", [[], ["web_search_call.action.sources"]], ids=["plain", "sources"])
def test_web_search(client: OpenAI, upstream: Upstream, way: str, include: list[Any]) -> None:
    response = respond(
        client, way, model=MODEL, input="Where is Zürich?", tools=[{"type": "web_search"}], include=include
    )
    assert sent(upstream)["tools"] == [{"googleSearch": {}}]
    assert sorted(kinds(response)) == ["message", "web_search_call"]
    (search,) = [item for item in response.output if item.type == "web_search_call"]
    assert search.action.type == "search"
    assert search.action.queries == ["Where is Zürich?"]
    sources = [source.url for source in search.action.sources or ()]
    assert sources == (["https://example.com/zurich", "https://example.org/lake"] if include else [])
    (message,) = [item for item in response.output if item.type == "message"]
    part: Any = message.content[0]
    cited = {part.text[a.start_index : a.end_index] for a in part.annotations}
    assert cited == {"Zürich lies in Switzerland 🇨🇭.", "It has a lake."}


@WAYS
@pytest.mark.parametrize("include", [[], ["code_interpreter_call.outputs"]], ids=["plain", "outputs"])
def test_code_interpreter(client: OpenAI, way: str, include: list[Any]) -> None:
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    response = respond(client, way, model=MODEL, input="Add up.", tools=tools, include=include)
    assert kinds(response) == ["code_interpreter_call", "message"]
    call: Any = response.output[0]
    assert call.code == "print(sum(range(11)))\n"
    assert call.outputs == (None if not include else call.outputs)
    assert [output.logs for output in call.outputs or ()] == (["55\n"] if include else [])


@WAYS
def test_image_generation(client: OpenAI, upstream: Upstream, way: str) -> None:
    response = respond(
        client, way, model="gemini-3.1-flash-image", input="A cat.", tools=[{"type": "image_generation"}]
    )
    assert config(upstream)["responseModalities"] == ["TEXT", "IMAGE"]
    assert kinds(response) == ["message", "image_generation_call"]
    image: Any = response.output[1]
    assert image.result.startswith("iVBOR")


# ---- how a response ends


@WHOLE_OR_EVENTS
def test_max_output_tokens(client: OpenAI, way: str) -> None:
    response = respond(client, way, model="gemini-2.5-flash", input="Hello!", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output[-1].type == "message"
    assert response.output[-1].status == "incomplete"


@WHOLE_OR_EVENTS
@pytest.mark.parametrize("model", ["demo-safety", "demo-recitation", "demo-blocked"])
def test_content_filter(client: OpenAI, way: str, model: str) -> None:
    response = respond(client, way, model=model, input="Hello!")
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == "content_filter"
    assert kinds(response) == ["message"]


@WAYS
def test_an_empty_answer(client: OpenAI, way: str) -> None:
    response = respond(client, way, model="demo-empty", input="Hello!")
    assert response.output_text == ""
    assert kinds(response) == ["message"]


@WHOLE_OR_EVENTS
@pytest.mark.parametrize(
    ("model", "status"),
    [("demo-400", 400), ("demo-404", 404), ("demo-500", 500), ("demo-garbage", 500), ("demo-error-first-event", 503)],
)
def test_upstream_errors_before_the_answer(client: OpenAI, way: str, model: str, status: int) -> None:
    if model == "demo-error-first-event" and way == "whole":
        model = "demo-503-all"
    with pytest.raises(APIStatusError) as caught:
        respond(client, way, model=model, input="Hello!")
    assert caught.value.status_code == status


# ---- what is refused

USER = {"role": "user", "content": "x"}
ORPHAN = {"type": "function_call_output", "call_id": "c", "output": ""}
REFUSED: list[Any] = [
    ("input missing", {}, "input"),
    ("input of a wrong type", {"input": 5}, "input"),
    ("an empty input", {"input": []}, "input"),
    ("an item of no type", {"input": [USER, {"type": 7}]}, "input[1].type"),
    ("an item that is none", {"input": [USER, 7]}, "input[1]"),
    ("a role of a wrong type", {"input": [{"role": 7, "content": "x"}]}, "input[0].role"),
    ("a part of no type", {"input": [{"role": "user", "content": [{"type": 7}]}]}, "input[0].content[0].type"),
    ("an orphan", {"input": [USER, ORPHAN]}, "input[1].call_id"),
    ("an unknown reference", {"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
    ("a tool of no type", {"input": "x", "tools": [{"type": 7}]}, "tools[0].type"),
    ("a refused tool", {"input": "x", "tools": [{"type": "file_search"}]}, "tools[0].type"),
    ("a chosen tool that there is not", {"input": "x", "tool_choice": {"type": "custom", "name": "f"}}, "tool_choice"),
    ("an unknown include", {"input": "x", "include": ["everything"]}, "include[0]"),
    ("a temperature of a wrong type", {"input": "x", "temperature": "hot"}, "temperature"),
    ("a temperature out of range", {"input": "x", "temperature": 3}, "temperature"),
    ("an effort that there is not", {"input": "x", "reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ("a summary that there is not", {"input": "x", "reasoning": {"summary": "long"}}, "reasoning.summary"),
    ("a format that there is not", {"input": "x", "text": {"format": {"type": "xml"}}}, "text.format.type"),
    ("a stored prompt", {"input": "x", "prompt": {"id": "p"}}, "prompt"),
    ("a conversation", {"input": "x", "conversation": "conv_1"}, "conversation"),
    ("background and no store", {"input": "x", "background": True, "store": False}, "background"),
    ("an id of a wrong type", {"input": "x", "previous_response_id": 5}, "previous_response_id"),
    ("a stream of a wrong type", {"input": "x", "stream": "yes"}, "stream"),
]


@pytest.mark.parametrize(("body", "param"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(client: OpenAI, upstream: Upstream, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.post("/responses", cast_to=object, body={"model": MODEL, **body})
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param == param
    assert not upstream.requests


UNKNOWN: list[Any] = [
    ("item", {"input": [USER, {"type": "telepathy"}]}, "input[1].type", "telepathy"),
    ("role", {"input": [{"role": "boss", "content": "x"}, USER]}, "input[0].role", "boss"),
    ("part", {"input": [{"role": "user", "content": [{"type": "smell"}]}]}, "input[0].content[0].type", "smell"),
    ("tool", {"input": "x", "tools": [{"type": "hammer"}]}, "tools[0].type", "hammer"),
]
BY_KIND = pytest.mark.parametrize(
    ("body", "param", "word"), [row[1:] for row in UNKNOWN], ids=[row[0] for row in UNKNOWN]
)


@BY_KIND
def test_what_is_unknown_is_left_out_with_a_note(gateway: Gateway, body: dict[str, Any], param: str, word: str) -> None:
    answer = gateway.call("POST", "/v1/responses", {"model": MODEL, **body})
    assert answer.status == 200, answer.body
    assert answer.json["status"] == "completed"
    assert f"unknown={param} {word}" in answer.headers["x-antigravity-notes"]


@BY_KIND
def test_what_is_unknown_is_refused_where_settings_are_strict(
    strict_gateway: Gateway, upstream: Upstream, body: dict[str, Any], param: str, word: str
) -> None:
    with checked_client(strict_gateway) as client, pytest.raises(BadRequestError) as caught:
        client.post("/responses", cast_to=object, body={"model": MODEL, **body})
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert word in caught.value.message
    assert not upstream.requests


def test_an_unknown_previous_response(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="Previous response with id 'resp_x' not found") as caught:
        client.responses.create(model=MODEL, input="x", previous_response_id="resp_x")
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


# ---- other shapes, other paths

CHAT = {"model": MODEL, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]}
ITEMS = {"model": MODEL, "instructions": "Be brief.", "input": "Hello!"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/responses", "/chat/completions/responses", "/chat/completions"])
@pytest.mark.parametrize("body", [CHAT, ITEMS], ids=["messages", "input"])
def test_the_path_says_how_the_answer_looks(
    client: OpenAI, upstream: Upstream, body: Any, path: str, stream: bool
) -> None:
    client.post(path, cast_to=object, body={**body, "stream": stream})  # the wire checks the answer
    found = sent(upstream)
    assert found["systemInstruction"]["parts"] == [{"text": "Be brief."}]
    assert found["contents"] == [{"role": "user", "parts": [{"text": "Hello!"}]}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions/responses", ITEMS),
        ("/v1/chat/completions", ITEMS),
        ("/v1/responses/chat/completions", CHAT),
    ],
)
def test_notes_of_paths_and_shapes(gateway: Gateway, path: str, body: Any) -> None:
    assert "path=" in gateway.call("POST", path, body).headers["x-antigravity-notes"]


def test_the_same_conversation_in_both_dialects(client: OpenAI, upstream: Upstream) -> None:
    chat_function = {"type": "function", "function": {k: v for k, v in FUNCTION.items() if k != "type"}}
    first = client.chat.completions.create(**CHAT, tools=[chat_function], reasoning_effort="low")  # type: ignore[call-overload]
    one = sent(upstream)
    message = first.choices[0].message
    call = message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": call.id, "content": "noon"}
    client.chat.completions.create(
        model=MODEL, messages=[*CHAT["messages"], message, result], tools=[chat_function], reasoning_effort="low"
    )  # type: ignore[call-overload]
    two = sent(upstream)
    body: Any = {**ITEMS, "tools": [FUNCTION], "reasoning": {"effort": "low"}, "store": False}
    client.responses.create(**body)
    assert sent(upstream) == one
    items: Any = [
        {"role": "user", "content": "Hello!"},
        {"type": "function_call", "call_id": call.id, "name": "get_time", "arguments": call.function.arguments},
        {"type": "function_call_output", "call_id": call.id, "output": "noon"},
    ]
    client.responses.create(**{**body, "input": items})
    assert sent(upstream) == two


def test_other_web_sockets_are_refused_so_that_clients_go_back_to_http(gateway: Gateway) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    answer = gateway.call("GET", "/v1/realtime", headers={**headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
    assert answer.status == 426
    assert answer.error["code"] == "websocket_not_supported"
