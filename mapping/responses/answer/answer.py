"""Whole Gemini answers -> the Response object.

Rules of this module (OpenAI API reference, `Response`):

* The output is the same as that of a stream (`mapping.responses.answer.output`).
* Beside `output` there may be `choices`, for scripts that were written for gateways with answers in chat's shape. It is
  no part of the response that is stored.
"""

from __future__ import annotations

from typing import override

from mapping import jsonio
from mapping.answer.parts.calls import Mint
from mapping.answer.whole import OneWholeAnswer
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.responses.answer.compaction import CompactionOutput
from mapping.responses.answer.exchange import AskedResponse, Clock
from mapping.responses.answer.item_list import NoEvents
from mapping.responses.answer.output import Output, Seal
from mapping.responses.objects import ResponseObject
from mapping.responses.plan import ResponsesPlan
from mapping.values import JSON


class ResponsesAnswer(OneWholeAnswer["_Answer"]):
    """Takes the upstream answer of one exchange with `add`, gives the client's with `finish`.

    `created` is Unix time in seconds; `mint` makes a fresh id with the prefix it is given; `seal` makes an
    `encrypted_content` of its payload; `clock` gives `completed_at` (None: the time of creation). `chat_shape` puts
    `choices` beside the output. Raises UpstreamError; an answer that `add` refused leaves no trace, another one may be
    added in its place.
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
        chat_shape: bool = True,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._exchange = AskedResponse(ResponseObject(plan, response_id, created), mint, notes, seal, clock)
        self._chat_shape = chat_shape

    def finish(self) -> bytes:
        """The Response object, with `choices` where the settings want them."""
        response = self.response()
        if self._chat_shape:
            response = {**response, "choices": [self._choice()]}
        try:
            return jsonio.dumps(response)
        except RecursionError:
            raise broken("The upstream's answer is nested too deeply.") from None

    def response(self) -> JSON:
        """The Response object as a value."""
        return self._whole().response

    def stored_output(self) -> list[JSON]:
        """The output with all that a later request needs to go on from it, whatever the client asked for."""
        return self._whole().output.stored()

    @override
    def _begin(self) -> _Answer:
        return _Answer(self._exchange)

    @override
    def _end(self, answer: _Answer) -> None:
        answer.close()

    def _choice(self) -> JSON:
        output = self._whole().output
        text = "" if isinstance(output, CompactionOutput) else output.content
        return {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": output.reason}


class _Answer:
    """One upstream answer."""

    def __init__(self, exchange: AskedResponse) -> None:
        self.output = exchange.output(NoEvents())
        self.response: JSON = {}
        self._exchange = exchange
        self.reader = exchange.reader(self._writer)

    def close(self) -> None:
        """Nothing more comes."""
        self.response = self._exchange.end(self.output, self.reader)

    def _writer(self, index: int) -> Output | CompactionOutput:
        return self._exchange.surplus(index) if index else self.output
