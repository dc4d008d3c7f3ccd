"""Whole upstream answers, and those that go on: what the client's answer is made of, in the order of the answers.

Rules of this module:

* An answer that goes on (`continuation`) stays open: the next one is a further hop of it.
* What is refused leaves no trace: what had come before is read again, so that another answer can take its place.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol, override

from mapping.answer.reader import AnswerReader
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class Read(Protocol):
    """What is made of one upstream answer while it is read."""

    @property
    def reader(self) -> AnswerReader:
        """Takes it, and the hops that it goes on with."""


class WholeAnswers[A: Read](ABC):
    """Takes the upstream answers of one exchange with `add`. See `mapping.translators.WholeTranslator`."""

    def __init__(self) -> None:
        self._open: A | None = None
        self._hops: list[bytes | JSON] = []
        """What made the open answer what it is."""

    @property
    def continuation(self) -> str | None:
        """The answer goes on: send the same request with this `continuationToken`, and `add` what comes.

        `finish` takes the answer as it is.
        """
        return self._open.reader.continuation if self._open else None

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Take in a whole upstream answer, as bytes or parsed. `needs_content`: see `AnswerReader.end`."""
        answer = self._open or self._begin()
        try:
            answer.reader.take(data, needs_content=needs_content)
            goes_on = answer.reader.continuation is not None
            if not goes_on:
                self._take(answer)
        except UpstreamError:
            if self._open is not None:
                self._open = self._before()
            raise
        self._hops.append(data)
        self._open = answer
        if not goes_on:
            self._settle()

    def close(self) -> None:
        """Take an answer that would go on as it is."""
        if self._open is not None:
            self._open.reader.end()
            self._take(self._open)
            self._settle()

    @abstractmethod
    def _begin(self) -> A:
        """For an answer that is none of those that are there."""

    @abstractmethod
    def _take(self, answer: A) -> None:
        """An answer is complete. Raises UpstreamError for one that can't be used."""

    def _settle(self) -> None:
        self._open = None
        self._hops.clear()

    def _before(self) -> A:
        """The open answer as it was before a hop that was refused."""
        answer = self._begin()
        for data in self._hops:
            answer.reader.take(data)
        return answer


class OneWholeAnswer[A: Read](WholeAnswers[A]):
    """The whole answer of a dialect whose answers have one candidate, and are made by one call."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: A | None = None

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content."""
        return self._answer.reader.turns() if self._answer else {}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._answer.reader.usage.totals() if self._answer else Totals()

    def finish_reasons(self) -> list[str]:
        """How the answer ended, in chat's words."""
        return self._answer.reader.finish_reasons if self._answer else []

    @override
    def _take(self, answer: A) -> None:
        self._end(answer)
        self._answer = answer

    @abstractmethod
    def _end(self, answer: A) -> None:
        """Nothing more comes of an answer. Raises UpstreamError for one that can't be used."""

    def _whole(self) -> A:
        """The answer, as it is. Raises UpstreamError where none has come."""
        self.close()
        if self._answer is None:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        return self._answer
