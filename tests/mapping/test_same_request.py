"""The same conversation by chat, by the Responses API and by Anthropic's Messages gives the same Gemini request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mapping.chat.request import translate as chat_request
from mapping.messages.request.request import translate as messages_request
from mapping.notes import Notes
from mapping.responses.request.request import translate as responses_request
from mapping.values import JSON, Options, nothing_remembered

G25 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQ="
SCHEMA: JSON = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


def asked(translate: Callable[..., Any], body: JSON, model: str, **more: Any) -> JSON:
    translated = translate(
        {"model": "m", **body},
        model=model,
        client_model="m",
        options=Options(late_system="hoist"),  # `auto` is for each dialect to say
        recall=nothing_remembered,
        notes=Notes(),
        **more,
    )
    return (translated[0] if isinstance(translated, tuple) else translated).body


def text(said: str) -> JSON:
    return {"type": "text", "text": said}


def tool(**function: Any) -> JSON:
    return {"type": "function", "function": function}


SYSTEM_AND_NUMBERS = (
    {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}],
        "max_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "stream": True,
    },
    {
        "instructions": "Be brief.",
        "input": "Hello!",
        "max_output_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "stream": True,
    },
    {
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [text("Hello!")]}],
        "max_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "stream": True,
    },
)

TOP_K = (
    {"messages": [{"role": "user", "content": "Hello!"}], "top_k": 5},
    None,
    {"messages": [{"role": "user", "content": "Hello!"}], "top_k": 5},
)

TURNS = (
    {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "system", "content": "d"},
            {"role": "user", "content": "e"},
        ]
    },
    {
        "input": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "system", "content": "d"},
            {"role": "user", "content": "e"},
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "system", "content": "d"},
            {"role": "user", "content": "e"},
        ]
    },
)

FILES = (
    {
        "messages": [
            {
                "role": "user",
                "content": [
                    text("What?"),
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                    {"type": "image_url", "image_url": {"url": "https://a.example/b.jpg"}},
                    {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}},
                    {"type": "file", "file": {"file_url": "https://a.example/b.pdf"}},
                ],
            }
        ]
    },
    {
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What?"},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                    {"type": "input_image", "image_url": "https://a.example/b.jpg"},
                    {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"},
                    {"type": "input_file", "file_url": "https://a.example/b.pdf"},
                ],
            }
        ]
    },
    {
        "messages": [
            {
                "role": "user",
                "content": [
                    text("What?"),
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "image", "source": {"type": "url", "url": "https://a.example/b.jpg"}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
                    {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}},
                ],
            }
        ]
    },
)

CALLS = (
    {
        "messages": [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                    {"id": "b", "type": "function", "function": {"name": "g h", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "b", "content": [text("rb"), text("more")]},
            {"role": "tool", "tool_call_id": "a", "content": "ra"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            tool(name="f", description="Does.", parameters=SCHEMA),
            tool(name="g h", parameters={"type": "object"}),
        ],
        "tool_choice": "required",
    },
    {
        "input": [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": '{"x":1}'},
            {"type": "function_call", "call_id": "b", "name": "g h", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "b",
                "output": [{"type": "input_text", "text": "rb"}, {"type": "input_text", "text": "more"}],
            },
            {"type": "function_call_output", "call_id": "a", "output": "ra"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {"type": "function", "name": "f", "description": "Does.", "parameters": SCHEMA},
            {"type": "function", "name": "g h", "parameters": {"type": "object"}},
        ],
        "tool_choice": "required",
    },
    {
        "messages": [
            {"role": "user", "content": "Look."},
            {
                "role": "assistant",
                "content": [
                    text("I look."),
                    {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                    {"type": "tool_use", "id": "b", "name": "g h", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "b", "content": [text("rb"), text("more")]},
                    {"type": "tool_result", "tool_use_id": "a", "content": "ra", "is_error": False},
                    text("And?"),
                ],
            },
        ],
        "tools": [
            {"name": "f", "description": "Does.", "input_schema": SCHEMA},
            {"name": "g h", "input_schema": {"type": "object"}},
        ],
        "tool_choice": {"type": "any"},
    },
)

ONE_TOOL = (
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [tool(name="f", parameters=SCHEMA, strict=True), tool(name="g", parameters=SCHEMA)],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    {
        "input": "Hi",
        "tools": [
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True},
            {"type": "function", "name": "g", "parameters": SCHEMA},
        ],
        "tool_choice": {"type": "function", "name": "f"},
    },
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [
            {"name": "f", "input_schema": SCHEMA, "strict": True},
            {"name": "g", "input_schema": SCHEMA},
        ],
        "tool_choice": {"type": "tool", "name": "f"},
    },
)

SEARCH = (
    {"messages": [{"role": "user", "content": "Hi"}], "web_search_options": {}},
    {"input": "Hi", "tools": [{"type": "web_search"}]},
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
    },
)

EFFORT = (
    {"messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "high"},
    {"input": "Hi", "reasoning": {"effort": "high"}},
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
    },
)

FORMAT = (
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    },
    {"input": "Hi", "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
    {
        "messages": [{"role": "user", "content": "Hi"}],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    },
)


@pytest.mark.parametrize("model", [G25, G3])
@pytest.mark.parametrize(
    ("chat", "responses", "messages"),
    [
        pytest.param(*SYSTEM_AND_NUMBERS, id="system and numbers"),
        pytest.param(*TOP_K, id="top_k"),
        pytest.param(*TURNS, id="turns"),
        pytest.param(*FILES, id="files"),
        pytest.param(*CALLS, id="calls"),
        pytest.param(*ONE_TOOL, id="one tool"),
        pytest.param(*SEARCH, id="search"),
        pytest.param(*EFFORT, id="effort"),
        pytest.param(*FORMAT, id="format"),
    ],
)
def test_the_same_request(chat: JSON, responses: JSON | None, messages: JSON, model: str) -> None:
    body = asked(messages_request, messages, model, unseal=lambda text: None)
    assert body == asked(chat_request, chat, model)
    if responses is not None:  # which has no top_k
        assert body == asked(responses_request, responses, model)
