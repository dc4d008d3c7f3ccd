"""Chat Completions behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import override

from mapping.answer.answering import GeneratedAnswering
from mapping.chat.answer import ChatAnswer
from mapping.chat.request import translate
from mapping.chat.stream import ChatStream
from mapping.dialect import Answering, Dialect, ErrorAnswer, Given, Lookups
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.plan import Plan, Translated
from mapping.responses import dialect as responses
from mapping.values import JSON


class ChatAnswering(GeneratedAnswering[Plan]):
    """Answers with a `chat.completion`, or its chunks."""

    def __init__(self, translated: Translated, given: Given) -> None:
        super().__init__(translated, translated.plan, given)
        self._created = given.now()

    @override
    def whole(self, notes: Notes) -> ChatAnswer:
        return ChatAnswer(self.plan, created=self._created, mint=self.given.mint, notes=notes)

    @override
    def stream(self) -> ChatStream:
        return ChatStream(self.plan, created=self._created, mint=self.given.mint, notes=self.given.notes)


class Chat(Dialect):
    """`POST /v1/chat/completions`.

    A body that has `input` and no `messages` is one of the Responses API that came by the wrong path; it is understood
    as such, and answered as this path answers.
    """

    name = "chat"

    def likeness(self, body: JSON) -> int:
        """It has messages. What has nothing that tells is most likely meant for here."""
        return 3 if body.get("messages") is not None else 1

    def lookups(self, body: JSON) -> Lookups | None:
        """What a body of the Responses API refers to."""
        return responses.referred(body) if _is_responses(body) else None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        if _is_responses(body):
            translated = responses.understand(body, given)
            given.notes.add("path", "a body with input")
        else:
            translated = translate(
                body,
                model=given.model,
                client_model=given.client_model,
                options=given.options,
                recall=given.recall,
                notes=given.notes,
            )
        return ChatAnswering(translated, given)

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(status, answer)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return stream.replace(sse.KEEP_ALIVE, b"")


def _is_responses(body: JSON) -> bool:
    return body.get("messages") is None and body.get("input") is not None


DIALECTS = (Chat(),)
