"""Gemini's answer changed, and the client's calls cut where their marks come out."""

from __future__ import annotations

from typing import Any

import pytest

from addons.gateway.fault_injection import events
from addons.gateway.fault_injection.changes import Changes
from addons.gateway.fault_injection.grammar import parse
from addons.gateway.fault_injection.marks import CallMark
from mapping import jsonio
from mapping.values import JSON


def answer(*parts: JSON, finish: str | None = "STOP") -> JSON:
    candidate: JSON = {"index": 0, "content": {"role": "model", "parts": list(parts)}, "avgLogprobs": -1.0}
    usage = {"promptTokenCount": 3, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], "usageMetadata": usage}


def changed(fault: str, value: Any) -> tuple[Any, Changes]:
    (turn,) = parse(fault)
    changes = Changes(turn)
    return jsonio.loads(changes.of(jsonio.dumps(value))), changes


TEXT = answer({"text": "Hello"})


def test_an_empty_answer_ends_as_it_did() -> None:
    made, changes = changed("empty", TEXT)
    assert made["candidates"] == [{"content": {"role": "model", "parts": []}, "index": 0, "finishReason": "STOP"}]
    assert made["usageMetadata"] == TEXT["usageMetadata"]
    assert changes.found


def test_the_filter_has_the_last_word() -> None:
    assert changed("filter", answer({"text": "Hel"}, finish=None))[0]["candidates"] == [{"index": 0}]
    unnumbered = {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]}
    assert changed("filter", unnumbered)[0]["candidates"] == [{}]
    (candidate,) = changed("filter", TEXT)[0]["candidates"]
    assert "content" not in candidate
    assert candidate["finishReason"] == "SAFETY"


def test_what_is_counted_wrong_is_known() -> None:
    made, changes = changed("usage;times=2.5", TEXT)
    assert made["usageMetadata"] == {
        "promptTokenCount": 8,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    }
    assert changes.spent
    assert changes.spent.totals().prompt == 3


@pytest.mark.parametrize("value", [{"embeddings": []}, [], 3, {"candidates": 3}, {"candidates": [None]}])
def test_what_is_no_answer_is_left_alone(value: Any) -> None:
    made, changes = changed("empty + usage + arguments", value)
    assert made == value
    assert not changes.found


def test_wrapped_answers_and_lists_of_answers_are_answers() -> None:
    made, _ = changed("empty", [{"response": TEXT, "traceId": "x"}])
    assert made[0]["response"]["candidates"][0]["content"]["parts"] == []
    assert made[0]["traceId"] == "x"


def test_calls_are_marked_and_nothing_else() -> None:
    call = {"functionCall": {"name": "f", "args": {"city": "Paris", "days": 3}}, "thoughtSignature": "s"}
    made, changes = changed("arguments", answer({"text": "Paris"}, call))
    text, marked = made["candidates"][0]["content"]["parts"]
    assert text == {"text": "Paris"}
    assert marked["thoughtSignature"] == "s"
    assert marked != call
    assert changes.mark
    assert changes.mark.without_in(marked) == call
    assert not changed("arguments", TEXT)[1].found


ARGS: tuple[JSON, ...] = (
    {"city": "Paris"},
    {"days": 3, "nights": 2},
    {"days": 3},
    {},
    {"input": ""},
    {"a": {"b": ["text", {"c": "more"}]}, "d": None, "e": 'quo"ted \\ \n'},
)


@pytest.mark.parametrize("args", ARGS, ids=repr)
def test_arguments_are_cut_however_they_come_out(args: JSON) -> None:
    mark = CallMark()
    marked = mark.put(args)
    text = jsonio.dumps(marked).decode()
    as_text = {"arguments": text, "name": "f"}
    as_object = {"args": marked, "name": "f"}
    for value in (as_text, as_object, {"deep": [as_text]}):
        assert mark.find(jsonio.dumps(value)) >= 0
        cut = mark.cut(value)
        assert mark.find(jsonio.dumps(cut)) < 0
    for cut in (mark.cut(as_text)["arguments"], mark.cut(as_object)["args"]):
        assert text.startswith(cut)
        with pytest.raises(ValueError, match=r"."):
            jsonio.loads(cut)
    assert mark.without_in(as_object) == {"args": args, "name": "f"}
    assert jsonio.loads(mark.without_in(as_text)["arguments"]) == args


def test_events_are_found_and_edited() -> None:
    assert events.split(b"a\n\nb\n\n") == [b"a\n\n", b"b\n\n"]
    assert events.split(b"bytes") == [b"bytes"]
    assert events.split(b"") == []
    event = b'event: x\ndata: {"a":1}\n\n'
    assert events.edited(event, lambda value: {**value, "b": 2}) == b'event: x\ndata: {"a":1,"b":2}\n\n'
    assert events.edited(b'{"a":1}', lambda value: 7) == b"7"
    assert events.edited(b": keep-alive\n\n", lambda value: 7) == b": keep-alive\n\n"
    assert events.edited(b"data: [DONE]\n\n", lambda value: 7) == b"data: [DONE]\n\n"
