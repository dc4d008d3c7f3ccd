"""addons.gateway.views: exchanges as conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import contentviews, http
from mitmproxy.contentviews import Metadata
from mitmproxy.contentviews._registry import ContentviewRegistry
from mitmproxy.test import tflow, tutils

from addons.antigravity import Antigravity
from addons.gateway import views
from addons.gateway.prompts import TOKENS
from addons.gateway.timing import TIMELINE
from addons.gateway.views import cut_json
from addons.gateway.views.body import CUT
from mapping.inspect.transcript import WIDTH
from tests.work import calls

CLIENT, GEMINI, *_ = views.VIEWS
WIRE = Path(__file__).resolve().parents[2] / "data" / "wire"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"

CHAT_REQUEST = {
    "model": "gpt-4o",
    "temperature": 0.5,
    "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}],
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it? Grüße 👋"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                {"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAAAA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "12 degrees"},
    ],
}
CHAT_ANSWER = {
    "object": "chat.completion",
    "model": "gemini-2.5-flash",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "It rains.", "reasoning_content": "Hm."},
        },
    ],
    "usage": {"total_tokens": 7},
}
RESPONSES_REQUEST = {
    "model": "gpt-5",
    "instructions": "Be kind.",
    "tools": [{"type": "function", "name": "look"}, {"type": "web_search"}],
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Look."}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Looking."}]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "nothing"},
        {"type": "of_tomorrow", "value": 1},
    ],
}
RESPONSES_ANSWER = {
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Seen."}]},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"},
    ],
}
COMPLETION_REQUEST = {"model": "m", "prompt": ["Once", "Twice"]}
COMPLETION_ANSWER = {
    "object": "text_completion",
    "choices": [{"index": 0, "text": " upon", "finish_reason": "length"}],
}
GEMINI_REQUEST = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "AA=="}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": 2}}}]},
        {"role": "user", "parts": [{"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/x"}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}, {"googleSearch": {}}],
    "generationConfig": {"temperature": 0.25},
}


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def sse(*events: dict[str, Any], end: bytes = b"") -> bytes:
    named = [b"event: %b\n" % e["type"].encode() if "type" in e else b"" for e in events]
    return b"".join(n + b"data: " + dump(e) + b"\n\n" for n, e in zip(named, events, strict=True)) + end


def dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def call(**members: Any) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": 0, **members}]})


CHAT_STREAM = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "It "}),
    chunk({"content": "rains."}),
    call(id="c1", type="function", function={"name": "look", "arguments": '{"a'}),
    call(function={"arguments": '":1}'}),
    chunk({}, "tool_calls"),
    end=b"data: [DONE]\n\n",
)
COMPLETION_STREAM = sse(
    {"object": "text_completion", "choices": [{"index": 0, "text": "up"}]},
    {"object": "text_completion", "choices": [{"index": 0, "text": "on", "finish_reason": "stop"}]},
    end=b"data: [DONE]\n\n",
)
MESSAGE = {"type": "message", "role": "assistant", "status": "in_progress", "content": []}
FUNCTION_CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": ""}
RESPONSES_EVENTS: tuple[dict[str, Any], ...] = (
    {"type": "response.created", "response": {"object": "response", "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": MESSAGE},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "See"},
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "n."},
    {"type": "response.output_item.added", "output_index": 1, "item": FUNCTION_CALL},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"b":2}'},
)
RESPONSES_STREAM = sse(*RESPONSES_EVENTS, {"type": "response.completed", "response": RESPONSES_ANSWER})

SHOWN = [
    # id, view, body, what stands in it, in this order
    (
        "chat request",
        CLIENT,
        dump(CHAT_REQUEST),
        [
            "model: gpt-4o\n",
            "temperature: 0.5\n",
            "tools: get_weather\n",
            "── system ──",
            "Be brief.",
            "── user ──",
            "What is it? Grüße 👋",
            "[image image/png, 69 B]",
            "[audio wav, 3 B]",
            "[file a.pdf application/pdf, 4 B]",
            "── assistant ──",
            '→ get_weather({"city":"Oslo"})  [c1]',
            "── tool · c1 ──",
            "12 degrees",
        ],
    ),
    (
        "chat answer",
        CLIENT,
        dump(CHAT_ANSWER),
        ["── assistant · stop ──", "(thought)\nHm.", "It rains.", "── details ──", "usage: total_tokens 7"],
    ),
    (
        "chat stream",
        CLIENT,
        CHAT_STREAM,
        [
            "── assistant · tool_calls ──",
            "It rains.",
            '→ look({"a":1})  [c1]',
            "── events ──",
            "1  role",
            "2-3  content, 9 characters",
            "4-6  tool_calls",
        ],
    ),
    (
        "responses request",
        CLIENT,
        dump(RESPONSES_REQUEST),
        [
            "tools: look, web_search",
            "── instructions ──\nBe kind.",
            "── user ──\nLook.",
            "── user ──\n[image image/png, 69 B]",
            "── reasoning ──\nLooking.",
            "── function_call ──\n→ look({})  [c1]",
            "── function_call_output ──\n←   [c1] nothing",
            '── of_tomorrow ──\n{"value":1}',
        ],
    ),
    (
        "responses answer",
        CLIENT,
        dump(RESPONSES_ANSWER),
        ["── assistant ──\nSeen.", "── custom_tool_call ──\n→ patch(*** Begin)  [c2]", "status: completed"],
    ),
    (
        "responses stream",
        CLIENT,
        RESPONSES_STREAM,
        ["── assistant ──\nSeen.", "3-4  response.output_text.delta, 5 characters", "7  response.completed"],
    ),
    (
        "responses stream, not ended",
        CLIENT,
        sse(*RESPONSES_EVENTS),
        ["── assistant · in_progress ──\nSeen.", '→ look({"b":2})  [c1]', CUT],
    ),
    ("responses request with a text", CLIENT, dump({"input": "Hi"}), ["── user ──\nHi"]),
    ("completions request", CLIENT, dump(COMPLETION_REQUEST), ["── prompt ──\nOnce\nTwice"]),
    ("completions answer", CLIENT, dump(COMPLETION_ANSWER), ["── completion · length ──\n upon"]),
    ("completions stream", CLIENT, COMPLETION_STREAM, ["── completion · stop ──\nupon"]),
    (
        "error",
        CLIENT,
        dump({"error": {"message": "No.\n* Why", "type": "server_error", "param": "model", "code": None}}),
        ["── error · server_error ──\nNo.\n* Why\nparam: model"],
    ),
    ("error that is a text", CLIENT, dump({"error": "No."}), ["── error ──\nNo."]),
    (
        "responses answer that failed",
        CLIENT,
        dump({**RESPONSES_ANSWER, "error": {"code": "server_error", "message": "Broken."}}),
        ["── error · server_error ──\nBroken.", "── assistant ──\nSeen.", "── details ──"],
    ),
    (
        "responses answer that is incomplete",
        CLIENT,
        dump({**RESPONSES_ANSWER, "incomplete_details": {"reason": "max_output_tokens"}}),
        ['incomplete_details: {"reason":"max_output_tokens"}', "── assistant ──\nSeen."],
    ),
    (
        "chat stream that failed",
        CLIENT,
        sse(chunk({"content": "It "}), {"error": {"message": "Broken."}}),
        ["── error ──\nBroken.", "── assistant ──\nIt", "── events ──"],
    ),
    (
        "gemini texts to embed",
        GEMINI,
        dump({"requests": [{"model": "models/m", "content": {"parts": [{"text": t}]}} for t in ("Once", "Twice")]}),
        ["── content · 1 of 2 ──\nmodel: models/m\nOnce", "── content · 2 of 2 ──\nTwice"],
    ),
    (
        "gemini text to embed",
        GEMINI,
        dump({"content": {"parts": [{"text": "Once"}]}, "embedContentConfig": {"autoTruncate": False}}),
        ['embedContentConfig: {"autoTruncate":false}', "── content ──\nOnce"],
    ),
    (
        "texts to predict",
        GEMINI,
        dump({"instances": [{"content": "Once", "task_type": "CLUSTERING"}], "parameters": {"autoTruncate": False}}),
        ['parameters: {"autoTruncate":false}', "── content ──\ntask_type: CLUSTERING\nOnce"],
    ),
    ("cut in a text", CLIENT, dump(CHAT_REQUEST)[:220], ["model: gpt-4o", CUT]),
    ("no JSON", CLIENT, b"<html>", ["<html>"]),
    (
        "gemini request",
        GEMINI,
        dump(GEMINI_REQUEST),
        [
            "temperature: 0.25",
            "tools: f, g, googleSearch",
            "── system instruction ──\nBe brief.",
            "── user ──\nHi\n[data image/png, 69 B]",
            '── model ──\n→ f({"a":1})\n(signed)',
            '── user ──\n← f {"b":2}',
            "[video/mp4 https://youtu.be/x]",
        ],
    ),
    (
        "code assist request",
        GEMINI,
        dump({"model": "m", "project": "p", "request": GEMINI_REQUEST}),
        ["model: m\nproject: p\n", "── user ──\nHi"],
    ),
    (
        "gemini error",
        GEMINI,
        dump({"error": {"code": 429, "message": "No more.", "status": "RESOURCE_EXHAUSTED", "details": [{"a": 1}]}}),
        ['── error · 429 · RESOURCE_EXHAUSTED ──\nNo more.\ndetails: [{"a":1}]'],
    ),
    (
        "gemini blocked",
        GEMINI,
        dump({"usageMetadata": {}, "modelVersion": "m", "promptFeedback": {"blockReason": "SAFETY"}}),
        ['promptFeedback: {"blockReason":"SAFETY"}', "── details ──\nusageMetadata: {}"],
    ),
    ("gemini list", GEMINI, b"[" + dump({"candidates": []}) + b"]", ["1  no content"]),
    ("gemini cut", GEMINI, dump(GEMINI_REQUEST)[:160], ["Be brief.", "── user ──\nHi", CUT]),
]


@pytest.mark.parametrize(("view", "body", "expected"), [pytest.param(*row[1:], id=row[0]) for row in SHOWN])
def test_shown(view: contentviews.Contentview, body: bytes, expected: list[str]) -> None:
    shown = view.prettify(body, Metadata())
    place = 0
    for text in expected:
        assert text in shown[place:], shown
        place = shown.index(text, place)


RECORDED = [
    ("text_with_thought_summary.json", ["(thought)\n"]),
    ("stream_text_usage_final_only.sse", ["── model · STOP ──\nOne two three", "1-3  text, 13 characters"]),
    ("embed_batch.json", ["0: [vector of 2 numbers, length 1.000]\n1: [vector of 2 numbers, length 5.000]"]),
    ("embed_content_single.json", ["0: [vector of 4 numbers, length 1.000]", 'usageMetadata: {"promptTokenCount":4}']),
    ("embed_vertex_predict.json", ['1: [vector of 2 numbers, length 0.500]\nstatistics: {"token_count":5.0']),
    ("stream_tool_parallel_signed.sse", ['→ get_weather({"city":"Paris"})  [fc-a1]\n(signed)\n→ get_weather']),
    ("stream_image_inline.sse", ["Here it is: \n[data image/png, 69 B]"]),
    ("stream_vertex_partial_args.sse", ["→ write_note($.title = Groceries, $.items[0].qty = 2, $.done = false)"]),
    ("stream_truncated_no_finish.sse", ["The connection dies he", CUT]),
    ("stream_error_midstream_raw_json.sse", ["── error · 429 · RESOURCE_EXHAUSTED ──\n", "Partial ans"]),
    ("v1internal_stream_text.sse", ["── model · STOP ──"]),
]


@pytest.mark.parametrize(("file", "expected"), RECORDED)
def test_recorded_answers(file: str, expected: list[str]) -> None:
    shown = GEMINI.prettify((WIRE / file).read_bytes(), Metadata())
    for text in expected:
        assert text in shown


def test_a_timeline_says_when_events_came() -> None:
    end = len(CHAT_STREAM)
    second = CHAT_STREAM.index(b"\n\n", CHAT_STREAM.index(b"It ")) + 2
    flow = tflow.tflow(req=tutils.treq(), resp=tutils.tresp(content=CHAT_STREAM))
    flow.metadata["antigravity"] = {"side": "client", "arrived": [[second - 3, 0.25], [second + 5, 1.5], [end, 2.0]]}
    shown = CLIENT.prettify(CHAT_STREAM, Metadata(flow=flow, http_message=flow.response))
    assert shown.partition("── events ──\n")[2].splitlines() == [
        "          1           0.25 s  role, 9 characters",
        "        2-3    1.50 - 2.00 s  content, 9 characters",
        "        4-6           2.00 s  tool_calls",
    ]


@pytest.mark.parametrize("arrived", [[], None, [[1, 0.5]], [[100_000, 0.5]]])
def test_a_timeline_without_times(arrived: Any) -> None:
    """Of an older recording, and of a body that has been edited."""
    flow = tflow.tflow(req=tutils.treq(), resp=tutils.tresp(content=CHAT_STREAM))
    flow.metadata["antigravity"] = {"side": "client", "arrived": arrived}
    shown = CLIENT.prettify(CHAT_STREAM, Metadata(flow=flow, http_message=flow.response))
    assert "          1  role, 9 characters\n        2-3  content, 9 characters" in shown


MANY = ["first", *["so on"] * 20, "what about it\n" * 20]
"""What is said in the turns of a long conversation."""
CONVERSATIONS = [
    (CLIENT, {"messages": [{"role": "user", "content": said} for said in MANY]}),
    (CLIENT, {"instructions": "Be brief.", "input": [{"role": "user", "content": said} for said in MANY]}),
    (GEMINI, {"contents": [{"role": "user", "parts": [{"text": said}]} for said in MANY]}),
]


@pytest.mark.parametrize(("view", "body"), CONVERSATIONS, ids=["chat", "responses", "gemini"])
def test_of_a_long_conversation_the_last_turn_stands_first(view: contentviews.Contentview, body: Any) -> None:
    shown = view.prettify(dump(body), Metadata()).splitlines()
    assert shown[:4] == ["── the last of 22 turns ──", "── user ──", "what about it", "what about it"]
    assert shown[9] == "…"
    assert shown.index("first") < shown.index("so on")
    assert shown.count("what about it") == 7 + 20


LONG = [
    # id, text, its lines
    ("short", "a" * WIDTH, ["a" * WIDTH]),
    ("at a space", "a" * 50 + " " + "b" * 50, ["a" * 50, "b" * 50]),
    ("word", "a" * (WIDTH + 10), ["a" * WIDTH, "a" * 10]),
    ("words before a long one", "to " + "a" * (2 * WIDTH), ["to " + "a" * (WIDTH - 3), "a" * WIDTH, "aaa"]),
    ("JSON", f"[{'1' * 50},{'2' * 50}]", [f"[{'1' * 50},", f"{'2' * 50}]"]),
    ("indent", "  " + "a" * 50 + " " + "b" * 50, ["  " + "a" * 50, "b" * 50]),
    ("wide", "字" * WIDTH, ["字" * (WIDTH // 2)] * 2),
    ("wide signs", "✅" * WIDTH, ["✅" * (WIDTH // 2)] * 2),
    ("narrow signs", "☑" * WIDTH, ["☑" * WIDTH]),
    ("paragraphs", "a\n\nb", ["a", "\N{NO-BREAK SPACE}", "b"]),
]


@pytest.mark.parametrize(("said", "lines"), [pytest.param(*row[1:], id=row[0]) for row in LONG])
def test_long_lines_are_wrapped(said: str, lines: list[str]) -> None:
    """mitmweb does not, and it gives an empty line no height."""
    chat = dump({"messages": [{"role": "user", "content": said}]})
    gemini = dump({"contents": [{"role": "user", "parts": [{"text": said}]}]})
    for view, body in ((CLIENT, chat), (GEMINI, gemini)):
        assert view.prettify(body, Metadata()).split("\n") == ["── user ──", *lines]


def test_facts_and_calls_are_wrapped() -> None:
    long = {"a": "b " * 200}
    body = {"metadata": long, "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]}
    body["messages"][0]["tool_calls"][0]["function"]["arguments"] = json.dumps(long)
    assert max(map(len, CLIENT.prettify(dump(body), Metadata()).split("\n"))) <= WIDTH


@given(st.text(alphabet=st.sampled_from("a字 \t,"), max_size=400))
def test_nothing_is_lost_where_lines_are_wrapped(said: str) -> None:
    shown = CLIENT.prettify(dump({"prompt": "x" + said}), Metadata()).partition("\n")[2]
    assert "".join(shown.split()) == "".join(("x" + said).split())


@pytest.mark.parametrize("said", ["word " * 4000, "x" * 20_000, "字" * 7000], ids=["words", "one", "wide"])
def test_the_work_grows_as_the_text_does(said: str) -> None:
    short, long = (dump({"messages": [{"role": "user", "content": said * times}]}) for times in (1, 20))
    assert calls(lambda: CLIENT.prettify(long, Metadata())) < 25 * calls(lambda: CLIENT.prettify(short, Metadata()))


@pytest.mark.parametrize("file", ["stream_text_usage_final_only.sse", "stream_image_inline.sse", "text_stop.json"])
def test_whole_bodies_are_not_called_cut(file: str) -> None:
    assert CUT not in GEMINI.prettify((WIRE / file).read_bytes(), Metadata())


@pytest.mark.parametrize("body", [CHAT_STREAM, COMPLETION_STREAM, RESPONSES_STREAM, dump(CHAT_REQUEST)])
def test_whole_bodies_of_openai_are_not_called_cut(body: bytes) -> None:
    assert CUT not in CLIENT.prettify(body, Metadata())


# --- bodies of every kind

BODIES = [(row[1], row[2]) for row in SHOWN] + [(GEMINI, path.read_bytes()) for path in sorted(WIRE.glob("*.*"))]


def test_cut_bodies_never_raise() -> None:
    for view, body in BODIES:
        for length in range(0, min(len(body), 20_000), 97):
            view.prettify(body[:length], Metadata())


@pytest.mark.parametrize("body", [dump(CHAT_REQUEST), dump(RESPONSES_REQUEST), dump(GEMINI_REQUEST)])
def test_json_is_read_wherever_it_is_cut(body: bytes) -> None:
    for length in range(1, len(body)):
        value, cut = cut_json.loads(body[:length])
        assert isinstance(value, dict)
        assert cut


@given(st.binary(max_size=300), st.sampled_from([b"", b"data: ", b'{"messages":[', b'{"contents":[{"parts":[']))
def test_any_bytes_never_raise(data: bytes, before: bytes) -> None:
    for view in views.VIEWS:
        view.prettify(before + data, Metadata())
        view.render_priority(before + data, metadata("POST", "/v1/responses"))


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
EVENTS = [chunk({"content": "a"}), call(id="c", function={"name": "f"}), *RESPONSES_EVENTS]
WELL_FORMED = [
    *(CHAT_REQUEST, CHAT_ANSWER, RESPONSES_REQUEST, RESPONSES_ANSWER, COMPLETION_REQUEST, COMPLETION_ANSWER),
    *(GEMINI_REQUEST, json.loads((WIRE / "grounding_search_unicode_offsets.json").read_bytes())),
    *EVENTS,
]


@given(st.sampled_from(WELL_FORMED), st.data())
def test_any_value_at_any_place_never_raises(value: dict[str, Any], data: st.DataObject) -> None:
    body = dump(_with_something_odd(value, data))
    for view in views.VIEWS:
        view.prettify(body, Metadata())
        view.prettify(sse(end=b"data: " + body + b"\n\n" + b"data: " + body + b"\n\n"), Metadata())


def _with_something_odd(value: Any, data: st.DataObject) -> Any:
    """The value with another one in some place."""
    if value and isinstance(value, dict) and data.draw(st.integers(0, 5)):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: _with_something_odd(value[key], data)}
    if value and isinstance(value, list) and data.draw(st.integers(0, 5)):
        index = data.draw(st.integers(0, len(value) - 1))
        return [*value[:index], _with_something_odd(value[index], data), *value[index + 1 :]]
    return data.draw(ODD)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"messages":[' + b"[" * 5000 + b"]" * 5000])
def test_deep_nesting_never_raises(body: bytes) -> None:
    for view in views.VIEWS:
        view.prettify(body, Metadata())


@pytest.mark.parametrize("missing", [0, 1000], ids=["whole", "cut"])
def test_a_large_image_costs_no_more_than_a_small_one(missing: int) -> None:
    image = "A" * 10_000_000
    chat = {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]}
        ]
    }
    gemini = {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]}]}
    for view, body, after in (
        (CLIENT, dump(chat), b"base64,"),
        (GEMINI, dump(gemini), b'"data": "'),
    ):
        small, large = (body.replace(after, after + image[:size].encode()) for size in (10_000, 10_000_000))
        small, large = small[: len(small) - missing], large[: len(large) - missing]
        assert "image/png, 7.5 MB]" in view.prettify(large, Metadata())
        work = [calls(lambda b=b, v=view: v.prettify(b, Metadata())) for b in (small, large)]  # type: ignore[misc]
        assert work[1] < 2 * work[0] + 500


# --- which view is chosen


def metadata(method: str, path: str, content_type: str | None = "application/json") -> Metadata:
    flow = tflow.tflow(req=tutils.treq(method=method.encode(), path=path.encode()))
    return Metadata(flow=flow, http_message=flow.request, content_type=content_type)


CHOSEN = [
    ("POST", "/v1/chat/completions", "application/json", b"{}", CLIENT.name),
    ("POST", "/v1/responses", "text/event-stream", b"data: {}\n\n", CLIENT.name),
    ("POST", "/chat/completions", None, b'{"model":""}', CLIENT.name),
    ("POST", "/v1/completions", "text/plain", b' {"model":""}', CLIENT.name),
    ("GET", "/v1/responses/resp_1", "application/json", b"{}", CLIENT.name),
    ("POST", "/v1beta/models/gemini-2.5-flash:generateContent", "application/json", b"{}", GEMINI.name),
    ("POST", "/v1beta/models/m:streamGenerateContent?alt=sse", "text/event-stream", b"data: {}\n\n", GEMINI.name),
    ("POST", "/v1internal:streamGenerateContent?alt=sse", "application/json", b"{}", GEMINI.name),
    ("POST", "/v1/projects/p/locations/global/publishers/google/models/m:countTokens", None, b"{}", GEMINI.name),
    ("POST", "/v1/embeddings", "application/json", b"{}", CLIENT.name),
    ("POST", "/v1beta/models/m:batchEmbedContents", "application/json", b"{}", GEMINI.name),
    ("POST", "/v1beta1/publishers/google/models/m:predict", "application/json", b"{}", GEMINI.name),
    ("GET", "/v1/models", "application/json", b"{}", "JSON"),
    ("POST", "/v1/other", "application/json", b"{}", "JSON"),
    ("POST", "/v1/chat/completions", "text/html", b"<html></html>", "XML/HTML"),
]


@pytest.mark.parametrize(("method", "path", "content_type", "body", "name"), CHOSEN)
def test_the_view_that_fits_is_chosen(method: str, path: str, content_type: str | None, body: bytes, name: str) -> None:
    views.register()
    chosen = contentviews.registry.get_view(body, metadata(method, path, content_type))
    assert chosen.name == name


def test_flows_of_other_kinds_are_left_alone() -> None:
    for view in views.VIEWS:
        assert view.render_priority(b"{}", Metadata()) < 0
        assert view.render_priority(b"{}", Metadata(flow=tflow.ttcpflow())) < 0


def test_the_addon_registers_each_view_once(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = ContentviewRegistry()
    changes: list[contentviews.Contentview] = []

    def changed(view: contentviews.Contentview) -> None:
        changes.append(view)

    registry.on_change.connect(changed)
    monkeypatch.setattr(contentviews, "registry", registry)
    for _ in range(2):  # as when the script is loaded again
        Antigravity().load(Mock())
    assert changes == [*views.VIEWS, TIMELINE, TOKENS]
    assert [*registry] == [
        "client conversation",
        "gemini conversation",
        "translation",
        "attempts",
        "timeline",
        "tokens",
    ]


def test_choices_beside_items_are_not_shown_twice() -> None:
    both = {**RESPONSES_ANSWER, "choices": [{"index": 0, "message": {"role": "assistant", "content": "Seen."}}]}
    assert CLIENT.prettify(dump(both), Metadata()).count("Seen.") == 1


@pytest.mark.parametrize("side", ["request", "response"])
def test_an_empty_answer_says_why_on_its_first_line(side: str) -> None:
    flow = tflow.tflow(req=http.Request.make("POST", "http://x/v1/chat/completions"), resp=tutils.tresp())
    flow.metadata["antigravity"] = {"side": "client", "notes": [["ignored", "seed"], ["empty", "stop: nothing came"]]}
    body = dump({"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "finish_reason": "stop"}]})
    first = CLIENT.prettify(body, Metadata(flow=flow, http_message=getattr(flow, side))).splitlines()[0]
    assert (first == "empty: stop: nothing came") == (side == "response")


def test_a_flow_is_not_changed() -> None:
    request = http.Request.make("POST", "http://127.0.0.1/v1/chat/completions", dump(CHAT_REQUEST))
    before = request.get_state()
    CLIENT.prettify(request.content or b"", Metadata(http_message=request))
    assert request.get_state() == before


@pytest.mark.parametrize(
    ("path", "form", "expected"),
    [
        (
            "/v1/images/edits",
            b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nBluer\r\n--x--\r\n',
            "── prompt ──",
        ),
        ("/v1/images/edits", b"no form", "no form"),
    ],
)
def test_forms(path: str, form: bytes, expected: str) -> None:
    """As the dialect reads them; one that it can't read stands as it came."""
    request = tutils.treq(
        method=b"POST",
        path=path.encode(),
        content=form,
        headers=http.Headers(content_type="multipart/form-data; boundary=x"),
    )
    flow = tflow.tflow(req=request)
    about = Metadata(flow=flow, http_message=flow.request)
    assert CLIENT.render_priority(form, about) > 2
    assert expected in CLIENT.prettify(form, about).split("\n")
