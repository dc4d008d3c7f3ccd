"""A Messages request that has been understood: see `mapping.dialect.Answering`."""

from __future__ import annotations

from dataclasses import replace
from typing import override

from mapping.answer.answering import GeneratedAnswering
from mapping.dialect import Given
from mapping.messages.answer.answer import MessagesAnswer
from mapping.messages.answer.exchange import AskedMessage
from mapping.messages.answer.stream import MessagesStream
from mapping.messages.plan import MessagesPlan
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.translators import StreamTranslator, WholeTranslator


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
