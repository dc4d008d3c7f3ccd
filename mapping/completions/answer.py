"""Whole Gemini answers -> the `text_completion` object.

Rules of this module (OpenAI API reference, `CreateCompletionResponse`):

* Every prompt has its `n` choices, in the order of the prompts; clients count on their places.
* `logprobs` is always there, null if it was not asked for.
* `model` is the name that the client used.
"""

from __future__ import annotations

from mapping.completions.plan import CompletionsPlan
from mapping.completions.text import TextWriter, fill_up, logprobs_object
from mapping.openai.choices import AskedChoices, ChoiceAnswer
from mapping.openai.usage import usage_object
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class CompletionsAnswer(ChoiceAnswer[CompletionsPlan, "_ChoiceWriter"]):
    """Gives the `text_completion` object."""

    def remember(self) -> dict[str, RawTurn]:
        """Nothing: no request sends a completion back."""
        return {}

    @staticmethod
    def _writer(exchange: AskedChoices[CompletionsPlan], answer: int, index: int) -> _ChoiceWriter:
        per_call = exchange.plan.per_call
        if index >= per_call:
            exchange.notes.add("part-unknown", f"candidates[{index}]")
        return _ChoiceWriter(exchange, answer * per_call + index)

    def _totals(self, totals: list[Totals]) -> Totals:
        return self._exchange.plan.totals(totals)

    def _complete(self) -> None:
        for answer in self._answers:
            fill_up(answer, self._exchange.plan.per_call, self._exchange.notes)

    def _object(self, response_id: str | None) -> JSON:
        plan = self._exchange.plan
        return {
            "id": f"cmpl-{response_id}" if response_id else self._exchange.mint("cmpl-"),
            "object": "text_completion",
            "created": self._exchange.created,
            "model": plan.client_model,
            "choices": [writer.choice() for answer in self._answers for writer in answer.writers[: plan.per_call]],
            "usage": usage_object(self.totals()),
        }


class _ChoiceWriter(TextWriter):
    """Collects the text."""

    _reason = ""

    def text(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)

    def choice(self) -> JSON:
        """The element of `choices` (OpenAI API reference, `Completion`), once `finish` was called."""
        return {
            "text": self._echo + self.content,
            "index": self._index,
            "logprobs": logprobs_object(self._entries, self._offset) if self._entries else None,
            "finish_reason": self._reason,
        }

    def _finish(self, reason: str) -> None:
        self._reason = reason
