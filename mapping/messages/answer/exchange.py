"""What whole and streamed answers of the Messages API have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.reader import AnswerReader
from mapping.answer.writer import Writer
from mapping.messages.answer.usage import begun_usage, counted, iteration
from mapping.messages.plan import MessagesPlan
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.values import JSON

type Seal = Callable[[JSON], str]
"""Makes a `signature` of its payload."""


@dataclass(frozen=True, slots=True)
class EarlierSummary:
    """What stands at the beginning of an answer, in place of the conversation."""

    block: JSON
    """`compaction`."""
    totals: Totals
    """The tokens of the call that made it. They are not in those of the message."""


@dataclass(frozen=True, slots=True)
class AskedMessage:
    """One request, and what its answers are made with."""

    plan: MessagesPlan
    id: str
    """Of the message."""
    mint: Mint
    notes: Notes
    seal: Seal
    request_id: str | None = None
    """For error events."""
    summary: EarlierSummary | None = None
    """The answer goes on behind it."""

    def reader(
        self, writer: Callable[[int], Writer], *, enough: Callable[[], bool] | None, live: bool = False
    ) -> AnswerReader:
        """The reader of an upstream answer."""
        calls = CallMaker(self.plan, self.mint)
        return AnswerReader(self.plan, calls, self.notes, writer, live=live, enough=enough)

    def counted(self, totals: Totals, uses: Mapping[str, int]) -> JSON:
        """The numbers of `message_delta`, with those of each call where there are several. `uses`: of the web."""
        numbers = counted(totals, **uses)
        if self.summary is not None:
            numbers["iterations"] = [iteration("compaction", self.summary.totals), iteration("message", totals)]
        return numbers

    def message(self, content: list[JSON], ended: JSON, usage: JSON) -> JSON:
        """The Message object. `ended`: why it has, as `message_delta` tells it."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.plan.client_model,
            "content": content,
            **ended,
            "usage": usage,
            **self.edits(),
        }

    def begun(self, totals: Totals | None) -> JSON:
        """The message before anything of it is there. `totals`: what is known of the tokens; None: nothing yet."""
        usage = begun_usage(totals)
        return self.message([], {"stop_reason": None, "stop_sequence": None, "stop_details": None}, usage)

    def edits(self) -> JSON:
        """What was cleared from the conversation, where the client asked for it."""
        edits = self.plan.applied_edits
        return {} if edits is None else {"context_management": {"applied_edits": edits}}
