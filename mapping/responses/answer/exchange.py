"""What whole and streamed answers of the Responses API have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.reader import AnswerReader
from mapping.answer.writer import Writer
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.responses.answer.compaction import CompactionOutput
from mapping.responses.answer.item_list import Events, NoEvents
from mapping.responses.answer.output import Output, Seal
from mapping.responses.objects import ResponseObject
from mapping.values import JSON

type Clock = Callable[[], int]
"""Gives the Unix time in seconds, for `completed_at`."""


@dataclass(frozen=True, slots=True)
class AskedResponse:
    """One request, and what its answers are made with."""

    object: ResponseObject
    mint: Mint
    notes: Notes
    seal: Seal
    clock: Clock | None

    def reader(self, writer: Callable[[int], Writer], *, live: bool = False) -> AnswerReader:
        """The reader of an upstream answer."""
        plan = self.object.plan
        return AnswerReader(plan, CallMaker(plan, self.mint), self.notes, writer, live=live)

    def output(self, events: Events) -> Output | CompactionOutput:
        """What writes the output of an answer."""
        plan = self.object.plan
        if plan.compaction:
            return CompactionOutput(mint=self.mint, notes=self.notes, seal=self.seal, events=events)
        return Output(plan, mint=self.mint, notes=self.notes, seal=self.seal, events=events)

    def surplus(self, index: int) -> Output | CompactionOutput:
        """What takes a further candidate. A response has no place for it."""
        self.notes.add("part-unknown", f"candidates[{index}]")
        return self.output(NoEvents())

    def end(self, output: Output | CompactionOutput, reader: AnswerReader) -> JSON:
        """Close the output of an answer that is over; gives its Response object. Raises UpstreamError."""
        try:
            output.close(reader.turn())
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None
        at = self.clock() if self.clock else self.object.created
        response = self.object.ended(output.reason, output.items, reader.usage.totals(), at=at)
        if output.grounding:
            response["extra_content"] = {"google": {"grounding_metadata": output.grounding}}
        return response
