"""A streamed Gemini answer -> `chat.completion.chunk` events.

Rules of this module, beside those of `mapping.openai.choice_stream`:

* Each choice begins with its role.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from collections.abc import Callable

from mapping import jsonio
from mapping.chat.deltas import DeltaWriter
from mapping.openai.choice_stream import ChoiceStream, Frame, StreamChoices
from mapping.openai.choices import AskedChoices
from mapping.request.plan import Plan
from mapping.totals import Totals, combine
from mapping.values import JSON

_ROLE = b'{"role":"assistant","content":"","refusal":null}'


class ChatStream(ChoiceStream[Plan, "_Frame", "_ChunkWriter"]):
    """Gives `chat.completion.chunk` events."""

    def _make_frame(self, response_id: str | None) -> _Frame:
        id = f"chatcmpl-{response_id}" if response_id else self._exchange.mint("chatcmpl-")
        return _Frame(id, self._exchange)

    def _writer(self, choices: _Choices, index: int) -> _ChunkWriter:
        if choices.answer:
            index += 1 + sum(len(earlier.writers) for earlier in self._further[: choices.answer - 1])
        return _ChunkWriter(choices, index, self._exchange)

    def _complete(self) -> None:
        """A blocked prompt has one answer, however many were asked for."""
        first = self._first.reader
        if first.blocked and not self._further:
            first.refuse(range(1, self._exchange.plan.n))

    def _totals(self, totals: list[Totals]) -> Totals:
        return combine(totals)


class _Frame(Frame):
    """The bytes around what changes from chunk to chunk."""

    __slots__ = ()

    def __init__(self, id: str, exchange: AskedChoices[Plan]) -> None:
        head = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": exchange.created,
            "model": exchange.plan.client_model,
            "service_tier": "default",
            "system_fingerprint": None,
        }
        super().__init__(head, include_usage=exchange.plan.include_usage)

    def around(self, index: int, member: bytes) -> tuple[bytes, bytes]:
        """What stands before and after the JSON of a delta's only member."""
        before = b'%b{"index":%d,"delta":{"%b":' % (self._head, index, member)
        return before, b'},"logprobs":null,"finish_reason":null}' + self._tail

    def chunk(self, index: int, delta: bytes, logprobs: bytes = b"null", reason: bytes = b"null") -> bytes:
        """A chunk of one choice. All but the index are JSON."""
        choice = b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}' % (index, delta, logprobs, reason)
        return self._head + choice + self._tail


class _ChunkWriter(DeltaWriter):
    """Writes each delta as a chunk."""

    def __init__(self, choices: _Choices, index: int, exchange: AskedChoices[Plan]) -> None:
        super().__init__(exchange)
        self.begun = False
        self._choices = choices
        self._index = index
        self._append: Callable[[bytes], None] = choices.out.append
        self._entries: list[JSON] = []
        self._quick = False
        """The next text needs nothing but itself: the role is out, no logprobs wait."""
        self._before = self._after = self._before_thought = b""

    def start(self) -> None:
        """The role chunk."""
        if self.begun:
            return
        self._choices.start_lower(self)
        self.begun = True
        self._quick = not self._entries
        frame = self._choices.frame()
        self._before, self._after = frame.around(self._index, b"content")
        self._before_thought, _ = frame.around(self._index, b"reasoning_content")
        self._append(frame.chunk(self._index, _ROLE))

    def open(self) -> None:
        """The same: the role is a chunk."""
        self.start()

    def logprobs(self, entries: list[JSON]) -> None:
        """They go with the next chunk."""
        self._entries += entries
        self._quick = False

    def _content(self, text: str) -> None:
        if not self._quick:
            super()._content(text)
            return
        self._pieces.append(text)
        self.length += len(text)
        self._append(self._before + jsonio.dumps(text) + self._after)

    def _reasoning(self, text: str) -> None:
        if self._quick:
            self._append(self._before_thought + jsonio.dumps(text) + self._after)
        else:
            super()._reasoning(text)

    def _delta(self, delta: JSON) -> None:
        self._chunk(jsonio.dumps(delta))

    def _finish(self, reason: str) -> None:
        self._chunk(b"{}", b'"%b"' % reason.encode())

    def _chunk(self, delta: bytes, reason: bytes = b"null") -> None:
        self.start()
        logprobs = b"null"
        if self._entries:
            logprobs = jsonio.dumps({"content": self._entries, "refusal": None})
            self._entries = []
        self._quick = True
        self._append(self._choices.frame().chunk(self._index, delta, logprobs, reason))


type _Choices = StreamChoices[Plan, _Frame, _ChunkWriter]
