"""Anthropic's shapes in chat requests, as Cursor sends them for models whose name holds "claude"."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.chat.request import translate
from mapping.notes import Notes
from mapping.values import JSON, Options, nothing_remembered

G3 = "gemini-3.1-pro-preview"
DATA = "iVBORw0KGgo="
SCHEMA: JSON = {"type": "object", "properties": {"x": {"type": "integer"}}}
FUNCTION: JSON = {"name": "f", "description": "Does.", "parameters": SCHEMA}
TOOLS: JSON = {"tools": [{"type": "function", "function": FUNCTION}]}
CALL: JSON = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
USE: JSON = {"type": "tool_use", "id": "c", "name": "f", "input": {"x": 1}}
IMAGE: JSON = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
PICTURE: JSON = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}
HI: JSON = {"role": "user", "content": "hi"}
CALLED: list[JSON] = [HI, {"role": "assistant", "tool_calls": [CALL]}]


def text(text: str) -> JSON:
    return {"type": "text", "text": text}


def user(*content: Any) -> JSON:
    return {"role": "user", "content": [*content]}


def assistant(*content: Any) -> JSON:
    return {"role": "assistant", "content": [*content]}


def result(*content: Any) -> JSON:
    return {"type": "tool_result", "tool_use_id": "c", "content": [*content]}


def document(**source: Any) -> JSON:
    return {"type": "document", "source": source}


def tool(content: Any) -> JSON:
    return {"role": "tool", "tool_call_id": "c", "content": content}


def translated(body: JSON) -> tuple[JSON, list[tuple[str, str]]]:
    notes = Notes()
    call = translate(
        {"model": "claude", **body},
        model=G3,
        client_model="claude",
        options=Options(),
        recall=nothing_remembered,
        notes=notes,
    )
    return call.body, sorted(note for note in notes if note[0] in ("shape", "unknown", "ignored"))


@pytest.mark.parametrize(
    ("anthropic", "chat", "shapes"),
    [
        (
            {"messages": [HI], "tools": [{"name": "f", "description": "Does.", "input_schema": SCHEMA}]},
            {"messages": [HI], **TOOLS},
            ["tools.input_schema"],
        ),
        (
            {"messages": [HI], "tools": [{"type": "custom", **FUNCTION, "parameters": None, "input_schema": SCHEMA}]},
            {"messages": [HI], **TOOLS},
            ["tools.input_schema"],
        ),
        *(
            (
                {"messages": [HI], **TOOLS, "tool_choice": given},
                {"messages": [HI], **TOOLS, "tool_choice": meant},
                ["tool_choice"],
            )
            for given, meant in (
                ({"type": "auto"}, "auto"),
                ({"type": "any", "disable_parallel_tool_use": True}, "required"),
                ({"type": "none"}, "none"),
                ({"type": "tool", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
            )
        ),
        (
            {"system": "Be brief.", "messages": [HI], "stop_sequences": ["x"]},
            {"messages": [{"role": "system", "content": "Be brief."}, HI], "stop": ["x"]},
            ["stop_sequences", "system"],
        ),
        (
            {"system": [{**text("Be brief."), "cache_control": {"type": "ephemeral"}}], "messages": [HI]},
            {"messages": [{"role": "system", "content": "Be brief."}, HI]},
            ["system"],
        ),
        ({"messages": [user(text("What?"), IMAGE)]}, {"messages": [user(text("What?"), PICTURE)]}, ["image"]),
        (
            {"messages": [user({"type": "image", "source": {"type": "url", "url": "https://example.com/a"}})]},
            {"messages": [user({"type": "image_url", "image_url": "https://example.com/a"})]},
            ["image"],
        ),
        ({"messages": [user(document(type="text", data="a"))]}, {"messages": [user(text("a"))]}, ["document"]),
        (
            {"messages": [user(document(type="base64", media_type="application/pdf", data="JVBERg=="))]},
            {"messages": [user({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}})]},
            ["document"],
        ),
        (
            {
                "messages": [
                    HI,
                    assistant({"type": "thinking", "thinking": "hm"}, text("I look."), USE),
                    user(result(text("r"), IMAGE), text("And?")),
                ]
            },
            {
                "messages": [
                    HI,
                    {**assistant(text("I look.")), "tool_calls": [CALL]},
                    tool([text("r"), PICTURE]),
                    user(text("And?")),
                ]
            },
            ["thinking", "tool_result", "tool_use"],
        ),
        ({"messages": [*CALLED, user(result())]}, {"messages": [*CALLED, tool(None)]}, ["tool_result"]),
    ],
)
def test_anthropics_shapes_mean_the_same_as_chats(anthropic: JSON, chat: JSON, shapes: list[str]) -> None:
    body, notes = translated(anthropic)
    assert body == translated(chat)[0]
    assert notes == [("shape", shape) for shape in shapes]


@pytest.mark.parametrize("block", [{"type": "image"}, {"type": "tool_use"}, {"type": "tool_result", "tool_use_id": 5}])
def test_what_only_looks_like_a_block_is_unknown(block: JSON) -> None:
    body, notes = translated({"messages": [user(block, text("hi"))]})
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]
    assert [code for code, _ in notes] == ["unknown"]


def test_documents_are_read_as_in_messages() -> None:
    titled = {**document(type="content", content=[text("a"), IMAGE]), "title": "T", "context": "C"}
    body, notes = translated({"messages": [*CALLED, user(result(titled)), user(titled)]})
    picture = {"inlineData": {"mimeType": "image/png", "data": DATA}}
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert response["response"] == {"output": "[document T]\nC\na"}
    assert response["parts"] == [picture]
    assert body["contents"][-1]["parts"] == [{"text": "[document T]\nC"}, {"text": "a"}, picture]
    assert notes == [("shape", "document"), ("shape", "tool_result")]
