"""How speech requests are shown, and sound that comes in events. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import override

from mapping.inspect.transcript import Transcript, base64_media, members, string
from mapping.openai.bodies import OpenAIBodies
from mapping.values import JSON

_EVENTS = "speech.audio."


class SpeechBodies(OpenAIBodies):
    """The text, and the size of the sound."""

    turns = frozenset({"input", "instructions", "audio"})
    asked = frozenset({"voice"})
    facts = MappingProxyType({**OpenAIBodies.facts, "form": "format of the sound", "events": "the sound is in events"})
    structure = replace(
        OpenAIBodies.structure,
        kept=OpenAIBodies.structure.kept | {"response_format", "stream_format"},
        data=OpenAIBodies.structure.data | {"audio"},
    )

    @override
    def answers(self, value: JSON) -> bool:
        """An event of sound."""
        return string(value.get("type")).startswith(_EVENTS)

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        out.turn("input")
        out.line(string(request.get("input")))
        if instructions := string(request.get("instructions")):
            out.turn("instructions")
            out.line(instructions)

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        if answer.get("audio"):
            out.turn("speech")
            out.line(base64_media("sound", "", answer["audio"]))

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {"audio": ""}
        for event in events:
            if event.get("type") == f"{_EVENTS}delta":
                whole["audio"] += string(event.get("audio")).rstrip("=")
            else:
                whole.update((name, member) for name, member in event.items() if name != "type")
        return whole

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        return [string(event.get("type")).removeprefix(_EVENTS) or "event"], 0

    @override
    def is_last(self, event: object) -> bool:
        return super().is_last(event) or members(event).get("type") == f"{_EVENTS}done"


BODIES = {"speech": SpeechBodies()}
