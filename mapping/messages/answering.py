"""A Messages request that has been understood: see `mapping.dialect.Answering`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import override

from mapping.answer.answering import GeneratedAnswering
from mapping.dialect import Given, GoesOn
from mapping.messages.answer.answer import MessagesAnswer
from mapping.messages.answer.compacted import ON, CompactedAnswer, CompactedStream
from mapping.messages.answer.exchange import AskedMessage, EarlierSummary
from mapping.messages.answer.stream import MessagesStream
from mapping.messages.plan import MessagesPlan
from mapping.messages.request.compaction import behind
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON

type Understand = Callable[[JSON, Given], tuple[Translated, MessagesPlan]]
"""The Gemini request for a body. Raises Fault."""


class MessagesAnswering(GeneratedAnswering[MessagesPlan]):
    """Answers with a Message object, or the events of one."""

    def __init__(self, translated: Translated, plan: MessagesPlan, given: Given) -> None:
        super().__init__(translated, plan, given)
        self._asked = AskedMessage(plan, given.mint("msg_"), given.mint, given.notes, given.seal, given.request_id)

    @override
    def whole(self, notes: Notes) -> WholeTranslator:
        return MessagesAnswer(replace(self._asked, notes=notes))

    @override
    def stream(self) -> StreamTranslator:
        return MessagesStream(self._asked)


_UNKNOWN: JSON = {"type": "compaction", "content": "-"}
"""A summary that is still to come."""


class CompactedAnswering(MessagesAnswering, GoesOn):
    """The same for an answer that goes on behind a summary. `plan` is that of the call which is made now."""

    def __init__(
        self, understand: Understand, body: JSON, translated: Translated, plan: MessagesPlan, given: Given
    ) -> None:
        """`translated`, `plan`: of the call for the summary, as `understand` has made them of `body`.

        Raises Fault for what only the second call has to do with.
        """
        super().__init__(translated, plan, given)
        self._understand = understand
        self._body = body
        self._further: JSON | None = None
        self._is_asked = False
        """For the answer behind the summary: the second call was made."""
        self._second(_UNKNOWN | {"tool_changes": self.plan.tool_changes}, given)

    def further(self, token: str) -> JSON | None:
        """See `mapping.dialect.GoesOn`."""
        self._is_asked = token == ON
        return self._further if self._is_asked else None

    @override
    def whole(self, notes: Notes) -> WholeTranslator:
        return CompactedAnswer(self._asked, self._then, notes)

    @override
    def stream(self) -> StreamTranslator:
        self._is_asked = False
        return CompactedStream(self._asked, self._then, lambda: self._is_asked)

    def _then(self, summary: EarlierSummary) -> AskedMessage:
        translated, self.plan = self._second(summary.block, replace(self.given, notes=Notes()))
        self._further = translated.body
        return replace(self._asked, plan=self.plan, summary=summary)

    def _second(self, summary: JSON, given: Given) -> tuple[Translated, MessagesPlan]:
        translated, plan = self._understand(behind(self._body, summary), given)
        plan.applied_edits = self.plan.applied_edits
        return translated, plan
