"""Counting the tokens of a request with Gemini's countTokens, for the dialects that have a path for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mapping import jsonio
from mapping.answer.blame import blame
from mapping.answer.usage import Totals
from mapping.dialect import Deferred, Given, Kept, StreamTranslator
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.values import JSON, GeminiCall, RawTurn


def count_call(model: str, body: JSON, notes: Notes | None = None) -> GeminiCall:
    """The call that counts the tokens of a `generateContent` request."""
    counted = {name: value for name, value in body.items() if name != "store"}
    request = {"generateContentRequest": {"model": f"models/{model}", **counted}}
    return GeminiCall(model, "countTokens", request, notes=Notes() if notes is None else notes)


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

    def unasked(self) -> None:
        """Gemini has to count."""
        return

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
    """See `mapping.dialect.WholeTranslator`."""

    continuation: str | None = None

    def __init__(self, shown: Callable[[int], bytes]) -> None:
        self._shown = shown
        self._count = 0

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Raises UpstreamError for what holds no number."""
        try:
            answer = jsonio.loads(data) if isinstance(data, bytes) else data
        except ValueError:
            answer = None
        count = answer.get("totalTokens", 0) if isinstance(answer, dict) else None
        if not isinstance(count, int):
            raise upstream_errors.broken("The upstream's count of tokens is none.", code="upstream_not_json")
        self._count = count

    def close(self) -> None:
        """A count does not go on."""

    def finish(self) -> bytes:
        """The client's answer."""
        return self._shown(self._count)

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """It used none."""
        return Totals()

    def finish_reasons(self) -> Sequence[str]:
        """A number has none."""
        return ()
