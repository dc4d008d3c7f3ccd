"""A candidate of a Gemini answer as the deltas of a chat message.

Rules of this module:

* A whole message is what its deltas add up to, so that whole and streamed answers cannot differ.
* What OpenAI's message has no member for goes where clients look for it: thoughts in `reasoning_content`, images in
  `images`, signatures and grounding metadata in `extra_content.google` (Google's convention). Code that Gemini ran,
  and its output, are fenced blocks in the content.
* A call is one delta with everything in it: clients join the strings of later ones to those of earlier ones.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from mapping.answer.finish import TOOL_CALLS
from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.answer.parts.speech import Speech
from mapping.openai.choices import AskedChoices
from mapping.request.plan import Plan
from mapping.values import JSON

AUDIO_LIFETIME = 3600
"""Seconds until `expires_at`. Nothing is stored; the member must be there."""

_BACKTICKS = re.compile(r"`{3,}")


class DeltaWriter(ABC):
    """Writes one candidate; implements `mapping.answer.writer.Writer`. Subclasses say what becomes of a delta."""

    def __init__(self, exchange: AskedChoices[Plan]) -> None:
        self.length = 0
        self._exchange = exchange
        self._pieces: list[str] = []
        self._tag = exchange.plan.thought_tag
        self._tag_open = False
        self._calls = 0
        self._images = 0
        self._speech: Speech | None = None

    @abstractmethod
    def _delta(self, delta: JSON) -> None:
        """Put out a delta; the members of one delta are all of the same kind."""

    @abstractmethod
    def _finish(self, reason: str) -> None:
        """Put out the end. `reason` is one of OpenAI's."""

    @abstractmethod
    def logprobs(self, entries: list[JSON]) -> None:
        """`logprobs.content` of the text that follows."""

    @property
    def content(self) -> str:
        """The content so far."""
        return "".join(self._pieces)

    def thought(self, text: str) -> None:
        """`reasoning_content`, or content between tags for those who asked for it."""
        if self._tag is None:
            self._reasoning(text)
            return
        if not self._tag_open:
            self._tag_open = True
            text = f"<{self._tag}>{text}"
        self._content(text)

    def text(self, text: str) -> None:
        """`content`"""
        if self._tag_open:
            self._close_tag()
        self._content(text)

    def call(self, call: Call) -> None:
        """`tool_calls`, or `function_call` for clients that used `functions`; these take one call."""
        self._close_tag()
        self._calls += 1
        if not self._exchange.plan.legacy_functions:
            self._delta({"tool_calls": [{"index": self._calls - 1, **_tool_call(call)}]})
        elif self._calls == 1:
            self._delta({"function_call": {"name": call.name, "arguments": call.arguments}})
        else:
            self._exchange.notes.add("call-left", call.name)

    def image(self, mime: str, data: str) -> None:
        """`images`, as OpenRouter has it."""
        self._close_tag()
        url = f"data:{mime};base64,{data}"
        self._delta({"images": [{"type": "image_url", "index": self._images, "image_url": {"url": url}}]})
        self._images += 1

    def audio(self, mime: str, data: str) -> None:
        """`audio`. Gemini gives no transcript."""
        self._close_tag()
        if self._speech is None:
            self._speech = Speech(self._exchange.plan.audio_format)
            self._delta({"audio": {"id": self._exchange.mint("audio_"), "transcript": ""}})
        self._audio_data(self._speech.add(mime, data))

    def code(self, language: str, code: str) -> None:
        """A fenced block, named by its language."""
        self._fence(language.lower(), code)

    def code_result(self, outcome: str, output: str) -> None:
        """A fenced block."""
        self._fence("", output)

    def file(self, mime: str, uri: str) -> None:
        """The address, on a line of its own."""
        self._block(uri)

    def refusal(self, text: str) -> None:
        """`refusal`"""
        self._delta({"refusal": text})

    def annotations(self, citations: Sequence[Citation]) -> None:
        """`annotations`"""
        self._delta({"annotations": [_annotation(citation) for citation in citations]})

    def extra_content(self, google: JSON) -> None:
        """`extra_content.google`"""
        self._delta({"extra_content": {"google": google}})

    def finish(self, reason: str) -> None:
        """The end of the candidate."""
        self._close_tag()
        if self._speech is not None:
            self._audio_data(self._speech.end())
            self._delta({"audio": {"expires_at": self._exchange.created + AUDIO_LIFETIME}})
        legacy = reason == TOOL_CALLS and self._exchange.plan.legacy_functions
        self._finish("function_call" if legacy else reason)

    def _content(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)
        self._delta({"content": text})

    def _reasoning(self, text: str) -> None:
        self._delta({"reasoning_content": text})

    def _close_tag(self) -> None:
        if self._tag_open:
            self._tag_open = False
            self._content(f"</{self._tag}>")

    def _audio_data(self, data: str) -> None:
        if data:
            self._delta({"audio": {"data": data}})

    def _fence(self, language: str, text: str) -> None:
        """A fence longer than any in the text."""
        marks = "`" * max([3, *(len(run) + 1 for run in _BACKTICKS.findall(text))])
        self._block(f"{marks}{language}\n{text.removesuffix('\n')}\n{marks}")

    def _block(self, text: str) -> None:
        """Text that stands on lines of its own."""
        self._close_tag()
        begins = not self._pieces or self._pieces[-1].endswith("\n")
        self._content(f"{text}\n" if begins else f"\n{text}\n")


def _tool_call(call: Call) -> JSON:
    if call.custom:
        told: JSON = {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        told = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    if call.signature:
        told["extra_content"] = {"google": {"thought_signature": call.signature}}
    return told


def _annotation(citation: Citation) -> JSON:
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        },
    }
