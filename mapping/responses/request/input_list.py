"""The input of a request as it is kept: the list that `GET /v1/responses/{id}/input_items` gives, and what a later
request that names this one (`previous_response_id`) has before its own input.

Every item has an id and a type, references stand as what they refer to, and content is always an array. What clients
may leave out and OpenAI's answer always has is there (OpenAI API reference, `ResponseItemList`).
"""

from __future__ import annotations

from typing import Any

from mapping.answer.parts.calls import Mint
from mapping.responses.request.content import TEXT_PARTS
from mapping.responses.request.from_chat import items_of
from mapping.responses.request.inputs import Resolve, nothing_stored, read_input
from mapping.responses.request.request import is_chat_shaped
from mapping.values import JSON

_PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "reasoning": "rs_",
    "compaction": "cmp_",
    "tool_search_call": "tsc_",
    "tool_search_output": "tso_",
    "image_generation_call": "ig_",
    "web_search_call": "ws_",
    "code_interpreter_call": "ci_",
}
_ANY_PREFIX = "item_"

_WITH_STATUS = ("message", "_call", "_output")
"""Endings of the types whose items are in progress or completed."""

_DEFAULTS: dict[str, JSON] = {
    "function_call": {"arguments": "{}"},
    "function_call_output": {"output": ""},
    "custom_tool_call_output": {"output": ""},
    "reasoning": {"summary": []},
}
"""Type of an item -> members that may be left out of a request."""

_WITH_PARTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
"""The types whose output may be content parts."""

# The trigger asks something of one request only.
_NOT_KEPT = ("compaction_trigger",)


def listed_items(body: JSON, *, mint: Mint, resolve: Resolve = nothing_stored) -> list[JSON]:
    """The items of a request that was translated without an error, oldest first. `body` stays as it is."""
    if is_chat_shaped(body):
        items = items_of(body["messages"], mint)
    else:
        items = [item for item, _ in read_input(body.get("input"), (), resolve).items]
    return [_listed(item, mint) for item in items if item.get("type") not in _NOT_KEPT]


def _listed(item: JSON, mint: Mint) -> JSON:
    kind = item.get("type") or "message"
    id = item.get("id") or mint(_PREFIXES.get(kind, _ANY_PREFIX))
    listed = {**item, "id": id, "type": kind}
    for name, default in _DEFAULTS.get(kind, {}).items():
        if item.get(name) is None:
            listed[name] = default
    if kind == "message":
        listed["content"] = _content(item.get("content"), item["role"] == "assistant")
    elif kind in _WITH_PARTS and isinstance(item.get("output"), list):
        listed["output"] = [_part(part) for part in item["output"]]
    if kind.endswith(_WITH_STATUS) and item.get("status") is None:
        listed["status"] = "completed"
    return listed


def _content(content: Any, answer: bool) -> list[JSON]:
    if content is None:
        return []
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [_part(part, answer=answer) for part in parts]


def _part(part: JSON, *, answer: bool = False) -> JSON:
    """A part of a message or of an output. `answer`: of what the model said."""
    kind = part["type"]
    if kind == "input_image":
        return _image(part)
    if kind not in TEXT_PARTS:
        return part
    if answer:
        return {**part, "type": "output_text", "annotations": part.get("annotations") or []}
    return part if kind == "input_text" else {"type": "input_text", "text": part["text"]}


def _image(part: JSON) -> JSON:
    image = part.get("image_url")
    if isinstance(image, dict):  # as chat has it
        part = {**part, "image_url": image.get("url"), "detail": image.get("detail")}
    return {**part, "detail": part.get("detail") or "auto"}
