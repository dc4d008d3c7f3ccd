"""A streamed Gemini answer -> the events of a Responses stream.

Rules of this module, beside those of `mapping.answer.stream` (OpenAI API reference; what clients need was tried with
them):

* Every stream ends with `response.completed`, `.incomplete` or `.failed`: some clients ask again without end if not.
* A stream that breaks ends with an `error` event and `response.failed`, because each of them is all that some clients
  look at. An item that is open then stays open: nothing must look complete.
* The path of a plain piece of text is short: one parse, one string to JSON, the bytes around it are made once.
"""

from __future__ import annotations

from typing import Self, override

from mapping import jsonio
from mapping.answer.parts.calls import Mint
from mapping.answer.stream import OneAnswerStream
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.responses.answer.compaction import CompactionOutput
from mapping.responses.answer.events import EventLog
from mapping.responses.answer.exchange import AskedResponse, Clock
from mapping.responses.answer.output import Output, Seal
from mapping.responses.failures import error_event
from mapping.responses.objects import ResponseObject
from mapping.responses.plan import ResponsesPlan
from mapping.values import JSON


class ResponsesStream(OneAnswerStream):
    """Translates one exchange. The arguments are those of `ResponsesAnswer`."""

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
        super().__init__()
        self._object = ResponseObject(plan, response_id, created)
        self._exchange = AskedResponse(self._object, mint, notes, seal, clock)
        self._events = EventLog(self._opening, self._out)
        self._output = self._exchange.output(self._events)
        self._reader = self._exchange.reader(self._writer, live=not plan.compaction)
        self._response: JSON | None = None

    def open(self) -> bytes:
        """The first events, for an upstream that is silent for long. Faults are still raised after it: either `again`
        goes on with another attempt, or `cut` ends the stream."""
        self._events.begin()
        return self._opened()

    def keep_alive(self) -> bytes:
        """A sign of life, after `open`: the response is still in progress.

        A comment would not do: Codex counts the events that it parses, and leaves a stream that brought none for five
        minutes (0.171, tried with it). This event is taken at any place by Codex, OpenAI's SDKs and the AI SDK.
        """
        self._events.add("response.in_progress", {"response": self._object.unfinished("in_progress")})
        return self._opened()

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

    @override
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

    def response(self) -> JSON:
        """The Response object; in progress until the end."""
        return self._response or self._object.unfinished("in_progress")

    def stored_output(self) -> list[JSON]:
        """The output with all that a later request needs to go on from it, whatever the client asked for."""
        return self._output.stored()

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

    @override
    def _close(self) -> None:
        response = self._exchange.end(self._output, self._reader)
        try:
            self._events.add(f"response.{response['status']}", {"response": response})
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None
        self._response = response
