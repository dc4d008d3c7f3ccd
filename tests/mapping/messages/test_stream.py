"""The events of a Messages stream, and the whole message that they make."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.messages.answer.answer import MessagesAnswer
from mapping.messages.answer.events import PING, without_signs_of_life
from mapping.messages.answer.stream import MessagesStream
from tests.e2e import message_checks
from tests.mapping.messages.samples import (
    CALL,
    SIGNED,
    STOP,
    TEXT,
    THOUGHT,
    USAGE,
    asked,
    event,
    folded,
    sse,
    streamed,
    streaming,
    whole,
)

OWN = 'sealed:{"v":1,"model":"gemini-3.8-flash"}'
CARRIED = 'sealed:{"v":1,"model":"gemini-3.8-flash","calls":{"toolu_1":"c2ln"}}'
GROUNDED = {
    "groundingMetadata": {
        "webSearchQueries": ["q", "r"],
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"web": {"uri": "https://b.example"}},
        ],
        "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 1, "text": "a"}, "groundingChunkIndices": [0]}],
    }
}
FETCHED = {
    "urlContextMetadata": {
        "urlMetadata": [
            {"retrievedUrl": "https://a.example", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
            {"retrievedUrl": "https://b.example", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_ERROR"},
            "odd",
        ]
    }
}


def text(value: str) -> Any:
    return {"type": "text", "text": value}


def thinking(value: str, signature: str = OWN) -> Any:
    return {"type": "thinking", "thinking": value, "signature": signature}


def use(id: str = "toolu_1", **more: Any) -> Any:
    return {"type": "tool_use", "id": id, "name": "f", "input": {"n": 5}, **more}


def served(name: str, value: Any, id: str = "srvtoolu_1") -> Any:
    return {"type": "server_tool_use", "id": id, "name": name, "input": value}


def ran(content: Any, id: str = "srvtoolu_1") -> Any:
    return {"type": "code_execution_tool_result", "tool_use_id": id, "content": content}


THINKS = {"thinking": True}
HIDES = {"thinking": True, "display": "omitted"}
OUTPUT = {"type": "code_execution_result", "stdout": "1", "stderr": "", "return_code": 0, "content": []}
CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}

ANSWERS: dict[str, tuple[list[Any], dict[str, Any], list[Any], str]] = {
    # name: Gemini's events, the plan, the blocks, stop_reason
    "text": ([event(TEXT), event({"text": "b"}, **STOP)], {}, [text("ab")], "end_turn"),
    "thoughts that nobody asked for": ([event(THOUGHT), event(TEXT, **STOP)], {}, [text("a")], "end_turn"),
    "thoughts": ([event(THOUGHT), event(TEXT, **STOP)], THINKS, [thinking("t"), text("a")], "end_turn"),
    "thoughts in runs": (
        [event(THOUGHT, THOUGHT), event(TEXT), event(THOUGHT), event(TEXT, **STOP)],
        THINKS,
        [thinking("tt"), text("a"), thinking("t"), text("a")],
        "end_turn",
    ),
    "thoughts behind the answer": (
        [event(THOUGHT), event(TEXT), event(THOUGHT, finishReason="MAX_TOKENS")],
        THINKS,
        [thinking("t"), text("a")],
        "max_tokens",
    ),
    "thoughts between a text and a call": (
        [event(TEXT), event(THOUGHT, THOUGHT), event(CALL), event(THOUGHT, **STOP)],
        THINKS,
        [text("a"), thinking("tt"), use(), thinking("t")],
        "tool_use",
    ),
    "thoughts that are not to be seen": ([event(THOUGHT), event(TEXT, **STOP)], HIDES, [text("a")], "end_turn"),
    "a call": ([event(CALL, **STOP)], THINKS, [use()], "tool_use"),
    "a signed call behind thoughts": (
        [event(THOUGHT), event(SIGNED, **STOP)],
        THINKS,
        [thinking("t", CARRIED), use()],
        "tool_use",
    ),
    "a signed call behind a text": (
        [event(THOUGHT), event(TEXT), event(SIGNED, CALL, **STOP)],
        THINKS,
        [thinking("t"), text("a"), thinking("", CARRIED), use(), use("toolu_2")],
        "tool_use",
    ),
    "a signed call, thoughts not to be seen": (
        [event(THOUGHT), event(SIGNED, **STOP)],
        HIDES,
        [thinking("", CARRIED), use()],
        "tool_use",
    ),
    "one call": ([event(CALL, CALL, **STOP)], {"one_call": True}, [use()], "tool_use"),
    "cut": ([event(TEXT, finishReason="MAX_TOKENS")], {}, [text("a")], "max_tokens"),
    "cut because the window is full": (
        [event(TEXT, finishReason="MAX_TOKENS"), {"usageMetadata": {**USAGE, "promptTokenCount": 1_048_572}}],
        {"max_tokens": 100},
        [text("a")],
        "model_context_window_exceeded",
    ),
    "cut because the length is reached": (
        [event(TEXT, finishReason="MAX_TOKENS"), {"usageMetadata": {**USAGE, "promptTokenCount": 1_048_572}}],
        {"max_tokens": 8},
        [text("a")],
        "max_tokens",
    ),
    "left where it could go on": (
        [event(TEXT, finishReason="CONTINUATION")],
        {},
        [text("a")],
        "pause_turn",
    ),
    "filtered": ([event(TEXT, finishReason="SAFETY")], {}, [text("a")], "refusal"),
    "another reason": ([event(TEXT, finishReason="OTHER")], {}, [text("a")], "end_turn"),
    "a blocked prompt": (
        [{"promptFeedback": {"blockReason": "SAFETY"}}],
        {},
        [text("The prompt was blocked by Gemini (blockReason=SAFETY).")],
        "refusal",
    ),
    "nothing but thoughts": (
        [event(THOUGHT), {**event(finishReason="MAX_TOKENS"), "usageMetadata": {"thoughtsTokenCount": 7}}],
        {},
        [text("[Gemini gave no answer. max_tokens: all 7 tokens were thoughts; raise max_tokens]")],
        "max_tokens",
    ),
    "nothing": ([event(**STOP)], {}, [text("[Gemini gave no answer. stop: nothing came; ask again]")], "end_turn"),
    "a warm cache, which was all that was wanted": ([event(**STOP)], {"prewarm": True}, [], "max_tokens"),
    "a stop sequence": ([event({"text": "a E"}), event({"text": "ND b"}, CALL, **STOP)], {"stops": ["END"]},
        [text("a ")], "stop_sequence"),
    "what only begins like one": ([event({"text": "a E"}), event(CALL, {"text": "N"}, **STOP)], {"stops": ["END"]},
        [text("a E"), use(), text("N")], "tool_use"),
    "what only begins like one, before thoughts": (
        [event({"text": "a E"}, THOUGHT, {"text": "ND"}, **STOP)],
        {"stops": ["END"], **THINKS},
        [text("a E"), thinking("t"), text("ND")],
        "end_turn",
    ),
    "a stop sequence behind a call": (
        [event(CALL, {"text": "aEND"}, **STOP)],
        {"stops": ["END"]},
        [use(), text("a")],
        "tool_use",
    ),
    "a stop sequence at once": ([event({"text": "END"}, **STOP)], {"stops": ["END"]},
        [text("[The answer began with the stop sequence 'END'.]")], "stop_sequence"),
    "code": ([event(CODE, RESULT, TEXT, **STOP)], {},
        [served("code_execution", {"code": "print(1)"}), ran(OUTPUT), text("a")], "end_turn"),
    "code that fails": (
        [event(CODE, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}}, TEXT, **STOP)], {},
        [
            served("code_execution", {"code": "print(1)"}),
            ran({**OUTPUT, "stdout": "", "stderr": "no", "return_code": 1}),
            text("a"),
        ],
        "end_turn",
    ),
    "code that ends with the answer": ([event(TEXT, CODE, finishReason="MAX_TOKENS")], {},
        [
            text("a"),
            served("code_execution", {"code": "print(1)"}),
            ran({"type": "code_execution_tool_result_error", "error_code": "unavailable"}),
        ],
        "max_tokens",
    ),
    "searches": (
        [event(TEXT), event({"text": "b"}, **GROUNDED, **STOP)],
        {},
        [
            {
                **text("ab"),
                "citations": [
                    {
                        "type": "web_search_result_location",
                        "cited_text": "a",
                        "url": "https://a.example",
                        "title": "A",
                        "encrypted_index": "",
                    }
                ],
            },
            served("web_search", {"query": "q"}),
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": [
                    {
                        "type": "web_search_result",
                        "title": title,
                        "url": url,
                        "encrypted_content": "",
                        "page_age": None,
                    }
                    for title, url in (("A", "https://a.example"), ("https://b.example", "https://b.example"))
                ],
            },
            served("web_search", {"query": "r"}, "srvtoolu_2"),
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_2", "content": []},
        ],
        "end_turn",
    ),
    "pages": (
        [event(TEXT, **FETCHED, **STOP)],
        {},
        [
            text("a"),
            served("web_fetch", {"url": "https://a.example"}),
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": {
                    "type": "web_fetch_result",
                    "url": "https://a.example",
                    "content": {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": ""},
                        "title": "https://a.example",
                    },
                    "retrieved_at": None,
                },
            },
            served("web_fetch", {"url": "https://b.example"}, "srvtoolu_2"),
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "srvtoolu_2",
                "content": {"type": "web_fetch_tool_result_error", "error_code": "url_not_accessible"},
            },
        ],
        "end_turn",
    ),
    "a file": ([event(TEXT, {"fileData": {"fileUri": "gs://x"}}, **STOP)], {}, [text("a\ngs://x\n")], "end_turn"),
}  # fmt: skip


def is_thinking(block: Any) -> bool:
    return bool(block["type"] == "thinking")


def is_found(block: Any) -> bool:
    """What Gemini tells of behind a text, in a stream."""
    return "server_tool" in block["type"] or block["type"].endswith("_tool_result")


@pytest.mark.parametrize("name", ANSWERS)
def test_a_stream_makes_the_message_that_a_whole_answer_is(name: str) -> None:
    events, plan, blocks, reason = ANSWERS[name]
    told = streamed(*events, **plan)
    made = folded(told)
    assert made["content"] == blocks
    assert made["stop_reason"] == reason
    same = whole(*events, **plan)
    ordered = [*filter(is_thinking, blocks), *filter(is_found, blocks)]
    if name in ("searches", "pages"):
        made["content"] = [*ordered, *(block for block in blocks if block not in ordered)]
    assert {**same, "usage": 0} == {**made, "usage": 0}
    assert same["usage"] == made["usage"]


def test_thoughts_behind_the_answer_are_noted_and_its_sources_stay() -> None:
    given = asked(**THINKS)
    answer = MessagesAnswer(given)
    answer.add(json.dumps([event(TEXT), event(THOUGHT, **GROUNDED, **STOP)]).encode())
    said = json.loads(answer.finish())["content"][-1]
    assert [citation["cited_text"] for citation in said["citations"]] == ["a"]
    assert list(given.notes) == [("part-unknown", "thoughts behind the answer")]


def test_the_order_of_events() -> None:
    stream = streaming(**THINKS)
    out = stream.feed(sse(event(THOUGHT), event(TEXT), event(SIGNED, **STOP))) + stream.end()
    assert out.count(PING) == 1
    kinds = [line[7:].decode() for line in out.split(b"\n") if line.startswith(b"event: ")]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    signed = [*block[:2], *block[1:]]
    assert kinds == [
        *("message_start", "ping"),
        *signed,
        *block,
        *block,
        *block,
        *("message_delta", "message_stop"),
    ]


def test_the_bytes_of_a_text() -> None:
    stream = streaming()
    start = b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
    delta = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"é"}}'.encode()
    framed = b"event: content_block_delta\ndata: %b\n\n" % delta
    out = stream.feed(sse(event({"text": "é"})))
    assert out.endswith(b"event: content_block_start\ndata: %b\n\n" % start + framed)
    assert stream.feed(sse(event({"text": "é"}))) == framed


def test_usage() -> None:
    first = {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 2}
    events = [{**event(TEXT), "usageMetadata": first}, {**event(**STOP), "usageMetadata": USAGE}]
    told = streamed(*events)
    begun, ended = told[0]["message"]["usage"], told[-2]["usage"]
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    assert [begun[name] for name in names] == [6, 4, 0, 0]
    assert [ended[name] for name in names] == [6, 4, 0, 8]
    assert ended["output_tokens_details"] == {"thinking_tokens": 3}
    assert ended["server_tool_use"] is None
    assert whole(*events)["usage"] == {**begun, **ended}


def test_usage_of_servers_tools() -> None:
    used = streamed(event(TEXT, **GROUNDED, **FETCHED, **STOP))[-2]["usage"]["server_tool_use"]
    assert used == {"web_search_requests": 2, "web_fetch_requests": 2}


def test_what_was_cleared_is_told() -> None:
    edits = [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 1, "cleared_input_tokens": 2}]
    events = [event(TEXT, **STOP)]
    assert streamed(*events, applied_edits=edits)[-2]["context_management"] == {"applied_edits": edits}
    assert whole(*events, applied_edits=edits)["context_management"] == {"applied_edits": edits}
    assert "context_management" not in whole(*events)


def test_calls_that_Gemini_has_named_are_named_anew() -> None:
    """Signatures are in the ids where no thinking block may carry them."""
    named = {"functionCall": {"id": "x", "name": "f"}, "thoughtSignature": "c2ln"}
    (block,) = whole(event(named, **STOP))["content"]
    assert block["id"].startswith("toolu_gs1_")
    (_, block) = whole(event(named, **STOP), **THINKS)["content"]
    assert block["id"] == "toolu_1"


SIGNED_TEXT = {**TEXT, "thoughtSignature": "c2ln"}
WITH_TEXT = 'sealed:{"v":1,"model":"gemini-3.8-flash","text":"c2ln"}'
PARTS_OF_CODE = [CODE, RESULT, SIGNED]


def test_the_signature_of_a_text_stands_before_it_or_nowhere() -> None:
    """Claude Code prints nothing where a thinking block comes last."""
    events = [event(THOUGHT), event(SIGNED_TEXT, **STOP)]
    assert whole(*events, **THINKS)["content"] == [thinking("t", WITH_TEXT), text("a")]
    assert whole(event(SIGNED_TEXT, **STOP), **THINKS)["content"] == [thinking("", WITH_TEXT), text("a")]
    assert folded(streamed(*events, **THINKS))["content"] == [thinking("t"), text("a")]
    assert whole(*events)["content"] == [text("a")]


def test_a_turn_that_signatures_do_not_restore_is_carried() -> None:
    payload = {"v": 1, "model": "gemini-3.8-flash", "parts": PARTS_OF_CODE, "call_ids": ["toolu_3"]}
    events = [event(*PARTS_OF_CODE, **STOP)]
    for message, at in ((whole(*events, **THINKS), 0), (folded(streamed(*events, **THINKS)), -1)):
        block = message["content"][at]
        assert block["type"] == "thinking"
        carried = json.loads(block["signature"].removeprefix("sealed:"))
        assert {**carried, "call_ids": 0} == {**payload, "call_ids": 0}
        assert carried["call_ids"] == [b["id"] for b in message["content"] if b["type"] == "tool_use"]
    assert whole(*events)["content"][0]["type"] == "server_tool_use"


def test_nothing_is_read_behind_a_stop_sequence() -> None:
    """However the bytes are cut: the numbers are those that came up to it, and what follows may be any fault."""
    known = {"promptTokenCount": 10, "candidatesTokenCount": 2}
    events = [{**event({"text": "a E"}), "usageMetadata": known}, event({"text": "ND b"})]
    later = sse({**event(finishReason="MALFORMED_FUNCTION_CALL"), "usageMetadata": USAGE}) + b"data: no JSON\r\n\r\n"
    once = streaming(stops=["END"])
    out = once.feed(sse(*events) + later)
    assert once.enough
    out += once.end()
    assert folded(message_checks.check_stream(out))["content"] == [text("a ")]
    assert (once.totals().prompt, once.totals().completion) == (10, 2)
    assert once.finish_reasons() == ["stop"]
    twice = streaming(stops=["END"])
    begun = twice.feed(sse(events[0]))
    assert not twice.enough
    begun += twice.feed(sse(events[1]))
    assert twice.enough
    assert twice.feed(later) == b""
    assert begun + twice.end() == out


def test_an_answer_that_a_stop_sequence_ended_does_not_go_on() -> None:
    answer = MessagesAnswer(asked(stops=["END"]))
    answer.add(event({"text": "aEND"}, finishReason="CONTINUATION", continuationToken="more"))
    assert answer.continuation is None
    message = json.loads(answer.finish())
    assert (message["content"], message["stop_sequence"]) == ([text("a")], "END")
    stream = streaming(stops=["END"])
    stream.feed(sse(event({"text": "aEND"}, finishReason="CONTINUATION", continuationToken="more")))
    assert stream.end()
    assert stream.continuation is None


def test_what_a_stop_sequence_cut_off_is_not_remembered() -> None:
    stream = streaming(stops=["END"])
    stream.feed(sse(event({"text": "aEND", "thoughtSignature": "c2ln"}, **STOP)))
    stream.end()
    assert stream.remember() == {}
    stream = streaming(stops=["END"])
    stream.feed(sse(event(SIGNED_TEXT, **STOP)))
    stream.end()
    assert len(stream.remember()) == 1


def test_arguments_that_are_nested_too_deeply() -> None:
    nested = b'{"a":' * 3000 + b"1" + b"}" * 3000
    part = b'{"functionCall":{"name":"f","args":' + nested + b"}}"
    data = b'{"candidates":[{"content":{"parts":[' + part + b']},"finishReason":"STOP"}]}'
    stream = streaming()
    with pytest.raises(UpstreamError):
        finish(stream, b"data: " + data + b"\n\n")
    with pytest.raises(UpstreamError):
        MessagesAnswer(asked()).add(data)


def test_a_picture_is_a_block() -> None:
    stream = streaming()
    out = stream.feed(sse(event({"inlineData": {"mimeType": "image/png", "data": "AA=="}}, **STOP))) + stream.end()
    told = message_checks.read_events(out)
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    assert folded(told)["content"] == [block]


def test_further_candidates_are_noted() -> None:
    made = asked()
    stream = MessagesStream(made)
    candidates = [{"index": index, "content": {"parts": [TEXT]}, **STOP} for index in range(2)]
    told = message_checks.check_stream(stream.feed(sse({"candidates": candidates})) + stream.end())
    assert folded(told)["content"] == [text("a")]
    assert ("part-unknown", "candidates[1]") in made.notes


# faults


def finish(stream: MessagesStream, last: bytes) -> bytes:
    return stream.feed(last) + stream.end()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (sse({"error": {"code": 503, "message": "x"}}), Kind.CAPACITY),
        (b"data: {\n\n", Kind.ANSWER),
        (sse(event(finishReason="MALFORMED_FUNCTION_CALL")), Kind.ANSWER),
        (b"", Kind.ANSWER),
    ],
)
@pytest.mark.parametrize("plan", [{}, HIDES])
def test_a_fault_before_content_is_raised(fault: bytes, kind: Kind, plan: dict[str, Any]) -> None:
    """Thoughts that are not to be seen are none."""
    stream = streaming(**plan)
    assert stream.feed(sse(event(THOUGHT))) == b""
    with pytest.raises(UpstreamError) as caught:
        finish(stream, fault)
    assert caught.value.kind is kind
    assert not stream.started


@pytest.mark.parametrize("parts", [[TEXT], [THOUGHT], [TEXT, CALL], [CODE], [TEXT, CODE, RESULT]])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (sse({"error": {"code": 503, "message": "x"}}), "overloaded_error"),
        (b"data: {\n\n", "api_error"),
        (b"", "api_error"),
    ],
)
def test_a_fault_after_content_is_an_error_event(parts: list[Any], fault: bytes, kind: str) -> None:
    stream = streaming(**THINKS)
    out = stream.feed(sse(event(*parts))) + stream.feed(fault) + stream.end()
    *_, last = message_checks.check_stream(out)
    assert (last["type"], last["error"]["type"], last["request_id"]) == ("error", kind, "req_1")
    assert stream.fault is not None
    assert stream.feed(sse(event(TEXT))) + stream.end() == b""
    assert set(stream.remember()) == ({"toolu_1"} if CALL in parts else set())


def test_cut() -> None:
    stream = streaming()
    out = stream.feed(sse(event(TEXT)))
    out += stream.cut(Fault(502, "gone", kind=FaultKind.SERVER, code="upstream_unreachable"))
    *_, stop, last = message_checks.check_stream(out)
    assert stop == {"type": "content_block_stop", "index": 0}
    assert last["error"] == {
        "type": "api_error",
        "message": "gone You can retry your request.",
        "details": {"error_code": "upstream_unreachable"},
    }


# early opening


def test_open_sends_the_beginning_and_nothing_twice() -> None:
    stream = streaming()
    begun = stream.open()
    assert begun.endswith(PING)
    assert stream.open() == b""
    assert not stream.started
    events = [{**event(TEXT), "usageMetadata": USAGE}, event(**STOP)]
    out = begun + stream.keep_alive() + stream.feed(sse(*events)) + stream.keep_alive() + stream.end()
    told = message_checks.check_stream(out)
    assert told[0]["message"]["usage"]["input_tokens"] == 0
    assert folded(told)["usage"]["input_tokens"] == 6
    quiet = streaming()
    assert without_signs_of_life(out) == quiet.feed(sse(*events)) + quiet.end()


def test_another_attempt_goes_on_from_what_was_opened() -> None:
    stream = streaming()
    begun = stream.open()
    with pytest.raises(UpstreamError):
        stream.feed(sse({"error": {"code": 503}}))
    again = stream.again()
    assert not again.started
    message_checks.check_stream(begun + again.feed(sse(event(TEXT, **STOP))) + again.end())


def test_a_stream_that_fails_after_it_was_opened() -> None:
    stream = streaming()
    out = stream.open() + stream.cut(Fault(503, "busy", kind=FaultKind.SERVER))
    message_checks.check_stream(out)
    assert without_signs_of_life(out) == out


# properties

PARTS = st.sampled_from(
    [
        TEXT,
        THOUGHT,
        CALL,
        SIGNED,
        CODE,
        RESULT,
        {"text": ""},
        {"text": "END é\n"},
        {"text": "", "thoughtSignature": "c2ln"},
        {"thoughtSignature": "c2ln"},
        {"fileData": {"fileUri": "gs://x"}},
    ]
)
MORE = st.sampled_from([{}, {}, GROUNDED, FETCHED])
PLANS = st.sampled_from([{}, THINKS, HIDES, {"stops": ["END", "a\ng"]}, {**THINKS, "one_call": True, "stops": ["ta"]}])
ENDS = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", None, "FUTURE", "CONTINUATION"])


@given(
    st.lists(st.tuples(st.lists(PARTS, max_size=3), MORE), min_size=1, max_size=5),
    PLANS,
    ENDS,
    st.lists(st.integers(0, 3000), max_size=6),
)
def test_any_answer_in_any_pieces(turns: Any, plan: dict[str, Any], end: str | None, cuts: list[int]) -> None:
    """The same bytes give the same bytes; what begins ends well, or with an error event."""
    events = [{**event(*parts, **more), "usageMetadata": USAGE} for parts, more in turns]
    if end:
        events[-1]["candidates"][0]["finishReason"] = end
    data = sse(*events)
    outs = []
    for places in ([], sorted(min(cut, len(data)) for cut in cuts)):
        stream, out, at = streaming(**plan), b"", 0
        try:
            for place in [*places, len(data)]:
                out += stream.feed(data[at:place])
                at = place
            out += stream.end()
        except UpstreamError:
            assert not out
            assert not stream.started
        outs.append(out)
        if out:
            message_checks.check_stream(out)
            assert message_checks.read_events(out)[-1]["type"] == ("error" if stream.fault else "message_stop")
    assert outs[0] == outs[1]


# summaries

CHANGED = [{"type": "tool_removal", "tool": {"type": "tool_reference", "name": "f"}}]
SUMMED_UP = {"type": "compaction", "content": "All of it.", "encrypted_content": None, "tool_changes": CHANGED}


def test_a_summary() -> None:
    """One block, whatever else Gemini says, that comes at once."""
    parts = [event(THOUGHT), event({"text": " All "}), event({"text": "of it.\n"}, CALL, **STOP)]
    events = streamed(*parts, tool_changes=CHANGED, thinking=True)
    assert [told["type"] for told in events] == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]
    for message in (folded(events), whole(*parts, tool_changes=CHANGED, thinking=True)):
        assert message["content"] == [SUMMED_UP]
        assert message["stop_reason"] == "compaction"


def test_a_summary_that_is_cut_is_noted() -> None:
    request = asked(tool_changes=[])
    answer = MessagesAnswer(request)
    answer.add(json.dumps([event(TEXT, finishReason="MAX_TOKENS")]).encode())
    message = json.loads(answer.finish())
    assert (message["content"][0]["content"], message["stop_reason"]) == ("a", "compaction")
    assert list(request.notes) == [("finish", "MAX_TOKENS, in the summary")]


@pytest.mark.parametrize("part", [{"text": " "}, CALL, THOUGHT])
def test_no_summary_is_a_fault(part: Any) -> None:
    stream = streaming(tool_changes=[])
    with pytest.raises(UpstreamError, match="no summary"):
        stream.feed(sse(event(part, **STOP))) + stream.end()
