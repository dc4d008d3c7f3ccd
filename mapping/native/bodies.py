"""How bodies on Gemini's own paths are shown, and masked. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import override

from mapping.inspect.bodies import Bodies, Event
from mapping.inspect.masking import Structure
from mapping.inspect.transcript import Transcript, elements, members, string
from mapping.native import request, shown
from mapping.native.folded import folded, unwrapped
from mapping.values import JSON

_WRAPPERS = ("generateContentRequest", "generate_content_request")
_CONTENTS = frozenset({"contents", "content", "requests", *_WRAPPERS})
"""Members one of which each request has, and no answer."""
_FUNCTIONS = ("functionDeclarations", "function_declarations")
_ANSWERS = frozenset(
    {"candidates", "promptFeedback", "usageMetadata", "totalTokens", "embedding", "embeddings", "error", "event_type"}
)


class NativeBodies(Bodies):
    """Turns, tools and settings of a request; the error, what is said and the details of an answer."""

    facts: Mapping[str, str] = MappingProxyType({"alt": "form of the stream"})
    structure = Structure(
        kept=frozenset(
            {
                *("alt", "allowedFunctionNames", "allowed_function_names", "behavior", "languageCode"),
                *("language_code", "responseMimeType", "response_mime_type", "serviceTier", "service_tier"),
                *("taskType", "task_type"),
            }
        ),
        free=frozenset({"args", "response"}),
    )

    @override
    def likeness(self, value: Event) -> int:
        found = members(value)
        return 3 if found.keys() & (_CONTENTS | _ANSWERS) - {"error", "content"} else 1 if "error" in found else 0

    @override
    def show(self, out: Transcript, value: JSON) -> None:
        for name in _WRAPPERS:
            value = members(value.get(name)) or value
        if "contents" in value:
            shown.show_request(out, value)
        elif shown.is_to_embed(value):
            shown.show_texts(out, value)
        elif shown.is_embedded(value):
            shown.show_vectors(out, value)
        else:
            shown.show_answer(out, value)

    @override
    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        shown.show_answer(out, folded([members(event) for event in events]))

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        return folded([unwrapped(event) for event in events])

    @override
    def tools(self, request: JSON) -> Sequence[tuple[str, JSON]]:
        """Each function by itself; of a hosted tool its member is its name."""
        found: list[tuple[str, JSON]] = []
        for tool in map(members, elements(request.get("tools"))):
            for name, value in tool.items():
                functions = [members(one) for one in elements(value)] if name in _FUNCTIONS else []
                found += [(string(one.get("name")), one) for one in functions] or [(name, {name: value})]
        return found

    @override
    def described(self, event: Event) -> tuple[str, int] | None:
        return None if isinstance(event, bytes) else shown.event(members(event))

    @override
    def is_last(self, event: Event) -> bool:
        return shown.is_last(members(event))


_SHOWN = NativeBodies()
BODIES = dict.fromkeys((*request.METHODS, request.PREDICT), _SHOWN)
