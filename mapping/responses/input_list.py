"""The input of a request as it is kept: the list that `GET /v1/responses/{id}/input_items` gives, and what a later
request that names this one (`previous_response_id`) has before its own input.

Every item has an id and a type, references stand as what they refer to, and content is always an array (OpenAI API
reference, `ResponseItemList`).
"""

from __future__ import annotations

from mapping.calls import Mint
from mapping.gemini import JSON
from mapping.responses.from_chat import items_of
from mapping.responses.inputs import Resolve, nothing_stored, read_input
from mapping.responses.request import is_chat_shaped

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
    if kind == "message":
        listed["content"] = _content(item)
    if kind.endswith(_WITH_STATUS) and item.get("status") is None:
        listed["status"] = "completed"
    return listed


def _content(item: JSON) -> list[JSON]:
    content = item.get("content")
    if content is None:
        return []
    if not isinstance(content, str):
        return list(content)
    if item["role"] == "assistant":
        return [{"type": "output_text", "text": content, "annotations": []}]
    return [{"type": "input_text", "text": content}]
