"""How embeddings requests and answers are shown: the texts, and of each vector how long it is. See
`mapping.inspect.bodies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import override

from mapping.inspect.bodies import Event
from mapping.inspect.transcript import Transcript, elements, members, string, vector
from mapping.openai.bodies import OpenAIBodies
from mapping.values import JSON


class EmbeddingsBodies(OpenAIBodies):
    """Texts, and vectors."""

    asked = frozenset({"input"})
    facts = MappingProxyType(
        {**OpenAIBodies.facts, "encoding_format": "form of the vectors", "dimensions": "length of the vectors"}
    )
    structure = replace(OpenAIBodies.structure, kept=OpenAIBodies.structure.kept | {"task_type", "taskType"})

    @override
    def likeness(self, value: Event) -> int:
        """Of a request little: those of the Responses API have an input, too."""
        found = members(value)
        if "input" in found:
            return 3 if "encoding_format" in found or "embedding" in string(found.get("model")) else 1
        return super().likeness(value)

    @override
    def answers(self, value: JSON) -> bool:
        """Its list holds vectors."""
        return any("embedding" in members(one) for one in elements(value.get("data"))[:1])

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        given = request.get("input")
        texts = given if isinstance(given, list) and any(isinstance(one, str | list) for one in given) else [given]
        for number, text in enumerate(texts, 1):
            out.turn("input", f"{number} of {len(texts)}" if len(texts) > 1 else "")
            out.line(f"[{len(text)} tokens]" if isinstance(text, list) else string(text))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        data = elements(answer.get("data"))
        if data:
            out.turn("embeddings")
        for one in map(members, data):
            out.line(f"{string(one.get('index'))}: {vector(one.get('embedding'))}")

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        """There are no streams; of what came as one the last event counts."""
        return events[-1] if events else {}


BODIES = {"embeddings": EmbeddingsBodies()}
