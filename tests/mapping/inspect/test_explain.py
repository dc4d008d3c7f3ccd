"""mapping.inspect.explain: what became of every member, found out by leaving it out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import dialects, jsonio
from mapping.chat import dialect as chat
from mapping.dialect import Given
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.inspect.explain import Translate, explain
from mapping.inspect.explain_call import call_json, said
from mapping.inspect.explain_diff import Path as Steps
from mapping.inspect.explain_diff import at, difference, dotted
from mapping.inspect.explain_rows import Explanation, Row
from mapping.notes import Notes
from mapping.openai.bodies import OpenAIBodies
from mapping.values import JSON, Options, nothing_remembered
from tests.work import calls

WIRE = Path(__file__).resolve().parents[2] / "data" / "wire"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
WEATHER = {"name": "get weather", "parameters": {"type": "object", "properties": {"a": {"contentEncoding": "x"}}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "get weather", "arguments": '{"city":"Oslo"}'}}
HI = {"role": "user", "content": "Hi"}


def given_of(model: str) -> dict[str, Any]:
    return {"model": model, "client_model": "m", "options": Options(), "recall": nothing_remembered}


def call_of(dialect: str, model: str, body: Any, notes: Notes) -> JSON:
    found = dialects.named(dialect)
    assert found is not None
    if not isinstance(body, dict):
        raise Fault(400, "no object")
    given = Given(model, "m", mint=lambda prefix, size=12: prefix, now=lambda: 0, seal=str, notes=notes)
    return call_json(found.translate(body, given))


def chat_of(body: Any, notes: Notes) -> JSON:
    return call_of("chat", "gemini-2.5-flash", body, notes)


def responses_of(body: Any, notes: Notes) -> JSON:
    return call_of("responses", "gemini-3.1-pro-preview", body, notes)


def plan_of_chat() -> Any:
    return chat.translate({"messages": [HI]}, **given_of("gemini-2.5-flash"), notes=Notes()).plan


def answer_of(body: Any, notes: Notes) -> JSON:
    """The client's answer to a Gemini answer."""
    translator = chat.ChatAnswer(plan_of_chat(), created=0, mint=lambda prefix: prefix, notes=notes)
    translator.add(body)
    made: JSON = jsonio.loads(translator.finish())
    return made


def fates(found: Explanation) -> dict[str, tuple[list[str], list[str]]]:
    """Name of a row -> the places, and the codes of the notes."""
    rows = found.leaves()
    return {
        row.name: ([said(p.path, OpenAIBodies.facts) for p in row.became], [code for code, _ in row.notes])
        for row in rows
    }


CHAT = [
    # the request without model and messages, a row, where it went, its notes
    ({"temperature": 0.5}, "temperature", ["generationConfig.temperature"], []),
    ({"logit_bias": {"1": 2}}, "logit_bias", [], ["ignored"]),
    ({"mispelt": True}, "mispelt", [], ["ignored"]),
    ({"user": "me"}, "user", [], ["ignored"]),
    ({"stream": True}, "stream", ["the method", "the answer is a stream"], []),
    (
        {"stream": True, "stream_options": {"include_usage": True}},
        "stream",
        ["the method", "the answer is a stream"],
        [],
    ),
    (
        {"stream": True, "stream_options": {"include_usage": True}},
        "stream_options.include_usage",
        ["the stream tells the usage"],
        [],
    ),
    (
        {"extra_body": {"google": {"cached_content": "cachedContents/x"}}},
        "extra_body.google.cached_content",
        ["cachedContent"],
        [],
    ),
    (
        {"reasoning_effort": "low"},
        "reasoning_effort",
        ["generationConfig.thinkingConfig.thinkingBudget", "generationConfig.thinkingConfig.includeThoughts"],
        [],
    ),
    ({"n": 2}, "n", ["generationConfig.candidateCount", "number of choices"], []),
    (
        {"tools": [{"type": "function", "function": WEATHER}]},
        "tools[0].function.name",
        ["tools[0].functionDeclarations[0].name", "names of tools in the answer", "types of arguments in the answer"],
        ["renamed"],
    ),
    (
        {"tools": [{"type": "function", "function": WEATHER}]},
        "tools[0].function.parameters",
        ["tools[0].functionDeclarations[0].parametersJsonSchema", "types of arguments in the answer"],
        ["schema"],
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}},
        "response_format.json_schema.schema",
        ["generationConfig.responseJsonSchema.type"],
        [],
    ),
]


@pytest.mark.parametrize(("more", "name", "places", "notes"), CHAT, ids=lambda value: str(value)[:40])
def test_members_of_a_chat_request(more: JSON, name: str, places: list[str], notes: list[str]) -> None:
    assert fates(explain({"model": "m", "messages": [HI], **more}, chat_of))[name] == (places, notes)


CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "12 degrees"},
    {"role": "assistant", "content": "It is cold."},
    {"role": "user", "content": "Thanks."},
]
TURNS = {
    "messages[0].content": ["systemInstruction.parts[0].text"],
    "messages[1].content[0].text": ["contents[0].parts[0].text"],
    "messages[1].content[1].image_url.url": ["contents[0].parts[1].inlineData.data"],
    "messages[2].content": [],
    "messages[2].tool_calls[0].function.arguments": ["contents[1].parts[0].functionCall.args.city"],
    "messages[3].content": ["contents[2].parts[0].functionResponse.response.output"],
    "messages[4].content": ["contents[3].parts[0].text"],
    "messages[5].content": ["contents[4].parts[0].text"],
}


def test_turns_of_a_conversation() -> None:
    """Where a turn went, and not that its neighbours would become one without it."""
    found = fates(explain({"model": "m", "messages": CONVERSATION}, chat_of))
    assert {name: found[name][0] for name in TURNS} == TURNS


def test_members_that_nothing_can_be_without() -> None:
    rows = {row.name: row for row in explain({"model": "m", "messages": [HI]}, chat_of).leaves()}
    assert "role" in rows["messages[0].role"].needed
    assert not rows["messages[0].role"].became
    assert rows["messages[0].content"].needed
    assert rows["messages[0].content"].became


def test_a_member_that_another_one_cannot_be_without() -> None:
    """`stream` alone can't be left out beside `stream_options`."""
    found = explain({"model": "m", "messages": [HI], "stream": True, "stream_options": {}}, chat_of)
    row = next(row for row in found.leaves() if row.name == "stream")
    assert row.needed
    assert ("call", "method") in [place.path for place in row.became]


def test_what_would_be_there_without_it() -> None:
    def translate(body: Any, notes: Notes) -> JSON:
        return {} if body.get("off") else {"thinking": True}

    (row,) = explain({"off": True}, translate).leaves()
    assert row.instead == [("thinking",)]
    assert not row.became


def test_a_note_that_it_spares() -> None:
    def translate(body: Any, notes: Notes) -> JSON:
        if not body.get("a"):
            notes.add("thinking")
        return {}

    (row,) = explain({"a": True}, translate).leaves()
    assert row.spared == [("thinking", "")]
    assert row.has_effect


def test_a_note_of_two_causes_goes_to_what_it_names() -> None:
    def translate(body: Any, notes: Notes) -> JSON:
        if body:
            notes.add("ignored", "b")
            notes.add("retried", "elsewhere")
        return {}

    found = explain({"a": 1, "b": 1}, translate)
    assert {row.name: row.notes for row in found.leaves()} == {"a": [], "b": [("ignored", "b")]}
    assert found.notes == [("retried", "elsewhere")]


def test_a_refused_request() -> None:
    found = explain({"model": "m", "messages": [HI], "temperature": 9}, chat_of)
    assert found.refused is not None
    assert found.refused.param == "temperature"
    assert not found.rows


ANSWER = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "Hello"}]},
            "finishReason": "STOP",
            "safetyRatings": [{"category": "A", "probability": "LOW"}],
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
}


def test_members_of_an_answer() -> None:
    found = {row.name: [dotted(place.path) for place in row.became] for row in explain(ANSWER, answer_of).leaves()}
    assert found["candidates[0].content.parts[0].text"] == ["choices[0].message.reasoning_content"]
    assert found["candidates[0].content.parts[1].text"] == ["choices[0].message.content"]
    assert found["candidates[0].finishReason"] == ["choices[0].finish_reason"]
    assert "usage.prompt_tokens" in found["usageMetadata.promptTokenCount"]
    assert found["candidates[0].safetyRatings"] == []
    assert found["responseId"] == ["id"]


# --- what holds for any body


def leaves_of(value: Any, path: Steps = ()) -> Iterator[Steps]:
    """The paths of all members that have no members."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from leaves_of(member, (*path, name))
    elif isinstance(value, list) and value:
        for index, member in enumerate(value):
            yield from leaves_of(member, (*path, index))
    else:
        yield path


def without(body: Any, path: Steps) -> Any:
    made = copy.deepcopy(body)
    holder = at(made, path[:-1])
    del holder[path[-1]]
    return made


def outcome(body: Any, translate: Translate) -> tuple[Any, list[tuple[str, str]]]:
    notes = Notes()
    return translate(body, notes), list(notes)


def check(body: Any, translate: Translate) -> None:
    """The rules of `explain`, for one body."""
    before = copy.deepcopy(body)
    found = explain(body, translate)
    assert body == before
    if found.refused is not None:
        return
    rows = list(found.leaves())
    for leaf in leaves_of(body):
        owners = [row for row in rows for path in row.paths if leaf[: len(path)] == path]
        assert len(owners) == (1 if leaf else 0), (leaf, owners)
    result, notes = outcome(body, translate)
    for row in rows:
        check_row(row, body, translate, result, notes)
    told = {note for row in found.all() for note in row.notes} | set(found.notes)
    assert told == set(notes)


def check_row(row: Row, body: Any, translate: Translate, result: Any, notes: list[tuple[str, str]]) -> None:
    for place in row.became:
        assert row.needed or at(result, place.path) == place.value
    if row.has_effect or len(row.paths) > 1:
        return
    assert outcome(without(body, row.path), translate) == (result, notes)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("aB1 é\ud83d", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab_", max_size=3), inner, max_size=3),
    max_leaves=6,
)
CONTENT = st.one_of(
    st.text("aB ", min_size=1, max_size=5),
    st.lists(
        st.sampled_from([{"type": "text", "text": "Hi"}, IMAGE, {"type": "text", "text": ""}]), min_size=1, max_size=3
    ),
)
MESSAGE = st.one_of(
    st.fixed_dictionaries(
        {"role": st.just("user"), "content": CONTENT}, optional={"name": JSON_VALUES, "x": JSON_VALUES}
    ),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "assistant", "developer"]), "content": st.text("aB ", max_size=5)},
        optional={"x": JSON_VALUES},
    ),
    st.just({"role": "assistant", "content": None, "tool_calls": [CALL]}),
    st.just({"role": "tool", "tool_call_id": "c1", "content": "12"}),
)
PARAMETERS = {
    "temperature": st.floats(0, 2) | st.none(),
    "stream": st.booleans(),
    "stream_options": st.sampled_from([None, {"include_usage": True}]),
    "n": st.integers(1, 3),
    "stop": st.sampled_from(["a", ["a", "b"]]),
    "max_tokens": st.integers(1, 9),
    "max_completion_tokens": st.integers(1, 9),
    "reasoning_effort": st.sampled_from(["low", "none", "high"]),
    "tools": st.lists(
        st.sampled_from([{"type": "function", "function": WEATHER}, {"type": "function", "function": {"name": "f"}}]),
        max_size=3,
    ),
    "tool_choice": st.sampled_from(["auto", "none", None]),
    "response_format": st.sampled_from(
        [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}]
    ),
    "logit_bias": st.dictionaries(st.text("12", max_size=2), st.integers(0, 3), max_size=2),
    "metadata": JSON_VALUES,
    "x": JSON_VALUES,
}
CHAT_BODIES = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(MESSAGE, max_size=4).map(lambda messages: [*messages, HI])},
    optional=PARAMETERS,
).map(lambda body: {**body, "stream": True} if body.get("stream_options") else body)
ITEMS = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "developer"]), "content": st.text("aB ", max_size=5)}
    ),
    st.just({"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}),
    st.just({"type": "function_call_output", "call_id": "c1", "output": "12"}),
    st.just({"type": "reasoning", "summary": [], "encrypted_content": "foreign"}),
)
RESPONSES_BODIES = st.fixed_dictionaries(
    {"model": st.just("m"), "input": st.text("aB ", min_size=1, max_size=5) | st.lists(ITEMS, min_size=1, max_size=5)},
    optional={
        "instructions": st.text("aB", max_size=3),
        "reasoning": st.sampled_from([{"effort": "low"}, {"effort": "low", "summary": "auto"}]),
        "text": st.just({"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}),
        "include": st.just(["reasoning.encrypted_content"]),
        "tools": st.lists(st.sampled_from([{"type": "function", **WEATHER}, {"type": "web_search"}]), max_size=2),
        "metadata": st.dictionaries(st.text("ab", max_size=2), st.text("ab", max_size=2), max_size=2),
        "store": st.booleans(),
        "x": JSON_VALUES,
    },
)


@given(CHAT_BODIES)
def test_any_chat_request(body: Any) -> None:
    check(body, chat_of)


@given(RESPONSES_BODIES)
def test_any_responses_request(body: Any) -> None:
    check(body, responses_of)


@given(JSON_VALUES)
def test_any_json(body: Any) -> None:
    for translate in (chat_of, responses_of, answer_of, lambda value, notes: {"all": value}):
        check(body, translate)


@pytest.mark.parametrize("sample", sorted(path.name for path in WIRE.glob("*.json")))
def test_any_answer(sample: str) -> None:
    body = json.loads((WIRE / sample).read_bytes())
    try:
        answer_of(body, Notes())
    except (Fault, UpstreamError):
        assert explain(body, answer_of).refused is not None
        return
    check(body, answer_of)


@given(JSON_VALUES, JSON_VALUES)
def test_differences(value: Any, other: Any) -> None:
    found = difference(value, other)
    assert bool(found) == (jsonio.dumps(value) != jsonio.dumps(other))
    for path in found.lost:
        at(value, path)
    for path in found.gained:
        at(other, path)


def test_nested_too_deeply() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    found = explain({"model": "m", "messages": [HI], "metadata": {"a": deep}, "x": deep}, chat_of)
    assert "x" in {row.name for row in found.all()}
    found = explain({"a": deep, "b": 1}, needs_a)
    assert found.rows[0].needed == "a is missing"


def needs_a(body: Any, notes: Notes) -> JSON:
    if "a" not in body:
        raise Fault(400, "a is missing")
    return {"b": body.get("b")}


# --- large bodies


def large_bodies(size: float = 1) -> dict[str, JSON]:
    history: list[Any] = []
    for turn in range(int(48 * size)):
        call = {**CALL, "id": f"c{turn}"}
        history += [
            {"role": "user", "content": f"question {turn} " + "lorem " * 300},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"c{turn}", "content": "result " * 150},
            {"role": "assistant", "content": "Well."},
        ]
    url = f"data:image/png;base64,{PIXEL[:40]}{'A' * int(3_000_000 * size)}"
    image = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    tools = [{"type": "function", "function": {**WEATHER, "name": f"f{number}"}} for number in range(int(40 * size))]
    return {
        "history": {"model": "m", "messages": history, "tools": tools[:10]},
        "image": {"model": "m", "messages": [image], "temperature": 1},
        "tools": {"model": "m", "messages": [HI], "tools": tools},
        "members": {"model": "m", "messages": [HI], **{f"x{number}": number for number in range(int(300 * size))}},
    }


@pytest.mark.parametrize("name", large_bodies())
def test_the_work_grows_as_the_body_does(name: str) -> None:
    body = large_bodies()[name]
    small = large_bodies(0.25)[name]
    assert calls(lambda: explain(body, chat_of)) < 6 * calls(lambda: explain(small, chat_of))
    found = explain(body, chat_of)
    rows = list(found.leaves())
    assert len(rows) < 700
    owned = [path for row in rows for path in row.paths]
    for leaf in [*leaves_of(body)][::97]:
        assert sum(leaf[: len(path)] == path for path in owned) == 1
    if name == "history":
        last = len(body["messages"]) - 1
        assert any(row.path[:2] == ("messages", last) and row.became for row in rows)
