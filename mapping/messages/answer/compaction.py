"""The answer to a request for a summary: one `compaction` block, which stands for the conversation from then on.

The text of Gemini's answer is the summary; nothing else of the answer goes out. In a stream it comes at once, as at
Anthropic's, by one `compaction_delta`: of several, SDKs keep the last alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import override

from mapping.answer import finish
from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.answer.reader import AnswerReader
from mapping.gemini.errors.upstream_errors import broken
from mapping.messages.answer import stops
from mapping.messages.answer.events import BlockEvents, add_summary
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.output import MessageOutput
from mapping.values import JSON


def output_of(asked: AskedMessage, events: BlockEvents, *, live: bool) -> MessageOutput:
    """What takes the one candidate of an answer."""
    kind = MessageOutput if asked.plan.tool_changes is None else SummaryOutput
    return kind(asked, events, live=live)


class SummaryOutput(MessageOutput):
    """Takes the place of `MessageOutput` where a summary was asked for."""

    def __init__(self, asked: AskedMessage, events: BlockEvents, *, live: bool) -> None:
        super().__init__(asked, events, live=live)
        self._pieces: list[str] = []

    @property
    @override
    def content(self) -> str:
        """The summary; no client sees it as text."""
        return "".join(self._pieces)

    @override
    def thought(self, text: str) -> None:
        """Not shown."""

    @override
    def text(self, text: str) -> None:
        """A piece of the summary."""
        self._pieces.append(text)
        self.length += len(text)

    @override
    def call(self, call: Call) -> None:
        """A summary calls nothing."""
        self._asked.notes.add("call-left", call.name)

    @override
    def image(self, mime: str, data: str) -> None:
        """A summary is text."""
        self._asked.notes.add("part-unknown", "inlineData image")

    @override
    def code(self, language: str, code: str) -> None:
        """A summary is text."""
        self._asked.notes.add("part-unknown", "executableCode")

    @override
    def code_result(self, outcome: str, output: str) -> None:
        """A summary is text."""
        self._asked.notes.add("part-unknown", "codeExecutionResult")

    @override
    def refusal(self, text: str) -> None:
        """Without a summary `close` raises."""

    @override
    def annotations(self, citations: Sequence[Citation]) -> None:
        """There is no text to go with."""

    @override
    def _close(self, reader: AnswerReader) -> None:
        """Put out the block. Raises UpstreamError when there is no summary: the conversation would be lost."""
        summary = self.content.strip()
        if not summary:
            raise broken("The upstream gave no summary of the conversation.", code="upstream_empty")
        if self._reason == finish.LENGTH:
            self._asked.notes.add("finish", "MAX_TOKENS, in the summary")
        changes = self._plan.tool_changes
        block: JSON = {"type": "compaction", "content": summary, "encrypted_content": None, "tool_changes": changes}
        add_summary(self._list.events, len(self._list.blocks), block)
        self._list.blocks.append(block)

    @override
    def end(self, reader: AnswerReader) -> JSON:
        return {"stop_reason": stops.COMPACTION, "stop_sequence": None, "stop_details": None}
