"""Requests for a summary that stands for the conversation from then on: `compaction`, and the edit
`compact_20260112` of `context_management`.

Rules that this module keeps:

* `compaction` asks for it, whatever the conversation's length: Gemini is asked to summarise, and the answer is a
  `compaction` block alone. What only shapes a reply is left out, with a note.
* So does the edit, once its trigger is reached. With `pause_after_compaction` the answer is that block alone. Without
  it the answer goes on behind the block, by a second call (`behind`), which sees the summary in place of the
  conversation, and what the user has said last, also beside results of tools: a summary of a question does not ask it.
  The results are not shown again: their calls are in the summary.
* What stands before the last block of a conversation that has a summary is not shown any more.

Source: Anthropic's API reference (`CompactionConfig`, `Compact20260112Edit`, `CompactionBlock`) and its SDK.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapping.faults import Fault
from mapping.messages.request.clearing import COMPACT, amount, tokens
from mapping.messages.request.content import kind_of
from mapping.notes import Notes
from mapping.request import members
from mapping.request.conversation.summaries import COMPACTION_PROMPT
from mapping.request.settings import parameters
from mapping.values import JSON

_TYPES = ("summarize",)
_TRIGGER = 150_000
"""Tokens: Anthropic's default."""
_OF_A_REPLY = ("output_format", "stop_sequences", "tool_choice")
_UNFINISHED = "compaction_incomplete_turn"

_ON = "Go on from here."
"""What the user says behind a summary, where nothing else is left to answer."""
_NEVER = 2**62
"""Tokens that no conversation has."""

_NOBODY: JSON = {"role": "system", "content": []}
_NOTHING: JSON = {"type": "fallback"}
"""A message, and a block, that say nothing."""


@dataclass(frozen=True, slots=True)
class WantedSummary:
    """A summary that is asked for."""

    prompt: str
    """What Gemini is asked."""
    path: str
    """The member that wants it."""
    goes_on: bool = False
    """The answer goes on behind it."""

    def without_a_reply(self, body: JSON, notes: Notes) -> JSON:
        """The request without what only shapes a reply; that is noted, unless the reply is still to come."""
        notes = Notes() if self.goes_on else notes
        left = {name: value for name, value in body.items() if name not in _OF_A_REPLY or value is None}
        config = body.get("output_config")
        if isinstance(config, dict) and config.get("format") is not None:
            notes.add("ignored", "output_config.format")
            left["output_config"] = {**config, "format": None}
        for name in body:
            if name not in left:
                notes.add("ignored", name)
        return left


def read_compaction(body: JSON, notes: Notes) -> WantedSummary | None:
    """The summary that a request asks for; None: an answer. Its messages are those of `since_summary`. Raises Fault
    (400)."""
    asked = parameters.json_object(body.get("compaction"), "compaction")
    found = _asked(asked, notes) if asked is not None else _edit(body, notes)
    if found is not None:
        _refuse_unfinished(body)
        notes.add("emulated", found.path)
    return found


def behind(body: JSON, summary: JSON) -> JSON:
    """The request that an answer goes on with behind its summary, a `compaction` block. What stands before has nothing
    in it: all keep their places, which errors and notes name."""
    messages = body["messages"]
    last = len(messages)
    while last > 1 and _is_said(messages[last - 1]):
        last -= 1
    said, content = messages[last:], [summary, *(_said_beside(messages[last - 1]) if last > 1 else ())]
    if not said and all(block is _NOTHING for block in content[1:]):
        content = [summary, {"type": "text", "text": _ON}]
    begun = [*[_NOBODY] * (last - 1), {"role": "user", "content": content}]
    return uncompacted({**body, "messages": [*begun, *said]})


def uncompacted(body: JSON) -> JSON:
    """The request, with no edit that makes a summary of its conversation."""
    management = body.get("context_management")
    if not isinstance(management, dict) or not isinstance(edits := management.get("edits"), list):
        return body
    return {**body, "context_management": {**management, "edits": [_without_end(edit) for edit in edits]}}


def _is_said(message: Any) -> bool:
    """Whether a message is of the user's or the system's, and has nothing that the summary has in it."""
    return _is_users(message) and not any(map(_is_summed, _content(message)))


def _said_beside(message: Any) -> list[Any]:
    """What a message of the user's says beside that: as a rule behind it, of which the first block leaves its place to
    the summary."""
    kept = [_NOTHING if _is_summed(block) else block for block in _content(message)] if _is_users(message) else []
    return kept[1:] if kept and kept[0] is _NOTHING else kept


def _is_users(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") != "assistant"


def _is_summed(block: Any) -> bool:
    """Whether it is an answer to a call, or an earlier summary."""
    return isinstance(block, dict) and kind_of(block) in ("tool_result", "compaction")


def _without_end(edit: Any) -> Any:
    """An edit that wants a summary, so that it wants none."""
    if not isinstance(edit, dict) or edit.get("type") != COMPACT:
        return edit
    return {**edit, "trigger": {"type": "input_tokens", "value": _NEVER}}


def _asked(asked: JSON, notes: Notes) -> WantedSummary:
    parameters.note_unknown(asked, "compaction", ("type", "instructions"), notes)
    parameters.one_of(members.string(asked, "type", "compaction"), "compaction.type", _TYPES)
    told = parameters.string(asked.get("instructions"), "compaction.instructions") or ""
    return WantedSummary(told if told.strip() else COMPACTION_PROMPT, "compaction")


def _edit(body: JSON, notes: Notes) -> WantedSummary | None:
    found = _first_edit(body)
    if found is None:
        return None
    edit, path = found
    told = parameters.string(edit.get("instructions"), f"{path}.instructions")
    trigger = amount(edit, "trigger", path)
    pauses = parameters.boolean(edit.get("pause_after_compaction"), f"{path}.pause_after_compaction")
    if tokens(body) < (trigger[1] if trigger else _TRIGGER):
        return None
    notes.add("estimated", path)
    return WantedSummary("\n\n".join(filter(None, (COMPACTION_PROMPT, told))), path, goes_on=not pauses)


def _first_edit(body: JSON) -> tuple[JSON, str] | None:
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    for index, edit in enumerate(edits if isinstance(edits, list) else ()):
        if isinstance(edit, dict) and edit.get("type") == COMPACT:
            return edit, f"context_management.edits[{index}]"
    return None


def _refuse_unfinished(body: JSON) -> None:
    """A conversation that ends with calls has no end that a summary could be of."""
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(messages, list) or not isinstance(last, dict) or last.get("role") != "assistant":
        return
    if any(isinstance(block, dict) and kind_of(block) == "tool_use" for block in _content(last)):
        path = f"messages[{len(messages) - 1}]"
        raise Fault(
            400, f"{path}: the turn is not finished: its calls have no results yet.", code=_UNFINISHED, param=path
        )


def since_summary(messages: Any) -> Any:
    """The messages, with nothing in those that stand before the last summary, nor in the blocks there: all keep their
    places, which errors and notes name."""
    if not isinstance(messages, list):
        return messages
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        content = _content(message) if isinstance(message, dict) else []
        for at in range(len(content) - 1, -1, -1):
            block = content[at]
            if isinstance(block, dict) and kind_of(block) == "compaction" and block.get("content"):
                kept = {**message, "content": [*[_NOTHING] * at, *content[at:]]} if at else message
                return [*[_NOBODY] * index, kept, *messages[index + 1 :]]
    return messages


def _content(message: JSON) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []
