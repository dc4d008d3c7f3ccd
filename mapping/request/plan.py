"""A request of a dialect that holds a conversation, as read: what to ask Gemini, and what the way back needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from mapping.notes import Notes
from mapping.values import JSON, STREAM, WHOLE, GeminiCall, Options


@dataclass(slots=True)
class Plan:
    """What the way back has to know of the request."""

    limit_name: ClassVar[str] = "max_tokens"
    """What the dialect calls the limit on an answer's tokens."""
    schema_name: ClassVar[str] = "parameters"
    """What it calls the JSON Schema of a function's arguments."""
    call_prefix: ClassVar[str] = "call_"
    """Begins the id of every call."""
    own_ids: ClassVar[bool] = True
    """Calls may have the ids that Gemini gave them."""
    words: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What stands in Gemini's request -> what the dialect calls it."""
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
    paths: dict[str, str] = field(default_factory=dict)
    """Gemini's name of every declared function, in the order of the declarations -> where the client declared it."""
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

    @property
    def signs_ids(self) -> bool:
        """Thought signatures travel inside the ids of calls."""
        return self.options.signature_in_call_id

    def word(self, member: str) -> str | None:
        """What the dialect calls a member of Gemini's request; None: the client has nothing like it."""
        return self.limit_name if member == "generationConfig.maxOutputTokens" else self.words.get(member)

    def one_choice_per_call(self) -> None:
        """The upstream does not take candidateCount: a call of its own makes each choice."""


@dataclass(slots=True)
class Translated:
    """A request in Gemini's terms: the body of its first call, the calls beside it, and the plan of the way back."""

    model: str
    """Without `models/`."""
    method: str
    """Of the first call: `generateContent` or `streamGenerateContent`."""
    body: JSON
    """As the public Gemini API (v1beta) takes it."""
    plan: Plan
    copies: int = 1
    """How many such calls make up one answer (`n` for models without candidateCount)."""
    further: list[JSON] = field(default_factory=list)
    """The bodies of further calls that make up the answer, in the order of their choices: after those of `body`, and
    each listed once per copy."""

    def calls(self, notes: Notes) -> list[GeminiCall]:
        """All calls: the first, and the parallel ones, which are whole."""
        query = "?alt=sse" if self.method == STREAM else ""
        calls = [GeminiCall(self.model, self.method, self.body, query, notes)]
        if self.copies > 1:
            calls += [replace(calls[0], method=WHOLE, query="")] * (self.copies - 1)
        calls += [GeminiCall(self.model, WHOLE, body, notes=notes) for body in self.further]
        return calls
