"""Whole Responses requests: every parameter, the same conversation in either dialect, bodies in the shape of chat."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import jsonio
from mapping.chat import dialect as chat
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.conversation import carrier
from mapping.request.conversation.summaries import COMPACTION_PROMPT
from mapping.request.plan import Translated
from mapping.responses.plan import ResponsesPlan
from mapping.responses.request.request import translate
from mapping.values import Options, RawTurn, Recall, nothing_remembered

G2 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
G38 = "gemini-3.8-flash"
PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "name": "get_weather", "parameters": SCHEMA}


def translated(
    body: Any,
    model: str = G38,
    recall: Recall = nothing_remembered,
    notes: Notes | None = None,
    *,
    history: Any = (),
    unseal: Any = {}.get,
    resolve: Any = {}.get,
    **options: Any,
) -> Translated:
    return translate(
        body,
        model=model,
        client_model="gpt-5",
        options=Options(**options),
        recall=recall,
        notes=Notes() if notes is None else notes,
        history=history,
        unseal=unseal,
        resolve=resolve,
    )


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "input": "Hello", **more}


def plan(body: Any, model: str = G38, **more: Any) -> ResponsesPlan:
    found = translated(body, model, **more).plan
    assert isinstance(found, ResponsesPlan)
    return found


def refused(body: Any, **more: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        translated(body, **more)
    assert caught.value.status == 400
    return caught.value


# the request


def test_instructions_and_a_string() -> None:
    call = translated(asked(instructions="Be brief."))
    assert (call.model, call.method, call.copies) == (G38, "generateContent", 1)
    assert call.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
    }


def test_a_stream() -> None:
    call = translated(asked(stream=True, stream_options={"include_obfuscation": True}))
    assert call.method == "streamGenerateContent"
    assert call.plan.stream
    assert not call.plan.include_usage


@pytest.mark.parametrize(
    ("parameters", "config"),
    [
        pytest.param({"max_output_tokens": 5000}, {"maxOutputTokens": 5000}, id="max_output_tokens"),
        pytest.param({"max_tokens": 5000}, {"maxOutputTokens": 5000}, id="as chat calls it"),
        pytest.param({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "topP": 0.9}, id="sampling"),
        pytest.param(
            {"reasoning": {"effort": "high"}},
            {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}},
            id="effort",
        ),
        pytest.param({"reasoning": {"summary": "auto"}}, {"thinkingConfig": {"includeThoughts": True}}, id="summary"),
        pytest.param(
            {"reasoning": {"effort": None, "generate_summary": "concise", "context": "all_turns"}},
            {"thinkingConfig": {"includeThoughts": True}},
            id="summary by its old name",
        ),
        pytest.param(
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            id="json_schema",
        ),
        pytest.param(
            {"text": {"format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
            id="json_schema nested as in chat",
        ),
        pytest.param(
            {"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}, id="response_format"
        ),
        pytest.param(
            {"text": {"format": {"type": "json_object"}}}, {"responseMimeType": "application/json"}, id="json_object"
        ),
        pytest.param({"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {}, id="text"),
        pytest.param(
            {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
            {"responseLogprobs": True, "logprobs": 3},
            id="logprobs",
        ),
        pytest.param({"top_logprobs": 0}, {}, id="no logprobs"),
    ],
)
def test_parameters_of_the_config(parameters: Any, config: Any) -> None:
    notes = Notes()
    assert translated(asked(**parameters), G3, notes=notes).body.get("generationConfig", {}) == config
    assert list(notes) == []


NULLS = [
    *("include", "instructions", "metadata", "max_output_tokens", "previous_response_id", "user", "reasoning", "text"),
    *("tools", "tool_choice", "store", "background", "prompt", "conversation", "stream_options", "parallel_tool_calls"),
]


def test_nulls_are_absent() -> None:
    notes = Notes()
    call = translated(asked(**dict.fromkeys(NULLS)), notes=notes)
    assert call.body == translated(asked()).body
    assert call.plan == translated(asked()).plan
    assert list(notes) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"metadata": {"a": "b"}, "safety_identifier": "s"},
        {"prompt_cache_key": "k", "prompt_cache_retention": "24h", "prompt_cache_options": {"ttl": "30m"}},
        {"client_metadata": {}, "parallel_tool_calls": True, "store": False, "truncation": "disabled"},
        {"reasoning": {"context": "all_turns", "mode": "standard"}, "tools": [], "include": []},
        {"access_programs": {}, "background_options": {}, "image": {}, "moderation": {}, "context_management": []},
        {"service_tier": "auto", "tool_choice": "auto"},
    ],
)
def test_what_changes_nothing(parameters: Any) -> None:
    notes = Notes()
    assert translated(asked(**parameters), notes=notes).body == translated(asked()).body
    assert list(notes) == []


@pytest.mark.parametrize(
    ("parameters", "path"),
    [
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"truncation": "auto"}, "truncation"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": ["x"]}, "stop"),
        ({"n": 2}, "n"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "messages"),
        ({"text": {"format": {"type": "text"}}, "response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_is_left_out_is_noted(parameters: Any, path: str) -> None:
    notes = Notes()
    assert translated(asked(**parameters), notes=notes).body == translated(asked()).body
    assert list(notes) == [("ignored", path)]


def test_the_service_tier() -> None:
    call = translated(asked(service_tier="flex"))
    assert call.body["serviceTier"] == "flex"


def test_googles_extensions() -> None:
    call = translated(asked(extra_body={"google": {"thinking_config": {"thinking_level": "low"}}}), G3)
    assert call.body["generationConfig"] == {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}


def test_a_json_answer_beside_tools_of_an_older_model_is_asked_for_by_a_sentence() -> None:
    body = asked(tools=[WEATHER], text={"format": {"type": "json_object"}}, instructions="Be brief.")
    sent = translated(body, G2).body
    assert "generationConfig" not in sent
    assert [part["text"][:11] for part in sent["systemInstruction"]["parts"]] == ["Be brief.", "Answer only"]


def test_the_description_of_a_namespace_goes_into_the_system_instruction() -> None:
    namespace = {"type": "namespace", "name": "ns", "description": "Mine.", "tools": [WEATHER]}
    sent = translated(asked(tools=[namespace], instructions="Be brief.")).body
    assert [part["text"] for part in sent["systemInstruction"]["parts"]] == [
        "Be brief.",
        "About the tools whose names begin with 'ns__': Mine.",
    ]


def test_image_generation() -> None:
    call = translated(asked(tools=[{"type": "image_generation"}]), "gemini-3.1-flash-image")
    assert call.body["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}
    assert isinstance(call.plan, ResponsesPlan)
    assert call.plan.image_generation


def test_a_configuration_update() -> None:
    body = asked(
        input=[
            {"type": "configuration_update", "reasoning": {"effort": "high"}},
            {"role": "user", "content": "Hello"},
        ],
        reasoning={"effort": "low", "summary": "auto"},
    )
    call = translated(body, G3)
    assert call.body["generationConfig"]["thinkingConfig"]["thinkingLevel"] == "HIGH"
    assert plan(body).echo["reasoning"] == {"effort": "high", "summary": "auto"}


# state


def test_history_comes_first_and_instructions_are_the_requests_own() -> None:
    history = [
        {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "message", "id": "msg_2", "role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
    ]
    call = translated(asked(previous_response_id="resp_1", instructions="Be brief."), history=history)
    assert call.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Yes?"}]},
            {"role": "user", "parts": [{"text": "Hello"}]},
        ],
    }


@pytest.mark.parametrize("value", [None, []])
def test_an_earlier_response_may_stand_for_the_input(value: Any) -> None:
    history = [{"role": "user", "content": "Hi"}]
    call = translated({"input": value, "previous_response_id": "resp_1"}, history=history)
    assert call.body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


def test_a_carried_signature_reaches_the_call() -> None:
    body = asked(
        input=[
            {"role": "user", "content": "Hi"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "sealed"},
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "18 C"},
        ],
        tools=[WEATHER],
    )
    sealed = {"sealed": carrier.pack(G38, calls={"c1": "QUJD"})}
    notes = Notes()
    model = translated(body, notes=notes, unseal=sealed.get).body["contents"][1]
    assert model["parts"][0]["thoughtSignature"] == "QUJD"
    assert list(notes) == []


def test_compaction() -> None:
    body = asked(
        input=[{"role": "user", "content": "Hi"}, {"type": "compaction_trigger"}],
        tools=[WEATHER],
        tool_choice="required",
        text={"format": {"type": "json_object"}},
    )
    call = translated(body)
    assert call.body["contents"][-1]["parts"][-1] == {"text": COMPACTION_PROMPT}
    assert call.body["toolConfig"] == {"functionCallingConfig": {"mode": "NONE"}}
    assert "generationConfig" not in call.body
    assert plan(body).compaction


# what the way back needs


def test_the_plan() -> None:
    namespace = {"type": "namespace", "name": "ns", "description": "", "tools": [{"type": "custom", "name": "exec"}]}
    body = asked(
        tools=[WEATHER, namespace, {"type": "web_search"}, {"type": "code_interpreter"}],
        include=["reasoning.encrypted_content", "web_search_call.action.sources"],
        reasoning={"summary": "detailed"},
        store=False,
        stream=True,
    )
    found = plan(body)
    assert found.names == {"get_weather": "get_weather", "ns__exec": "ns__exec"}
    assert found.custom == {"ns__exec"}
    assert {name: (kind.type, kind.name, kind.namespace) for name, kind in found.kinds.items()} == {
        "get_weather": ("function", "get_weather", None),
        "ns__exec": ("custom", "exec", "ns"),
    }
    assert found.include == {"reasoning.encrypted_content", "web_search_call.action.sources"}
    assert (found.summary, found.carry, found.store, found.stream) == (True, True, False, True)
    assert (found.web_search, found.code_interpreter, found.image_generation) == (True, True, False)
    assert (found.client_model, found.model, found.n) == ("gpt-5", G38, 1)


@pytest.mark.parametrize(
    ("reasoning", "thoughts", "shown"),
    [
        (None, "auto", False),
        ({"effort": "high"}, "auto", False),
        ({"summary": "auto"}, "auto", True),
        (None, "always", True),
        ({"summary": "auto"}, "never", False),
    ],
)
def test_when_summaries_are_shown(reasoning: Any, thoughts: str, shown: bool) -> None:
    assert plan(asked(reasoning=reasoning), thoughts=thoughts).summary is shown


def test_the_defaults_of_what_is_repeated() -> None:
    assert plan(asked()).echo == {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
    }


@pytest.mark.parametrize(
    ("given", "repeated"),
    [
        pytest.param({"instructions": "Be brief.", "user": "u"}, None, id="texts"),
        pytest.param({"temperature": 0.2, "top_p": 0.5, "max_output_tokens": 9, "top_logprobs": 2}, None, id="numbers"),
        pytest.param({"metadata": {"a": "b"}, "store": False, "truncation": "auto"}, None, id="others"),
        pytest.param({"service_tier": "auto"}, {"service_tier": "default"}, id="any tier"),
        pytest.param({"service_tier": "flex"}, None, id="a tier"),
        pytest.param(
            {"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low", "summary": None}}, id="reasoning"
        ),
        pytest.param(
            {"text": {"verbosity": "low"}}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}, id="text"
        ),
        pytest.param(
            {"tools": [WEATHER], "tool_choice": {"type": "function", "name": "get_weather"}},
            {
                "tools": [{**WEATHER, "description": None, "strict": True}],
                "tool_choice": {"type": "function", "name": "get_weather"},
            },
            id="tools",
        ),
        pytest.param(
            {"tools": [{"type": "function", "name": "1 x", "strict": False}]},
            {"tools": [{"type": "function", "name": "1 x", "description": None, "parameters": None, "strict": False}]},
            id="a name that Gemini does not take",
        ),
        pytest.param(
            {
                "tools": [{"type": "function", "function": {"name": "f"}}],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
            },
            {
                "tools": [{"type": "function", "name": "f", "description": None, "parameters": None, "strict": True}],
                "tool_choice": {"type": "function", "name": "f"},
            },
            id="tools as in chat",
        ),
    ],
)
def test_what_is_repeated(given: Any, repeated: Any) -> None:
    echo = plan(asked(**given), G3).echo
    expected = repeated or given
    assert {name: echo[name] for name in expected} == expected


# the same conversation in chat

CHAT_WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}
FORMAT = {"name": "city", "schema": SCHEMA, "strict": True}


def chat_call(id: str, city: str) -> dict[str, Any]:
    return {
        "id": id,
        "type": "function",
        "function": {"name": "get_weather", "arguments": f'{{"city":"{city}"}}'},
    }


def item_call(id: str, city: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{id}",
        "call_id": id,
        "name": "get_weather",
        "arguments": f'{{"city":"{city}"}}',
        "status": "completed",
    }


@pytest.mark.parametrize("model", [G2, G3, G38])
@pytest.mark.parametrize(
    ("as_chat", "as_response"),
    [
        pytest.param(
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hello"},
                    {"role": "assistant", "content": "Yes?"},
                    {"role": "user", "content": "Who are you?"},
                ],
                "temperature": 0.5,
                "max_tokens": 2000,
            },
            {
                "instructions": "Be brief.",
                "input": [
                    {"role": "user", "content": "Hello"},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]},
                    {"role": "user", "content": [{"type": "input_text", "text": "Who are you?"}]},
                ],
                "temperature": 0.5,
                "max_output_tokens": 2000,
            },
            id="plain",
        ),
        pytest.param(
            {
                "messages": [
                    {"role": "user", "content": "Weather?"},
                    {
                        "role": "assistant",
                        "content": "I look.",
                        "tool_calls": [chat_call("a", "Paris"), chat_call("b", "Oslo")],
                    },
                    {"role": "tool", "tool_call_id": "b", "content": "9 C"},
                    {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "18 C"}]},
                    {"role": "user", "content": "And tomorrow?"},
                ],
                "tools": [CHAT_WEATHER],
                "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
            },
            {
                "input": [
                    {"role": "user", "content": "Weather?"},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                    item_call("a", "Paris"),
                    item_call("b", "Oslo"),
                    {"type": "function_call_output", "call_id": "b", "output": "9 C"},
                    {
                        "type": "function_call_output",
                        "call_id": "a",
                        "output": [{"type": "input_text", "text": "18 C"}],
                    },
                    {"role": "user", "content": "And tomorrow?"},
                ],
                "tools": [WEATHER],
                "tool_choice": {"type": "function", "name": "get_weather"},
            },
            id="parallel calls",
        ),
        pytest.param(
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What is this?"},
                            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                            {"type": "file", "file": {"file_data": "JVBERg==", "filename": "a.pdf"}},
                        ],
                    }
                ]
            },
            {
                "input": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "input_text", "text": "What is this?"},
                            {"type": "input_image", "image_url": PNG, "detail": "low"},
                            {"type": "input_image", "image_url": "https://example.com/a.png"},
                            {"type": "input_file", "file_data": "JVBERg==", "filename": "a.pdf"},
                        ],
                    }
                ]
            },
            id="images and files",
        ),
        pytest.param(
            {
                "messages": [{"role": "user", "content": "Where?"}],
                "response_format": {"type": "json_schema", "json_schema": FORMAT},
                "tools": [CHAT_WEATHER],
            },
            {"input": "Where?", "text": {"format": {"type": "json_schema", **FORMAT}}, "tools": [WEATHER]},
            id="JSON schema",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "Why?"}], "reasoning_effort": "high"},
            {"input": "Why?", "reasoning": {"effort": "high"}},
            id="reasoning effort",
        ),
        pytest.param(
            {
                "messages": [
                    {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
                    {"role": "user", "content": "Hello"},
                    {"role": "system", "content": "Speak French."},
                    {"role": "user", "content": "Bye"},
                ]
            },
            {
                "input": [
                    {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
                    {"role": "user", "content": "Hello"},
                    {"role": "system", "content": "Speak French."},
                    {"role": "user", "content": "Bye"},
                ]
            },
            id="system message in the middle",
        ),
    ],
)
def test_the_same_conversation_in_chat_and_here(as_chat: Any, as_response: Any, model: str) -> None:
    through_chat = chat.translate(
        as_chat, model=model, client_model="gpt-5", options=Options(), recall=nothing_remembered, notes=Notes()
    )
    assert translated(as_response, model).body == through_chat.body
    # A body in the shape of chat is the same here as there.
    assert translated(as_chat, model).body == through_chat.body


def test_a_body_in_the_shape_of_chat() -> None:
    body = {
        "messages": [{"role": "user", "content": "Hello"}],
        "instructions": "Be brief.",
        "n": 2,
        "stop": "x",
        "max_completion_tokens": 3000,
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": FORMAT},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    notes = Notes()
    call = translated(body, G3, notes=notes)
    assert call.copies == 1
    assert call.body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert call.body["generationConfig"]["stopSequences"] == ["x"]
    assert call.body["generationConfig"]["maxOutputTokens"] == 3000
    assert isinstance(call.plan, ResponsesPlan)
    assert call.plan.echo["max_output_tokens"] == 3000
    assert call.plan.echo["reasoning"] == {"effort": "low", "summary": None}
    assert call.plan.echo["text"]["format"] == {"type": "json_schema", **FORMAT}
    assert (call.plan.n, call.plan.include_usage) == (1, True)
    assert list(notes) == [("ignored", "n")]


def test_history_before_messages() -> None:
    body = {"messages": [{"role": "user", "content": "Bye"}], "previous_response_id": "resp_1"}
    call = translated(body, history=[{"role": "user", "content": "Hello"}])
    assert call.body["contents"] == [{"role": "user", "parts": [{"text": "Hello"}, {"text": "Bye"}]}]


def test_legacy_functions_in_the_shape_of_chat() -> None:
    body = {
        "messages": [{"role": "user", "content": "Hello"}],
        "functions": [{"name": "f"}],
        "function_call": {"name": "f"},
    }
    call = translated(body)
    assert call.body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
    assert call.plan.names == {"f": "f"}
    assert not call.plan.legacy_functions


def test_a_plan_for_a_chat_answer() -> None:
    """A body with `input` may come by chat's path; the answer is chat's then."""
    call = translated(
        asked(stream=True, stream_options={"include_usage": True}, tools=[{"type": "custom", "name": "exec"}])
    )
    assert (call.plan.include_usage, call.plan.n, call.plan.custom) == (True, 1, {"exec"})
    answer = chat.ChatAnswer(call.plan, created=1, mint=lambda prefix: f"{prefix}1", notes=Notes())
    part = {"functionCall": {"name": "exec", "args": {"input": "x"}}}
    answer.add({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]})
    (made,) = jsonio.loads(answer.finish())["choices"][0]["message"]["tool_calls"]
    assert made == {"id": "call_1", "type": "custom", "custom": {"name": "exec", "input": "x"}}


# errors


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        pytest.param([], None, None, id="no object"),
        pytest.param({}, "input", "missing_required_parameter", id="no input"),
        pytest.param({"input": []}, "input", "empty_array", id="empty input"),
        pytest.param({"messages": []}, "messages", "empty_array", id="empty messages"),
        pytest.param({"input": 5}, "input", "invalid_type", id="type of input"),
        pytest.param(asked(instructions=["x"]), "instructions", "invalid_type", id="instructions"),
        pytest.param(asked(prompt={"id": "p"}), "prompt", "unsupported_parameter", id="prompt"),
        pytest.param(asked(conversation="conv_1"), "conversation", "unsupported_parameter", id="conversation"),
        pytest.param(
            asked(conversation="conv_1", previous_response_id="resp_1"), "conversation", "invalid_value", id="both"
        ),
        pytest.param(asked(background=True, store=False), "background", "invalid_value", id="background"),
        pytest.param(asked(include=["everything"]), "include[0]", "invalid_value", id="include"),
        pytest.param(asked(include=[None]), "include[0]", "invalid_type", id="null in include"),
        pytest.param(asked(include="x"), "include", "invalid_type", id="type of include"),
        pytest.param(asked(reasoning="high"), "reasoning", "invalid_type", id="type of reasoning"),
        pytest.param(asked(reasoning={"effort": "most"}), "reasoning.effort", "invalid_value", id="effort"),
        pytest.param(asked(reasoning={"summary": "long"}), "reasoning.summary", "invalid_value", id="summary"),
        pytest.param(asked(text="json"), "text", "invalid_type", id="type of text"),
        pytest.param(asked(text={"format": {"type": "xml"}}), "text.format.type", "invalid_value", id="format"),
        pytest.param(
            asked(text={"format": {"type": "json_schema"}}), "text.format.name", "missing_required_parameter", id="name"
        ),
        pytest.param(asked(text={"verbosity": "loud"}), "text.verbosity", "invalid_value", id="verbosity"),
        pytest.param(asked(truncation="some"), "truncation", "invalid_value", id="truncation"),
        pytest.param(asked(temperature="1"), "temperature", "invalid_type", id="type of temperature"),
        pytest.param(asked(temperature=3), "temperature", "invalid_value", id="temperature"),
        pytest.param(asked(max_output_tokens=0), "max_output_tokens", "invalid_value", id="max_output_tokens"),
        pytest.param(asked(top_logprobs=21), "top_logprobs", "invalid_value", id="top_logprobs"),
        pytest.param(asked(metadata=[]), "metadata", "invalid_type", id="metadata"),
        pytest.param(asked(store="yes"), "store", "invalid_type", id="store"),
        pytest.param(asked(stream_options={}), "stream_options", "invalid_value", id="stream_options"),
        pytest.param(asked(service_tier="best"), "service_tier", "invalid_value", id="service_tier"),
        pytest.param(asked(tool_choice="required"), "tool_choice", "invalid_value", id="choice without tools"),
    ],
)
def test_errors(body: Any, param: str | None, code: str | None) -> None:
    error = refused(body)
    assert (error.param, error.code) == (param, code)


# properties

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(["", " ", "a", "Hello", "\ud83d", "{}", '{"a":1}', "[1]"])
IDS = st.sampled_from(["1", "2", "call_a", ""])
NAMES = st.sampled_from(["f", "exec", "1x", "\u00e9"])
NAMESPACES = st.sampled_from(["ns", "", "other"])
SEALED = {
    "calls": carrier.pack(G3, calls={"1": "QUJD"}, text="REVG"),
    "turn": carrier.pack(G3, turn=RawTurn(G3, [{"functionCall": {"name": "f"}, "thoughtSignature": "QUJD"}], ["1"])),
    "summary": carrier.pack_compaction("So far."),
}
STORED = {"item": {"type": "message", "role": "assistant", "content": "Hello"}}
MODELS = st.sampled_from([G2, G3, G38, "gemma-4-31b-it", "gemini-3.1-flash-image", "gemini-flash-latest", "x"])
JUNKED = [
    *("background", "conversation", "include", "instructions", "messages", "metadata", "modalities", "n", "prompt"),
    *("previous_response_id", "reasoning", "service_tier", "store", "stream", "stream_options", "temperature"),
    *("text", "tool_choice", "top_logprobs", "truncation", "user"),
]
NS = {"type": "namespace", "name": "ns", "description": "d", "tools": [{"type": "custom", "name": "exec"}]}


def bodies(junk: int) -> st.SearchStrategy[dict[str, Any]]:
    """Responses requests; of every hundred values, `junk` are anything."""

    def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.integers(1, 100).flatmap(lambda roll: JUNK if roll <= junk else strategy) if junk else strategy

    def objects(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
        return mostly(st.fixed_dictionaries(required, optional=optional or {}))

    def item(kind: str, required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
        return objects({"type": st.just(kind), **required}, optional)

    part = st.one_of(
        objects({"type": st.just("input_text"), "text": mostly(WORDS)}),
        objects({"type": st.just("refusal"), "refusal": mostly(WORDS)}),
        objects({"type": st.just("input_image"), "image_url": mostly(st.just(PNG))}),
        objects({"type": st.just("input_file"), "file_data": mostly(st.just(PNG))}, {"filename": mostly(WORDS)}),
    )
    content = mostly(WORDS | st.lists(part, max_size=3))
    run = objects({"stdout": mostly(WORDS), "stderr": mostly(WORDS)}, {"outcome": mostly(st.just({"exit_code": 0}))})
    named = {"call_id": IDS, "name": NAMES}
    more = {"namespace": mostly(NAMESPACES), "id": mostly(IDS), "status": mostly(st.just("completed"))}
    tools = mostly(st.lists(st.sampled_from([NS, WEATHER, {"type": "custom", "name": "f"}]), max_size=2))
    sealed = mostly(st.sampled_from(["foreign", "calls", "turn", "summary"]))
    item_kinds = st.one_of(
        objects({"role": st.sampled_from(["system", "developer"]), "content": mostly(WORDS)}),
        objects({"role": st.just("user"), "content": content}, {"type": st.just("message")}),
        objects({"role": st.just("assistant")}, {"content": content, "id": mostly(IDS)}),
        item("function_call", named, {"arguments": mostly(WORDS), **more}),
        item("function_call_output", {**named, "output": content}),
        item("custom_tool_call", {**named, "input": mostly(WORDS)}, more),
        item("custom_tool_call_output", {**named, "output": content}),
        item("shell_call", {"call_id": IDS, "action": objects({"commands": st.just(["ls"])})}),
        item("shell_call_output", {"call_id": st.just("1"), "output": mostly(st.lists(run, max_size=2))}),
        item("reasoning", {"summary": st.just([])}, {"encrypted_content": sealed}),
        item("compaction", {"encrypted_content": sealed}),
        item("additional_tools", {"tools": tools}),
        item("tool_search_output", {"tools": tools}),
        item("configuration_update", {}, {"reasoning": mostly(st.just({"effort": "low"}))}),
        item("item_reference", {"id": st.just("item")}),
        item("web_search_call", {"id": IDS}),
        item("image_generation_call", {"result": mostly(st.just("iVBORw0KGgo="))}),
    )
    first_calls = [
        {"role": "user", "content": "Hi"},
        {"type": "shell_call", "call_id": "1", "action": {"commands": ["ls"]}},
    ]
    items = st.lists(item_kinds, max_size=8).map(lambda rest: [*first_calls, *rest])
    optional = {"tools": tools}
    if junk:
        optional |= dict.fromkeys(JUNKED, JUNK)
    return st.fixed_dictionaries({"input": mostly(items)}, optional=optional)


def check(call: Translated) -> None:
    """What Gemini demands of `contents`, and that the request can be sent."""
    contents = call.body["contents"]
    assert contents
    assert [content["role"] for content in contents] == [("user", "model")[i % 2] for i in range(len(contents))]
    for i, content in enumerate(contents):
        assert content["parts"]
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        answers = contents[i + 1]["parts"] if calls else []
        responses = [part["functionResponse"] for part in answers if "functionResponse" in part]
        assert [(c["name"], c.get("id")) for c in calls] == [(r["name"], r.get("id")) for r in responses]
        if any("functionResponse" in part for part in content["parts"]):
            assert any("functionCall" in part for part in contents[i - 1]["parts"])
    jsonio.loads(jsonio.dumps(call.body))
    assert isinstance(call.plan, ResponsesPlan)
    jsonio.dumps(call.plan.echo)


def outcome(body: Any, model: str, **options: Any) -> Translated | Fault:
    """What comes of a request, which leaves its input as it was."""
    before = copy.deepcopy(body)
    held = copy.deepcopy((SEALED, STORED))
    notes = Notes()
    try:
        found: Translated | Fault = translated(
            body, model, notes=notes, unseal=SEALED.get, resolve=STORED.get, **options
        )
    except Fault as error:
        found = error
    assert body == before
    assert held == (SEALED, STORED)
    assert notes.header().isascii()
    return found


@given(bodies(junk=0), MODELS, st.sampled_from(["hoist", "inline"]))
def test_whatever_stands_in_the_input_becomes_contents(body: dict[str, Any], model: str, late: str) -> None:
    found = outcome(body, model, late_system=late)
    if isinstance(found, Translated):
        check(found)
    else:
        # The second output of one call, and two tools of one name, are the client's faults.
        assert found.code == "invalid_value"
        assert found.param
        assert found.param.endswith((".call_id", ".name"))


@given(bodies(junk=2), MODELS, st.booleans())
def test_junk_is_refused_or_left_out(body: dict[str, Any], model: str, strict: bool) -> None:
    found = outcome(body, model, strict=strict)
    if isinstance(found, Translated):
        check(found)
    else:
        assert found.status == 400
        assert errors.error_body(found)


@given(JUNK | st.dictionaries(st.sampled_from(["input", "messages", "tools", "text", "reasoning"]), JUNK), MODELS)
def test_any_json(body: Any, model: str) -> None:
    assert outcome(body, model)
