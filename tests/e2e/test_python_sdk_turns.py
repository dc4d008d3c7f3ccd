"""OpenAI's Python SDK: conversations of several turns, whatever clients keep of an answer when they send it back.

The demo upstream refuses calls of the current turn whose thought signature is missing or made up, for Gemini 3 and
later; so every second turn here is also a check of signatures.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import BadRequestError, OpenAI

from mapping.inspect.tiny_files import tiny_file
from tests.e2e.checked_sdk import BOTH_WAYS, checked_client, complete, sent, user
from tests.e2e.sdk_tools import TOOLS, by_hand, first_calls, is_genuine, results

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessage

    from tests.e2e.conftest import Gateway, Starter, Upstream

ONE_ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


# ---- how clients send an assistant message back


def as_object(message: ChatCompletionMessage) -> Any:
    """The SDK's object itself, which keeps members that the SDK does not know."""
    return message


def as_dump(message: ChatCompletionMessage) -> Any:
    """With a null for everything that is not there."""
    return message.model_dump()


def without_content(message: ChatCompletionMessage) -> Any:
    """`content` left away."""
    rebuilt = by_hand(message)
    del rebuilt["content"]
    return rebuilt


def with_empty_content(message: ChatCompletionMessage) -> Any:
    """`content` as an empty text."""
    return {**by_hand(message), "content": ""}


def with_thoughts(message: ChatCompletionMessage) -> Any:
    """What the model thought is echoed, as reasoning clients do."""
    return {**by_hand(message), "reasoning_content": "I thought about it.", "reasoning": "I thought about it."}


def reformatted(message: ChatCompletionMessage) -> Any:
    """Arguments written anew, with other blanks."""
    rebuilt = by_hand(message)
    for call in rebuilt["tool_calls"]:
        call["function"]["arguments"] = json.dumps(json.loads(call["function"]["arguments"]), indent=2)
    return rebuilt


REPLAYS = [as_object, as_dump, by_hand, without_content, with_empty_content, with_thoughts, reformatted]
type Replay = Callable[[ChatCompletionMessage], Any]


# ---- several turns


@BOTH_WAYS
@pytest.mark.parametrize("replay", REPLAYS)
@pytest.mark.parametrize("prompt", ["Use get_time.", "In parallel: get_weather and get_time"], ids=["one", "two"])
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_a_tool_loop(client: OpenAI, upstream: Upstream, model: str, prompt: str, replay: Replay, stream: bool) -> None:
    messages = user(prompt)
    first = complete(client, stream, model=model, messages=messages, tools=TOOLS).choices[0].message
    messages = [*messages, replay(first), *results(first)]
    last = complete(client, stream, model=model, messages=messages, tools=TOOLS).choices[0]
    assert last.finish_reason == "stop"
    for i in range(len(first.tool_calls or [])):
        assert f"result {i}" in (last.message.content or "")
    (part,) = first_calls(sent(upstream))
    assert is_genuine(part) == (model != "gemini-2.5-flash")
    messages = [*messages, replay(last.message) if replay in (as_object, as_dump) else last.message, *user("Thanks.")]
    third = complete(client, stream, model=model, messages=messages, tools=TOOLS).choices[0]
    assert third.finish_reason == "tool_calls"


@pytest.mark.parametrize("replay", [as_object, by_hand])
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash", "gemini-4-argon"])
def test_several_steps_in_one_turn(client: OpenAI, upstream: Upstream, model: str, replay: Replay) -> None:
    messages = user("parallel work")
    for _ in range(3):
        message = (
            client.chat.completions.create(model=model, messages=messages, tools=TOOLS, tool_choice="required")
            .choices[0]
            .message
        )
        messages = [*messages, replay(message), *results(message)]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, tools=TOOLS)
    assert "signature-dummy" not in raw.headers.get("x-antigravity-notes", "")
    steps = first_calls(sent(upstream))
    assert len(steps) == 3
    assert all(is_genuine(step) for step in steps) == (model != "gemini-2.5-flash")


def test_results_in_another_order_and_as_parts(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": "gemini-3-flash", "tools": TOOLS}
    messages = user("In parallel: get_weather and get_time")
    message = client.chat.completions.create(**body, messages=messages).choices[0].message
    first, second = results(message)
    second["content"] = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    raw = client.chat.completions.with_raw_response.create(**body, messages=[*messages, message, second, first])
    assert "result-order" in raw.headers["x-antigravity-notes"]
    answered = [part["functionResponse"] for part in sent(upstream)["contents"][2]["parts"]]
    assert [(result["name"], result["response"]) for result in answered] == [
        ("get_weather", {"output": "result 0"}),
        ("get_time", {"output": "one\ntwo"}),
    ]


PICTURE = f"data:image/png;base64,{b64encode(tiny_file('image/png')).decode()}"


def handed_on(url: str, *texts: str) -> Any:
    """The user's message by which clients hand on what a tool has seen: a tool message of chat holds text only."""
    words = [{"type": "text", "text": text} for text in texts]
    return {"role": "user", "content": [*words, {"type": "image_url", "image_url": {"url": url}}]}


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash", "gemini-4-argon"])
@pytest.mark.parametrize("in_id", [False, True], ids=["remembered", "after a restart"])
def test_parallel_calls_and_their_pictures_one_by_one(
    starter: Starter, upstream: Upstream, model: str, in_id: bool
) -> None:
    """As Goose tells them: call 1, result 1, its picture, call 2, result 2, its picture."""
    settings = f"[translation]\nsignature_in_call_id = {str(in_id).lower()}\n{ONE_ACCOUNT}"
    gateway = starter(settings)
    body: Any = {"model": model, "tools": TOOLS}
    messages = user("In parallel: get_weather and get_time")
    with checked_client(gateway) as client:
        first = client.chat.completions.create(**body, messages=messages).choices[0].message
        told, outputs = by_hand(first), results(first)
        for call, output in zip(told["tool_calls"], outputs, strict=True):
            messages += [{**told, "tool_calls": [call]}, output, handed_on(PICTURE)]
        if in_id:
            gateway.stop()
            starter(settings, "--mode", f"reverse:https://gateway.invalid@127.0.0.1:{gateway.port}")
        raw = client.chat.completions.with_raw_response.create(**body, messages=messages)
    assert raw.parse().choices[0].finish_reason == "stop"
    notes = raw.headers["x-antigravity-notes"]
    assert "signature-dummy" not in notes
    contents = sent(upstream)["contents"]
    if model == "gemini-2.5-flash":
        assert ["functionResponse" in part for part in contents[2]["parts"][:2]] == [True, not in_id]
        return
    assert "calls-joined" in notes
    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert [len(part["functionResponse"]["parts"]) for part in contents[2]["parts"]] == [1, 1]


@pytest.mark.parametrize("url", [PICTURE, "https://example.com/a.png"], ids=["data", "address"])
@pytest.mark.parametrize("texts", [[], ["Attached image(s) from tool result:"], ["Look here."]])
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash", "gemini-4-argon"])
def test_a_picture_after_a_result(client: OpenAI, upstream: Upstream, model: str, texts: list[str], url: str) -> None:
    body: Any = {"model": model, "tools": TOOLS}
    messages = user("Use get_time.")
    message = client.chat.completions.create(**body, messages=messages).choices[0].message
    messages = [*messages, message, *results(message), handed_on(url, *texts)]
    client.chat.completions.create(**body, messages=messages)
    contents = sent(upstream)["contents"]
    spoken = texts == ["Look here."]
    inserted = model != "gemini-2.5-flash" and (spoken or url != PICTURE)
    assert [content["role"] for content in contents] == ["user", "model", "user"] + ["model", "user"] * inserted
    assert "interrupted" not in str(contents)


def test_a_missing_result_and_one_too_many(client: OpenAI) -> None:
    body: Any = {"model": "gemini-3-flash", "tools": TOOLS}
    messages = user("In parallel: get_weather and get_time")
    message = client.chat.completions.create(**body, messages=messages).choices[0].message
    stray: Any = {"role": "tool", "tool_call_id": "call_unknown", "content": "x"}
    raw = client.chat.completions.with_raw_response.create(**body, messages=[*messages, message, results(message)[0]])
    assert "result-missing" in raw.headers["x-antigravity-notes"]
    with pytest.raises(BadRequestError, match="must be a response to a preceeding message") as caught:
        client.chat.completions.create(**body, messages=[*messages, stray])
    assert caught.value.param == "messages[1].role"


def test_a_conversation_that_goes_to_another_model(client: OpenAI, upstream: Upstream) -> None:
    messages = user("Use get_time.")
    message = client.chat.completions.create(model="gemini-3-flash", messages=messages, tools=TOOLS).choices[0].message
    messages = [*messages, message, *results(message)]
    for model in ("gemini-4-argon", "gemini-2.5-flash"):
        raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, tools=TOOLS)
        assert "signature-foreign" in raw.headers["x-antigravity-notes"]
        assert "result 0" in (raw.parse().choices[0].message.content or "")
        assert not is_genuine(first_calls(sent(upstream))[0])


# ---- a gateway that has forgotten


RESTARTS = [
    ("gemini-3-flash", True, by_hand, False),
    ("gemini-3-flash", True, by_hand, True),
    ("gemini-3-flash", False, by_hand, False),
    ("gemini-3-flash", False, as_object, True),
    ("gemini-2.5-flash", True, by_hand, True),
    ("gemini-2.5-flash", False, by_hand, False),
]


@pytest.mark.parametrize(("model", "in_id", "replay", "stream"), RESTARTS)
def test_a_restart_between_the_turns(
    starter: Starter, upstream: Upstream, model: str, in_id: bool, replay: Replay, stream: bool
) -> None:
    settings = f"[translation]\nsignature_in_call_id = {str(in_id).lower()}\n{ONE_ACCOUNT}"
    gateway = starter(settings)
    body: Any = {"model": model, "tools": TOOLS}
    messages = user("In parallel: get_weather and get_time")
    with checked_client(gateway) as client:
        first = complete(client, stream, **body, messages=messages).choices[0].message
        gateway.stop()
        # The next one listens where this one did, too.
        starter(settings, "--mode", f"reverse:https://gateway.invalid@127.0.0.1:{gateway.port}")
        messages = [*messages, replay(first), *results(first)]
        raw = client.chat.completions.with_raw_response.create(**body, messages=messages)
    assert "result 1" in (raw.parse().choices[0].message.content or "")
    (part,) = first_calls(sent(upstream))
    notes = raw.headers.get("x-antigravity-notes", "")
    kept = in_id or replay is as_object
    if model == "gemini-2.5-flash":  # signs nothing in the demo, and needs no signature
        assert "thoughtSignature" not in part
        assert "signature-dummy" not in notes
    else:
        assert is_genuine(part) == kept
        assert ("signature-dummy" in notes) == (not kept)
        assert part["functionCall"]["id"].startswith("fc-")  # Gemini's own id, whatever the client was told


# ---- turns without calls


@BOTH_WAYS
@pytest.mark.parametrize("keep", [True, False], ids=["as object", "text only"])
def test_signatures_of_texts(client: OpenAI, upstream: Upstream, keep: bool, stream: bool) -> None:
    messages = user("A first question.")
    for _ in range(2):
        message = complete(client, stream, model="gemini-3-flash", messages=messages).choices[0].message
        told: Any = message if keep else {"role": "assistant", "content": f"{message.content} "}
        messages = [*messages, told, *user("And a second.")]
    complete(client, stream, model="gemini-3-flash", messages=messages)
    for content in sent(upstream)["contents"]:
        assert is_genuine(content["parts"][-1]) == (content["role"] == "model")


@BOTH_WAYS
@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash"])
def test_code_that_gemini_ran(client: OpenAI, upstream: Upstream, model: str, stream: bool) -> None:
    body: Any = {"model": model, "extra_body": {"extra_body": {"google": {"tools": [{"code_execution": {}}]}}}}
    message = complete(client, stream, **body, messages=user("Add up.")).choices[0].message
    assert (message.content or "").startswith("```python\nprint(sum(range(11)))\n```\n```\n55\n```\nThis is")
    complete(client, stream, **body, messages=[*user("Add up."), message, *user("Thanks.")])
    parts = sent(upstream)["contents"][1]["parts"]
    assert [next(iter(part)) for part in parts[:3]] == ["executableCode", "codeExecutionResult", "text"]


@BOTH_WAYS
def test_thoughts_before_calls(client: OpenAI, stream: bool) -> None:
    body: Any = {"model": "gemini-3-flash", "tools": TOOLS, "reasoning_effort": "low"}
    message: Any = complete(client, stream, **body, messages=user("parallel")).choices[0].message
    assert message.reasoning_content
    assert len(message.tool_calls) == 2
    last = complete(client, stream, **body, messages=[*user("parallel"), message, *results(message)])
    assert last.choices[0].finish_reason == "stop"
