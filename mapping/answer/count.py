"""An understood request for a number of tokens, and its answer, for the dialects that have a path for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mapping import jsonio
from mapping.answer.blame import blame
from mapping.dialect import Answering, Deferred, Given, Kept
from mapping.faults import Fault
from mapping.gemini.count import count_call
from mapping.gemini.errors import upstream_errors
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.totals import Totals
from mapping.translators import StreamTranslator
from mapping.values import JSON, RawTurn, Recall


class Estimates(Answering, Protocol):
    """What an `Answering` may be, too: one whose answer is a number, which clients ask for many at a time.

    Such are not asked all at once, nor the same one twice at a time; `unasked` is looked at again before each is.
    """

    recall: Recall
    """As in `mapping.dialect.Given`; that of another time may be put in its place."""

    @property
    def key(self) -> str:
        """The same for the same question."""

    def estimate(self, fault: Fault, /) -> bytes | None:
        """The answer without Gemini's, because of this fault; None: the client is to be told of the fault."""


class CountAnswering:
    """See `mapping.dialect.Answering`. `shown` makes the client's answer of the number of tokens."""

    streams = False
    keeps = False
    content_type: bytes | None = None
    served: str | None = None
    deferred: Deferred | None = None

    def __init__(self, translated: Translated, given: Given, shown: Callable[[int], bytes]) -> None:
        self.client_model = given.client_model
        self.calls = [count_call(translated.model, translated.body, given.notes)]
        self._shown = shown
        self._plan = translated.plan

    def facts(self) -> JSON:
        """None: the answer is a number."""
        return {}

    def unasked(self) -> tuple[CountAnswer, bytes] | None:
        """None: Gemini has to count."""
        return None

    def mended(self, before: JSON, now: JSON) -> Sequence[JSON]:
        """One call, whatever becomes of it."""
        return ()

    def blamed(self, fault: Fault) -> Fault:
        """By what is known of the request."""
        return blame(fault, self._plan)

    def whole(self, notes: Notes) -> CountAnswer:
        """Takes one answer."""
        return CountAnswer(self._shown)

    def stream(self) -> StreamTranslator:
        """Never asked for: `streams` is False."""
        raise AssertionError("a number is not streamed")

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """Nothing."""
        return None


class CountAnswer:
    """See `mapping.translators.WholeTranslator`."""

    continuation: str | None = None

    def __init__(self, shown: Callable[[int], bytes]) -> None:
        self._shown = shown
        self.count = 0

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Raises UpstreamError for what holds no number."""
        try:
            answer = jsonio.loads(data) if isinstance(data, bytes) else data
        except ValueError:
            answer = None
        count = answer.get("totalTokens", 0) if isinstance(answer, dict) else None
        if type(count) is not int or count < 0:
            raise upstream_errors.broken("The upstream's count of tokens is none.", code="upstream_not_json")
        self.count = count

    def close(self) -> None:
        """A count does not go on."""

    def finish(self) -> bytes:
        """The client's answer."""
        return self._shown(self.count)

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """It used none."""
        return Totals()

    def finish_reasons(self) -> Sequence[str]:
        """A number has none."""
        return ()
