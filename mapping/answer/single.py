"""A writer for answers of one kind: a text, or a sound. What else is in an answer has no place, and is noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import override

from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.answer.writer import Writer
from mapping.notes import Notes
from mapping.values import JSON


class SingleWriter(Writer):
    """Takes nothing; what derives from it takes its kind."""

    def __init__(self, notes: Notes) -> None:
        self.length = 0
        self._notes = notes

    @property
    def content(self) -> str:
        """No text."""
        return ""

    @override
    def text(self, text: str) -> None:
        self._left_out("text")

    @override
    def thought(self, text: str) -> None:
        """Nobody asked for it."""

    @override
    def call(self, call: Call) -> None:
        self._left_out("functionCall")

    @override
    def image(self, mime: str, data: str) -> None:
        self._left_out(f"inlineData {mime[:40]}")

    @override
    def audio(self, mime: str, data: str) -> None:
        self._left_out(f"inlineData {mime[:40]}")

    @override
    def code(self, language: str, code: str) -> None:
        self._left_out("executableCode")

    @override
    def code_result(self, outcome: str, output: str) -> None:
        """It belongs to the code."""

    @override
    def file(self, mime: str, uri: str) -> None:
        self._left_out("fileData")

    @override
    def logprobs(self, entries: list[JSON]) -> None:
        """Nobody asked for them."""

    @override
    def refusal(self, text: str) -> None:
        """Where an answer is of one kind, a blocked prompt is an error, which says so."""

    @override
    def annotations(self, citations: Sequence[Citation]) -> None:
        """There is no place for them."""

    @override
    def extra_content(self, google: JSON) -> None:
        """Nothing goes on from such an answer."""

    @override
    def finish(self, reason: str) -> None:
        """The reader knows."""

    def _left_out(self, what: str) -> None:
        self._notes.add("part-unknown", what)
