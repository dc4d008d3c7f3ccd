"""The contract of translators: Gemini's answers in, a client's answer out. An `Answering` of a dialect makes them.

An exchange knows these alone of a dialect, once its request is understood. What is called, in which order:

* Whole answers: for each answer of the first call `add` (as long as `continuation` is set, the call goes on with that
  token, or as `mapping.dialect.GoesOn` says), `close`; then `add` and `close` for each further call in their order;
  `finish` gives the bytes for the client. `add` raises `UpstreamError` for what is no answer (with `needs_content`
  also for one that holds nothing), and may then be called with another one.
* Streams: `feed` for each piece. How the bytes were cut into pieces does not show in what the client gets. `feed` and
  `end` raise `UpstreamError` while the client has nothing: then `again()` makes the translator of the next attempt.
  Later a fault becomes the dialect's error event (`fault` is set, the stream is over, `feed` and `end` give nothing
  more). Where `enough` is set after `feed`, the upstream is hung up on, and all goes on as if it had ended there.
  `add_answer` takes each further call's answer before `end`. After `end` with `continuation` set, either the call goes
  on with that token and `feed` follows, or `end` is called once more. While the upstream is silent, `open()` once (if
  nothing has been sent) and then `keep_alive()`; `cut(fault)` ends a stream that has begun, whatever the reason.
* When the answer is complete: `remember()` for later requests, `totals()` and `finish_reasons()` for the statistics.

All that is not an `UpstreamError`, where it is said, is a fault of the gateway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self

from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class WholeTranslator(Protocol):
    """Whole upstream answers in, the client's out. See the module for the order."""

    @property
    def continuation(self) -> str | None:
        """The answer goes on: send the same request with this `continuationToken`, and `add` what comes."""

    def add(self, data: bytes | JSON, /, *, needs_content: bool = False) -> None:
        """Take in a whole upstream answer, as it came or parsed.

        Raises UpstreamError for what is no answer; with `needs_content` also for one that holds nothing. Then nothing
        of it is kept, and another may be added in its place.
        """

    def close(self) -> None:
        """Take what was added as it is, even if it would go on: the next answer is that of the next call."""

    def finish(self) -> bytes:
        """The body for the client. Raises UpstreamError where no answer has come."""

    def remember(self) -> Mapping[str, RawTurn]:
        """The model turns that later requests may bring back, by what `Given.recall` is asked for then: the id of a
        tool call, or `mapping.request.signatures.text_key` of a text.
        """

    def totals(self) -> Totals:
        """The tokens of the answers so far."""

    def finish_reasons(self) -> Sequence[str]:
        """How each choice of the answer ended, in OpenAI's words."""


class StreamTranslator(Protocol):
    """Upstream bytes in any slicing in, client bytes out. See the module for the order."""

    @property
    def started(self) -> bool:
        """The client has content: this answer can only go on or break off."""

    @property
    def fault(self) -> UpstreamError | None:
        """What ended the stream with an error event; the upstream need not be listened to any more."""

    @property
    def enough(self) -> bool:
        """The client wants no more of this call's answer: `end` gives what is left to say."""

    @property
    def continuation(self) -> str | None:
        """After `end`: the answer goes on."""

    def feed(self, data: bytes, /) -> bytes:
        """What the client gets for these bytes of the first call's answer; may be empty.

        Raises UpstreamError while the client has no content (`started` is False); later it gets the error event.
        """

    def end(self, *, needs_content: bool = False) -> bytes:
        """The upstream's answer is over: the last bytes for the client, or none of them if `continuation` is set now.

        Raises UpstreamError as `feed` does, also for an answer that was cut off; with `needs_content` for one that
        holds nothing, too.
        """

    def open(self) -> bytes:
        """What a stream begins with, for an upstream that is silent for long. No content: faults are still raised."""

    def keep_alive(self) -> bytes:
        """A sign of life, after `open`: an event or a comment. Empty where the dialect knows none."""

    def cut(self, fault: Fault, /) -> bytes:
        """The error event that ends the stream, and before it what was still held back."""

    def again(self) -> Self:
        """A translator for another attempt, which goes on from what `open` has sent. What was added is added again."""

    def add_answer(self, data: bytes, /) -> None:
        """Take in the whole answer of a further call; its bytes come with `end`. Raises UpstreamError, see there."""

    def remember(self) -> Mapping[str, RawTurn]:
        """As that of whole answers. Of a stream that broke off only turns with calls that the client has got."""

    def totals(self) -> Totals:
        """The tokens so far, of the stream and of what was added."""

    def finish_reasons(self) -> Sequence[str]:
        """How each choice of the answer ended, in OpenAI's words."""


type Translator = WholeTranslator | StreamTranslator
