"""Whole Gemini answers -> the `chat.completion` object.

Rules of this module (OpenAI API reference, `CreateChatCompletionResponse`):

* `content`, `refusal` and `logprobs` are always there; `tool_calls` only when there are calls.
* `content` is null beside calls and audio, and the empty text in an answer that has nothing else.
* `model` is the name that the client used.
"""

from __future__ import annotations

from typing import Any

from mapping.chat.deltas import DeltaWriter
from mapping.openai.choices import AskedChoices, ChoiceAnswer
from mapping.openai.usage import usage_object
from mapping.request.plan import Plan
from mapping.totals import Totals, combine
from mapping.values import JSON

_BESIDE_NULL = ("tool_calls", "function_call", "audio")
"""Members of a message beside which the content is null rather than empty."""


class ChatAnswer(ChoiceAnswer[Plan, "_MessageWriter"]):
    """Gives the `chat.completion` object."""

    @staticmethod
    def _writer(exchange: AskedChoices[Plan], answer: int, index: int) -> _MessageWriter:
        return _MessageWriter(exchange)

    def _totals(self, totals: list[Totals]) -> Totals:
        return combine(totals)

    def _complete(self) -> None:
        """A blocked prompt has one answer, however many were asked for."""
        first = self._answers[0]
        if len(self._answers) == 1 and first.reader.blocked:
            first.reader.refuse(range(1, self._exchange.plan.n))

    def _object(self, response_id: str | None) -> JSON:
        writers = [writer for answer in self._answers for writer in answer.writers]
        return {
            "id": f"chatcmpl-{response_id}" if response_id else self._exchange.mint("chatcmpl-"),
            "object": "chat.completion",
            "created": self._exchange.created,
            "model": self._exchange.plan.client_model,
            "choices": [writer.choice(index) for index, writer in enumerate(writers)],
            "usage": usage_object(self.totals()),
            "service_tier": "default",
            "system_fingerprint": None,
        }


class _MessageWriter(DeltaWriter):
    """Adds the deltas up to a message."""

    def __init__(self, exchange: AskedChoices[Plan]) -> None:
        super().__init__(exchange)
        self._members: JSON = {}
        self._entries: list[JSON] = []
        self._reason = ""

    def logprobs(self, entries: list[JSON]) -> None:
        """`logprobs.content` of the text that follows."""
        self._entries += entries

    def choice(self, index: int) -> JSON:
        """The element of `choices` (OpenAI API reference, `ChatCompletion`), once `finish` was called."""
        content: str | None = self.content
        if not content and any(name in self._members for name in _BESIDE_NULL):
            content = None
        message = {"role": "assistant", "content": content, "refusal": None, **self._members}
        if calls := message.get("tool_calls"):
            message["tool_calls"] = [{name: call[name] for name in call if name != "index"} for call in calls]
        return {
            "index": index,
            "message": message,
            "logprobs": {"content": self._entries, "refusal": None} if self._entries else None,
            "finish_reason": self._reason,
        }

    def _delta(self, delta: JSON) -> None:
        if "content" not in delta:
            _add_up(self._members, delta)

    def _finish(self, reason: str) -> None:
        self._reason = reason


def _add_up(members: JSON, delta: JSON) -> None:
    for name, value in delta.items():
        known: Any = members.get(name)
        if isinstance(known, dict):
            _add_up(known, value)
        else:
            members[name] = value if known is None else known + value
