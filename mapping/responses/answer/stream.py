"""A streamed Gemini answer -> the events of a Responses stream.

Rules of this module (OpenAI API reference; what clients need was tried with them):

* Nothing goes out before there is content. Until then a fault is raised, and the exchange can start again.
* Every stream ends with `response.completed`, `.incomplete` or `.failed`: some clients ask again without end if not.
* A stream that breaks ends with an `error` event and `response.failed`, because each of them is all that some clients
  look at. An item that is open then stays open: nothing must look complete.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from typing import Self

from mapping import jsonio
from mapping.answer.parts.calls import Mint
from mapping.answer.usage import Totals
from mapping.faults import Fault
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.notes import Notes
from mapping.responses.answer.events import EventLog
from mapping.responses.answer.exchange import AskedResponse, Clock
from mapping.responses.answer.output import Output, Seal
from mapping.responses.compaction import CompactionOutput
from mapping.responses.failures import error_event
from mapping.responses.objects import ResponseObject
from mapping.responses.plan import ResponsesPlan
from mapping.values import JSON, RawTurn


class ResponsesStream:
    """Translates one exchange: upstream bytes in any slicing in, client bytes out.

    `feed` takes what comes, `end` is told that the upstream's answer is over. Both raise UpstreamError while the client
    has no content; later a fault ends the stream as failed. The arguments are those of `ResponsesAnswer`.
    """

    def __init__(
        self,
        plan: ResponsesPlan,
        *,
        created: int,
        mint: Mint,
        notes: Notes,
        seal: Seal,
        response_id: str,
        clock: Clock | None = None,
    ) -> None:
        self.started = False
        """The client has content, so this answer can only go on or break off."""
        self.fault: UpstreamError | None = None
        """What ended the stream as failed; the upstream need not be listened to any more."""
        self._object = ResponseObject(plan, response_id, created)
        self._exchange = AskedResponse(self._object, mint, notes, seal, clock)
        self._events = EventLog(self._opening)
        self._output = self._exchange.output(self._events)
        self._reader = self._exchange.reader(self._writer, live=not plan.compaction)
        self._parser = sse.EventParser()
        self._response: JSON | None = None
        self._over = False
        self._failed = False

    @property
    def continuation(self) -> str | None:
        """After `end`: the answer goes on. Send the same request with this `continuationToken` and `feed` what comes,
        or call `end` again to leave it at that."""
        return self._reader.continuation

    def feed(self, data: bytes) -> bytes:
        """What the client gets for these bytes; may be empty."""
        if self._over:
            return b""
        try:
            for response in payload.in_turn(self._parser.feed(data)):
                self._reader.add(response)
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def end(self, *, needs_content: bool = False) -> bytes:
        """The last bytes for the client, or nothing if `continuation` is set.

        `needs_content`: see `AnswerReader.end`; it does not count any more once something has been sent.
        """
        if self._over:
            return b""
        try:
            for event in self._parser.end():
                for response in payload.responses(event, last=True):
                    self._reader.add(response)
            self._parser = sse.EventParser()
            self._reader.end(needs_content=needs_content and not self.started and not self._events)
            if self._reader.continuation is None:
                self._close()
        except UpstreamError as fault:
            return self._fail(fault)
        return self._take()

    def open(self) -> bytes:
        """The first events, for an upstream that is silent for long. Faults are still raised after it: either `again`
        goes on with another attempt, or `cut` ends the stream."""
        self._events.begin()
        return self._events.take()

    def keep_alive(self) -> bytes:
        """A sign of life, after `open`: the response is still in progress.

        A comment would not do: Codex counts the events that it parses, and leaves a stream that brought none for five
        minutes (0.171, tried with it). This event is taken at any place by Codex, OpenAI's SDKs and the AI SDK.
        """
        self._events.add("response.in_progress", {"response": self._object.unfinished("in_progress")})
        return self._events.take()

    def again(self) -> Self:
        """A stream for another attempt after a fault was raised; it goes on from what `open` sent."""
        made = self._exchange
        fresh = type(self)(
            self._object.plan,
            created=self._object.created,
            mint=made.mint,
            notes=made.notes,
            seal=made.seal,
            response_id=self._object.id,
            clock=made.clock,
        )
        fresh._events.sequence = self._events.sequence
        return fresh

    def cut(self, error: Fault) -> bytes:
        """The events that end a stream as failed."""
        self._over = self._failed = True
        self._events.add("error", error_event(error))
        self._response = self._object.failed(error, self._output.items)
        try:
            self._events.add("response.failed", {"response": self._response})
        except RecursionError:
            self._response = self._object.failed(error)
            self._events.add("response.failed", {"response": self._response})
        return self._take()

    def add_answer(self, data: bytes | JSON) -> None:
        """Take in a whole upstream answer in the place of a streamed one; its events come with `end`.

        Raises UpstreamError.
        """
        for response in payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data):
            self._reader.add(response)

    def response(self) -> JSON:
        """The Response object; in progress until the end."""
        return self._response or self._object.unfinished("in_progress")

    def stored_output(self) -> list[JSON]:
        """The output with all that a later request needs to go on from it, whatever the client asked for."""
        return self._output.stored()

    def totals(self) -> Totals:
        """The tokens counted so far."""
        return self._reader.usage.totals()

    def finish_reasons(self) -> list[str]:
        """How the answer ended, in chat's words."""
        return self._reader.finish_reasons

    def remember(self) -> dict[str, RawTurn]:
        """The turns to keep for later requests, by tool call id or by `signatures.text_key` of the content.

        Before the end, and of a stream that broke off, only turns with calls that the client has got.
        """
        return self._reader.turns(whole=self._over and not self._failed)

    def _opening(self) -> list[tuple[str, bytes]]:
        """`response.created` and what follows it at once."""
        unfinished = self._object.unfinished
        working = jsonio.dumps({"response": unfinished("in_progress")})
        if not self._object.plan.echo.get("background"):
            return [("response.created", working), ("response.in_progress", working)]
        queued = jsonio.dumps({"response": unfinished("queued")})
        return [("response.created", queued), ("response.queued", queued), ("response.in_progress", working)]

    def _writer(self, index: int) -> Output | CompactionOutput:
        return self._exchange.surplus(index) if index else self._output

    def _close(self) -> None:
        response = self._exchange.end(self._output, self._reader)
        try:
            self._events.add(f"response.{response['status']}", {"response": response})
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None
        self._response = response
        self._over = True

    def _fail(self, fault: UpstreamError) -> bytes:
        if not self.started and not self._events:
            self._over = self._failed = True
            raise fault
        self.fault = fault
        return self.cut(fault.error)

    def _take(self) -> bytes:
        taken = self._events.take()
        if taken:
            self.started = True
        return taken
