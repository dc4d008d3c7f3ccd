"""The legacy Completions API behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import override

from mapping.answer.answering import GeneratedAnswering
from mapping.completions.answer import CompletionsAnswer
from mapping.completions.plan import CompletionsPlan
from mapping.completions.request import translate
from mapping.completions.stream import CompletionsStream
from mapping.dialect import Answering, Dialect, ErrorAnswer, Given, Lookups
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.plan import Translated
from mapping.values import JSON


class CompletionsAnswering(GeneratedAnswering[CompletionsPlan]):
    """Answers with a `text_completion`, or its chunks."""

    def __init__(self, translated: Translated, given: Given) -> None:
        assert isinstance(translated.plan, CompletionsPlan)
        super().__init__(translated, translated.plan, given)
        self._created = given.now()

    @override
    def whole(self, notes: Notes) -> CompletionsAnswer:
        return CompletionsAnswer(self.plan, created=self._created, mint=self.given.mint, notes=notes)

    @override
    def stream(self) -> CompletionsStream:
        return CompletionsStream(self.plan, created=self._created, mint=self.given.mint, notes=self.given.notes)


class Completions(Dialect):
    """`POST /v1/completions`."""

    name = "completions"

    def likeness(self, body: JSON) -> int:
        """It has a prompt."""
        return 2 if body.get("prompt") is not None and "messages" not in body and "input" not in body else 0

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing: a prompt says all."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        translated = translate(
            body,
            model=given.model,
            client_model=given.client_model,
            options=given.options,
            recall=given.recall,
            notes=given.notes,
        )
        return CompletionsAnswering(translated, given)

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(status, answer)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return stream.replace(sse.KEEP_ALIVE, b"")


DIALECTS = (Completions(),)
