"""What is kept of a request's input: complete items, which make the same conversation when they come back."""

from __future__ import annotations

import copy
from itertools import count
from typing import Any

import pytest
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from mapping.gemini import JSON, Options, nothing_remembered
from mapping.notes import Notes
from mapping.responses import translate
from mapping.responses.input_list import listed_items

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
        pytest.param([{"type": "compaction_trigger"}], [], id="trigger"),
    ],
)
def test_items_are_complete(given: Any, kept: Any) -> None:
    assert listed({"input": given}) == kept


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
    {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": ""}},
    {"role": "function", "name": "g", "content": "2"},
    {"role": "assistant", "content": [{"type": "text", "text": "It is"}], "refusal": "a secret"},
    {"role": "user", "content": "Why?"},
]


def test_messages_make_the_same_conversation_as_kept_items() -> None:
    items = listed({"messages": MESSAGES})
    legacy_id = next(item["call_id"] for item in items if item.get("name") == "g")
    expected = contents({"messages": MESSAGES})
    expected[1][3]["parts"][0]["functionCall"]["id"] = legacy_id
    expected[1][4]["parts"][0]["functionResponse"]["id"] = legacy_id
    assert contents({"previous_response_id": "resp_1"}, items) == expected


def test_kept_messages_are_what_the_sdk_knows() -> None:
    messages = copy.deepcopy(MESSAGES)
    messages[1]["content"].pop()  # its type has no audio
    for item in listed({"messages": messages}):
        ITEM.validate_python(item)
