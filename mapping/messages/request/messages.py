"""The `system` and `messages` of a Messages request, fed into a `Contents`.

Rules that this module keeps:

* Blocks are fed in their order; who follows whom, which result belongs to which call, and what was lost is the
  business of `Contents`.
* Every error names the member it is about: `messages[2].content[0].source.data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.conversation.contents import Contents, Wording
from mapping.request.settings import parameters
from mapping.values import JSON, Options

WORDING = Wording(
    no_call="unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a "
    "corresponding `tool_use` block in the previous message.",
    no_result="`tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block "
    "must have a corresponding `tool_result` block in the next message.",
    no_call_member=".tool_use_id",
)
"""Anthropic's own words."""


class TurnReader:
    """Feeds `system` and messages into a conversation.

    `gemini_name` gives the name under which Gemini knows a tool of the client.
    """

    def __init__(
        self, conversation: Contents, gemini_name: Callable[[str], str], *, options: Options, notes: Notes
    ) -> None:
        self._conversation = conversation
        self._gemini_name = gemini_name
        self._options = options
        self._notes = notes

    def system(self, system: Any) -> None:
        """Feed the member `system`: a string, or text blocks. Raises Fault."""
        if system is not None:
            self._system({"content": system}, "system")

    def read(self, messages: Any) -> None:
        """Feed the value of `messages`. Raises Fault."""
        messages = parameters.array(messages, "messages")
        if messages is None:
            raise faults.missing("messages")
        if not messages:
            raise faults.bad_value("messages", "messages: at least one message is required.")
        for message, path in members.objects(messages, "messages"):
            role = message.get("role")
            read = _ROLES.get(role) if isinstance(role, str) else None
            if read is None:
                unknown.leave_out(role, f"{path}.role", _ROLES, self._notes, self._options)
                read = TurnReader._user
            read(self, message, f"{path}.content")

    def _system(self, message: JSON, path: str) -> None:
        for block, block_path in _blocks(message.get("content"), path):
            self._conversation.system(members.string(block, "text", block_path), block_path)

    def _user(self, message: JSON, path: str) -> None:
        parts: list[JSON] = [
            {"text": members.string(block, "text", at)} for block, at in _blocks(message.get("content"), path)
        ]
        self._conversation.user(parts, path)

    def _assistant(self, message: JSON, path: str) -> None:
        for block, block_path in _blocks(message.get("content"), path):
            self._conversation.text(members.string(block, "text", block_path), block_path)


_ROLES: Mapping[str, Callable[[TurnReader, JSON, str], None]] = {
    "user": TurnReader._user,
    "assistant": TurnReader._assistant,
    "system": TurnReader._system,
}


def _blocks(content: Any, path: str) -> list[tuple[JSON, str]]:
    """The blocks of a content, each with its path. A string is one text block."""
    if isinstance(content, str):
        return [({"type": "text", "text": content}, path)] if content else []
    return members.objects(members.present(content, path), path, "a string or an array")
