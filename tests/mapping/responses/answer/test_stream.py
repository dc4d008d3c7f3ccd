"""The events of a Responses stream."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.openai.errors import error_object
from mapping.request.signatures import text_key
from mapping.responses import signs_of_life
from mapping.responses.answer.answer import ResponsesAnswer
from mapping.responses.answer.stream import ResponsesStream
from mapping.responses.plan import ResponsesPlan, ToolKind
from mapping.responses.request.echo import echo
from mapping.values import Options

CREATED = 1_700_000_000
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ECHO = echo({}, reasoning={}, text={})

UNKNOWN_TO_THE_SDK = {
    ("Response", "store"),
    ("Response", "extra_content"),
    ("ResponseFunctionCallArgumentsDoneEvent", "name"),
    ("ResponseShellCallCommandAddedEvent", "item_id"),
    ("ResponseShellCallCommandDeltaEvent", "item_id"),
    ("ResponseShellCallCommandDoneEvent", "item_id"),
    ("ResponseCustomToolCall", "status"),
    ("ResponseErrorEvent", "error"),
    ("Logprob", "bytes"),
    ("LogprobTopLogprob", "bytes"),
}
"""Members beyond the SDK's types that go out on purpose."""


def settings_of(plan: dict[str, Any]) -> dict[str, Any]:
    count = itertools.count(1)
    return {
        "plan": ResponsesPlan("gpt-x", "gemini-3.8-flash", stream=True, **{"echo": ECHO, **plan}),
        "created": CREATED,
        "mint": lambda prefix: f"{prefix}{next(count)}",
        "notes": Notes(),
        "seal": lambda payload: "sealed:" + json.dumps(payload),
        "response_id": "resp_1",
        "clock": lambda: CREATED + 3,
    }


def streaming(**plan: Any) -> ResponsesStream:
    return ResponsesStream(**settings_of(plan))


def event(*parts: Any, **candidate: Any) -> dict[str, Any]:
    """A response with one candidate."""
    content = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return {"candidates": [{**content, **candidate}], "responseId": "r1"}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(item).encode() + b"\r\n\r\n" for item in events)


def streamed(*events: Any, **plan: Any) -> bytes:
    stream = streaming(**plan)
    return stream.feed(sse(*events)) + stream.end()


def finish(stream: ResponsesStream, last: bytes) -> bytes:
    return stream.feed(last) + stream.end()


def read(data: bytes) -> list[dict[str, Any]]:
    """The events as a client reads them; the name of each is its type."""
    *events, rest = data.split(b"\n\n")
    assert rest == b""
    found = []
    for item in events:
        name, body = item.split(b"\n", 1)
        found.append(json.loads(body.removeprefix(b"data: ")))
        assert name == b"event: " + found[-1]["type"].encode()
    return found


def extras(model: Any) -> Iterator[tuple[str, str]]:
    """The members that the SDK has no type for."""
    if isinstance(model, list):
        for item in model:
            yield from extras(item)
    if isinstance(model, BaseModel):
        yield from ((type(model).__name__, name) for name in model.model_extra or ())
        for name in type(model).model_fields:
            yield from extras(getattr(model, name))


def checked(data: bytes, sequence: int = 0) -> list[dict[str, Any]]:
    """The events of a whole stream, after all that must be true of any stream."""
    events = read(data)
    assert [item["sequence_number"] for item in events] == list(range(sequence, sequence + len(events)))
    for item in events:
        known = item
        if item["type"] == "response.failed" and item["response"]["error"]["code"] in (
            "context_length_exceeded",
            "insufficient_quota",
        ):
            known = {**item, "response": {**item["response"], "error": {"code": "server_error", "message": ""}}}
        model = EVENT.validate_json(json.dumps(known), strict=True)
        assert set(extras(model)) <= UNKNOWN_TO_THE_SDK
    check_items(events)
    assert events[-1]["type"] in ("response.completed", "response.incomplete", "response.failed")
    return events


def check_items(events: list[dict[str, Any]]) -> None:
    """Items come dense and one by one; what is told of one is told while it is open."""
    open_item: dict[str, Any] | None = None
    count = 0
    done = []
    for item in events:
        match item["type"]:
            case "response.output_item.added":
                assert open_item is None
                assert item["output_index"] == count
                open_item = item["item"]
                count += 1
            case "response.output_item.done":
                assert open_item is not None
                assert item["output_index"] == count - 1
                assert (item["item"]["id"], item["item"]["type"]) == (open_item["id"], open_item["type"])
                assert set(item["item"]) >= set(open_item)
                done.append(item["item"])
                open_item = None
            case "response.output_text.annotation.added":
                assert item["output_index"] < count
            case _ if "item_id" in item:
                assert open_item is not None
                assert (item["item_id"], item["output_index"]) == (open_item["id"], count - 1)
    last = events[-1]
    if last["type"] != "response.failed":
        assert open_item is None
        assert [item["id"] for item in last["response"]["output"]] == [item["id"] for item in done]


def accumulated(data: bytes) -> Any:
    """What the SDK's helper makes of a stream that completes."""
    state: ResponseStreamState[None] = ResponseStreamState(input_tools=omit, text_format=omit)
    for item in read(data):
        state.handle_event(EVENT.validate_python(item))
    assert state._completed_response is not None
    return state._completed_response


def types(data: bytes) -> list[str]:
    return [item["type"].removeprefix("response.") for item in checked(data)]


def of_type(data: bytes, type: str) -> list[dict[str, Any]]:
    return [item for item in read(data) if item["type"] == type]


STOP = {"finishReason": "STOP"}
TEXT = {"text": "a"}
THOUGHT = {"text": "t", "thought": True}
CALL = {"functionCall": {"id": "x", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
BEGIN = ["created", "in_progress"]
MESSAGE = ["output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done"]
MESSAGE_DONE = [*MESSAGE, "output_item.done"]


# the order of events


@pytest.mark.parametrize(
    ("events", "plan", "expected"),
    [
        pytest.param(
            [event(TEXT), event({"text": "b"}, **STOP)],
            {},
            [*MESSAGE[:2], "output_text.delta", *MESSAGE_DONE[2:], "completed"],
            id="text",
        ),
        pytest.param(
            [event({"text": ""}, **STOP)], {}, [*MESSAGE[:2], *MESSAGE_DONE[3:], "completed"], id="empty-message"
        ),
        pytest.param(
            [event(THOUGHT), event(TEXT), event(CALL, **STOP)],
            {"summary": True},
            [
                "output_item.added",
                "reasoning_summary_part.added",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.done",
                "reasoning_summary_part.done",
                "output_item.done",
                *MESSAGE_DONE,
                "output_item.added",
                "function_call_arguments.delta",
                "function_call_arguments.done",
                "output_item.done",
                "completed",
            ],
            id="reasoning-text-call",
        ),
        pytest.param([event(THOUGHT), event(TEXT, **STOP)], {}, [*MESSAGE_DONE, "completed"], id="hidden-thoughts"),
        pytest.param(
            [event(CALL, **STOP)],
            {"carry": True},
            [
                *["output_item.added", "output_item.done", "output_item.added"],
                *["function_call_arguments.delta", "function_call_arguments.done", "output_item.done", "completed"],
            ],
            id="a-carrier-before-the-call",
        ),
        pytest.param(
            [event({"functionCall": {"name": "c", "args": {"input": "ls"}}}, **STOP)],
            {"names": {"c": "c"}, "custom": {"c"}, "kinds": {"c": ToolKind("custom", "c")}},
            [
                *["output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done"],
                *["output_item.done", "completed"],
            ],
            id="custom-tool",
        ),
        pytest.param(
            [event({"functionCall": {"name": "c"}}, **STOP)],
            {"names": {"c": "c"}, "custom": {"c"}, "kinds": {"c": ToolKind("custom", "c")}},
            ["output_item.added", "custom_tool_call_input.done", "output_item.done", "completed"],
            id="custom-tool-without-input",
        ),
        pytest.param(
            [event({"functionCall": {"name": "shell", "args": {"commands": ["a", "b"]}}}, **STOP)],
            {"kinds": {"shell": ToolKind("shell", "shell")}},
            [
                "output_item.added",
                *["shell_call_command.added", "shell_call_command.delta", "shell_call_command.done"] * 2,
                "output_item.done",
                "completed",
            ],
            id="shell",
        ),
        *[
            pytest.param(
                [event({"functionCall": {"name": name}}, **STOP)],
                {"kinds": {name: ToolKind(name, name)}},
                ["output_item.added", "output_item.done", "completed"],
                id=name,
            )
            for name in ("local_shell", "apply_patch", "tool_search")
        ],
        pytest.param(
            [{"promptFeedback": {"blockReason": "SAFETY"}}],
            {},
            [
                *["output_item.added", "content_part.added", "refusal.delta", "refusal.done"],
                *["content_part.done", "output_item.done", "incomplete"],
            ],
            id="refusal",
        ),
        pytest.param(
            [event(TEXT), event(**STOP, groundingMetadata={"webSearchQueries": ["q"]})],
            {},
            [
                *MESSAGE_DONE,
                *["output_item.added", "web_search_call.in_progress", "web_search_call.searching"],
                *["web_search_call.completed", "output_item.done", "completed"],
            ],
            id="web-search",
        ),
        pytest.param(
            [
                event({"executableCode": {"language": "PYTHON", "code": "1"}}),
                event({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}),
                event(TEXT, **STOP),
            ],
            {},
            [
                *["output_item.added", "code_interpreter_call.in_progress", "code_interpreter_call_code.delta"],
                *["code_interpreter_call_code.done", "code_interpreter_call.interpreting"],
                *["code_interpreter_call.completed", "output_item.done", *MESSAGE_DONE, "completed"],
            ],
            id="code-interpreter",
        ),
        pytest.param(
            [event({"inlineData": {"mimeType": "image/png", "data": "aW1n"}}, **STOP)],
            {},
            [
                *["output_item.added", "image_generation_call.in_progress", "image_generation_call.generating"],
                *["image_generation_call.completed", "output_item.done", "completed"],
            ],
            id="image",
        ),
        pytest.param([event(TEXT, finishReason="MAX_TOKENS")], {}, [*MESSAGE_DONE, "incomplete"], id="incomplete"),
        pytest.param(
            [event(THOUGHT, TEXT), event(**STOP)],
            {"compaction": True},
            ["output_item.added", "output_item.done", "completed"],
            id="compaction",
        ),
        pytest.param(
            [event(TEXT, **STOP)],
            {"echo": {**ECHO, "background": True}},
            ["created", "queued", "in_progress", *MESSAGE_DONE, "completed"],
            id="background",
        ),
    ],
)
def test_the_order_of_events(events: list[Any], plan: dict[str, Any], expected: list[str]) -> None:
    assert types(streamed(*events, **plan)) == (expected if expected[0] == "created" else BEGIN + expected)


def test_the_members_of_the_events_of_a_text() -> None:
    events = checked(streamed(event({"text": "a%s\n"}), event({"text": "ü"}, **STOP)))
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    whole = {**empty, "text": "a%s\nü"}
    item = {"id": "msg_1", "type": "message", "role": "assistant"}
    expected = [
        {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}},
        {**place, "part": empty},
        {**place, "delta": "a%s\n", "logprobs": []},
        {**place, "delta": "ü", "logprobs": []},
        {**place, "text": "a%s\nü", "logprobs": []},
        {**place, "part": whole},
        {"output_index": 0, "item": {**item, "status": "completed", "content": [whole]}},
    ]
    found = [{k: v for k, v in e.items() if k not in ("type", "sequence_number")} for e in events[2:-1]]
    assert found == expected


def test_the_response_in_the_first_and_last_events() -> None:
    usage = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    asked = {"instructions": "Be brief.", "metadata": {"a": "%d"}}
    stream = streaming(echo={**ECHO, **asked})
    data = stream.feed(sse(event(TEXT))) + finish(stream, sse({**event(**STOP), **usage}))
    created, working, *_, completed = [item["response"] for item in checked(data) if "response" in item]
    assert created == working
    assert (created["status"], created["output"], created["usage"]) == ("in_progress", [], None)
    assert created["id"] == "resp_1"
    changed = {"status", "output", "usage", "completed_at"}
    assert {k: v for k, v in created.items() if k not in changed} == {
        k: v for k, v in completed.items() if k not in changed
    }
    assert {name: completed[name] for name in asked} == asked
    assert (completed["usage"]["total_tokens"], completed["completed_at"]) == (7, CREATED + 3)
    assert stream.response() == completed


def test_a_call_is_told_at_once_and_whole() -> None:
    data = streamed(event(CALL), event(**STOP), kinds={"f": ToolKind("function", "f", "ns")})
    added, done = (of_type(data, f"response.output_item.{step}")[0]["item"] for step in ("added", "done"))
    head = {"type": "function_call", "id": "fc_1", "call_id": "x", "name": "f", "namespace": "ns"}
    assert added == {**head, "status": "in_progress", "arguments": ""}
    assert done == {**head, "status": "completed", "arguments": '{"a":1}'}
    (told,) = of_type(data, "response.function_call_arguments.done")
    assert (told["arguments"], told["item_id"]) == ('{"a":1}', "fc_1")


def test_logprobs_go_with_their_text() -> None:
    chosen = {"chosenCandidates": [{"token": "a", "logProbability": -0.5}]}
    data = streamed(event(TEXT, logprobsResult=chosen), event({"text": "b"}), event(**STOP), logprobs=True)
    checked(data)
    entries = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]
    assert [item["logprobs"] for item in of_type(data, "response.output_text.delta")] == [entries, []]
    assert of_type(data, "response.output_text.done")[0]["logprobs"] == entries
    assert accumulated(data).output[0].content[0].to_dict()["logprobs"] == entries


def test_logprobs_that_come_after_the_text() -> None:
    chosen = {"chosenCandidates": [{"token": "a"}]}
    data = streamed(event(TEXT), event(**STOP, logprobsResult=chosen), logprobs=True)
    assert len(of_type(data, "response.output_text.done")[0]["logprobs"]) == 1


def test_annotations() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://p", "title": "P"}}, {"web": {"uri": "https://q"}}],
        "groundingSupports": [{"segment": {"endIndex": 1}, "groundingChunkIndices": [0, 1]}],
    }
    data = streamed(event(TEXT), event(**STOP, groundingMetadata=grounding))
    assert types(data)[5:7] == ["output_text.annotation.added"] * 2
    added = of_type(data, "response.output_text.annotation.added")
    assert [item["annotation_index"] for item in added] == [0, 1]
    message = accumulated(data).output[0].to_dict()
    assert [item["annotation"] for item in added] == message["content"][0]["annotations"]


def test_a_citation_of_a_message_that_is_done() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://p"}}],
        "groundingSupports": [{"segment": {"endIndex": 1, "text": "a"}, "groundingChunkIndices": [0]}],
    }
    data = streamed(event(TEXT, CALL, {"text": "b"}), event(**STOP, groundingMetadata=grounding))
    checked(data)
    (added,) = of_type(data, "response.output_text.annotation.added")
    assert (added["item_id"], added["output_index"]) == ("msg_1", 0)
    first, _, second = accumulated(data).output
    assert (len(first.content[0].annotations), len(second.content[0].annotations)) == (1, 0)


def test_a_compaction_goes_out_as_one_item() -> None:
    stream = streaming(compaction=True)
    assert stream.feed(sse(event({"text": "The "}), event({"text": "story."}))) == b""
    data = finish(stream, sse(event(**STOP)))
    (item,) = checked(data)[-1]["response"]["output"]
    assert of_type(data, "response.output_item.done")[0]["item"] == item
    assert json.loads(item["encrypted_content"].removeprefix("sealed:")) == {"v": 1, "summary": "The story."}
    assert stream.stored_output() == [item]


def test_a_compaction_that_breaks_can_start_again() -> None:
    stream = streaming(compaction=True)
    assert stream.feed(sse(event(TEXT))) == b""
    with pytest.raises(UpstreamError):
        finish(stream, sse(event(finishReason="MALFORMED_FUNCTION_CALL")))
    assert not stream.started


# faults


@pytest.mark.parametrize(
    "silent",
    [
        pytest.param([], id="nothing"),
        pytest.param([event()], id="empty-candidate"),
        pytest.param([event({"text": ""}), {"usageMetadata": {"promptTokenCount": 1}}], id="empty-text-and-usage"),
        pytest.param([event(THOUGHT)], id="hidden-thoughts"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), Kind.CAPACITY, id="error-event"),
        pytest.param(b"data: {\n\n", Kind.ANSWER, id="not-JSON"),
        pytest.param(sse(event(finishReason="OTHER")), Kind.ANSWER, id="empty-answer"),
        pytest.param(sse(event(finishReason="MISSING_THOUGHT_SIGNATURE")), Kind.SIGNATURE, id="signature"),
        pytest.param(b"", Kind.ANSWER, id="end"),
    ],
)
def test_a_fault_before_content_is_raised(silent: list[Any], fault: bytes, kind: Kind) -> None:
    stream = streaming()
    assert stream.feed(sse(*silent)) == b""
    with pytest.raises(UpstreamError) as caught:
        finish(stream, fault)
    assert caught.value.kind is kind
    assert not stream.started
    assert stream.feed(sse(event(TEXT))) == b""
    assert stream.remember() == {}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(sse({"error": {"code": 503, "message": "x"}}), "server_error", id="error-event"),
        pytest.param(
            sse({"error": {"code": 429, "message": "Slow.", "status": "RESOURCE_EXHAUSTED"}}),
            "rate_limit_exceeded",
            id="rate-limit",
        ),
        pytest.param(
            sse({"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens"}}),
            "context_length_exceeded",
            id="context-length",
        ),
        pytest.param(b"data: {\n\n", "server_error", id="not-JSON"),
        pytest.param(b"", "server_error", id="end"),
        pytest.param(b'data: {"candi', "server_error", id="cut-off"),
        pytest.param(sse(event(finishReason="MISSING_THOUGHT_SIGNATURE")), "invalid_prompt", id="signature"),
    ],
)
def test_a_fault_after_content_fails_the_response(fault: bytes, code: str) -> None:
    stream = streaming()
    first = stream.feed(sse(event(TEXT)))
    assert stream.started
    data = first + stream.feed(fault) + stream.end()
    assert types(data)[-3:] == ["output_text.delta", "error", "failed"]
    *_, error, failed = read(data)
    assert set(error["error"]) == {"message", "type", "param", "code"}
    response = failed["response"]
    assert (response["status"], response["error"]["code"], response["usage"]) == ("failed", code, None)
    (item,) = response["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "a")
    assert stream.response() == response
    assert stream.feed(sse(event(TEXT, **STOP))) + stream.end() == b""
    assert stream.remember() == {}


def test_cut() -> None:
    stream = streaming()
    data = stream.feed(sse(event(TEXT)))
    data += stream.cut(Fault(429, "Slow.", kind=FaultKind.REQUEST_LIMIT, code="rate_limit_exceeded", retry_after=1.5))
    *_, error, failed = checked(data)
    assert error["error"]["message"] == failed["response"]["error"]["message"] == "Slow. Please try again in 1.5s."
    assert failed["response"]["error"]["code"] == "rate_limit_exceeded"
    assert stream.end() == b""


def test_cut_before_anything_went_out() -> None:
    data = streaming().cut(Fault(502, "gone", kind=FaultKind.SERVER, code="upstream_unreachable"))
    assert types(data) == [*BEGIN, "error", "failed"]


def test_a_malformed_call_after_text_is_completed_but_not_after_a_summary_alone() -> None:
    spoilt = event(finishReason="MALFORMED_FUNCTION_CALL")
    assert types(streamed(event(TEXT), spoilt))[-1] == "completed"
    assert types(streamed(event(THOUGHT), spoilt, summary=True))[-2:] == ["error", "failed"]


def test_a_call_that_is_cut_off_never_goes_out() -> None:
    part = {"functionCall": {"name": "f", "willContinue": True}}
    data = streamed(event(TEXT, part), event(finishReason="MAX_TOKENS"))
    assert types(data)[-1] == "incomplete"
    assert b"function_call" not in data


def test_a_blocked_prompt_as_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        streamed({"promptFeedback": {"blockReason": "SAFETY"}}, options=Options(blocked_prompt="error"))
    assert caught.value.error.status == 400


@pytest.mark.parametrize("depth", [200, 300, 480, 700, 900, 1000])
@pytest.mark.parametrize("part", [b'{"functionCall":{"name":"tool_search","args":%b}}', b'{"toolCall":%b}'])
def test_parts_nested_deeply_are_sent_or_fail_the_response(part: bytes, depth: int) -> None:
    stream = streaming(carry=True, kinds={"tool_search": ToolKind("tool_search", "tool_search")})
    data = stream.feed(sse(event(TEXT)))
    deep = part % (b'{"a":' * depth + b"1" + b"}" * depth)
    data += stream.feed(b'data: {"candidates":[{"content":{"parts":[%b]}}]}\n\n' % deep)
    data += finish(stream, sse(event(**STOP)))
    assert stream.stored_output()[0]["type"] == "message"
    last = data.split(b"\n\n")[-2]
    assert last.startswith((b"event: response.failed\n", b"event: response.completed\n"))


# early opening


def test_open_sends_the_first_events_and_nothing_twice() -> None:
    stream = streaming()
    opened = stream.open()
    assert [item["type"] for item in read(opened)] == ["response.created", "response.in_progress"]
    assert stream.open() == b""
    assert not stream.started
    data = finish(stream, sse(event(TEXT, **STOP)))
    assert types(opened + data) == [*BEGIN, *MESSAGE_DONE, "completed"]


def test_a_sign_of_life_is_an_event_that_clients_count() -> None:
    """At any place, numbered on; without it the stream is what it would have been."""
    quiet, stream = streaming(), streaming()
    opened = stream.open()
    sent = (
        opened
        + stream.keep_alive()
        + stream.feed(sse(event(TEXT)))
        + stream.keep_alive()
        + finish(stream, sse(event(TEXT, **STOP)))
    )
    numbers = [int(number) for number in re.findall(rb'"sequence_number":(\d+)', sent)]
    assert numbers == list(range(len(numbers)))
    assert sent.count(b"event: response.in_progress\n") == 3
    assert signs_of_life.removed(sent) == quiet.open() + quiet.feed(sse(event(TEXT))) + finish(
        quiet, sse(event(TEXT, **STOP))
    )


def test_another_attempt_goes_on_from_what_was_opened() -> None:
    stream = streaming()
    opened = stream.open()
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503}}))
    again = stream.again()
    assert not again.started
    data = finish(again, sse(event(TEXT, **STOP)))
    assert types(opened + data) == [*BEGIN, *MESSAGE_DONE, "completed"]
    assert len({item["response"]["id"] for item in read(opened + data) if "response" in item}) == 1


def test_a_fault_after_opening_can_still_end_the_stream() -> None:
    stream = streaming()
    opened = stream.open()
    with pytest.raises(UpstreamError) as caught:
        stream.end()
    assert types(opened + stream.cut(caught.value.error)) == [*BEGIN, "error", "failed"]


def test_another_attempt_of_what_was_not_opened_is_as_new() -> None:
    again = streaming().again()
    assert finish(again, sse(event(TEXT, **STOP))) == streamed(event(TEXT, **STOP))


# several upstream answers


def test_hops_make_one_stream() -> None:
    stream = streaming()
    usage = {"usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}
    hop = event(TEXT, finishReason="CONTINUATION", continuationToken="t1")
    data = stream.feed(sse({**hop, **usage})) + stream.end()
    assert stream.continuation == "t1"
    data += finish(stream, sse({**event({"text": "b"}, **STOP), **usage}))
    assert stream.continuation is None
    response = checked(data)[-1]["response"]
    assert response["output"][0]["content"][0]["text"] == "ab"
    assert (response["usage"]["input_tokens"], response["usage"]["output_tokens"]) == (5, 4)


def test_a_hop_that_is_not_continued_is_incomplete() -> None:
    stream = streaming()
    data = stream.feed(sse(event(TEXT, finishReason="CONTINUATION", continuationToken="t1"))) + stream.end()
    assert types(data + stream.end())[-1] == "incomplete"


def test_a_whole_answer_in_the_place_of_a_streamed_one() -> None:
    stream = streaming()
    stream.add_answer(json.dumps(event(TEXT, **STOP)).encode())
    assert stream.end() == streamed(event(TEXT, **STOP))
    with pytest.raises(UpstreamError):
        streaming().add_answer({"error": {"code": 503}})


def test_one_candidate_is_answered() -> None:
    second = {"index": 1, "content": {"parts": [{"text": "b"}]}, **STOP}
    both = {"candidates": [second, *event(TEXT, **STOP)["candidates"]]}
    assert [item["delta"] for item in of_type(streamed(both), "response.output_text.delta")] == ["a"]


def test_what_is_remembered() -> None:
    stream = streaming()
    parts = [TEXT, {"text": "", "thoughtSignature": "c2ln"}]
    stream.feed(sse(event(parts[0]), event(parts[1], **STOP)))
    assert stream.remember() == {}
    stream.end()
    turns = stream.remember()
    assert list(turns) == [text_key("a")]
    assert turns[text_key("a")].parts == parts


def test_what_is_remembered_of_a_stream_that_broke_off() -> None:
    """Its calls: the client has them, may run them and give them back. A text only where it is whole."""
    signed = {"functionCall": {"id": "x", "name": "f", "args": {}}, "thoughtSignature": "c2ln"}
    stream = streaming()
    stream.feed(sse(event(TEXT), event(signed)))
    assert list(stream.remember()) == ["x"]  # the client may leave at any time
    stream.feed(sse({"error": {"code": 503, "message": "x"}}))
    turns = stream.remember()
    assert list(turns) == ["x"]
    assert turns["x"].parts == [TEXT, signed]
    text = streaming()
    text.feed(sse(event({**TEXT, "thoughtSignature": "c2ln"}), {"error": {"code": 503, "message": "x"}}))
    assert text.remember() == {}


def test_the_response_before_the_end_is_in_progress() -> None:
    stream = streaming()
    stream.feed(sse(event(TEXT)))
    assert (stream.response()["status"], stream.response()["id"]) == ("in_progress", "resp_1")


# whatever comes

PARTS = st.sampled_from(
    [
        TEXT,
        {"text": "é\u2028"},
        {"text": ""},
        THOUGHT,
        CALL,
        {"functionCall": {"name": "custom", "args": {"input": "ls"}}},
        {"functionCall": {"name": "shell", "args": {"commands": ["ls"]}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "apply_patch", "args": {"operation": {"type": "delete_file", "path": "a"}}}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"inlineData": {"mimeType": "image/jpeg", "data": "aW1n"}},
        {"fileData": {"fileUri": "https://f"}},
        {"text": "", "thoughtSignature": "c2ln"},
    ]
)
NAMES = ("custom", "shell", "apply_patch")
PLANS = st.fixed_dictionaries(
    {
        "summary": st.booleans(),
        "carry": st.booleans(),
        "store": st.booleans(),
        "names": st.just({name: name for name in NAMES}),
        "custom": st.just({"custom"}),
        "kinds": st.just({name: ToolKind(name, name) for name in NAMES}),
    }
)
ENDS = st.sampled_from(
    [
        STOP,
        {"finishReason": "MAX_TOKENS"},
        {"finishReason": "SAFETY"},
        {},
        {**STOP, "groundingMetadata": {"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "https://p"}}]}},
    ]
)


@given(st.lists(PARTS, max_size=8), ENDS, PLANS, st.data())
def test_every_stream_is_well_formed(parts: list[Any], end: Any, plan: dict[str, Any], data: st.DataObject) -> None:
    body = sse(*map(event, parts), event(**end))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=4)))
    pieces = [body[a:b] for a, b in itertools.pairwise([0, *cuts, len(body)])]
    whole = outcome([body], plan)
    assert outcome(pieces, plan) == whole
    if isinstance(whole, bytes):
        events = checked(whole)
        if events[-1]["type"] == "response.completed":
            output = events[-1]["response"]["output"]
            told = accumulated(whole)
            assert [(item.type, item.id) for item in told.output] == [(item["type"], item["id"]) for item in output]
            texts = [part["text"] for item in output for part in item.get("content", ())]
            assert told.output_text == "".join(texts)


def outcome(pieces: list[bytes], plan: dict[str, Any]) -> bytes | dict[str, Any]:
    stream = streaming(**plan)
    try:
        return b"".join(map(stream.feed, pieces)) + stream.end()
    except UpstreamError as fault:
        return error_object(fault.error)


def with_ids_of_their_own(parts: list[Any]) -> list[Any]:
    """One id twice is one call in two events, and two calls in one answer: see `call-repeated`."""
    return [
        {**part, "functionCall": {**part["functionCall"], "id": f"x{number}"}} if part is CALL else part
        for number, part in enumerate(parts)
    ]


@given(st.lists(PARTS, max_size=8).map(with_ids_of_their_own), ENDS.filter(bool), PLANS)
def test_whole_and_streamed_answers_agree(parts: list[Any], end: Any, plan: dict[str, Any]) -> None:
    stream = streaming(**plan)
    data = finish(stream, sse(*map(event, parts), event(**end)))
    answer = ResponsesAnswer(**settings_of(plan), chat_shape=False)
    answer.add(event(*parts, **end))
    assert checked(data)[-1]["response"] == json.loads(answer.finish()) == stream.response()
    assert stream.stored_output() == answer.stored_output()
    assert stream.remember() == answer.remember()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.builds(lambda part: event(part), JSON) | st.builds(event, PARTS) | JSON, max_size=4), PLANS)
def test_any_events_are_a_response_or_an_error(events: list[Any], plan: dict[str, Any]) -> None:
    stream = streaming(**plan)
    try:
        data = finish(stream, sse(*events))
    except UpstreamError:
        assert not stream.started
        return
    checked(data)
