"""Whole upstream answers, on their way to a client of Gemini's own API.

Rules of this module:

* The bytes that came are those that the client gets, but for the wrapper of the Cloud Code API.
* An answer is read for what the gateway counts, and to find what is none while it can be asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapping import jsonio
from mapping.answer import finish
from mapping.answer.usage import Usage
from mapping.answer.version import Version
from mapping.gemini import embeddings, payload
from mapping.gemini.errors.upstream_errors import broken
from mapping.native.request import BATCH_EMBED, GENERATE, STREAM
from mapping.notes import Notes
from mapping.totals import Totals
from mapping.values import JSON, RawTurn


class Seen:
    """What the answers of one request have told of themselves."""

    __slots__ = ("asked", "served")

    def __init__(self, asked: str) -> None:
        self.asked = asked
        """The Gemini model that is asked."""
        self.served: str | None = None
        """The one that answers, where it is another."""


class NativeReading:
    """Reads the responses of one answer, whole or streamed. `method`: that of the request."""

    __slots__ = ("_called", "_candidates", "_generates", "_seen", "_usage", "_version", "blocked")

    def __init__(self, method: str, seen: Seen, notes: Notes) -> None:
        self.blocked = False
        """The prompt was: there is nothing else to come."""
        self._generates = method in (GENERATE, STREAM)
        self._seen = seen
        self._usage = Usage()
        self._version = Version(seen.asked, notes)
        self._candidates: dict[int, str] = {}
        """By index: Gemini's finish reason, empty as long as there is none."""
        self._called: set[int] = set()

    def read(self, response: JSON) -> None:
        """One of them, in its order."""
        metadata = response.get("usageMetadata")
        if type(metadata) is dict:
            self._usage.merge(metadata)
        if not self._generates:
            return
        if not self._version.is_read:
            if served := self._version.read(response):
                self._seen.served = served
            self._usage.model = self._version.name
        candidates = response.get("candidates")
        if type(candidates) is list and candidates:
            for position, candidate in enumerate(candidates):
                if type(candidate) is dict:
                    self._read_candidate(candidate, position)
        elif type(feedback := response.get("promptFeedback")) is dict and feedback.get("blockReason"):
            self.blocked = True

    @property
    def is_nothing(self) -> bool:
        """What came is no answer: it has neither candidates nor a reason why."""
        return self._generates and not self._candidates and not self.blocked

    @property
    def is_whole(self) -> bool:
        """Each candidate has ended."""
        return self.blocked or (bool(self._candidates) and all(self._candidates.values()))

    def totals(self) -> Totals:
        """See `mapping.dialect`."""
        return self._usage.totals()

    def finish_reasons(self) -> list[str]:
        """See `mapping.dialect`."""
        if self.blocked:
            return [finish.CONTENT_FILTER]
        return [self._reason(index, said) for index, said in sorted(self._candidates.items()) if said]

    def _read_candidate(self, candidate: JSON, position: int) -> None:
        index = candidate.get("index", position)
        if type(index) is not int:
            index = position
        reason = candidate.get("finishReason")
        self._candidates[index] = reason if type(reason) is str and reason else self._candidates.get(index, "")
        if type(grounding := candidate.get("groundingMetadata")) is dict:
            self._usage.looked_up(grounding)
        content = candidate.get("content")
        parts = content.get("parts") if type(content) is dict else None
        if type(parts) is list and any(type(part) is dict and "functionCall" in part for part in parts):
            self._called.add(index)

    def _reason(self, index: int, said: str) -> str:
        reason = finish.RULES.get(said, finish.UNKNOWN).finish
        return finish.TOOL_CALLS if reason == finish.STOP and index in self._called else reason


class NativeAnswer:
    """See `mapping.translators.WholeTranslator`."""

    continuation: str | None = None
    """What is to be continued is the client's to ask for."""

    def __init__(self, method: str, seen: Seen, notes: Notes) -> None:
        self._sources = (method, seen, notes)
        self._reading = NativeReading(*self._sources)
        self._answer: bytes | None = None

    def add(self, data: bytes | JSON, *, needs_content: bool = False) -> None:
        """Raises UpstreamError for an error, and for what is no answer. An empty one is the client's to judge."""
        value = payload.parsed(data) if isinstance(data, bytes) else data
        found = payload.unwrap(value)
        reading = NativeReading(*self._sources)
        reading.read(found[0])
        if reading.is_nothing or len(found) > 1:
            raise broken("The upstream's answer is empty.", code="upstream_empty")
        self._reading = reading
        if "predictions" in found[0] and self._sources[0] in embeddings.METHODS:
            self._answer = _embeddings(self._sources[0], found[0])
            return
        self._answer = data if isinstance(data, bytes) and found[0] is value else jsonio.dumps(found[0])

    def close(self) -> None:
        """There is one answer."""

    def finish(self) -> bytes:
        """As it came."""
        if self._answer is None:
            raise broken("The upstream's answer is empty.", code="upstream_empty")
        return self._answer

    def remember(self) -> Mapping[str, RawTurn]:
        """Nothing: these clients send back what they got."""
        return {}

    def totals(self) -> Totals:
        """As Gemini counts."""
        return self._reading.totals()

    def finish_reasons(self) -> Sequence[str]:
        """Of the candidates."""
        return self._reading.finish_reasons()


def _embeddings(method: str, answer: JSON) -> bytes:
    """The answer of Vertex AI's `predict`, which stands for both methods there, as the method gives it."""
    read = embeddings.read(answer)
    vectors = [{"values": list(vector)} for vector in read.vectors]
    made: JSON = {"embeddings": vectors} if method == BATCH_EMBED else {"embedding": vectors[0]}
    if read.tokens is not None:
        made["usageMetadata"] = {"promptTokenCount": read.tokens}
    return jsonio.dumps(made)
