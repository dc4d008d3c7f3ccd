"""Answers that are made of choices, as chat's and completions' are: upstream answers in, choices out.

Rules of this module:

* Each candidate of an upstream answer is a choice, and has a writer of its own.
* Several upstream answers make one answer: parallel calls go on with the next choices, hops of a long answer go on
  with the same ones.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import override

from mapping import jsonio
from mapping.answer.parts.calls import CallMaker, Mint
from mapping.answer.reader import AnswerReader
from mapping.answer.whole import WholeAnswers
from mapping.answer.writer import Writer
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


@dataclass(frozen=True, slots=True)
class AskedChoices[P: Plan]:
    """What the writers of one answer share."""

    plan: P
    created: int
    """Unix time of the answer, in seconds."""
    mint: Mint
    notes: Notes


class Writers[W: Writer]:
    """The writers of one upstream answer, by candidate. `make` makes one, by its index."""

    def __init__(self, make: Callable[[int], W]) -> None:
        self.made: list[W] = []
        self._make = make

    def get(self, index: int) -> W:
        """The writer of a candidate; there may be one before the candidate is."""
        while len(self.made) <= index:
            self.made.append(self._make(len(self.made)))
        return self.made[index]


class Choices[W: Writer]:
    """The choices that one upstream answer makes: its reader, and a writer for each of its candidates.

    `make` makes the writer of a candidate by its index. `live` says that writers send at once.
    """

    def __init__(
        self, exchange: AskedChoices[Plan], calls: CallMaker, make: Callable[[int], W], *, live: bool = False
    ) -> None:
        writers = Writers(make)
        self.writers = writers.made
        self.writer = writers.get
        self.reader = AnswerReader(exchange.plan, calls, exchange.notes, writers.get, live=live)


class ChoiceAnswer[P: Plan, W: Writer](WholeAnswers[Choices[W]]):
    """Takes the upstream answers of one exchange with `add`, gives the client's with `finish`.

    `created` is Unix time in seconds; `mint` makes a fresh id with the prefix it is given. Raises UpstreamError; an
    answer that `add` refused leaves no trace, another one may be added in its place.
    """

    def __init__(self, plan: P, *, created: int, mint: Mint, notes: Notes) -> None:
        super().__init__()
        self._exchange = AskedChoices(plan, created, mint, notes)
        self._calls = CallMaker(plan, mint)
        self._answers: list[Choices[W]] = []

    def finish(self) -> bytes:
        """The object that is the client's answer."""
        self.close()
        if not self._answers:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        self._complete()
        try:
            return jsonio.dumps(self._object(self._answers[0].reader.response_id))
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content."""
        return {key: turn for answer in self._answers for key, turn in answer.reader.turns().items()}

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._totals([answer.reader.usage.totals() for answer in self._answers])

    def finish_reasons(self) -> list[str]:
        """OpenAI's finish reason of each choice that has ended."""
        return [reason for answer in self._answers for reason in answer.reader.finish_reasons]

    @abstractmethod
    def _totals(self, totals: list[Totals]) -> Totals:
        """The numbers of the whole answer from those of each upstream answer."""

    @override
    def _begin(self) -> Choices[W]:
        # By no method of this object: what leads back to it would keep it until the garbage collector comes.
        make = partial(self._writer, self._exchange, len(self._answers))
        return Choices(self._exchange, self._calls, make)

    @override
    def _take(self, answer: Choices[W]) -> None:
        self._answers.append(answer)

    @staticmethod
    @abstractmethod
    def _writer(exchange: AskedChoices[P], answer: int, index: int) -> W:
        """The writer of a candidate, by the numbers of the upstream answer and of the candidate in it."""

    @abstractmethod
    def _complete(self) -> None:
        """All answers are in: finish the choices that none of them has."""

    @abstractmethod
    def _object(self, response_id: str | None) -> JSON:
        """The client's answer. `response_id` is the upstream's."""
