"""`context_management`: what of a long conversation Gemini does not get to see any more.

Rules that this module keeps:

* `clear_tool_uses_20250919`: once its trigger is reached, the results of all but the latest calls give way to a
  sentence; with `clear_tool_inputs` the arguments of those calls go, too. The calls themselves stay.
* `clear_thinking_20251015`: thinking blocks of all but the latest turns are left out, and with them the signatures.
* `compact_20260112` is read elsewhere (`mapping.messages.request.compaction`).
* Gemini does not tell the length of a conversation beforehand, so tokens are estimated from the length of the texts.

Source: Anthropic's API reference (`ContextManagementConfig`) and its documentation of context editing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping import faults
from mapping.messages.request.content import kind_of
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.settings import parameters
from mapping.values import JSON, Options

COMPACT = "compact_20260112"
"""The edit that wants a summary."""
PLACEHOLDER = "[This result was cleared, to save context. Call the tool again if it is needed.]"
"""What stands for a result that was cleared."""

_CHARACTERS_PER_TOKEN = 4
"""On average, as Google says of its models."""
_IMAGE_TOKENS = 1120
"""What Gemini 3 counts an image as, unless it is told otherwise (Gemini API, "Media resolution")."""

_MAX_EDITS = 10
"""Each goes through the whole conversation. Anthropic has three kinds."""
_TOOL_USES_TRIGGER = ("input_tokens", 100_000)
_TOOL_USES_KEPT = 3
_THINKING_KEPT = 1
"""Anthropic's defaults."""


@dataclass(slots=True)
class Cleared:
    """What is cleared."""

    results: set[str] = field(default_factory=set)
    """Ids of calls whose results are."""
    inputs: set[str] = field(default_factory=set)
    """Ids of calls whose arguments are."""
    thinking: set[int] = field(default_factory=set)
    """Indices of messages whose thinking blocks are."""
    applied: list[JSON] | None = None
    """`applied_edits` of the answer; None: nothing was asked for."""


def read_clearing(body: JSON, notes: Notes, options: Options) -> Cleared:
    """What `context_management` of a request clears in its messages. Raises Fault."""
    cleared = Cleared()
    asked = parameters.json_object(body.get("context_management"), "context_management")
    if asked is None:
        return cleared
    parameters.note_unknown(asked, "context_management", ("edits",), notes)
    cleared.applied = []
    path = "context_management.edits"
    edits = members.objects(asked["edits"], path) if asked.get("edits") is not None else []
    if len(edits) > _MAX_EDITS:
        raise faults.bad_value(path, f"Invalid '{path}': array too long. At most {_MAX_EDITS} edits are supported.")
    for edit, edit_path in edits:
        kind = edit.get("type")
        if kind == COMPACT:
            continue
        read = _EDITS.get(kind) if isinstance(kind, str) else None
        if read is None:
            unknown.leave_out(kind, f"{edit_path}.type", _EDITS, notes, options)
            continue
        applied = read(edit, edit_path, body, cleared)
        if applied is not None:
            notes.add("estimated", edit_path)
            cleared.applied.append({"type": kind, **applied})
    return cleared


def _clear_tool_uses(edit: JSON, path: str, body: JSON, cleared: Cleared) -> JSON | None:
    trigger = amount(edit, "trigger", path, ("input_tokens", "tool_uses"))
    least = amount(edit, "clear_at_least", path)
    keep = amount(edit, "keep", path, ("tool_uses",))
    spared = _names(parameters.array(edit.get("exclude_tools"), f"{path}.exclude_tools"))
    inputs = edit.get("clear_tool_inputs")
    emptied = _names(inputs)
    calls = {
        block["id"]: block
        for block in _blocks(body, "assistant")
        if block.get("type") == "tool_use" and isinstance(block.get("id"), str)
    }
    results = {
        block["tool_use_id"]: block
        for block in _blocks(body, "user")
        if block.get("type") == "tool_result" and isinstance(block.get("tool_use_id"), str)
    }
    unit, limit = trigger or _TOOL_USES_TRIGGER
    if (len(calls) if unit == "tool_uses" else tokens(body)) < limit:
        return None
    done = [id for id in calls if id in results]
    old = done[: max(0, len(done) - (keep[1] if keep else _TOOL_USES_KEPT))]
    found = [id for id in old if _name(calls[id]) not in spared]
    without = [id for id in found if inputs is True or _name(calls[id]) in emptied]
    saved = sum(tokens(results[id].get("content")) for id in found) + sum(
        tokens(calls[id].get("input")) for id in without
    )
    if not found or (least and saved < least[1]):
        return None
    cleared.results.update(found)
    cleared.inputs.update(without)
    return {"cleared_tool_uses": len(found), "cleared_input_tokens": saved}


def _clear_thinking(edit: JSON, path: str, body: JSON, cleared: Cleared) -> JSON | None:
    keep = edit.get("keep")
    if keep == "all" or (isinstance(keep, dict) and keep.get("type") == "all"):
        return None
    told = amount(edit, "keep", path, ("thinking_turns",))
    turns = _thinking_turns(body)
    old = turns[: max(0, len(turns) - (told[1] if told else _THINKING_KEPT))]
    if not old:
        return None
    indices = [index for turn in old for index in turn]
    cleared.thinking.update(indices)
    thoughts = [b for index in indices for b in _content(body["messages"][index]) if b.get("type") == "thinking"]
    saved = sum(tokens(block.get("thinking")) for block in thoughts)
    return {"cleared_thinking_turns": len(old), "cleared_input_tokens": saved}


_EDITS: Mapping[str, Callable[[JSON, str, JSON, Cleared], JSON | None]] = {
    "clear_tool_uses_20250919": _clear_tool_uses,
    "clear_thinking_20251015": _clear_thinking,
}


def amount(edit: JSON, name: str, path: str, units: Collection[str] = ("input_tokens",)) -> tuple[str, int] | None:
    """A member `{"type", "value"}`; None where it is absent."""
    where = f"{path}.{name}"
    given = parameters.json_object(edit.get(name), where)
    if given is None:
        return None
    unit = members.string(given, "type", where)
    parameters.one_of(unit, f"{where}.type", units)
    value = parameters.integer(members.present(given.get("value"), f"{where}.value"), f"{where}.value", 0)
    return unit, value or 0


def _names(value: Any) -> frozenset[str]:
    """The names in a list of names of tools; anything else has none."""
    return frozenset(name for name in value if isinstance(name, str)) if isinstance(value, list) else frozenset()


def _name(call: JSON) -> str:
    name = call.get("name")
    return name if isinstance(name, str) else ""


def _thinking_turns(body: JSON) -> list[list[int]]:
    """The turns of the assistant that have thinking blocks: of each, the indices of its messages that have some.

    A turn goes on until the user says something that is no result.
    """
    turns: list[list[int]] = [[]]
    for index, message in enumerate(_messages(body)):
        kinds = {kind_of(block) for block in _content(message)}
        if message.get("role") == "user" and "tool_result" not in kinds:
            turns.append([])
        elif message.get("role") == "assistant" and kinds & {"thinking", "redacted_thinking"}:
            turns[-1].append(index)
    return [turn for turn in turns if turn]


def _messages(body: JSON) -> list[JSON]:
    """What is no object counts as an empty message: indices stay, and somebody else complains."""
    messages = body.get("messages")
    return [one if isinstance(one, dict) else {} for one in messages] if isinstance(messages, list) else []


def _content(message: JSON) -> list[JSON]:
    content = message.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _blocks(body: JSON, role: str) -> list[JSON]:
    return [block for message in _messages(body) if message.get("role") == role for block in _content(message)]


def tokens(value: Any) -> int:
    """About how many tokens a part of a request has."""
    characters, waiting = 0, [value]
    while waiting:  # no recursion: it may be nested deeply
        one = waiting.pop()
        if isinstance(one, str):
            characters += len(one)
        elif isinstance(one, list):
            waiting += one
        elif not isinstance(one, dict):
            characters += _CHARACTERS_PER_TOKEN
        elif one.get("type") == "base64":
            characters += _IMAGE_TOKENS * _CHARACTERS_PER_TOKEN
        else:
            characters += sum(map(len, one))
            waiting += one.values()
    return characters // _CHARACTERS_PER_TOKEN
