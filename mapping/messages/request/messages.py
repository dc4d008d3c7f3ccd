"""The `system` and `messages` of a Messages request, fed into a `Contents`.

Rules that this module keeps:

* Blocks are fed in their order; who follows whom, which result belongs to which call, and what was lost is the
  business of `Contents`.
* Thinking blocks go back only as the thought signatures that the gateway put into them. Those of another provider are
  left out. They count for the whole turn, wherever in it they stand.
* What Anthropic's server did in an earlier turn (searches, code) stays out: the answer that followed is in the
  conversation.
* The first system block of Claude Code is no instruction but a header of its own, which differs from request to
  request: it is left out.
* Every error names the member it is about: `messages[2].content[0].source.data`.

Sources: Anthropic's API reference (`MessageParam`), and what Claude Code sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapping import faults
from mapping.messages.request.clearing import PLACEHOLDER, Cleared
from mapping.messages.request.content import BlockReader, blocks, kind_of
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.conversation.call_arguments import call_arguments
from mapping.request.conversation.carried import CarriedSignatures
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

_BILLING = "x-anthropic-billing-header:"
"""What Claude Code's first system block begins with."""

_THINKING = {"thinking": "signature", "redacted_thinking": "data"}
"""Blocks that carry signatures -> in which member."""

_SERVER_SIDE = frozenset(
    {
        "server_tool_use",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "advisor_tool_result",
    }
)
"""Records of Anthropic's own tools."""

_SILENT = frozenset({"fallback", "tool_addition", "tool_removal"})
"""Blocks that say nothing to the model. Those about tools are read with the tools."""


class TurnReader:
    """Feeds `system` and messages into a conversation.

    `gemini_name` gives the name under which Gemini knows a tool of the client. `signatures` takes in what thinking
    blocks carry.
    """

    def __init__(
        self,
        conversation: Contents,
        gemini_name: Callable[[str], str],
        *,
        signatures: CarriedSignatures,
        cleared: Cleared,
        options: Options,
        notes: Notes,
    ) -> None:
        self.content = BlockReader(options=options, notes=notes)
        self._conversation = conversation
        self._gemini_name = gemini_name
        self._cleared = cleared
        self._options = options
        self._notes = notes
        self._signatures = signatures

    def system(self, system: Any) -> None:
        """Feed the member `system`: a string, or text blocks. Raises Fault."""
        if system is not None:
            self._system_blocks(system, "system")

    def read(self, messages: Any) -> None:
        """Feed the value of `messages`. Raises Fault."""
        messages = parameters.array(messages, "messages")
        if messages is None:
            raise faults.missing("messages")
        if not messages:
            raise faults.bad_value("messages", "messages: at least one message is required.")
        told = members.objects(messages, "messages")
        last = max((i for i, (message, _) in enumerate(told) if message.get("role") == "user"), default=-1)
        for index, (message, path) in enumerate(told):
            role = message.get("role")
            read = _ROLES.get(role) if isinstance(role, str) else None
            if read is None:
                unknown.leave_out(role, f"{path}.role", _ROLES, self._notes, self._options)
                read = TurnReader._user
            if role == "system" and self._is_over(message, path, index < last):
                continue
            if index in self._cleared.thinking:
                message = {**message, "content": _without_thinking(message["content"])}
                self._conversation.leave_thoughts_out(path)
            read(self, message, path)

    # roles

    def _is_over(self, message: JSON, path: str, answered: bool) -> bool:
        """Whether a system message is not shown any more: it was for one turn, and the user has spoken since."""
        choices = ("next_user_message", "never")
        until = parameters.one_of(message.get("clear_at"), f"{path}.clear_at", choices)
        return until == "next_user_message" and answered

    def _system(self, message: JSON, path: str) -> None:
        if message.get("content") is not None or message.get("output_config") is None:
            self._system_blocks(message.get("content"), f"{path}.content")

    def _system_blocks(self, content: Any, path: str) -> None:
        for block, block_path in blocks(content, path):
            kind = kind_of(block)
            if kind in _SILENT:
                continue
            if kind == "text":
                text = members.string(block, "text", block_path)
            else:
                unknown.leave_out(block.get("type"), f"{block_path}.type", ("text",), self._notes, self._options)
                text = unknown.plain_text(block)
            if text.startswith(_BILLING):
                self._notes.add("ignored", block_path)
            else:
                self._conversation.system(text, block_path)

    def _user(self, message: JSON, path: str) -> None:
        said: list[JSON] = []
        answers = False
        for block, block_path in blocks(message.get("content"), f"{path}.content"):
            kind = kind_of(block)
            if kind == "tool_result":
                answers = True
                if said:
                    self._conversation.user(said, path)
                    said = []
                self._result(block, block_path)
            elif kind == "compaction":
                answers = bool(block.get("content")) or answers
                self._summary(block, block_path)
            elif kind == "tool_use":
                raise faults.bad_value(block_path, "`tool_use` blocks can only be in `assistant` messages.")
            elif kind in _THINKING or kind in _SERVER_SIDE:
                self._notes.add("item-dropped", block_path)
            elif kind not in _SILENT:
                said += self.content.parts(block, block_path)
        if said or not answers:
            self._conversation.user(said, path)

    def _assistant(self, message: JSON, path: str) -> None:
        conversation = self._conversation
        told = blocks(message.get("content"), f"{path}.content")
        if all(kind_of(block) != "compaction" for block, _ in told):  # a summary is said by the user
            conversation.text("", path)
        for block, block_path in told:
            if (kind := kind_of(block)) in _THINKING:
                self._thinking(block, _THINKING[kind], block_path)
        for block, block_path in told:
            kind = kind_of(block)
            if kind == "text":
                conversation.text(members.string(block, "text", block_path), block_path)
            elif kind == "tool_use":
                self._call(block, block_path)
            elif kind == "tool_result":
                raise faults.bad_value(block_path, "`tool_result` blocks can only be in `user` messages.")
            elif kind == "compaction":
                self._summary(block, block_path)
            elif kind in _SERVER_SIDE:
                self._notes.add("item-dropped", block_path)
            elif kind not in _THINKING and kind not in _SILENT:
                for part in self.content.parts(block, block_path):
                    if "text" in part:
                        conversation.text(part["text"], block_path)
                    else:
                        conversation.part(part, block_path)

    # blocks

    def _summary(self, block: JSON, path: str) -> None:
        """What stands for the conversation before it; without content, nothing does."""
        summary = parameters.string(block.get("content"), f"{path}.content")
        if summary:
            self._conversation.summary(summary, path)

    def _result(self, block: JSON, path: str) -> None:
        call_id = members.string(block, "tool_use_id", path)
        failed = parameters.boolean(block.get("is_error"), f"{path}.is_error") or False
        text, files = self.content.output(block.get("content"), f"{path}.content")
        if call_id in self._cleared.results:
            text, files = PLACEHOLDER, []
        self._conversation.result(call_id, text, path=path, media=files, failed=failed)

    def _call(self, block: JSON, path: str) -> None:
        id, name = members.string(block, "id", path), members.string(block, "name", path)
        args = call_arguments(block.get("input"), path=f"{path}.input", strict=self._options.strict, notes=self._notes)
        if id in self._cleared.inputs:
            args = {}
        self._conversation.call(
            id, self._gemini_name(name), args, path=path, signature=self._signatures.of_calls.get(id)
        )

    def _thinking(self, block: JSON, member: str, path: str) -> None:
        signature = self._signatures.open(parameters.string(block.get(member), f"{path}.{member}"), path)
        if signature is not None:
            self._conversation.text("", path, signature)


_ROLES: Mapping[str, Callable[[TurnReader, JSON, str], None]] = {
    "user": TurnReader._user,
    "assistant": TurnReader._assistant,
    "system": TurnReader._system,
}
# Not in the reader: see `mapping.openai.chat_shape.messages`.


def _without_thinking(content: list[Any]) -> list[Any]:
    """The content of a message whose thinking was cleared."""
    return [block for block in content if not (isinstance(block, dict) and kind_of(block) in _THINKING)]
