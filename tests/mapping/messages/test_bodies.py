"""mapping.messages.bodies: what people see of requests, answers and streams, and what stays when they are masked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapping import dialects
from mapping.inspect.masking import mask_request
from mapping.inspect.transcript import Transcript
from mapping.messages.bodies import MessagesBodies
from mapping.values import JSON
from tests.e2e.message_checks import read_events
from tests.mapping.messages.samples import CALL, SIGNED, STOP, TEXT, THOUGHT, USAGE, event, sse, streaming, whole

SHOWN = MessagesBodies()
THINKS: dict[str, Any] = {"thinking": True}
ANSWER = [event(THOUGHT), event(TEXT), {**event(SIGNED, CALL, **STOP), "usageMetadata": USAGE}]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
REQUEST = {
    "model": "claude-x",
    "max_tokens": 10,
    "system": [{"type": "text", "text": "Be kind."}],
    "tools": [{"name": "run", "input_schema": {"type": "object"}}, {"type": "web_search_20250305"}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"id": "secret", "n": 5}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "18 C", "is_error": True},
                {"type": "document", "source": {"type": "text", "data": "said"}, "title": "t"},
                {"type": "future", "a": 1},
                "bare",
            ],
        },
    ],
}


def shown(value: Any) -> str:
    out = Transcript()
    SHOWN.show(out, value)
    return out.render()


def shown_stream(data: bytes) -> str:
    out = Transcript()
    SHOWN.show_stream(out, read_events(data))
    return out.render()


def test_a_request() -> None:
    text = shown(REQUEST)
    assert "max_tokens: 10" in text
    assert "tools: run, web_search_20250305" in text
    for said in ("Be kind.", "Hi", "[image image/png, 2 B]", "hm", '→ run({"id":"secret","n":5})  [toolu_1]'):
        assert said in text
    for said in ("← error  [toolu_1] 18 C", "[document t]", "said", '{"type":"future","a":1}', "bare"):
        assert said in text
    assert "signature" not in text


def test_a_stream_is_shown_as_the_whole_answer() -> None:
    stream = streaming(**THINKS)
    out = stream.feed(sse(*ANSWER)) + stream.end()
    text = shown_stream(out)
    assert text == shown(whole(*ANSWER, **THINKS))
    for said in ("assistant · tool_use", "(thought)\nt", "a", '→ f({"n":5})  [toolu_1]', "output_tokens 8"):
        assert said in text
    events = read_events(out)
    assert [SHOWN.is_last(event) for event in events].index(True) == len(events) - 1
    assert SHOWN.described(events[3]) == ("thinking_delta", 1)


def test_a_stream_that_broke_off() -> None:
    stream = streaming()
    out = stream.feed(sse(event(TEXT)) + sse({"error": {"code": 503, "message": "busy"}}))
    text = shown_stream(out)
    assert "error" in text
    assert "busy" in text
    assert text.endswith("msg_0\nmodel: claude-x\nusage: " + text.rpartition("usage: ")[2])
    assert SHOWN.is_last(read_events(out)[-1])


def test_who_shows_it() -> None:
    assert type(dialects.bodies("messages", REQUEST)) is MessagesBodies
    assert type(dialects.bodies("", {"type": "message_start", "message": {}})) is MessagesBodies
    assert type(dialects.bodies("", {"type": "message", "content": []})) is MessagesBodies


CHOICES = [
    # What one can choose from, and names of tools: masked they would be another request, or none.
    {"speed": "fast"},
    {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}},
    {"tools": [{"type": "bash_20250124", "name": "bash", "allowed_callers": ["direct"]}]},
    {"tool_choice": {"type": "tool", "name": "run"}},
    {"messages": [{"role": "system", "clear_at": "next_user_message", "output_config": {"effort": "low"}}]},
    {"context_management": {"edits": [{"keep": "all", "exclude_tools": ["run"], "clear_tool_inputs": ["run"]}]}},
    {"stop_sequences": ["END"]},
]


@pytest.mark.parametrize("request_", CHOICES)
def test_what_stays_when_masked(request_: JSON) -> None:
    assert mask_request(request_, SHOWN.structure) == request_


def test_masking() -> None:
    masked = mask_request(REQUEST, SHOWN.structure)
    thinking, use = masked["messages"][1]["content"]
    assert use == {"type": "tool_use", "id": "toolu_1", "name": "run", "input": {"id": "xxxxxx", "n": 1}}
    assert thinking["thinking"] == "xx"
    assert thinking["signature"] not in ("c2ln", "")
    result = masked["messages"][2]["content"][0]
    assert (result["tool_use_id"], result["content"]) == ("toolu_1", "00 x")
    assert masked["system"][0]["text"] == "xx xxxx."
    told = mask_request(whole(*ANSWER, **THINKS), SHOWN.structure)
    assert (told["stop_reason"], told["model"], told["id"]) == ("tool_use", "claude-x", "msg_0")
    assert "sealed" not in json.dumps(told)
