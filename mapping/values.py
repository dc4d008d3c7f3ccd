"""The values that stand between a dialect and the gateway: what to ask Gemini, and what to remember of its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from mapping import jsonio
from mapping.faults import Fault
from mapping.notes import Notes

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


type Unseal = Callable[[str], JSON | None]
"""Opens an encrypted text of the gateway's own; None for any other."""


def nothing_remembered(key: str) -> RawTurn | None:
    """A `Recall` without a memory."""
    return None


@dataclass(slots=True)
class Options:
    """The settings of the translation. Defaults are those of the settings file."""

    strict: bool = False
    """Refuse (400) what cannot be honoured, instead of leaving it out with a note."""
    late_system: str = "auto"
    """`hoist` moves system messages from mid conversation to the front; `inline` keeps their place, as user text;
    `auto` is what the dialect says: see `mapping.request.conversation.contents.Contents`."""
    thoughts: str = "auto"
    """Ask for thought summaries: `auto` when the client asked for reasoning, `always`, or `never`."""
    signature_in_call_id: bool = False
    """Carry thought signatures inside the tool call ids too, for clients and restarts that lose everything else."""
    blocked_prompt: str = "answer"
    """A prompt that Gemini blocks: `answer` (200, finish_reason content_filter) or `error` (400)."""
    voices: Mapping[str, str] = field(default_factory=dict)
    """Names of voices -> Gemini's, before those of `mapping.request.settings.voices`."""
    served: Mapping[str, str] = field(default_factory=dict)
    """Gemini models -> those that answer in their place, as far as is known. They say what a request may hold; it is
    the name of the first that is asked."""

    def plain(self) -> dict[str, Any]:
        """The same as `dataclasses.asdict` makes of it."""
        return {**flat(self), "voices": dict(self.voices), "served": dict(self.served)}


def flat(one: Any) -> dict[str, Any]:
    """The members of a dataclass by their names, the values as they are: `dataclasses.asdict` takes much longer."""
    kind = type(one)
    found = _MEMBERS.get(kind)
    if found is None:
        names = [member.name for member in fields(kind)]
        found = _MEMBERS[kind] = names, attrgetter(*names)
    names, values = found
    return dict(zip(names, values(one), strict=True))


_MEMBERS: dict[type, tuple[list[str], attrgetter[Any]]] = {}


type Change = Callable[[JSON, Notes], JSON]
"""Makes the form that another upstream takes of a body for the public API."""


WHOLE, STREAM = "generateContent", "streamGenerateContent"
GENERATING = (WHOLE, STREAM)
"""Gemini's methods with which a model answers."""
COUNTED = "generateContentRequest"
"""The member of a body of countTokens that holds the request."""


@dataclass(frozen=True, slots=True)
class PlainCall:
    """A call that goes up as it came, to the public API."""

    method: str
    """Of HTTP."""
    path: str
    """With its query."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    content: bytes | None = None


@dataclass(slots=True)
class GeminiCall:
    """One call to Gemini, in terms of the public API (v1beta). The gateway knows how it goes to each kind of upstream.

    Its body does not change any more: its bytes are made once for each kind.
    """

    model: str
    """Without `models/`."""
    method: str
    """`generateContent`, `countTokens`, ...; empty: list the models."""
    body: JSON | None = None
    """None: a GET."""
    query: str = ""
    """With its question mark."""
    notes: Notes = field(default_factory=Notes)
    made: dict[str, bytes] = field(default_factory=dict)
    """The bytes of the body, by kind of upstream."""
    fixed: bool = False
    """It is what the client has written: where it is refused, it is not changed and sent again."""
    owned: tuple[str, ...] = ()
    """Names of what belongs to one account, which has to be asked: `files/x`, `cachedContents/x`."""
    upstream: str = ""
    """The one kind of upstream that it can be made to; empty: all that serve the model."""
    plain: PlainCall | None = None
    """It is no call of a method of a model."""

    @property
    def generates(self) -> bool:
        """A model is to answer, whole or as a stream."""
        return self.method in GENERATING

    def encoded(self, kind: str, change: Change | None = None) -> bytes | None:
        """The bytes of the body for a kind of upstream. Raises Fault for what no JSON parser would take."""
        if self.body is None:
            return None
        data = self.made.get(kind)
        if data is None:
            body = change(self.body, self.notes) if change else self.body
            try:
                data = self.made[kind] = jsonio.dumps(body)
            except RecursionError:
                raise Fault(400, "The request is nested too deeply.", code="invalid_value") from None
        return data
