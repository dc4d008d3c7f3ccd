"""Turns that are added to a conversation leave the beginning of the Gemini request as it was.

Gemini's prompt cache ends where a request differs from the one before. So system instruction, tools and the contents so
far come again unchanged, whatever follows an answer of the model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import dialects, jsonio
from mapping.dialect import Given
from mapping.request.signatures import encode_call_id, family
from mapping.values import JSON, Options

G25 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
GEMMA = "gemma-4-31b-it"
SCHEMA: JSON = {"type": "object", "properties": {}}


class Calls(NamedTuple):
    """A turn of the model's with calls, and what comes back."""

    text: str
    ids: list[str]
    backwards: bool
    """The results come in the opposite order."""
    between: str
    """A system message before the results; empty: none."""


type Step = tuple[str, str] | Calls
"""`(role, text)`, or calls. The text of an answer may be empty."""

TEXTS = st.sampled_from(["a", "b", "Hello", "{}", "x" * 300])
SYSTEM = st.tuples(st.just("system"), TEXTS)
USER = st.tuples(st.just("user"), TEXTS)
ANSWER = st.tuples(st.just("assistant"), TEXTS | st.just("")) | st.builds(
    Calls, TEXTS | st.just(""), st.lists(TEXTS, min_size=1, max_size=3), st.booleans(), st.just("") | TEXTS
)
LATER = st.lists(st.one_of(SYSTEM, USER, ANSWER), max_size=6)
CONVERSATIONS = st.tuples(st.lists(SYSTEM, max_size=2), USER, st.lists(SYSTEM | USER, max_size=2), LATER, ANSWER, LATER)


def signed(steps: list[Step], model: str) -> list[Step]:
    """The same with ids that are like no other. Those of Gemini 3 carry a signature, as the gateway gives them."""
    found: list[Step] = []
    for at, step in enumerate(steps):
        if isinstance(step, Calls):
            ids = [f"call_{at}_{i}" for i in range(len(step.ids))]
            if model == G3:
                ids[0] = encode_call_id(ids[0], None, family(model), "QUJD")
            step = step._replace(ids=ids)
        found.append(step)
    return found


def messages(steps: list[Step]) -> JSON:
    said: list[JSON] = []
    for step in steps:
        if not isinstance(step, Calls):
            said.append({"role": step[0], "content": step[1]})
            continue
        text = [{"type": "text", "text": step.text}] if step.text else []
        uses = [{"type": "tool_use", "id": id, "name": "f", "input": {}} for id in step.ids]
        results = [{"type": "tool_result", "tool_use_id": id, "content": id[-3:]} for id in step.ids]
        said.append({"role": "assistant", "content": [*text, *uses]})
        if step.between:
            said.append({"role": "system", "content": step.between})
        said.append({"role": "user", "content": results[::-1] if step.backwards else results})
    return {"messages": said, "max_tokens": 100, "tools": [{"name": "f", "input_schema": SCHEMA}]}


def chat(steps: list[Step]) -> JSON:
    said: list[JSON] = []
    for step in steps:
        if not isinstance(step, Calls):
            said.append({"role": step[0], "content": step[1]})
            continue
        function = {"name": "f", "arguments": "{}"}
        calls = [{"id": id, "type": "function", "function": function} for id in step.ids]
        results = [{"role": "tool", "tool_call_id": id, "content": id[-3:]} for id in step.ids]
        said.append({"role": "assistant", "content": step.text or None, "tool_calls": calls})
        if step.between:
            said.append({"role": "system", "content": step.between})
        said += results[::-1] if step.backwards else results
    return {"messages": said, "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]}


def responses(steps: list[Step]) -> JSON:
    said: list[JSON] = []
    for step in steps:
        if not isinstance(step, Calls):
            said.append({"role": step[0], "content": step[1]})
            continue
        if step.text:
            said.append({"role": "assistant", "content": step.text})
        said += ({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"} for id in step.ids)
        if step.between:
            said.append({"role": "system", "content": step.between})
        results = [{"type": "function_call_output", "call_id": id, "output": id[-3:]} for id in step.ids]
        said += results[::-1] if step.backwards else results
    return {"input": said, "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}]}


SHAPES = {"messages": messages, "chat": chat, "responses": responses}


def asked(dialect: str, steps: list[Step], model: str, late: str) -> JSON:
    """The Gemini request."""
    about = Given(model, "m", lambda prefix, size=12: f"{prefix}1", lambda: 0, lambda payload: "")
    about.options = Options(late_system=late)
    answering = dialects.named(dialect).translate({"model": "m", **SHAPES[dialect](steps)}, about)
    body = answering.calls[0].body
    assert body is not None
    return jsonio.loads(jsonio.dumps(body))  # type: ignore[no-any-return]


def pieces(body: JSON) -> list[Any]:
    """The contents part by part: what the user adds to a turn of the user's comes behind it."""
    return [(content["role"], part) for content in body["contents"] for part in content["parts"]]


def without_late(steps: list[Step]) -> list[Step]:
    """The conversation without system messages behind an answer."""
    first = next((at for at, step in enumerate(steps) if step[0] != "user" and step[0] != "system"), len(steps))
    kept = [step for step in steps[first:] if step[0] != "system"]
    return [*steps[:first], *(step._replace(between="") if isinstance(step, Calls) else step for step in kept)]


@pytest.mark.parametrize("model", [G25, G3, GEMMA])
@pytest.mark.parametrize(
    ("dialect", "late"),
    [
        ("messages", "auto"),
        ("messages", "inline"),
        ("chat", "auto"),
        ("chat", "inline"),
        ("responses", "auto"),
        ("responses", "inline"),
    ],
)
@given(conversation=CONVERSATIONS)
def test_what_was_said_comes_again_unchanged(dialect: str, late: str, model: str, conversation: Any) -> None:
    systems, user, more, before, answer, after = conversation
    begun: list[Step] = [*systems, user, *more, *before]
    if not isinstance(begun[-1], Calls) and begun[-1][0] == "assistant":
        begun.append(("user", "Go on."))
    steps = signed([*begun, answer, *after], model)
    known = len(begun)
    if dialect != "messages" and late == "auto":  # hoisted, which is what people may change by the setting
        known = len(without_late(steps[:known]))
        steps = without_late(steps)
    earlier = asked(dialect, steps[:known], model, late)
    now = asked(dialect, steps, model, late)
    for member in ("systemInstruction", "tools"):
        assert earlier.get(member) == now.get(member)
    told = pieces(earlier)
    assert pieces(now)[: len(told)] == told


@pytest.mark.parametrize("model", [G25, G3])
def test_system_messages_around_results(model: str) -> None:
    """The responses follow the calls at once, wherever system messages stand; those come behind them."""
    calls = Calls("", ["1", "2"], False, "One.")
    steps = signed([("system", "Zero."), ("user", "a"), calls, ("system", "Two."), ("user", "b")], model)
    body = asked("messages", steps, model, "auto")
    assert body["systemInstruction"]["parts"] == [{"text": "Zero."}]
    kinds = [(role, next(name for name in part if name != "thoughtSignature")) for role, part in pieces(body)]
    between = [("model", "text")] if model == G3 else []
    assert kinds == [
        ("user", "text"),
        *[("model", "functionCall")] * 2,
        *[("user", "functionResponse")] * 2,
        *between,
        *[("user", "text")] * 3,
    ]
    assert [part["text"] for _, part in pieces(body)[-3:]] == ["<system>One.</system>", "<system>Two.</system>", "b"]


@pytest.mark.parametrize(
    ("late", "instruction", "texts"),
    [
        ("auto", ["A", "B"], ["a", "<system>C</system>", "b"]),
        ("inline", ["A"], ["a", "<system>B</system>", "<system>C</system>", "b"]),
        ("hoist", ["A", "B", "C"], ["a", "b"]),
    ],
)
def test_the_setting_of_a_person_counts(late: str, instruction: list[str], texts: list[str]) -> None:
    steps: list[Step] = [("system", "A"), ("user", "a"), ("system", "B"), ("assistant", "x")]
    body = asked("messages", [*steps, ("system", "C"), ("user", "b")], G25, late)
    assert [part["text"] for part in body["systemInstruction"]["parts"]] == instruction
    assert [part["text"] for role, part in pieces(body) if role == "user"] == texts
