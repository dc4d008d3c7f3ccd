"""How requests, answers and streams of the legacy Completions API are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import override

from mapping.inspect.transcript import Transcript, elements, members, string
from mapping.openai.bodies import OpenAIBodies
from mapping.openai.chat_shape.bodies import about
from mapping.values import JSON


class CompletionsBodies(OpenAIBodies):
    """Prompts, and choices that are texts."""

    asked = frozenset({"prompt"})

    @override
    def answers(self, value: JSON) -> bool:
        """Its choices hold texts."""
        return value.get("object") == "text_completion" or any(
            "text" in members(choice) for choice in elements(value.get("choices"))
        )

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        prompt = request.get("prompt")
        if prompt:
            out.turn("prompt")
            texts = isinstance(prompt, list) and all(isinstance(text, str) for text in prompt)
            out.line("\n".join(prompt) if texts else string(prompt))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        for choice in map(members, elements(answer.get("choices"))):
            out.turn("completion", *about(choice))
            out.line(string(choice.get("text")))

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {}
        kept: dict[str, JSON] = {}
        for event in events:
            whole.update((name, value) for name, value in event.items() if name != "choices" and value is not None)
            for choice in map(members, elements(event.get("choices"))):
                index = choice.get("index")
                one = kept.setdefault(string(index), {"index": index, "finish_reason": None, "pieces": []})
                one["pieces"].append(string(choice.get("text")))
                one["finish_reason"] = choice.get("finish_reason") or one["finish_reason"]
        whole["choices"] = [{**one, "text": "".join(one["pieces"])} for one in kept.values()]
        return whole

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        kinds: list[str] = []
        size = 0
        for choice in map(members, elements(event.get("choices"))):
            if text := string(choice.get("text")):
                kinds.append("text")
                size += len(text)
            if reason := choice.get("finish_reason"):
                kinds.append(string(reason))
        return kinds + super().brings(event)[0], size


BODIES = {"completions": CompletionsBodies()}
