"""What a dialect offers to take in an answer: the interface between `mapping.answer.reader` and the dialects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.values import JSON


class Writer(Protocol):
    """Takes one candidate of an answer in the order of its parts, and writes it in a dialect. No text is empty."""

    length: int
    """Code points of the visible text so far; citations refer to it."""

    @property
    def content(self) -> str:
        """The visible text so far."""

    def thought(self, text: str) -> None:
        """A piece of the thought summary."""

    def text(self, text: str) -> None:
        """A piece of the answer."""

    def call(self, call: Call) -> None:
        """A complete function call."""

    def image(self, mime: str, data: str) -> None:
        """An image, base64."""

    def audio(self, mime: str, data: str) -> None:
        """A piece of audio, base64."""

    def code(self, language: str, code: str) -> None:
        """Code that Gemini ran itself. `language` as Gemini names it (`PYTHON`)."""

    def code_result(self, outcome: str, output: str) -> None:
        """What that code gave. `outcome` as Gemini names it (`OUTCOME_OK`)."""

    def file(self, mime: str, uri: str) -> None:
        """A file by its address."""

    def logprobs(self, entries: list[JSON]) -> None:
        """`logprobs.content` of the text that follows."""

    def refusal(self, text: str) -> None:
        """Why there is no answer."""

    def annotations(self, citations: Sequence[Citation]) -> None:
        """All citations, after the last text."""

    def extra_content(self, google: JSON) -> None:
        """`extra_content.google` of the message: the thought signature of its text, the grounding metadata."""

    def finish(self, reason: str) -> None:
        """The end: `stop`, `length`, `tool_calls` or `content_filter`. Nothing follows."""
