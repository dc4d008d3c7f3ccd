"""`/v1/responses` as a stream: the events and their order, what the SDK's helper makes of them, how streams end, and
streams that are asked for again.

Every stream is checked by `response_checks`: types, numbers, items that add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import APIError, NotFoundError, OpenAI

from mapping.responses import signs_of_life
from tests.e2e.checked_sdk import checked_client
from tests.e2e.conftest import ROOT, ScriptedUpstream, http_answer, start_gateway
from tests.e2e.response_checks import check_stream
from tests.e2e.responses_sdk import ENCRYPTED, FUNCTION, GRAMMAR, MODEL, WEATHER, respond

if TYPE_CHECKING:
    from tests.e2e.conftest import Answer, Gateway, Starter, Upstream

WIRE = ROOT / "tests" / "data" / "wire"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


def post(gateway: Gateway, model: str = MODEL, text: Any = "Hello!", **more: Any) -> Answer:
    return gateway.call("POST", "/v1/responses", {"model": model, "input": text, "stream": True, **more})


def events_of(gateway: Gateway, model: str = MODEL, text: Any = "Hello!", **more: Any) -> list[dict[str, Any]]:
    answer = post(gateway, model, text, **more)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/event-stream")
    return check_stream(answer.body)


def names(events: list[dict[str, Any]]) -> list[str]:
    """The types of the events; deltas that follow one another count once."""
    found: list[str] = []
    for event in events:
        name = event["type"].removeprefix("response.")
        if not (name.endswith("delta") and found[-1:] == [name]):
            found.append(name)
    return found


BEGIN = ["created", "in_progress"]
ADDED, DONE = "output_item.added", "output_item.done"
TEXT = [
    *[ADDED, "content_part.added", "output_text.delta"],
    *["output_text.done", "content_part.done", DONE],
]
REASONING = [
    *[ADDED, "reasoning_summary_part.added", "reasoning_summary_text.delta"],
    *["reasoning_summary_text.done", "reasoning_summary_part.done", DONE],
]
CALL = [ADDED, "function_call_arguments.delta", "function_call_arguments.done", DONE]
CODE = [
    *[ADDED, "code_interpreter_call.in_progress", "code_interpreter_call_code.delta"],
    *["code_interpreter_call_code.done", "code_interpreter_call.interpreting", "code_interpreter_call.completed", DONE],
]
IMAGE = [ADDED, *[f"image_generation_call.{step}" for step in ("in_progress", "generating", "completed")], DONE]
SEARCH = [ADDED, *[f"web_search_call.{step}" for step in ("in_progress", "searching", "completed")], DONE]
SHELL = [ADDED, *[f"shell_call_command.{step}" for step in ("added", "delta", "done")], DONE]
CARRIER = [ADDED, DONE]
SUMMARY: Any = {"reasoning": {"summary": "auto"}}
CARRY = {"store": False, "include": [ENCRYPTED]}

SEQUENCES: list[Any] = [
    ("text", {}, TEXT),
    ("reasoning", SUMMARY, [*REASONING, *TEXT]),
    ("call", {"tools": [FUNCTION]}, CALL),
    ("calls", {"tools": [FUNCTION, WEATHER], "text": "In parallel."}, [*CALL, *CALL]),
    ("reasoning and call", {"tools": [FUNCTION], **SUMMARY, **CARRY}, [*REASONING, *CALL]),
    ("call with a carrier", {"tools": [FUNCTION], **CARRY}, [*CARRIER, *CALL]),
    ("text with a carrier", CARRY, [*TEXT, *CARRIER]),
    (
        "custom",
        {"tools": [GRAMMAR]},
        [ADDED, "custom_tool_call_input.delta", "custom_tool_call_input.done", DONE],
    ),
    ("local shell", {"tools": [{"type": "local_shell"}]}, [ADDED, DONE]),
    ("shell", {"tools": [{"type": "shell"}]}, SHELL),
    ("patch", {"tools": [{"type": "apply_patch"}]}, [ADDED, DONE]),
    ("code", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, [*CODE, *TEXT]),
    (
        "image",
        {"model": "gemini-3.1-flash-image", "tools": [{"type": "image_generation"}]},
        [*TEXT, *IMAGE],
    ),
]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in SEQUENCES], ids=[row[0] for row in SEQUENCES])
def test_the_order_of_events(gateway: Gateway, body: dict[str, Any], expected: list[str]) -> None:
    assert names(events_of(gateway, **body)) == [*BEGIN, *expected, "completed"]


def test_sources_come_with_the_end(gateway: Gateway) -> None:
    told = names(events_of(gateway, tools=[{"type": "web_search"}]))
    assert told.count("output_text.annotation.added") == 3
    assert [name for name in told if name != "output_text.annotation.added"] == [*BEGIN, *TEXT, *SEARCH, "completed"]


def test_no_obfuscation_and_no_done_line(gateway: Gateway) -> None:
    answer = post(gateway, stream_options={"include_obfuscation": True})
    assert b"obfuscation" not in answer.body
    assert b"[DONE]" not in answer.body
    assert b"choices" not in answer.body


def test_text_comes_in_pieces(client: OpenAI) -> None:
    with client.responses.stream(model=MODEL, input="Hello!") as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(pieces) > 2
    assert "".join(pieces) == final.output_text


def test_the_helper_with_tools_and_reasoning(client: OpenAI) -> None:
    tools: Any = [FUNCTION]
    with client.responses.stream(
        model=MODEL, input="Go on.", tools=tools, reasoning={"effort": "low", "summary": "auto"}
    ) as stream:
        types = {event.type for event in stream}
        final = stream.get_final_response()
    assert {"response.reasoning_summary_text.delta", "response.function_call_arguments.done"} <= types
    assert [item.type for item in final.output] == ["reasoning", "function_call"]


# ---- ends


@pytest.mark.parametrize("model", ["demo-max-tokens", "demo-recitation", "demo-safety", "demo-blocked"])
def test_an_incomplete_stream(gateway: Gateway, model: str) -> None:
    events = events_of(gateway, model)
    last = events[-1]
    reason = "max_output_tokens" if model == "demo-max-tokens" else "content_filter"
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    if model == "demo-blocked":
        assert {"refusal.delta", "refusal.done"} <= set(names(events))
    else:
        assert last["response"]["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize("model", ["demo-error-mid-stream", "demo-cut-mid-stream"])
def test_a_failure_in_mid_stream(gateway: Gateway, client: OpenAI, model: str) -> None:
    events = events_of(gateway, model)
    error, failed = events[-2:]
    assert error["type"] == "error"
    assert error["error"]["message"]
    assert failed["type"] == "response.failed"
    response = failed["response"]
    assert response["error"] == {"code": "server_error", "message": error["message"]}
    assert response["output"][0]["status"] == "incomplete", "nothing looks complete"
    assert "output_text.done" not in names(events)
    kept = client.responses.retrieve(response["id"]).model_dump(mode="json", exclude_unset=True)
    assert kept["status"] == "failed"
    assert kept["error"] == response["error"]
    again = gateway.call("GET", f"/v1/responses/{response['id']}?stream=true")
    assert check_stream(again.body) == events


def test_the_sdk_raises_the_failure(client: OpenAI) -> None:
    events = client.responses.create(model="demo-error-mid-stream", input="Hello!", stream=True)
    assert next(events).type == "response.created"
    with pytest.raises(APIError) as caught:
        list(events)
    assert caught.value.type == "server_error"


def test_a_stream_that_does_not_say_why_it_ends(gateway: Gateway) -> None:
    assert events_of(gateway, "demo-end-without-finish")[-1]["type"] in (
        "response.completed",
        "response.incomplete",
        "response.failed",
    )


@pytest.mark.parametrize("model", ["demo-503", "demo-429", "demo-malformed-call"])
def test_another_account_before_the_first_event(gateway: Gateway, model: str) -> None:
    events = events_of(gateway, f"{model}-responses")
    assert events[-1]["type"] == "response.completed"
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1


@pytest.fixture(scope="module")
def restless(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that shows life often, with a second account that cannot be reached."""
    settings = (
        '[proxy]\nkeep_alive = "50ms"\n'
        f'[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "{upstream.url}"\nmodels = ["demo-*"]\n'
        f'[[accounts]]\nemail = "b"\napi_key = "k2"\nbase_url = "{upstream.url}"\nmodels = ["demo-503-*"]\n'
        '[[accounts]]\nemail = "c"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\nmodels = ["gemini-*"]\n'
        '[[accounts]]\nemail = "d"\napi_key = "k"\nbase_url = "http://127.0.0.1:9"\nmodels = ["gemini-*"]\n'
    )
    gateway = start_gateway(tmp_path_factory.mktemp("restless"), settings)
    yield gateway
    gateway.stop()


IN_PROGRESS = b"event: response.in_progress\n"


@pytest.mark.parametrize("model", ["demo-slow-0.3", "demo-503-first-life-responses"])
def test_signs_of_life_before_the_first_event(restless: Gateway, model: str) -> None:
    answer = post(restless, model)
    assert answer.body.count(IN_PROGRESS) > 2
    check_stream(answer.body)
    assert names(check_stream(signs_of_life.removed(answer.body))) == [*BEGIN, *TEXT, "completed"]


def test_a_failure_after_a_sign_of_life(restless: Gateway) -> None:
    answer = post(restless, "gemini-3-flash")
    assert answer.status == 200
    assert answer.body.count(IN_PROGRESS) > 1
    assert names(check_stream(signs_of_life.removed(answer.body))) == [*BEGIN, "error", "failed"]


def test_an_answer_that_is_continued(starter: Starter) -> None:
    hops = [(WIRE / f"stream_long_decode_hop{i}.sse").read_bytes() for i in (1, 2)]
    scripted = ScriptedUpstream(*(http_answer(hop, "text/event-stream") for hop in hops))
    gateway = starter(f'[[accounts]]\nemail="a"\napi_key="k"\nbase_url="{scripted.url}"\n')
    events = events_of(gateway, "gemini-4-argon")
    assert [body.get("continuationToken") for body in scripted.bodies] == [None, "Y2twdC0y"]
    assert names(events) == [*BEGIN, *TEXT, "completed"]
    scripted.close()


# ---- again


def test_a_stream_again(gateway: Gateway, client: OpenAI) -> None:
    events = events_of(gateway, **SUMMARY)
    id = events[0]["response"]["id"]
    assert check_stream(gateway.call("GET", f"/v1/responses/{id}?stream=true").body) == events
    for after in (0, 3, len(events) - 2):
        answer = gateway.call("GET", f"/v1/responses/{id}?stream=true&starting_after={after}")
        assert check_stream(answer.body) == events[after + 1 :]
    told = list(client.responses.retrieve(id, stream=True, starting_after=4))
    assert [event.sequence_number for event in told] == list(range(5, len(events)))
    with client.responses.stream(response_id=id) as stream:
        assert stream.get_final_response().output_text == events[-1]["response"]["output"][-1]["content"][0]["text"]


@pytest.mark.parametrize(("body", "expected"), [row[1:] for row in SEQUENCES], ids=[row[0] for row in SEQUENCES])
def test_the_stream_of_what_was_none(
    client: OpenAI, gateway: Gateway, body: dict[str, Any], expected: list[str]
) -> None:
    text = body.get("text", "Hello!")
    rest = {name: value for name, value in body.items() if name not in ("text", "store")}
    made = respond(client, "whole", **{"model": MODEL, **rest, "input": text})
    told = check_stream(gateway.call("GET", f"/v1/responses/{made.id}?stream=true").body)
    assert [event["item"]["type"] for event in told if event["type"] == "response.output_item.done"] == [
        item.type for item in made.output
    ]
    with client.responses.stream(response_id=made.id) as stream:
        assert stream.get_final_response().output_text == made.output_text


def test_a_number_that_is_none(gateway: Gateway) -> None:
    id = events_of(gateway)[0]["response"]["id"]
    answer = gateway.call("GET", f"/v1/responses/{id}?stream=true&starting_after=x")
    assert (answer.status, answer.error["param"]) == (400, "starting_after")


def test_a_stream_that_is_not_there(client: OpenAI) -> None:
    with pytest.raises(NotFoundError):
        client.responses.retrieve("resp_x", stream=True)


def test_a_stream_in_the_background(gateway: Gateway) -> None:
    events = events_of(gateway, background=True)
    assert names(events) == ["created", "queued", "in_progress", *TEXT, "completed"]
    assert events[0]["response"]["status"] == "queued"
