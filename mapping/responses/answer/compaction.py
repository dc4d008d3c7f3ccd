"""The answer to a compaction request: one item that stands for the conversation so far.

Codex compacts by a last input item `compaction_trigger`, and takes nothing but exactly one `compaction` item
(tried with it). The text of Gemini's answer is the summary; nothing else of the answer goes out.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapping.answer.parts.calls import Call, Mint
from mapping.answer.parts.grounding import Citation
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.request.conversation.carrier import pack_compaction
from mapping.responses.answer import output_items
from mapping.responses.answer.item_list import Events, ItemList
from mapping.responses.answer.output import Seal
from mapping.values import JSON, RawTurn


class CompactionOutput:
    """Takes the place of `mapping.responses.answer.output.Output` where the plan says `compaction`."""

    def __init__(self, *, mint: Mint, notes: Notes, seal: Seal, events: Events) -> None:
        self.length = 0
        self.reason = ""
        self.grounding: JSON = {}
        self._mint = mint
        self._notes = notes
        self._seal = seal
        self._list = ItemList(events)
        self._pieces: list[str] = []

    @property
    def content(self) -> str:
        """The summary; no client sees it as text."""
        return "".join(self._pieces)

    @property
    def items(self) -> list[JSON]:
        """The output: one item of type `compaction`, once `close` was called."""
        return self._list.items

    def stored(self) -> list[JSON]:
        """The output; it carries all there is."""
        return self._list.items

    def text(self, text: str) -> None:
        """A piece of the summary."""
        self._pieces.append(text)
        self.length += len(text)

    def thought(self, text: str) -> None:
        """Not shown."""

    def call(self, call: Call) -> None:
        """A summary calls nothing."""
        self._notes.add("call-left", call.name)

    def image(self, mime: str, data: str) -> None:
        """A summary is text."""
        self._notes.add("part-unknown", "inlineData image")

    def audio(self, mime: str, data: str) -> None:
        """A summary is text."""
        self._notes.add("part-unknown", "inlineData audio")

    def code(self, language: str, code: str) -> None:
        """A summary is text."""
        self._notes.add("part-unknown", "executableCode")

    def code_result(self, outcome: str, output: str) -> None:
        """A summary is text."""
        self._notes.add("part-unknown", "codeExecutionResult")

    def file(self, mime: str, uri: str) -> None:
        """A summary is text."""
        self._notes.add("part-unknown", "fileData")

    def logprobs(self, entries: list[JSON]) -> None:
        """There is no text to go with."""

    def refusal(self, text: str) -> None:
        """Without a summary `close` raises."""

    def annotations(self, citations: Sequence[Citation]) -> None:
        """There is no text to go with."""

    def extra_content(self, google: JSON) -> None:
        """The summary goes back as text, which needs no signature."""

    def finish(self, reason: str) -> None:
        """How it ended; `close` follows."""
        self.reason = reason

    def close(self, turn: RawTurn | None) -> None:
        """Put out the item. Raises UpstreamError when there is no summary: the conversation would be lost."""
        summary = self.content.strip()
        if not summary:
            raise broken("The upstream gave no summary of the conversation.", code="upstream_empty")
        id = self._mint("cmp_")
        place = self._list.begin(output_items.compaction(id, ""))
        self._list.done(place, output_items.compaction(id, self._seal(pack_compaction(summary))))
