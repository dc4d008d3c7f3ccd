"""Counting the tokens of a request with Gemini's countTokens, for the dialects that have a path for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from mapping import jsonio
from mapping.answer.blame import blame
from mapping.answer.usage import Totals
from mapping.dialect import Answering, Deferred, Given, Kept, StreamTranslator
from mapping.faults import Fault
from mapping.gemini.errors import upstream_errors
from mapping.notes import Notes
from mapping.request.plan import Translated
from mapping.values import COUNTED, JSON, GeminiCall, RawTurn, Recall


def count_call(model: str, body: JSON, notes: Notes | None = None) -> GeminiCall:
    """The call that counts the tokens of a `generateContent` request."""
    counted = {name: value for name, value in body.items() if name != "store"}
    request = {COUNTED: {"model": f"models/{model}", **counted}}
    return GeminiCall(model, "countTokens", request, notes=Notes() if notes is None else notes)


_BYTES = 4
"""Of JSON for a token: about four letters, and more than one character of a language that writes with many."""
_MEDIA_BYTES, _LEAST = 500, 258
"""Of a file for a token, as sound and pages come to, and the tokens of a small picture."""


def estimated(body: JSON) -> int:
    """About how many tokens a `generateContent` request has, where Gemini can't be asked."""
    return max(1, sum(_tokens(body.get(name)) for name in ("systemInstruction", "contents", "tools")))


def _tokens(value: Any) -> int:
    """Of any part of a request."""
    if isinstance(value, list):
        return sum(map(_tokens, value))
    if not isinstance(value, dict):
        return len(jsonio.dumps(value)) // _BYTES if value is not None else 0
    if isinstance(file := value.get("inlineData"), dict):
        return max(_LEAST, len(file.get("data", "")) * 3 // 4 // _MEDIA_BYTES)
    if isinstance(text := value.get("text"), str):
        return -(-len(text.encode("utf-8", "replace")) // _BYTES)
    if isinstance(result := value.get("functionResponse"), dict):
        return _tokens(result.get("response")) + _tokens(result.get("parts"))  # files are among these
    inside = value.get("parts")
    return _tokens(inside) if inside is not None else len(jsonio.dumps(value)) // _BYTES


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
    """See `mapping.dialect.WholeTranslator`."""

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
