"""The contract of `mapping.dialect`, as far as OpenAI's dialects fill it alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, override

from mapping.answer.answering import GeneratedAnswering
from mapping.dialect import Dialect, ErrorAnswer, Given
from mapping.faults import Fault
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.plan import Plan, Translated
from mapping.translators import StreamTranslator, WholeTranslator
from mapping.values import JSON, Options, Recall


class OpenAIDialect(Dialect):
    """OpenAI's errors."""

    comments = True

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(status, answer)


class ChoicesDialect(OpenAIDialect):
    """Answers hold choices; a silent stream is kept alive with comments."""

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return stream.replace(sse.KEEP_ALIVE, b"")


class ChoicesAnswering[P: Plan](GeneratedAnswering[P]):
    """Makes answers of choices. `whole` and `stream` are classes of translators (`mapping.openai.choices`)."""

    def __init__(
        self,
        translated: Translated,
        plan: P,
        given: Given,
        whole: Callable[..., WholeTranslator],
        stream: Callable[..., StreamTranslator],
    ) -> None:
        super().__init__(translated, plan, given)
        self._created = given.now()
        self._whole, self._stream = whole, stream

    @override
    def whole(self, notes: Notes) -> WholeTranslator:
        return self._whole(self.plan, created=self._created, mint=self.given.mint, notes=notes)

    @override
    def stream(self) -> StreamTranslator:
        return self._stream(self.plan, created=self._created, mint=self.given.mint, notes=self.given.notes)


class Translate(Protocol):
    """What makes a Gemini request of a request, as each of these dialects has one. Raises Fault."""

    def __call__(
        self, body: Any, /, *, model: str, client_model: str, options: Options, recall: Recall, notes: Notes
    ) -> Translated:
        """See `mapping.chat.request.translate`."""


def understood(translate: Translate, body: JSON, given: Given) -> Translated:
    """The translation of a request, with what every one is given."""
    return translate(
        body,
        model=given.model,
        client_model=given.client_model,
        options=given.options,
        recall=given.recall,
        notes=given.notes,
    )
