"""A streamed Gemini answer -> streamed `text_completion` events.

Rules of this module, beside those of `mapping.openai.choice_stream`:

* Chunks are objects of the same shape as the whole answer. A choice begins with its prompt if that is to be echoed,
  and ends with a chunk that has its finish reason and no text.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from collections.abc import Callable

from mapping import jsonio
from mapping.completions.plan import CompletionsPlan
from mapping.completions.text import TextWriter, fill_up, logprobs_object
from mapping.openai.choice_stream import ChoiceStream, Frame, StreamChoices
from mapping.openai.choices import AskedChoices
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class CompletionsStream(ChoiceStream[CompletionsPlan, "_Frame", "_ChunkWriter"]):
    """Gives `text_completion` events."""

    def remember(self) -> dict[str, RawTurn]:
        """Nothing: no request sends a completion back."""
        return {}

    def _make_frame(self, response_id: str | None) -> _Frame:
        id = f"cmpl-{response_id}" if response_id else self._exchange.mint("cmpl-")
        return _Frame(id, self._exchange)

    def _writer(self, choices: _Choices, index: int) -> _ChunkWriter:
        per_call = self._exchange.plan.per_call
        out = choices.out
        if index >= per_call:
            self._exchange.notes.add("part-unknown", f"candidates[{index}]")
            out = []
        return _ChunkWriter(self._exchange, choices.answer * per_call + index, choices, out)

    def _complete(self) -> None:
        for choices in self._all:
            fill_up(choices, self._exchange.plan.per_call, self._exchange.notes)

    def _totals(self, totals: list[Totals]) -> Totals:
        return self._exchange.plan.totals(totals)


class _Frame(Frame):
    """The bytes around what changes from chunk to chunk."""

    __slots__ = ()

    def __init__(self, id: str, exchange: AskedChoices[CompletionsPlan]) -> None:
        head = {
            "id": id,
            "object": "text_completion",
            "created": exchange.created,
            "model": exchange.plan.client_model,
        }
        super().__init__(head, include_usage=exchange.plan.include_usage)

    def around(self, index: int) -> tuple[bytes, bytes]:
        """What stands before and after the JSON of a text that has nothing else beside it."""
        after = b',"index":%d,"logprobs":null,"finish_reason":null}' % index
        return self._head + b'{"text":', after + self._tail

    def chunk(self, index: int, text: str, logprobs: JSON | None, reason: str | None) -> bytes:
        """A chunk of one choice."""
        choice = {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}
        return self._head + jsonio.dumps(choice) + self._tail


class _ChunkWriter(TextWriter):
    """Writes each piece of the text as a chunk."""

    def __init__(
        self, exchange: AskedChoices[CompletionsPlan], index: int, choices: _Choices, out: list[bytes]
    ) -> None:
        super().__init__(exchange, index)
        self.begun = False
        self._choices = choices
        self._append: Callable[[bytes], None] = out.append
        self._quick = False
        """The next text needs nothing but itself: the echo is out, no logprobs wait."""
        self._before = self._after = b""

    def start(self) -> None:
        """The echo, if there is one."""
        if self.begun:
            return
        self._choices.start_lower(self)
        self.begun = True
        self._quick = not self._entries
        self._before, self._after = self._choices.frame().around(self._index)
        if self._echo:
            self._plain(self._echo)

    def open(self) -> None:
        """The echo, or else a chunk without text."""
        if not self.begun:
            self.start()
            if not self._echo:
                self._plain("")

    def text(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)
        if self._quick:
            self._plain(text)
        else:
            self._chunk(text)

    def logprobs(self, entries: list[JSON]) -> None:
        super().logprobs(entries)
        self._quick = False

    def _finish(self, reason: str) -> None:
        self._chunk("", reason)

    def _take_logprobs(self) -> JSON | None:
        """`logprobs` of the tokens that wait."""
        if not self._entries:
            return None
        found = logprobs_object(self._entries, self._offset)
        self._offset += sum(len(entry["token"]) for entry in self._entries)
        self._entries = []
        return found

    def _plain(self, text: str) -> None:
        self._append(self._before + jsonio.dumps(text) + self._after)

    def _chunk(self, text: str, reason: str | None = None) -> None:
        self.start()
        logprobs = self._take_logprobs()
        self._quick = True
        self._append(self._choices.frame().chunk(self._index, text, logprobs, reason))


type _Choices = StreamChoices[CompletionsPlan, _Frame, _ChunkWriter]
