"""Anthropic's shapes in a chat request -> chat's own. Cursor sends them when the name of a model holds "claude".

They cannot mean anything else, so they are taken as what they mean, with a note `shape`: content blocks (`tool_use`,
`tool_result`, `image` and `document` with a `source`, `thinking`), tools with an `input_schema`, objects of
`tool_choice`, `system` and `stop_sequences` of the request. What is not of these shapes stays as it is; so do images
and documents, which the reader of the messages takes with their `source`.

Source: Anthropic's API reference (Messages).
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.notes import Notes
from mapping.values import JSON

_THINKING = ("thinking", "redacted_thinking")
"""Blocks whose signatures are of another provider: they are left out."""
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def chat_body(body: JSON, notes: Notes) -> JSON:
    """The request with its own members as chat has them; `messages` apart, and `system`, which `system_text` reads."""
    changed: JSON = {}
    tools = body.get("tools")
    if isinstance(tools, list) and any(map(_is_tool, tools)):
        notes.add("shape", "tools.input_schema")
        changed["tools"] = [_tool(tool) if _is_tool(tool) else tool for tool in tools]
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and (told := _choice(choice)) is not None:
        notes.add("shape", "tool_choice")
        changed["tool_choice"] = told
    if system_text(body):
        notes.add("shape", "system")
        changed["system"] = None
    if isinstance(body.get("stop_sequences"), list):
        notes.add("shape", "stop_sequences")
        changed |= {"stop_sequences": None, "stop": body.get("stop") or body["stop_sequences"]}
    return {**body, **changed} if changed else body


def system_text(body: JSON) -> str:
    """The text of the member `system`, a string or text blocks; "" where there is none."""
    system = body.get("system")
    if isinstance(system, str):
        return system
    texts = [block.get("text") for block in system if isinstance(block, dict)] if isinstance(system, list) else []
    return "\n".join(text for text in texts if isinstance(text, str))


def chat_messages(message: JSON, notes: Notes) -> list[JSON]:
    """The messages that one message is in chat: its tool results first, each a message of its own."""
    content = message.get("content")
    if not isinstance(content, list) or not any(_is_block(block) for block in content):
        return [message]
    results: list[JSON] = []
    calls: list[JSON] = []
    rest: list[Any] = []
    for block in content:
        kind = block["type"] if _is_block(block) else None
        if kind is not None:
            notes.add("shape", kind)
        if kind == "tool_result":
            results.append(_result(block))
        elif kind == "tool_use":
            calls.append(_call(block))
        elif kind not in _THINKING:
            rest.append(block)
    if calls:
        calls = [*(message.get("tool_calls") or ()), *calls]
        return [*results, {**message, "content": rest or None, "tool_calls": calls}]
    return [*results, {**message, "content": rest}] if rest or not results else results


def _is_tool(tool: Any) -> bool:
    return (
        isinstance(tool, dict)
        and isinstance(tool.get("input_schema"), dict)
        and tool.get("type") in (None, "custom", "function")
    )


def _tool(tool: JSON) -> JSON:
    function = {name: tool[name] for name in ("name", "description", "strict") if tool.get(name) is not None}
    return {"type": "function", "function": {**function, "parameters": tool["input_schema"]}}


def _choice(choice: JSON) -> Any:
    kind = choice.get("type")
    if kind == "tool" and isinstance(choice.get("name"), str):
        return {"type": "function", "function": {"name": choice["name"]}}
    return _CHOICES.get(kind) if isinstance(kind, str) else None


def _is_block(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    match block.get("type"):
        case "tool_use":
            return isinstance(block.get("id"), str) and isinstance(block.get("name"), str)
        case "tool_result":
            return isinstance(block.get("tool_use_id"), str)
        case "image" | "document":
            return isinstance(block.get("source"), dict)
        case "thinking" | "redacted_thinking":
            return True
    return False


def _call(block: JSON) -> JSON:
    given = block.get("input")
    arguments = given if isinstance(given, str) else jsonio.dumps({} if given is None else given).decode()
    return {"id": block["id"], "type": "function", "function": {"name": block["name"], "arguments": arguments}}


def _result(block: JSON) -> JSON:
    return {"role": "tool", "tool_call_id": block["tool_use_id"], "content": block.get("content")}
