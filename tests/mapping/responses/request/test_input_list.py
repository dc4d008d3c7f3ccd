"""What is kept of a request's input: complete items, which make the same conversation when they come back."""

from __future__ import annotations

import copy
import json
from itertools import count
from typing import Any

import pytest
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from mapping.notes import Notes
from mapping.responses.request.input_list import listed_items
from mapping.responses.request.request import translate
from mapping.values import JSON, Options, nothing_remembered

PNG = "data:image/png;base64,iVBORw0KGgo="
ITEM: TypeAdapter[Any] = TypeAdapter(ResponseItem)


def listed(body: JSON, stored: dict[str, Any] | None = None) -> list[JSON]:
    before = copy.deepcopy(body)
    numbers = count(1)
    items = listed_items(body, mint=lambda prefix: f"{prefix}{next(numbers)}", resolve=(stored or {}).get)
    assert body == before
    return items


def contents(body: JSON, history: Any = ()) -> tuple[Any, Any]:
    sent = translate(
        body,
        model="gemini-3.8-flash",
        client_model="gpt-5",
        options=Options(),
        recall=nothing_remembered,
        notes=Notes(),
        history=history,
    ).body
    return sent.get("systemInstruction"), sent["contents"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param(
            "Hello",
            [
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "user",
                    "status": "completed",
                    "content": [{"type": "input_text", "text": "Hello"}],
                }
            ],
            id="string",
        ),
        pytest.param(
            [{"role": "assistant", "content": "Yes?", "id": "msg_a"}],
            [
                {
                    "type": "message",
                    "id": "msg_a",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "Yes?", "annotations": []}],
                }
            ],
            id="answer with an id",
        ),
        pytest.param(
            [{"type": "function_call_output", "call_id": "c1", "output": "18 C", "id": None}],
            [{"type": "function_call_output", "call_id": "c1", "output": "18 C", "id": "fco_1", "status": "completed"}],
            id="output",
        ),
        pytest.param(
            [{"type": "mcp_call", "name": "x"}],
            [{"type": "mcp_call", "name": "x", "id": "item_1", "status": "completed"}],
            id="another type",
        ),
        pytest.param(
            [{"type": "program_output", "id": "p", "output": ["x"]}],
            [{"type": "program_output", "id": "p", "output": ["x"], "status": "completed"}],
            id="an output that nobody reads",
        ),
        pytest.param([{"type": "compaction_trigger"}], [], id="trigger"),
    ],
)
def test_items_are_complete(given: Any, kept: Any) -> None:
    assert listed({"input": given}) == kept


LEFT_OUT: list[JSON] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "x"},
            {"type": "input_image", "image_url": PNG},
            {"type": "input_image", "image_url": {"url": PNG, "detail": None}},
            {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        ],
    },
    {"role": "assistant", "content": [{"type": "output_text", "text": "x"}, {"type": "refusal", "refusal": "no"}]},
    {"role": "assistant", "content": [{"type": "input_text", "text": "x"}]},
    {"role": "assistant", "content": None},
    {"type": "function_call", "call_id": "a", "name": "f"},
    {"type": "custom_tool_call", "call_id": "b", "name": "c", "input": "ls"},
    {"type": "local_shell_call", "call_id": "d", "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"type": "shell_call", "call_id": "e", "action": {"commands": ["ls"]}},
    {"type": "apply_patch_call", "call_id": "g", "operation": {"type": "delete_file", "path": "p"}},
    {"type": "function_call_output", "call_id": "a", "output": None},
    {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_image", "image_url": PNG}]},
    {"type": "local_shell_call_output", "id": "d", "output": "x"},
    {
        "type": "shell_call_output",
        "call_id": "e",
        "output": [{"stdout": "x", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
    },
    {"type": "apply_patch_call_output", "call_id": "g", "status": "completed"},
    {"type": "reasoning", "encrypted_content": "x"},
    {"type": "item_reference", "id": "fc_9"},
]


def test_what_clients_leave_out_is_there() -> None:
    stored = {"fc_9": {"type": "function_call", "id": "fc_9", "call_id": "c1", "name": "f", "arguments": "{}"}}
    for item in listed({"input": LEFT_OUT}, stored):
        ITEM.validate_json(json.dumps(item), strict=True)


def test_what_was_left_out_changes_nothing() -> None:
    given = LEFT_OUT[:-1]
    assert contents({"previous_response_id": "resp_1"}, listed({"input": given})) == contents({"input": given})


def test_references_are_kept_as_what_they_refer_to() -> None:
    stored = {"fc_9": {"type": "function_call", "id": "fc_9", "call_id": "c1", "name": "f", "arguments": "{}"}}
    assert listed({"input": [{"type": "item_reference", "id": "fc_9"}]}, stored) == [
        stored["fc_9"] | {"status": "completed"}
    ]


MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image_url", "image_url": PNG},
            {"type": "file", "file": {"file_data": "JVBERg==", "filename": "a.pdf"}},
            {"type": "video_url", "video_url": {"url": "https://www.youtube.com/watch?v=abc"}},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ],
    },
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {
                "id": "a",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x":1}'},
                "extra_content": {"google": {"thought_signature": "QUJD"}},
            },
            {"id": "b", "type": "custom", "custom": {"name": "exec", "input": "ls"}},
        ],
    },
    {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "1"}]},
    {"role": "tool", "tool_call_id": "b", "content": None},
    {"role": "assistant", "content": "And this.", "function_call": {"name": "g", "arguments": ""}},
    {"role": "function", "name": "g", "content": "2"},
    {"role": "assistant", "content": [{"type": "text", "text": "It is"}], "refusal": "a secret"},
    {"role": "user", "content": "Why?"},
]


def test_messages_make_the_same_conversation_as_kept_items() -> None:
    items = listed({"messages": MESSAGES})
    legacy_id = next(item["call_id"] for item in items if item.get("name") == "g")
    expected = contents({"messages": MESSAGES})
    expected[1][3]["parts"][1]["functionCall"]["id"] = legacy_id
    expected[1][4]["parts"][0]["functionResponse"]["id"] = legacy_id
    assert contents({"previous_response_id": "resp_1"}, items) == expected


def test_what_is_unknown_is_kept_and_left_out_again() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "type": "poem"}]
    messages = [
        {"role": "user", "content": [{"type": "chart"}, {"type": "note", "text": "hi"}]},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "critic", "content": "Bad."},
    ]
    items = listed({"messages": messages})
    assert contents({"previous_response_id": "resp_1"}, items) == contents({"messages": messages})


def test_kept_messages_are_what_the_sdk_knows() -> None:
    messages = copy.deepcopy(MESSAGES)
    messages[1]["content"].pop()  # its type has no audio
    for item in listed({"messages": messages}):
        ITEM.validate_python(item)
