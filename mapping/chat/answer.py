"""Whole Gemini answers -> the `chat.completion` object.

Rules of this module (OpenAI API reference, `CreateChatCompletionResponse`):

* `content`, `refusal` and `logprobs` are always there; `tool_calls` only when there are calls.
* `content` is null beside calls and audio, and the empty text in an answer that has nothing else.
* `model` is the name that the client used.
* Several upstream answers make one object: parallel calls for `n` give a choice each, hops of a long answer go on
  with the same choice.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio, payload, usage
from mapping.calls import CallMaker, Mint
from mapping.chat.deltas import DeltaWriter, Exchange
from mapping.gemini import JSON, Plan, RawTurn
from mapping.notes import Notes
from mapping.reader import AnswerReader
from mapping.upstream_errors import broken

_BESIDE_NULL = ("tool_calls", "function_call", "audio")
"""Members of a message beside which the content is null rather than empty."""


class ChatAnswer:
    """Takes the upstream answers of one exchange with `add`, gives the client's with `finish`.

    `created` is Unix time in seconds; `mint` makes a fresh id with the prefix it is given. Raises UpstreamError; an
    answer that `add` refused leaves no trace, another one may be added in its place.
    """

    def __init__(self, plan: Plan, *, created: int, mint: Mint, notes: Notes) -> None:
        self._exchange = Exchange(plan, created, mint, notes)
        self._calls = CallMaker(plan, mint)
        self._answers: list[_Answer] = []
        self._open: _Answer | None = None

    @property
    def continuation(self) -> str | None:
        """The answer goes on: send the same request with this `continuationToken`, and `add` what comes.

        `finish` takes the answer as it is.
        """
        return self._open.reader.continuation if self._open else None

    def add(self, data: bytes | JSON) -> None:
        """Take in a whole upstream answer, as bytes or parsed."""
        answer = self._open or _Answer(self._exchange, self._calls)
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            answer.reader.add(response)
        answer.reader.end()
        self._settle(answer)

    def close(self) -> None:
        """Take an answer that would go on as it is."""
        if self._open is not None:
            self._open.reader.end()
            self._settle(self._open)

    def finish(self) -> bytes:
        """The `chat.completion` object."""
        self.close()
        if not self._answers:
            raise broken("The upstream gave no answer.", code="upstream_empty")
        first = self._answers[0]
        if len(self._answers) == 1 and first.reader.blocked:
            first.reader.refuse(range(1, self._exchange.plan.n))
        try:
            return jsonio.dumps(self._completion(first.reader.response_id))
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content."""
        return {key: turn for answer in self._answers for key, turn in answer.reader.turns().items()}

    def _settle(self, answer: _Answer) -> None:
        if answer.reader.continuation is not None:
            self._open = answer
        else:
            self._open = None
            self._answers.append(answer)

    def _completion(self, response_id: str | None) -> JSON:
        writers = [writer for answer in self._answers for writer in answer.writers]
        return {
            "id": f"chatcmpl-{response_id}" if response_id else self._exchange.mint("chatcmpl-"),
            "object": "chat.completion",
            "created": self._exchange.created,
            "model": self._exchange.plan.client_model,
            "choices": [writer.choice(index) for index, writer in enumerate(writers)],
            "usage": usage.combine([answer.reader.usage.totals() for answer in self._answers]).chat(),
            "service_tier": "default",
            "system_fingerprint": None,
        }


class _Answer:
    """One upstream answer: its reader, and a writer for each of its candidates."""

    def __init__(self, exchange: Exchange, calls: CallMaker) -> None:
        self._exchange = exchange
        self.writers: list[_MessageWriter] = []
        self.reader = AnswerReader(exchange.plan, calls, exchange.notes, self._writer)

    def _writer(self, index: int) -> _MessageWriter:
        writer = _MessageWriter(self._exchange)
        self.writers.append(writer)
        return writer


class _MessageWriter(DeltaWriter):
    """Adds the deltas up to a message."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._members: JSON = {}
        self._entries: list[JSON] = []
        self._reason = ""

    def logprobs(self, entries: list[JSON]) -> None:
        """`logprobs.content` of the text that follows."""
        self._entries += entries

    def choice(self, index: int) -> JSON:
        """The finished choice."""
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
