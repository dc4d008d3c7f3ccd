"""One upstream answer -> its images, or why there are none.

Rules of this module:

* Images of the model's thinking are none of the answer's.
* An answer without an image is a refusal where Gemini's filter ended it, or blocked the prompt: 400 with OpenAI's code,
  which no account would answer otherwise. Any other is a failure of the model: it said something instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping.answer.finish import CONTENT_FILTER
from mapping.answer.parts.calls import Call, CallMaker, Mint
from mapping.answer.parts.grounding import Citation
from mapping.answer.reader import AnswerReader
from mapping.answer.writer import Writer
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.google_errors import redact
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.images.errors import BLOCKED
from mapping.images.plan import ImagesPlan
from mapping.notes import Notes
from mapping.openai.choices import Writers
from mapping.values import JSON

NO_IMAGE = "no_image"

_SAID = 500
"""Characters of what the model said that are told."""


class PictureWriter(Writer):
    """Keeps the images of a candidate, and what was said beside them."""

    def __init__(self) -> None:
        self.length = 0
        self.pictures: list[tuple[str, str]] = []
        """MIME type and base64."""
        self.refused = ""
        self.left: list[str] = []
        """Kinds of parts that have no place in the answer."""
        self._texts: list[str] = []

    @property
    def content(self) -> str:
        """What was said."""
        return "".join(self._texts)

    def text(self, text: str) -> None:
        """Told where there is no image."""
        self.length += len(text)
        self._texts.append(text)

    def image(self, mime: str, data: str) -> None:
        """One of the answer."""
        self.pictures.append((mime, data))

    def thought(self, text: str) -> None:
        """Not shown."""
        return

    def logprobs(self, entries: list[JSON]) -> None:
        """Not shown."""
        return

    def annotations(self, citations: Sequence[Citation]) -> None:
        """Left out."""
        self.left.append("citations")

    def extra_content(self, google: JSON) -> None:
        """Not shown: no request goes on from an image."""
        return

    def finish(self, reason: str) -> None:
        """The reader knows it."""
        return

    def call(self, call: Call) -> None:
        """No functions are declared."""
        self.left.append("functionCall")

    def audio(self, mime: str, data: str) -> None:
        """Nobody has asked for it."""
        self.left.append("inlineData audio")

    def code(self, language: str, code: str) -> None:
        """Left out."""
        self.left.append("executableCode")

    def code_result(self, outcome: str, output: str) -> None:
        """Left out."""
        self.left.append("codeExecutionResult")

    def file(self, mime: str, uri: str) -> None:
        """Left out: it can't be fetched with the client's key."""
        self.left.append("fileData")

    def refusal(self, text: str) -> None:
        """The prompt was blocked."""
        self.refused = text


class PictureReader(AnswerReader):
    """Reads the answer, and hears how it ended."""

    def __init__(self, plan: ImagesPlan, mint: Mint, notes: Notes) -> None:
        writers = Writers(lambda index: PictureWriter())
        super().__init__(plan, CallMaker(plan, mint), notes, writers.get)
        self.writers = writers.made
        self.reason = ""
        """`finishReason`."""
        self.message = ""
        """`finishMessage`."""

    def add(self, response: JSON) -> None:
        """Take in a `GenerateContentResponse`."""
        super().add(response)
        for candidate in _objects(response.get("candidates")):
            self.reason = _text(candidate.get("finishReason")) or self.reason
            self.message = _text(candidate.get("finishMessage")) or self.message


class OneAnswer:
    """What is made of one upstream answer."""

    def __init__(self, plan: ImagesPlan, mint: Mint, notes: Notes) -> None:
        self.reader = PictureReader(plan, mint, notes)
        self._notes = notes

    @property
    def pictures(self) -> list[tuple[str, str]]:
        """MIME type and base64 of each."""
        return [picture for writer in self.reader.writers for picture in writer.pictures]

    @property
    def blocked(self) -> bool:
        """There is none, and there would be none again."""
        return CONTENT_FILTER in self.reader.finish_reasons

    def tell_left(self) -> None:
        """Note what the answer has beside images."""
        for writer in self.reader.writers:
            for part in [*writer.left, *(["text"] if writer.content else [])]:
                self._notes.add("part-unknown", part)

    def problem(self) -> UpstreamError:
        """Why there is no image."""
        reader = self.reader
        refused = " ".join(writer.refused for writer in reader.writers if writer.refused)
        said = " ".join(writer.content for writer in reader.writers if writer.content).strip()[:_SAID]
        ended = refused or f"Gemini ended the answer with finishReason {reader.reason}. {reader.message}".strip()
        if said:
            ended += f' It said: "{said}"'
        if self.blocked:
            message = f"Your request was rejected as a result of our safety system. {ended}"
            error = Fault(400, redact(message), code=BLOCKED, should_retry=False)
            return UpstreamError(error, Kind.REQUEST, status=200, reason=BLOCKED)
        message = f"Gemini made no image. {ended}"
        error = Fault(500, redact(message), kind=FaultKind.SERVER, code=NO_IMAGE, should_retry=False)
        return UpstreamError(error, Kind.REQUEST, status=200, reason=NO_IMAGE)

    def once_more(self) -> UpstreamError:
        """The same, while it can still be asked for again."""
        return UpstreamError(self.problem().error, Kind.EMPTY, status=200, reason=NO_IMAGE)


def pictures_in(data: bytes, plan: ImagesPlan) -> list[tuple[str, str]]:
    """MIME type and base64 of the images of a whole upstream answer; none where it is no answer."""
    answer = OneAnswer(plan, lambda prefix: prefix, Notes())
    try:
        answer.reader.take(data)
    except UpstreamError:
        return []
    return answer.pictures


def _objects(value: Any) -> list[JSON]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
