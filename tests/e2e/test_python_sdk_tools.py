"""OpenAI's Python SDK: tools and the choice among them, custom tools, and the deprecated functions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

from tests.e2e.checked_sdk import BOTH_WAYS, checked_client, complete, sent, user
from tests.e2e.sdk_tools import ARGUMENTS, CLOCK, NOTHING, TOOLS, by_hand, first_calls, function, results

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

SIGNING = ["gemini-3-flash", "gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-4-argon"]
ALL = ["gemini-2.5-flash", *SIGNING]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- one turn


@BOTH_WAYS
@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_call(client: OpenAI, model: str, name: str, stream: bool) -> None:
    completion = complete(client, stream, model=model, messages=user(f"Use {name}."), tools=TOOLS)
    choice = completion.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None or (stream and choice.message.content == "")
    (call,) = choice.message.tool_calls or ()
    assert call.type == "function"
    assert call.function.name == name
    assert json.loads(call.function.arguments) == ARGUMENTS[name]


@BOTH_WAYS
@pytest.mark.parametrize("model", ALL)
def test_parallel_calls(client: OpenAI, model: str, stream: bool) -> None:
    completion = complete(
        client, stream, model=model, messages=user("In parallel: get_weather and get_time"), tools=TOOLS
    )
    calls: list[Any] = completion.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ["get_weather", "get_time"]
    assert len({call.id for call in calls}) == 2


@BOTH_WAYS
def test_the_same_call_twice_has_two_ids(client: OpenAI, stream: bool) -> None:
    completion = complete(client, stream, model="gemini-2.5-flash", messages=user("parallel"), tools=[CLOCK])
    calls: list[Any] = completion.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == ["get_time", "get_time"]
    assert calls[0].id != calls[1].id


class GetForecast(BaseModel):
    """Forecast for a place."""

    place: str
    days: int | None


@BOTH_WAYS
def test_parsed_arguments(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    body: Any = {
        "model": "gemini-3-flash",
        "messages": user(),
        "tools": [openai.pydantic_function_tool(GetForecast)],
    }
    if stream:
        message: Any = complete(client, True, **body).choices[0].message
    else:
        message = client.chat.completions.parse(**body).choices[0].message
    parsed = message.tool_calls[0].function.parsed_arguments
    assert isinstance(parsed, GetForecast)
    assert sent(upstream)["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}  # it is strict


CHOICES: list[tuple[Any, dict[str, Any] | None, list[str]]] = [
    ("auto", None, ["get_weather"]),
    ("none", {"mode": "NONE"}, []),
    ("required", {"mode": "ANY"}, ["get_weather"]),
    (
        {"type": "function", "function": {"name": "get_time"}},
        {"mode": "ANY", "allowedFunctionNames": ["get_time"]},
        ["get_time"],
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [CLOCK, NOTHING]}},
        {"mode": "VALIDATED", "allowedFunctionNames": ["get_time", "do_nothing"]},
        ["get_time"],
    ),
    (
        {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NOTHING]}},
        {"mode": "ANY", "allowedFunctionNames": ["do_nothing"]},
        ["do_nothing"],
    ),
]


@pytest.mark.parametrize(("choice", "expected", "called"), CHOICES, ids=[str(c)[:60] for c, _, _ in CHOICES])
def test_tool_choice(
    client: OpenAI, upstream: Upstream, choice: Any, expected: dict[str, Any] | None, called: list[str]
) -> None:
    completion = client.chat.completions.create(
        model="gemini-3-flash", messages=user(), tools=TOOLS, tool_choice=choice
    )
    calls: list[Any] = completion.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls] == called
    assert completion.choices[0].finish_reason == ("tool_calls" if called else "stop")
    calling = sent(upstream).get("toolConfig", {}).get("functionCallingConfig")
    assert calling == expected
    assert len(sent(upstream)["tools"][0]["functionDeclarations"]) == 3


def test_choosing_a_tool_that_is_not_there(client: OpenAI, upstream: Upstream) -> None:
    choice: Any = {"type": "function", "function": {"name": "get_rich"}}
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model="gemini-3-flash", messages=user(), tools=TOOLS, tool_choice=choice)
    assert caught.value.param == "tool_choice"
    assert not upstream.requests


def test_a_name_that_gemini_does_not_take_comes_back_as_it_was(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": "gemini-3-flash", "tools": [function("3d-render", scene={"type": "string"})]}
    raw = client.chat.completions.with_raw_response.create(**body, messages=user())
    assert "renamed=3d-render" in raw.headers["x-antigravity-notes"]
    message = raw.parse().choices[0].message
    calls: list[Any] = message.tool_calls or []
    assert [call.function.name for call in calls] == ["3d-render"]
    client.chat.completions.create(**body, messages=[*user(), by_hand(message), *results(message)])
    declared = sent(upstream)["tools"][0]["functionDeclarations"][0]["name"]
    assert first_calls(sent(upstream))[0]["functionCall"]["name"] == declared != "3d-render"


# ---- custom tools, and the deprecated functions


CUSTOM: Any = {
    "type": "custom",
    "custom": {
        "name": "run_code",
        "description": "Runs code.",
        "format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "^print"}},
    },
}


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
@pytest.mark.parametrize("by", ["object", "hand"])
def test_custom_tools(client: OpenAI, upstream: Upstream, model: str, by: str) -> None:
    body: Any = {"model": model, "tools": [CUSTOM, CLOCK]}
    messages = user("run_code")
    message = client.chat.completions.create(**body, messages=messages).choices[0].message
    (call,) = message.tool_calls or ()
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("run_code", "demo input")
    assert "^print" in sent(upstream)["tools"][0]["functionDeclarations"][0]["description"]
    custom = {"id": call.id, "type": "custom", "custom": {"name": "run_code", "input": "demo input"}}
    told: Any = message if by == "object" else {"role": "assistant", "tool_calls": [custom]}
    last = client.chat.completions.create(**body, messages=[*messages, told, *results(message)])
    assert "result 0" in (last.choices[0].message.content or "")
    assert first_calls(sent(upstream))[0]["functionCall"]["args"] == {"input": "demo input"}


def test_custom_tools_streamed(client: OpenAI) -> None:
    """By `create`: the SDK's stream helper cannot read custom calls."""
    stream = client.chat.completions.create(
        model="gemini-3-flash", messages=user("run_code"), tools=[CUSTOM], stream=True
    )
    calls: list[Any] = [call for chunk in stream for call in chunk.choices[0].delta.tool_calls or ()]
    assert [(call.index, call.type, call.custom) for call in calls] == [
        (0, "custom", {"name": "run_code", "input": "demo input"})
    ]


@BOTH_WAYS
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_legacy_functions(client: OpenAI, upstream: Upstream, model: str, stream: bool) -> None:
    body: Any = {"model": model, "functions": [CLOCK["function"]], "function_call": {"name": "get_time"}}
    messages = user("In parallel.")
    choice = complete(client, stream, **body, messages=messages).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.tool_calls is None
    call: Any = choice.message.function_call
    assert (call.name, json.loads(call.arguments)) == ("get_time", {"zone": "UTC"})
    told = {"role": "assistant", "content": None, "function_call": {"name": call.name, "arguments": call.arguments}}
    result = {"role": "function", "name": "get_time", "content": "noon"}
    body["function_call"] = "auto"
    last = complete(client, stream, **body, messages=[*messages, told, result]).choices[0]
    assert last.finish_reason == "stop"
    assert "noon" in (last.message.content or "")
    assert sent(upstream)["contents"][2]["parts"][0]["functionResponse"]["response"] == {"output": "noon"}
