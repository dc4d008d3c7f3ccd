"""The values that stand between a dialect and the gateway: what to ask Gemini, and what to remember of its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

type JSON = dict[str, Any]


@dataclass(slots=True)
class RawTurn:
    """A model turn as Gemini gave it, kept so that the next request can replay it byte for byte.

    Only the raw parts satisfy every rule for thought signatures, server-side tools and images at once.
    """

    model: str
    """The Gemini model that made the turn (no `models/`)."""
    parts: list[JSON]
    """The parts of the candidate, streamed ones one after another, unchanged."""
    call_ids: list[str]
    """The ids under which the client knows the function calls among `parts`, in their order."""


type Recall = Callable[[str], RawTurn | None]
"""Looks up what is remembered under a key: a tool call id that a client got, or `text_key` of a message."""


def nothing_remembered(key: str) -> RawTurn | None:
    """A `Recall` without a memory."""
    return None


@dataclass(slots=True)
class Options:
    """The settings of the translation. Defaults are those of the settings file."""

    strict: bool = False
    """Refuse (400) what cannot be honoured, instead of leaving it out with a note."""
    late_system: str = "hoist"
    """`hoist` moves system messages from mid conversation to the front; `inline` keeps their place, as user text."""
    thoughts: str = "auto"
    """Ask for thought summaries: `auto` when the client asked for reasoning, `always`, or `never`."""
    signature_in_call_id: bool = False
    """Carry thought signatures inside the tool call ids too, for clients and restarts that lose everything else."""
    blocked_prompt: str = "answer"
    """A prompt that Gemini blocks: `answer` (200, finish_reason content_filter) or `error` (400)."""


@dataclass(slots=True)
class Plan:
    """What the way back has to know of the request."""

    limit_name: ClassVar[str] = "max_tokens"
    """What the dialect calls the limit on an answer's tokens."""
    client_model: str
    """The model as the client named it; answers carry it."""
    model: str
    """The Gemini model, without `models/`."""
    served: str | None = None
    """The model that answers, where Gemini says that it is another one. The reader of the answer sets it."""
    stream: bool = False
    prewarm: bool = False
    """The client wants nothing but a warm cache: nothing is asked, and the answer is empty
    (`mapping.request.prewarm`)."""
    include_usage: bool = False
    """The client asked for the usage chunk (`stream_options.include_usage`)."""
    n: int = 1
    """How many choices the client wants."""
    logprobs: bool = False
    names: dict[str, str] = field(default_factory=dict)
    """Gemini's name of every declared function -> the client's."""
    integers: dict[str, JSON] = field(default_factory=dict)
    """Gemini's name of a function -> its JSON Schema, for numbers that protobuf made floats of."""
    custom: set[str] = field(default_factory=set)
    """Gemini's names of those functions that the client declared as custom tools."""
    legacy_functions: bool = False
    """The client used `functions`, so answers use `function_call`."""
    used_ids: set[str] = field(default_factory=set)
    """The tool call ids that the conversation holds already."""
    audio_format: str | None = None
    """The client asked for audio in this format."""
    thought_tag: str | None = None
    """Put thoughts into the content between tags of this name (`thought_tag_marker`) instead of `reasoning_content`."""
    json_by_sentence: bool = False
    """JSON was asked for by a sentence only, so that it may come in Markdown fences."""
    options: Options = field(default_factory=Options)

    def one_choice_per_call(self) -> None:
        """The upstream does not take candidateCount: a call of its own makes each choice."""


@dataclass(slots=True)
class GeminiCall:
    """One request to Gemini, ready to send but for the address and the credential."""

    model: str
    """Without `models/`."""
    method: str
    """`generateContent`, `streamGenerateContent`, `countTokens`, ..."""
    body: JSON
    """As the public Gemini API (v1beta) takes it."""
    plan: Plan
    copies: int = 1
    """How many such calls make up one answer (`n` for models without candidateCount)."""
    further: list[JSON] = field(default_factory=list)
    """The bodies of further calls that make up the answer, in the order of their choices: after those of `body`, and
    each listed once per copy."""
