"""Gemini's own paths behind the contract of `mapping.dialect`: a dialect for each method of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, override

from mapping.dialect import Answering, Deferred, Dialect, ErrorAnswer, Given, Kept, Lookups, Received
from mapping.faults import Fault
from mapping.native import errors, references, request
from mapping.native.answer import NativeAnswer, Seen
from mapping.native.request import BATCH_EMBED, COUNT, EMBED, GENERATE, PREDICT, STREAM
from mapping.native.stream import NativeStream
from mapping.notes import Notes
from mapping.values import JSON, GeminiCall

_ASKED = {
    GENERATE: ("contents",),
    STREAM: ("contents",),
    COUNT: ("generateContentRequest", "generate_content_request"),
    EMBED: ("content",),
    BATCH_EMBED: ("requests",),
    PREDICT: ("instances",),
}
"""Method -> members one of which its requests have."""


class NativeAnswering:
    """See `mapping.dialect.Answering`."""

    keeps = False
    deferred: Deferred | None = None

    def __init__(self, method: str, asked: JSON, given: Given) -> None:
        self.client_model = given.client_model
        self.streams = method == STREAM
        self._method = method
        self._events = self.streams and asked.get("alt") == "sse"
        self._notes = given.notes
        self._seen = Seen(given.model)
        upstream: str = asked.get("api", "")
        sent = request.sent(asked, method, given.model)
        call = GeminiCall(
            given.model,
            method,
            request.canonical(asked, method, given.model),
            "?alt=sse" if self.streams else "",
            given.notes,
            {upstream or "gemini": sent},
            fixed=True,
            owned=tuple(references.within(sent)),
            upstream=upstream,
        )
        self.calls = [call]

    @property
    def served(self) -> str | None:
        """As the answer has said."""
        return self._seen.served

    @property
    def content_type(self) -> bytes | None:
        """An array is JSON, though it is a stream."""
        return errors.JSON_TYPE if self.streams and not self._events else None

    def facts(self) -> JSON:
        """In which form a stream comes."""
        return {"alt": "sse" if self._events else "json"} if self.streams else {}

    def unasked(self) -> None:
        """Gemini is always asked."""

    def mended(self, before: JSON, now: JSON) -> Sequence[JSON]:
        """It never is: what is refused is the client's to change."""
        return ()

    def blamed(self, fault: Fault) -> Fault:
        """These are the client's own words already."""
        return fault

    def whole(self, notes: Notes) -> NativeAnswer:
        """Gives what came."""
        return NativeAnswer(self._method, self._seen, notes)

    def stream(self) -> NativeStream:
        """Gives the chunks as they come."""
        return NativeStream(self._seen, self._notes, events=self._events)

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """Nothing."""
        return None


class Native(Dialect):
    """`POST /v1beta/models/{name}:METHOD`, by the name of the method; and the same at Vertex AI's paths."""

    breaks_off = True
    own_names = True

    def __init__(self, method: str) -> None:
        self._method = method

    @property
    @override
    def name(self) -> str:
        return self._method

    @override
    def likeness(self, body: JSON) -> int:
        found = any(body.get(name) is not None for name in _ASKED[self._method])
        return (2 if found else 0) + (found and self._method == STREAM and "alt" in body)

    @override
    def read(self, received: Received) -> JSON:
        return request.read(received)

    @override
    def lookups(self, body: JSON) -> Lookups | None:
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        return NativeAnswering(self._method, body, given)

    @override
    def error(self, fault: Fault) -> ErrorAnswer:
        return errors.error_answer(fault)

    @override
    def read_error(self, status: int, answer: bytes) -> Fault | None:
        return errors.read_error(answer)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        return stream


DIALECTS = tuple(Native(method) for method in (*request.METHODS, PREDICT))
