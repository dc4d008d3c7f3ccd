"""Anthropic's Messages API behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import override

from mapping.dialect import Answering, Dialect, ErrorAnswer, Given
from mapping.faults import Fault
from mapping.messages import errors
from mapping.messages.answer.events import without_signs_of_life
from mapping.messages.answering import MessagesAnswering
from mapping.messages.request.request import translate
from mapping.values import JSON


class Messages(Dialect):
    """`POST /v1/messages`."""

    name = "messages"
    id_field = errors.ID_FIELD

    def likeness(self, body: JSON) -> int:
        """It has messages, and something that chat does not have."""
        told = body.keys() & {"system", "stop_sequences", "output_config", "context_management"}
        return 4 if body.get("messages") is not None and told else 0

    def lookups(self, body: JSON) -> None:
        """Nothing is stored."""

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated, plan = translate(
            body,
            model=given.model,
            client_model=given.client_model,
            options=given.options,
            recall=given.recall,
            notes=given.notes,
            unseal=given.unseal,
        )
        return MessagesAnswering(translated, plan, given)

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(status, answer)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return without_signs_of_life(stream)


DIALECTS = (Messages(),)
