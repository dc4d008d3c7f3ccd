"""How the legacy Completions API is tried. See `mapping.trial`."""

from __future__ import annotations

from collections.abc import Sequence

from mapping.openai.trial import ChoicesTrial
from mapping.trial import Ask
from mapping.values import JSON


class CompletionsTrial(ChoicesTrial):
    """Several prompts, and one as a stream."""

    def samples(self) -> Sequence[JSON]:
        """Two."""
        return [
            {"model": "m", "prompt": "Say", "max_tokens": 3, "stop": "x", "stream": True},
            {"model": "m", "prompt": ["a", "b"], "n": 2, "echo": True, "logprobs": 2, "suffix": "z"},
        ]

    def request(self, ask: Ask) -> JSON:
        """One prompt."""
        return {"model": ask.model, "stream": ask.stream, "prompt": ask.text, "n": ask.choices}

    def count(self, request: JSON) -> int:
        """Each prompt has choices of its own."""
        prompt = request.get("prompt")
        return super().count(request) * (len(prompt) if isinstance(prompt, list) else 1)


TRIALS = {"completions": CompletionsTrial()}
