"""A candidate of a Gemini answer as the text of a completion.

Rules of this module:

* A completion is text and nothing else: thoughts are never in it, and other parts are left out with a note.
* Offsets of tokens count from the beginning of the prompt, whether it is echoed or not, as OpenAI's do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from mapping.answer.finish import CONTENT_FILTER, STOP, TOOL_CALLS
from mapping.answer.parts.calls import Call
from mapping.answer.parts.grounding import Citation
from mapping.completions.plan import CompletionsPlan
from mapping.notes import Notes
from mapping.openai.choices import AskedChoices, Choices
from mapping.values import JSON


class TextWriter(ABC):
    """Writes one candidate; implements `mapping.answer.writer.Writer`. `index` is that of the choice."""

    def __init__(self, exchange: AskedChoices[CompletionsPlan], index: int) -> None:
        self.length = 0
        self._index = index
        self._notes = exchange.notes
        self._pieces: list[str] = []
        self._entries: list[JSON] = []
        prompt = exchange.plan.prompt(index)
        self._echo = prompt if exchange.plan.echo else ""
        self._offset = len(prompt)

    @abstractmethod
    def text(self, text: str) -> None:
        """A piece of the text."""

    @abstractmethod
    def _finish(self, reason: str) -> None:
        """Put out the end. `reason` is `stop`, `length` or `content_filter`."""

    @property
    def content(self) -> str:
        """The text so far, without the echo."""
        return "".join(self._pieces)

    def thought(self, text: str) -> None:  # noqa: B027
        """Not shown."""

    def call(self, call: Call) -> None:
        """Left out. No functions are declared, so a model that calls one made it up."""
        self._left_out("functionCall")

    def image(self, mime: str, data: str) -> None:
        """Left out."""
        self._left_out("inlineData image")

    def audio(self, mime: str, data: str) -> None:
        """Left out."""
        self._left_out("inlineData audio")

    def code(self, language: str, code: str) -> None:
        """Left out."""
        self._left_out("executableCode")

    def code_result(self, outcome: str, output: str) -> None:
        """Left out."""
        self._left_out("codeExecutionResult")

    def file(self, mime: str, uri: str) -> None:
        """Left out."""
        self._left_out("fileData")

    def logprobs(self, entries: list[JSON]) -> None:
        """The tokens of the text that follows."""
        self._entries += entries

    def refusal(self, text: str) -> None:  # noqa: B027
        """Not shown: the finish reason says it."""

    def annotations(self, citations: Sequence[Citation]) -> None:
        """Left out."""
        self._left_out("citations")

    def extra_content(self, google: JSON) -> None:  # noqa: B027
        """Not shown: no request sends a completion back."""

    def finish(self, reason: str) -> None:
        """The end of the candidate."""
        self._finish(STOP if reason == TOOL_CALLS else reason)

    def _left_out(self, part: str) -> None:
        self._notes.add("part-unknown", part)


def logprobs_object(entries: list[JSON], offset: int) -> JSON:
    """The entries of chat's `logprobs.content` as the `logprobs` of a completion; `offset` is the first token's.

    The token that was chosen is always among the likeliest ones.
    """
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {other["token"]: other["logprob"] for other in (*entry["top_logprobs"], entry)} for entry in entries
        ],
        "text_offset": offsets,
    }


def fill_up[W: TextWriter](choices: Choices[W], count: int, notes: Notes) -> None:
    """Finish, as empty, those of an upstream answer's choices that it does not have: clients count on their places."""
    for index in range(len(choices.writers), count):
        if not choices.reader.blocked:
            notes.add("choice-missing")
        choices.writer(index).finish(CONTENT_FILTER)
