"""A streamed Gemini answer -> `chat.completion.chunk` events.

Rules of this module (OpenAI API reference; what clients need was tried with them):

* Nothing goes out before there is content. Until then a fault is raised, and the exchange can start again.
* Each choice begins with its role, in the order of the choices, and ends with one finish reason. Then comes the usage
  chunk, if the client asked for it (its `choices` are empty, which others cannot stand), then `[DONE]`.
* A broken stream ends with an error event, with no finish reason and no `[DONE]`: nothing must look complete.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from mapping import jsonio, payload, sse, usage
from mapping.calls import CallMaker, Mint
from mapping.chat.deltas import DeltaWriter, Exchange
from mapping.errors import OpenAIError
from mapping.gemini import JSON, Plan, RawTurn
from mapping.notes import Notes
from mapping.reader import AnswerReader
from mapping.upstream_errors import UpstreamError

_ROLE = b'{"role":"assistant","content":"","refusal":null}'


class ChatStream:
    """Translates one exchange: upstream bytes in any slicing in, client bytes out.

    `feed` takes what comes, `end` is told that the upstream's answer is over. Both raise UpstreamError while the client
    has no content; later a fault becomes an error event, and the stream is over. `created` is Unix time in
    seconds; `mint` makes a fresh id with the prefix it is given.
    """

    def __init__(self, plan: Plan, *, created: int, mint: Mint, notes: Notes) -> None:
        self.started = False
        """The client has content, so this answer can only go on or break off."""
        self._exchange = Exchange(plan, created, mint, notes)
        self._calls = CallMaker(plan, mint)
        self._parser = sse.EventParser()
        self._out: list[bytes] = []
        self._frame: _Frame | None = None
        self._first = _Choices(self, 0, self._out)
        self._further: list[_Choices] = []
        self._over = False
        self._failed = False

    @property
    def continuation(self) -> str | None:
        """After `end`: the answer goes on. Send the same request with this `continuationToken` and `feed` what comes,
        or call `end` again to leave it at that."""
        return self._first.reader.continuation

    def feed(self, data: bytes) -> bytes:
        """What the client gets for these bytes; may be empty."""
        if self._over:
            return b""
        try:
            for event in self._parser.feed(data):
                for response in payload.responses(event):
                    self._first.reader.add(response)
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def end(self) -> bytes:
        """The last bytes for the client, or nothing if `continuation` is set."""
        if self._over:
            return b""
        reader = self._first.reader
        try:
            for event in self._parser.end():
                for response in payload.responses(event):
                    reader.add(response)
            self._parser = sse.EventParser()
            reader.end()
            if reader.continuation is None:
                self._close()
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def open(self) -> bytes:
        """The role of the first choice, for an upstream that is silent for long. Faults are still raised after it:
        either `again` goes on with another attempt, or `cut` ends the stream."""
        self._first.writer(0).start()
        opened = b"".join(self._out)
        self._out.clear()
        return opened

    def again(self) -> Self:
        """A stream for another attempt after a fault was raised; it goes on from what `open` sent. Answers that were
        added before are to be added again."""
        exchange = self._exchange
        fresh = type(self)(exchange.plan, created=exchange.created, mint=exchange.mint, notes=exchange.notes)
        fresh._frame = self._frame
        if self._first.writers and self._first.writers[0].begun:
            fresh.open()
        return fresh

    def cut(self, error: OpenAIError) -> bytes:
        """The error event that ends a stream."""
        sent = self._take()
        self._over = self._failed = True
        return sent + sse.frame(error.body())

    def add_answer(self, data: bytes | JSON) -> None:
        """Take in a further whole upstream answer: the next choice, where parallel calls make the choices.

        Its chunks come with `end`. Raises UpstreamError; then another answer may be added in its place.
        """
        choices = _Choices(self, 1 + sum(len(further.writers) for further in self._further), [])
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            choices.reader.add(response)
        choices.reader.end()
        if choices.reader.continuation is not None:
            choices.reader.end()
        self._further.append(choices)

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content.

        Nothing before the end, and nothing of a stream that broke off.
        """
        if self._failed or not self._over:
            return {}
        return {key: turn for choices in self._all for key, turn in choices.reader.turns().items()}

    @property
    def _all(self) -> list[_Choices]:
        return [self._first, *self._further]

    def _close(self) -> None:
        first = self._first.reader
        if first.blocked and not self._further:
            first.refuse(range(1, self._exchange.plan.n))
        for further in self._further:
            self._out += further.out
        if self._exchange.plan.include_usage:
            totals = usage.combine([choices.reader.usage.totals() for choices in self._all])
            self._out.append(self._first.frame().usage(totals.chat()))
        self._out.append(sse.DONE)
        self._over = True

    def _fail(self, fault: UpstreamError) -> bytes:
        if not self.started and not self._out:
            self._over = self._failed = True
            raise fault
        return self.cut(fault.error)

    def _take(self) -> bytes:
        if not self._out:
            return b""
        self.started = True
        taken = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return taken


class _Frame:
    """The bytes around what changes from chunk to chunk."""

    __slots__ = ("_head", "_tail")

    def __init__(self, id: str, exchange: Exchange) -> None:
        head = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": exchange.created,
            "model": exchange.plan.client_model,
            "service_tier": "default",
            "system_fingerprint": None,
        }
        self._head = b"data: " + jsonio.dumps(head)[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if exchange.plan.include_usage else b"]}\n\n"

    def around(self, index: int, member: bytes) -> tuple[bytes, bytes]:
        """What stands before and after the JSON of a delta's only member."""
        before = b'%b{"index":%d,"delta":{"%b":' % (self._head, index, member)
        return before, b'},"logprobs":null,"finish_reason":null}' + self._tail

    def chunk(self, index: int, delta: bytes, logprobs: bytes = b"null", reason: bytes = b"null") -> bytes:
        """A chunk of one choice. All but the index are JSON."""
        choice = b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}' % (index, delta, logprobs, reason)
        return self._head + choice + self._tail

    def usage(self, totals: JSON) -> bytes:
        """The chunk that has the usage and no choice."""
        return self._head + b'],"usage":' + jsonio.dumps(totals) + b"}\n\n"


class _Choices:
    """The choices that one upstream answer makes: its reader, its writers, and where they write."""

    def __init__(self, stream: ChatStream, base: int, out: list[bytes]) -> None:
        exchange = stream._exchange
        live = out is stream._out
        self.out = out
        self.writers: list[_ChunkWriter] = []
        self.reader = AnswerReader(exchange.plan, stream._calls, exchange.notes, self.writer, live=live)
        self._exchange = exchange
        self._base = base
        self._stream = stream

    def writer(self, index: int) -> _ChunkWriter:
        """The writer of a candidate; `open` may have made the first already."""
        while len(self.writers) <= index:
            self.writers.append(_ChunkWriter(self, self._base + len(self.writers), self._exchange))
        return self.writers[index]

    def frame(self) -> _Frame:
        """The bytes around every chunk of the stream; the first answer that sends something names the completion."""
        stream = self._stream
        if stream._frame is None:
            response_id = self.reader.response_id
            id = f"chatcmpl-{response_id}" if response_id else self._exchange.mint("chatcmpl-")
            stream._frame = _Frame(id, self._exchange)
        return stream._frame


class _ChunkWriter(DeltaWriter):
    """Writes each delta as a chunk."""

    def __init__(self, choices: _Choices, index: int, exchange: Exchange) -> None:
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
        """The role chunk; those of lower choices go first, because clients keep choices in a list."""
        if self.begun:
            return
        for lower in self._choices.writers:
            if lower is self:
                break
            lower.start()
        self.begun = self._quick = True
        frame = self._choices.frame()
        self._before, self._after = frame.around(self._index, b"content")
        self._before_thought, _ = frame.around(self._index, b"reasoning_content")
        self._append(frame.chunk(self._index, _ROLE))

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
