"""How transcription requests and transcripts are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import override

from mapping.inspect.transcript import Transcript, base64_media, elements, members, string
from mapping.openai.bodies import OpenAIBodies
from mapping.transcriptions.files import told_type
from mapping.values import JSON

_EVENTS = "transcript.text."


class TranscriptionBodies(OpenAIBodies):
    """The recording by its type and size, and what was said, who said it, and when."""

    turns = frozenset({"file", "prompt", "text", "segments", "words"})
    asked = frozenset({"file"})
    facts = MappingProxyType(
        {
            **OpenAIBodies.facts,
            "form": "form of the answer",
            "task": "transcribed or translated",
            "with_words": "the answer lists the words",
            "with_segments": "the answer has segments",
            "language": "language that was told",
            "seconds": "length of the recording",
            "temperature": "temperature that segments tell",
        }
    )
    structure = replace(
        OpenAIBodies.structure,
        kept=OpenAIBodies.structure.kept
        | {"response_format", "timestamp_granularities", "chunking_strategy", "languages", "content_type", "speaker"},
    )

    @override
    def answers(self, value: JSON) -> bool:
        """A text with its usage, or an event of a transcript."""
        kind = value.get("type")
        return (isinstance(kind, str) and kind.startswith(_EVENTS)) or (
            isinstance(value.get("text"), str) and ("usage" in value or "task" in value)
        )

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        file = members(request.get("file"))
        out.turn("recording")
        out.line(base64_media(string(file.get("filename")) or "file", told_type(file), file.get("data")))
        if prompt := string(request.get("prompt")):
            out.turn("prompt")
            out.line(prompt)

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        out.turn("transcript")
        segments = [members(segment) for segment in elements(answer.get("segments"))]
        if not segments:
            out.line(string(answer.get("text")))
        for segment in segments:
            speaker = f"{string(segment['speaker'])}: " if segment.get("speaker") else ""
            when = f"{string(segment.get('start'))} - {string(segment.get('end'))} s"
            out.line(f"[{when}] {speaker}{string(segment.get('text'))}")
        if words := elements(answer.get("words")):
            out.line(f"({len(words)} words with their times)")

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {"text": "", "segments": []}
        for event in events:
            kind = string(event.get("type")).removeprefix(_EVENTS)
            if kind == "delta":
                whole["text"] += string(event.get("delta"))
            elif kind == "segment":
                whole["segments"].append(event)
            else:
                whole.update((name, member) for name, member in event.items() if name not in ("type", "text"))
        return whole

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        kind = string(event.get("type")).removeprefix(_EVENTS) or "event"
        return [kind], len(string(event.get("delta"))) if kind == "delta" else 0

    @override
    def is_last(self, event: object) -> bool:
        return super().is_last(event) or members(event).get("type") == f"{_EVENTS}done"


BODIES = dict.fromkeys(("transcriptions", "translations"), TranscriptionBodies())
