"""Gemini's embeddings -> OpenAI's list of them.

Rules of this module (OpenAI API reference, `CreateEmbeddingResponse`; what the SDKs need):

* The order is that of the inputs, over all calls: nobody sorts by `index`.
* `usage` is what Gemini tells, added up. Of a call that tells nothing it is estimated, with a note.
* An answer is read once, when it comes: what it becomes is kept, because a large request is some 100 MB of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.dialect import Deferred, Given, Kept
from mapping.embeddings.request import Asked, estimate
from mapping.embeddings.vectors import encoded, fitted
from mapping.faults import Fault
from mapping.gemini import embeddings
from mapping.gemini.errors.upstream_errors import broken
from mapping.notes import Notes
from mapping.totals import CallUsage, Totals
from mapping.translators import StreamTranslator
from mapping.values import JSON, RawTurn

_ALL, _OF = "promptTokenCount", "promptTokensDetails"


@dataclass(frozen=True, slots=True)
class _Part:
    """What one answer became."""

    vectors: list[bytes]
    """As JSON."""
    tokens: int | None
    cut: bool
    shortened: bool
    """By the gateway: the model has no vectors of this length."""


class EmbeddingsAnswering:
    """See `mapping.dialect.Answering`."""

    streams = False
    keeps = False
    content_type: bytes | None = None
    served: str | None = None
    deferred: Deferred | None = None

    def __init__(self, asked: Asked, given: Given) -> None:
        self.asked = asked
        self.client_model = given.client_model
        self.calls = embeddings.calls(given.model, asked.texts, asked.settings, given.notes)
        self._given = given
        self._read: dict[bytes, _Part] = {}

    def facts(self) -> JSON:
        """The form of the vectors."""
        return {"encoding_format": "base64" if self.asked.base64 else "float", "dimensions": self.asked.dimensions}

    def unasked(self) -> None:
        """Gemini has to embed."""

    def mended(self, before: JSON, now: JSON) -> Sequence[JSON]:
        """As many vectors as before."""
        return ()

    def blamed(self, fault: Fault) -> Fault:
        """The client's word for what Gemini names, and its name of a model that is not found."""
        if fault.param == "model":
            if fault.code == "model_not_found" and self.client_model.rpartition("/")[2] != self._given.model:
                fault.message = (
                    f"'{self.client_model[:100]}' stands for {self._given.model} here "
                    f"([models.mapping] of the settings can change that): {fault.message}"
                )
            return fault
        fault.param = next((word for theirs, word in _WORDS if theirs in (fault.param or "")), None)
        return fault

    def whole(self, notes: Notes) -> EmbeddingsAnswer:
        """One for all calls."""
        return EmbeddingsAnswer(self, notes)

    def stream(self) -> StreamTranslator:
        """Never asked for: `streams` is False."""
        raise AssertionError("vectors are not streamed")

    def kept(self, translator: Any, events: bytes | None) -> Kept | None:
        """Nothing."""
        return None

    def forget(self) -> None:
        """The answers have been taken in for good."""
        self._read.clear()

    def part(self, data: bytes | JSON) -> _Part:
        """What an answer becomes. Raises UpstreamError."""
        known = self._read.get(data) if isinstance(data, bytes) else None
        if known is not None:
            return known
        found = embeddings.read(data)
        dimensions, base64 = self.asked.dimensions, self.asked.base64
        part = _Part(
            [encoded(fitted(vector, dimensions), base64=base64) for vector in found.vectors],
            found.tokens,
            found.cut,
            dimensions is not None and any(len(vector) > dimensions for vector in found.vectors),
        )
        if isinstance(data, bytes):
            self._read[data] = part
        return part


_WORDS = (
    ("utput_dimensionality", "dimensions"),
    ("utputDimensionality", "dimensions"),
    ("task_type", "task_type"),
    ("taskType", "task_type"),
    ("title", "title"),
    ("content", "input"),
    ("instances", "input"),
    ("requests", "input"),
)
"""What a place of Gemini's request has in it -> the client's member. The first counts."""


class EmbeddingsAnswer:
    """See `mapping.translators.WholeTranslator`."""

    continuation: str | None = None

    def __init__(self, answering: EmbeddingsAnswering, notes: Notes) -> None:
        self._answering = answering
        self._notes = notes
        self._sizes = [embeddings.size(call) for call in answering.calls]
        self._parts: list[_Part] = []
        self._tokens = 0
        self._used: tuple[CallUsage, ...] = ()

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Raises UpstreamError for what has no vectors, or another number of them than any call has asked for."""
        part = self._answering.part(data)
        if len(part.vectors) not in self._sizes:
            raise _miscounted(len(part.vectors), self._sizes[0])
        tokens = self._count(part)
        self._tokens += tokens
        if tokens:
            text = {"modality": "TEXT", "tokenCount": tokens}
            self._used += (CallUsage({_ALL: tokens}, {_OF: [text]}, estimated=part.tokens is None),)
        self._parts.append(part)
        if part.cut:
            self._notes.add("input-cut")
        if part.shortened:
            self._notes.add("emulated", "dimensions")

    def close(self) -> None:
        """It does not go on."""

    def finish(self) -> bytes:
        """The list. Raises UpstreamError where an answer is missing."""
        for size, part in zip(self._sizes, self._parts, strict=False):
            if len(part.vectors) != size:
                raise _miscounted(len(part.vectors), size)
        if len(self._parts) != len(self._sizes):
            raise broken(f"{len(self._parts)} of {len(self._sizes)} answers have come.", code="upstream_incomplete")
        self._answering.forget()
        pieces: list[bytes] = []
        before = b'{"object":"list","data":['
        for index, vector in enumerate(vector for part in self._parts for vector in part.vectors):
            pieces += before, b'{"object":"embedding","index":%d,"embedding":' % index, vector
            before = b"},"
        rest = {
            "model": self._answering.client_model,
            "usage": {"prompt_tokens": self._tokens, "total_tokens": self._tokens},
        }
        pieces += b"}],", jsonio.dumps(rest)[1:]
        return b"".join(pieces)

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing."""
        return {}

    def totals(self) -> Totals:
        """All went in."""
        return Totals(prompt=self._tokens, total=self._tokens, calls=self._used)

    def finish_reasons(self) -> Sequence[str]:
        """A vector has none."""
        return ()

    def _count(self, part: _Part) -> int:
        """The tokens of the texts of the next call."""
        if part.tokens is not None:
            return part.tokens
        self._notes.add("estimated", "usage")
        start = sum(self._sizes[: len(self._parts)])
        return sum(map(estimate, self._answering.asked.texts[start : start + len(part.vectors)]))


def _miscounted(found: int, wanted: int) -> Exception:
    return broken(f"The upstream gave {found} embeddings for {wanted} texts.", code="upstream_incomplete")
