"""Tools with Anthropic's Python SDK: calls, results, signatures that come back, the tool runner and its threads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from anthropic import beta_tool

from tests.e2e.checked_sdk import sent
from tests.e2e.conftest import TWO_ACCOUNTS
from tests.e2e.messages.sdk import CLOCK, MODEL, WAYS, WEATHER, ask, calls, checked_client, kinds, results, text, user
from tests.e2e.sdk_tools import first_calls, is_genuine

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import Message

    from tests.e2e.conftest import Gateway, Starter, Upstream

TOOLS: list[Any] = [WEATHER, CLOCK]
BOTH = "In parallel: get_weather and get_time"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[Anthropic]:
    with checked_client(gateway) as checked:
        yield checked


def as_objects(message: Message) -> Any:
    """The turn as an application sends it back, which kept the SDK's objects."""
    return {"role": "assistant", "content": message.content}


def as_params(message: Message) -> Any:
    """As one that keeps JSON."""
    return {"role": "assistant", "content": json.loads(json.dumps([b.to_dict() for b in message.content]))}


def without_thoughts(message: Message) -> Any:
    """As one that knows of texts and calls only."""
    kept = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in calls(message)]
    return {"role": "assistant", "content": kept}


@WAYS
@pytest.mark.parametrize("thinking", [None, {"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}])
@pytest.mark.parametrize("back", [as_objects, as_params, without_thoughts])
def test_calls_and_their_results(client: Anthropic, upstream: Upstream, way: str, thinking: Any, back: Any) -> None:
    more = {"thinking": thinking} if thinking else {}
    first = ask(client, way, messages=user(BOTH), tools=TOOLS, max_tokens=4000, **more)
    assert first.stop_reason == "tool_use"
    made = [(call.name, call.input) for call in calls(first)]
    assert made == [("get_weather", {"city": "demo city"}), ("get_time", {})]
    assert ("thinking" in kinds(first)) >= bool(thinking)

    turns = [*user(BOTH), back(first), results(first)]
    second = ask(client, way, messages=turns, tools=TOOLS, max_tokens=4000, **more)
    assert second.stop_reason == "end_turn"
    assert "result 0" in text(second)
    assert "result 1" in text(second)
    (call,) = first_calls(sent(upstream))
    assert is_genuine(call)
    assert [part["functionResponse"]["name"] for part in sent(upstream)["contents"][-1]["parts"]] == [
        "get_weather",
        "get_time",
    ]


ADAPTIVE: Any = {"type": "adaptive", "display": "omitted"}


@pytest.mark.parametrize(
    ("thinking", "back", "kept"),
    [(ADAPTIVE, as_objects, True), (None, without_thoughts, True), (ADAPTIVE, as_params, False)],
    ids=["in thoughts", "in the ids of calls", "no other gateway opens them"],
)
def test_signatures_over_a_restart(
    starter: Starter, upstream: Upstream, tmp_path: Path, thinking: Any, back: Any, kept: bool
) -> None:
    """They are in what the client keeps, if the new gateway has the old one's key."""
    settings = (f'[responses]\nstore = "{tmp_path / "store.sqlite"}"\n' if kept else "") + TWO_ACCOUNTS
    asked = {"tools": TOOLS, **({"thinking": thinking} if thinking else {})}
    before = starter(settings)
    with checked_client(before) as client:
        first = ask(client, messages=user(BOTH), **asked)
    before.stop()
    with checked_client(starter(settings)) as client:
        turns = [*user(BOTH), back(first), results(first)]
        assert "result 1" in text(ask(client, messages=turns, **asked))
    (call,) = first_calls(sent(upstream))
    assert is_genuine(call) == kept


def test_a_choice(client: Anthropic, upstream: Upstream) -> None:
    asked: dict[str, Any] = {"messages": user(BOTH), "tools": TOOLS}
    assert not calls(ask(client, **asked, tool_choice={"type": "none"}))
    one = ask(client, **asked, tool_choice={"type": "tool", "name": "get_time"})
    assert {call.name for call in calls(one)} == {"get_time"}
    assert len(calls(ask(client, **asked, tool_choice={"type": "any", "disable_parallel_tool_use": True}))) == 1


def test_a_result_that_failed_and_one_with_a_picture(client: Anthropic, upstream: Upstream) -> None:
    first = ask(client, messages=user(BOTH), tools=TOOLS)
    answered = results(first)
    answered["content"][0] |= {"is_error": True}
    data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    answered["content"][1]["content"] = [{"type": "text", "text": "Look."}, picture]
    ask(client, messages=[*user(BOTH), as_params(first), answered], tools=TOOLS)
    failed, seen = [part["functionResponse"] for part in sent(upstream)["contents"][-1]["parts"]]
    assert "error" in failed["response"]
    assert [part["inlineData"]["mimeType"] for part in seen["parts"]] == ["image/png"]


# ---- the tool runner


@beta_tool
def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: Which one.
    """
    return f"It rains in {city}."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("threads", [True, False], ids=["with threads", "without"])
def test_the_tool_runner(gateway: Gateway, upstream: Upstream, stream: bool, threads: bool) -> None:
    """It wants the server to keep the conversation, and goes on with all of it when it is told that it does not."""
    more: dict[str, Any] = {} if threads else {"thread": False}
    with checked_client(gateway) as client:
        runner = client.beta.messages.tool_runner(
            model=MODEL,
            max_tokens=1000,
            tools=[get_weather],
            messages=user('call get_weather {"city": "Zürich"}'),
            stream=stream,
            **more,
        )
        final = runner.until_done()
    assert "It rains in Zürich." in final.content[-1].text
    asked = [request.body for request in upstream.requests]
    assert [len(body["contents"]) for body in asked] == [1, 3]
    assert all("tools" in body for body in asked)
    assert all(map(is_genuine, first_calls(asked[-1])))


def test_what_a_thread_is_told(client: Anthropic, upstream: Upstream) -> None:
    with pytest.raises(Exception, match="thread") as raised:
        client.beta.messages.create(model=MODEL, max_tokens=10, messages=user(), thread={"type": "create"})
    body: Any = raised.value
    assert body.status_code == 400
    assert body.body["error"]["details"]["error_code"] == "thread_unsupported_request"
    assert not upstream.requests
