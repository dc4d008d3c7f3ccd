"""How the bodies of a dialect are shown to a person, and masked for others.

It is a part of the contract that a dialect need not bring. A package that has a module `bodies` brings `BODIES` in it,
by the names of its dialects (`mapping.dialects`). For all others `Bodies` itself is used, which shows JSON as JSON and
the events of a stream one after another, and masks every text that is not structure everywhere.

What is shown is what stands there, edited and broken bodies too: nothing here raises for any value.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, override

from mapping.inspect.fillers import mask_id, mask_opaque, mask_text
from mapping.inspect.masking import PLAIN, mask_parts, mask_request
from mapping.inspect.transcript import Transcript, clipped, counts, elements, members, string
from mapping.values import JSON

type Event = Any
"""An event of a stream: its JSON value, or bytes where it is no JSON."""

TOOLS = ("tools", "functions")
"""Members of a request that list tools."""

_PASSING = frozenset(
    {
        *("id", "created", "created_at", "completed_at", "responseId", "createTime", "system_fingerprint"),
        *("obfuscation", "thoughtSignature", "thought_signature"),
    }
)


class Bodies:
    """Of any dialect. Those that know better derive from it."""

    facts: Mapping[str, str] = MappingProxyType({})
    """Words for the members of `mapping.dialect.Answering.facts`. One that is not here is told by its name."""

    structure = PLAIN
    """What stays when an exchange is masked (`mapping.inspect.masking`)."""

    @property
    def passing(self) -> frozenset[str]:
        """Members that differ in any two answers, whatever they say: ids, times, signatures."""
        return _PASSING | self.structure.ids | self.structure.opaque

    def mask_sealed(self, payload: JSON) -> JSON:
        """What the dialect has sealed (`mapping.dialect.Given.seal`), with fillers for what was said."""
        masked: JSON = mask_request(payload, self.structure)
        return masked

    def likeness(self, value: Event) -> int:
        """How much a body, or the first event of a stream, looks like one of this dialect; 0: not at all.

        It is for bodies that came by a path of nobody's, and for those that are not what their path says.
        """
        return 1

    def show(self, out: Transcript, value: JSON) -> None:
        """A request, or a whole answer."""
        out.facts({name: member if member is None else clipped(member) for name, member in value.items()})

    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        """What the events of a stream make, as far as they came: as the whole answer would be shown."""
        for event in events:
            out.line(_text(event))

    def folded(self, events: Sequence[JSON]) -> JSON:
        """The one answer that all events make, as a whole answer looks."""
        return {"events": list(events)}

    def tools(self, request: JSON) -> Sequence[tuple[str, JSON]]:
        """The tools of a request, each by its name."""
        listed = [members(tool) for name in TOOLS for tool in elements(request.get(name))]
        return [(self.tool_name(tool), tool) for tool in listed]

    def tool_name(self, tool: JSON) -> str:
        """The name of a tool; of a hosted tool its type."""
        return string(tool.get("name") or tool.get("type"))

    def described(self, event: Event) -> tuple[str, int] | None:
        """For the timeline: what an event brings, and how many characters of text. None: it can't be read."""
        return string(members(event).get("type")) or "event", len(_text(event))

    def is_last(self, event: Event) -> bool:
        """Whether a stream may end after it. One that has no such event is taken for cut off."""
        return True


class ConversationBodies(Bodies):
    """Of a dialect that holds conversations: turns, tools and settings of a request; the error, what is said and the
    details of an answer."""

    asked: frozenset[str]
    """Members one of which each request has, and no answer."""
    turns: frozenset[str]
    """Members of requests and answers that are no facts, but what is said."""
    first: tuple[str, ...] = ()
    """Members of an answer that say why it is not what it should be."""

    @override
    def mask_sealed(self, payload: JSON) -> JSON:
        """What is in an `encrypted_content`, see `mapping.responses.carrier`."""
        made = dict(payload)
        if isinstance(calls := payload.get("calls"), dict):
            made["calls"] = {mask_id(id): mask_opaque(signature) for id, signature in calls.items()}
        if isinstance(text := payload.get("text"), str):
            made["text"] = mask_opaque(text)
        if isinstance(summary := payload.get("summary"), str):
            made["summary"] = mask_text(summary)
        if isinstance(parts := payload.get("parts"), list):
            made["parts"] = mask_parts(parts)
            made["call_ids"] = [mask_id(id) for id in payload.get("call_ids", ())]
        return made

    @override
    def likeness(self, value: Event) -> int:
        """Members tell; an error may be any dialect's."""
        found = members(value)
        return 3 if found.keys() & self.asked or self.answers(found) else 2 if "error" in found else 0

    @abstractmethod
    def answers(self, value: JSON) -> bool:
        """Whether it looks like an answer of this dialect, or an event of one."""

    @abstractmethod
    def show_asked(self, out: Transcript, request: JSON) -> None:
        """What a request says."""

    @abstractmethod
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        """What an answer says."""

    @override
    @abstractmethod
    def folded(self, events: Sequence[JSON]) -> JSON: ...

    @override
    def show(self, out: Transcript, value: JSON) -> None:
        if value.keys() & self.asked:
            out.facts(value, self.turns)
            if names := [name for name, _ in self.tools(value)]:
                out.fact("tools", ", ".join(names))
            self.show_asked(out, value)
            return
        out.error(value.get("error"))
        for name in self.first:
            out.fact(name, value.get(name))
        self.show_answered(out, value)
        told = {**value, "usage": counts(value["usage"])} if value.get("usage") else value
        out.details(told, self.turns | {"error", *self.first})

    @override
    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        self.show(out, self.folded([members(event) for event in events]))

    @override
    def described(self, event: Event) -> tuple[str, int] | None:
        if isinstance(event, bytes):
            return None
        kinds, size = self.brings(members(event))
        return " + ".join(dict.fromkeys(kinds)) or "no content", size

    def brings(self, event: JSON) -> tuple[list[str], int]:
        """Words for what an event brings, and how many characters of text."""
        return [name for name in ("usage", "error") if event.get(name)], 0

    @override
    def is_last(self, event: Event) -> bool:
        return "error" in members(event)


def _text(event: Event) -> str:
    return event.decode("utf-8", "replace") if isinstance(event, bytes) else clipped(event)
