"""A streamed Gemini answer on its way to a client: what the streams of all conversations have in common.

Rules of this module:

* Nothing goes out before there is content. Until then a fault is raised, and the exchange can start again.
* Later a fault ends the stream in the dialect's own way (`cut`): nothing must look complete.
* The same bytes give the same answer, however the network cut them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mapping.answer.reader import AnswerReader
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class AnswerStream(ABC):
    """Translates one exchange: upstream bytes in any slicing in, client bytes out. See `mapping.dialect`.

    `feed` takes what comes, `end` is told that the upstream's answer is over. Both raise UpstreamError while the client
    has no content; later a fault ends the stream. What derives from it sets `_reader`, which takes the first call's
    answer, and has its writers put events into `_out`.
    """

    _reader: AnswerReader

    def __init__(self) -> None:
        self.started = False
        """The client has content, so this answer can only go on or break off."""
        self.fault: UpstreamError | None = None
        """What ended the stream; the upstream need not be listened to any more."""
        self._parser = sse.EventParser()
        self._out: list[bytes] = []
        """What waits to be sent."""
        self._over = False
        self._failed = False

    @property
    def continuation(self) -> str | None:
        """After `end`: the answer goes on. Send the same request with this `continuationToken` and `feed` what comes,
        or call `end` again to leave it at that."""
        return self._reader.continuation

    @property
    def enough(self) -> bool:
        """The client wants no more of what the upstream says: the rest is not read, nor need it be listened to."""
        return self._reader.enough

    def feed(self, data: bytes) -> bytes:
        """What the client gets for these bytes; may be empty."""
        reader = self._reader
        if self._over or reader.enough:
            return b""
        try:
            for response in payload.in_turn(self._parser.feed(data)):
                reader.add(response)
                if reader.enough:
                    break
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def end(self, *, needs_content: bool = False) -> bytes:
        """The last bytes for the client, or nothing if `continuation` is set.

        `needs_content`: see `AnswerReader.end`; it does not count any more once something has been sent.
        """
        if self._over:
            return b""
        reader = self._reader
        try:
            for event in () if reader.enough else self._parser.end():
                for response in payload.responses(event, last=True):
                    reader.add(response)
            self._parser = sse.EventParser()
            reader.end(needs_content=needs_content and not self.started and not self._out)
            if reader.continuation is None:
                self._close()
                self._over = True
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    @abstractmethod
    def cut(self, error: Fault) -> bytes:
        """What ends a stream that has failed, and before it what was still held back."""

    @abstractmethod
    def _close(self) -> None:
        """The answer is complete: put out what it ends with. Raises UpstreamError."""

    def _fail(self, fault: UpstreamError) -> bytes:
        if not self.started and not self._out:
            self._over = self._failed = True
            raise fault
        self.fault = fault
        return self.cut(fault.error)

    def _opened(self) -> bytes:
        """What waits, and is no content: the stream has not started by it."""
        opened = b"".join(self._out)
        self._out.clear()
        return opened

    def _take(self) -> bytes:
        out = self._out
        if not out:
            return b""
        self.started = True
        taken = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return taken


class OneAnswerStream(AnswerStream):
    """The stream of a dialect whose answers have one candidate, and are made by one call."""

    def add_answer(self, data: bytes | JSON) -> None:
        """Take in a whole upstream answer in the place of a streamed one; its events come with `end`.

        Raises UpstreamError.
        """
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            self._reader.add(response)

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content.

        Before the end, and of a stream that broke off, only turns with calls that the client has got.
        """
        return self._reader.turns(whole=self._over and not self._failed)

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._reader.usage.totals()

    def finish_reasons(self) -> list[str]:
        """How the answer ended, in chat's words."""
        return self._reader.finish_reasons
