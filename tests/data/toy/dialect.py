"""A small dialect, to show what one has to bring: `{"model", "say", "loud"?, "stream"?}` -> `{"toy": text}`.

With `until` a stream ends where that is said. With `twice` Gemini is asked twice, and both answers count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from mapping import jsonio
from mapping.answer.usage import totals_in
from mapping.dialect import Answering, Deferred, Dialect, ErrorAnswer, Given, Kept, Lookups
from mapping.faults import Fault, missing
from mapping.gemini import payload, sse
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.values import JSON, GeminiCall, RawTurn


def text_of(response: JSON) -> str:
    """The text of an answer or of a piece of one."""
    parts = [p for c in response.get("candidates", []) for p in c.get("content", {}).get("parts", [])]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


class ToyWhole:
    """See `mapping.translators.WholeTranslator`."""

    continuation: str | None = None

    def __init__(self, loud: bool) -> None:
        self._loud = loud
        self._text = ""
        self._totals = Totals()

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Take in an answer."""
        found = payload.responses(data) if isinstance(data, bytes) else payload.unwrap(data)
        text = "".join(map(text_of, found))
        if not text and needs_content:
            raise broken("Nothing was said.")
        self._text += text
        if isinstance(data, bytes):
            self._totals = totals_in(data)

    def close(self) -> None:
        """It does not go on."""

    def finish(self) -> bytes:
        """The toy."""
        return jsonio.dumps({"toy": self._text.upper() if self._loud else self._text})

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """Of the answer."""
        return self._totals

    def finish_reasons(self) -> Sequence[str]:
        """It always stops."""
        return ["stop"]


class ToyStream:
    """See `mapping.translators.StreamTranslator`. Lines `toy TEXT`, and `end`."""

    continuation: str | None = None

    def __init__(self, loud: bool, until: str = "") -> None:
        self.started = False
        self.fault: UpstreamError | None = None
        self.enough = False
        self._loud = loud
        self._until = until
        self._further = b""
        self._parser = sse.EventParser()

    def feed(self, data: bytes) -> bytes:
        """Pieces of the toy; none after an error."""
        out = b""
        if self.fault is not None:
            return out
        try:
            for event in self._parser.feed(data):
                if not self.enough:
                    text, end, _ = _text_in(event).partition(self._until or "\0")
                    self.enough = bool(end)
                    out += self._said(text)
        except UpstreamError as e:
            if not self.started:
                raise
            self.fault = e
            return out + self.cut(e.error)
        return out

    def end(self, *, needs_content: bool = False) -> bytes:
        """The end, unless it has ended."""
        if self.fault is not None:
            return b""
        if not self.started:
            raise broken("Nothing was said.")
        return self._further + b"data: end\n\n"

    def _said(self, text: str) -> bytes:
        self.started = self.started or bool(text)
        return b"data: toy %b\n\n" % jsonio.dumps(text.upper() if self._loud else text) if text else b""

    def cut(self, fault: Fault) -> bytes:
        """An error."""
        return b"data: oops %b\n\n" % jsonio.dumps(fault.message)

    def open(self) -> bytes:
        """Nothing comes first."""
        return b""

    def keep_alive(self) -> bytes:
        """A sign of life."""
        return b": toy\n\n"

    def again(self) -> Self:
        """Another attempt."""
        return type(self)(self._loud, self._until)

    def add_answer(self, data: bytes) -> None:
        """What was said by the second call."""
        self._further += self._said(_text_in(data))

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """Not counted."""
        return Totals()

    def finish_reasons(self) -> Sequence[str]:
        """It always stops."""
        return ["stop"]


def _text_in(data: bytes) -> str:
    return "".join(map(text_of, payload.responses(data)))


class ToyAnswering:
    """See `mapping.dialect.Answering`."""

    keeps = False
    content_type: bytes | None = None
    served: str | None = None
    deferred: Deferred | None = None

    def __init__(self, body: JSON, given: Given) -> None:
        self.client_model = given.client_model
        self.streams = body.get("stream") is True
        self._loud = body.get("loud") is True
        contents = [{"role": "user", "parts": [{"text": body["say"]}]}]
        method, query = ("streamGenerateContent", "?alt=sse") if self.streams else ("generateContent", "")
        self._until = str(body.get("until") or "")
        self.calls = [GeminiCall(given.model, method, {"contents": contents}, query, given.notes)]
        if body.get("twice") is True:
            self.calls.append(GeminiCall(given.model, "generateContent", {"contents": contents}, notes=given.notes))

    def facts(self) -> JSON:
        """How it is said."""
        return {"loud": self._loud, "stream": self.streams}

    def unasked(self) -> None:
        """Gemini is always asked."""

    def mended(self, before: JSON, now: JSON) -> Sequence[JSON]:
        """Nothing."""
        return ()

    def blamed(self, fault: Fault) -> Fault:
        """What was said is to blame."""
        return fault

    def whole(self, notes: Notes) -> ToyWhole:
        """A whole toy."""
        return ToyWhole(self._loud)

    def stream(self) -> ToyStream:
        """A toy in pieces."""
        return ToyStream(self._loud, self._until)

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """Nothing."""
        return None


class Toy(Dialect):
    """See `mapping.dialect.Dialect`."""

    name = "toy"

    def likeness(self, body: JSON) -> int:
        """It says something."""
        return 9 if "say" in body else 0

    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing is stored."""
        return None

    def translate(self, body: JSON, given: Given) -> Answering:
        """Raises Fault for one who says nothing."""
        if not isinstance(body.get("say"), str):
            raise missing("say")
        return ToyAnswering(body, given)

    def error(self, fault: Fault) -> ErrorAnswer:
        """Oops."""
        body = jsonio.dumps({"oops": fault.message, "where": fault.param})
        return ErrorAnswer(fault.status, ((b"Content-Type", b"application/json"),), body)

    def read_error(self, status: int, answer: bytes) -> Fault | None:
        """Oops, whole or at the end."""
        last = answer.rstrip().rpartition(b"\n")[2]
        try:
            if last.startswith(b"data: oops "):
                return Fault(status, jsonio.loads(last.removeprefix(b"data: oops ")))
            found = jsonio.loads(answer)
        except ValueError:
            return None
        return Fault(status, found["oops"], param=found["where"]) if "oops" in found else None

    def without_keep_alives(self, stream: bytes) -> bytes:
        """No signs of life."""
        return stream.replace(b": toy\n\n", b"")


DIALECTS = (Toy(),)
