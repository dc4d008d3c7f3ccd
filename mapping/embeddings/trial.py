"""How the embeddings API is tried. See `mapping.trial`."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from mapping import jsonio
from mapping.openai.trial import OpenAITrial
from mapping.trial import Ask, Wrong
from mapping.values import JSON

_MODEL = "gemini-embedding-001"


class EmbeddingsTrial(OpenAITrial):
    """One text and several, as numbers and as bytes."""

    def samples(self) -> Sequence[JSON]:
        """Three."""
        return [
            {"model": _MODEL, "input": "Say", "encoding_format": "float", "dimensions": 8, "user": "me"},
            {
                "model": _MODEL,
                "input": ["a", "b"],
                "encoding_format": "base64",
                "task_type": "CLUSTERING",
                "title": "t",
            },
            {"model": _MODEL, "input": ["a"]},
        ]

    def request(self, ask: Ask) -> JSON:
        """A text for each choice. The model is one that makes vectors, with the same fault."""
        model = f"{ask.model}-embedding" if ask.model.startswith("demo-") else ask.model
        if model.startswith(("gpt-", "gemini-")):
            model = "text-embedding-3-small"
        return {
            "model": model,
            "input": [ask.text] * ask.choices,
            "encoding_format": "base64" if ask.stream else "float",
        }

    def check_whole(self, request: JSON, answer: bytes) -> None:
        """A vector for each text, in the form that was asked for, in their order."""
        data = jsonio.loads(answer)["data"]
        texts = request["input"]
        if [one["index"] for one in data] != list(range(len(texts) if isinstance(texts, list) else 1)):
            raise Wrong("vectors that are missing, or in another order")
        for one in data:
            vector = one["embedding"]
            if isinstance(vector, str) is not (request.get("encoding_format") == "base64"):
                raise Wrong("a vector in another form")
            size = len(base64.b64decode(vector)) // 4 if isinstance(vector, str) else len(vector)
            if not 0 < size <= request.get("dimensions", size):
                raise Wrong("a vector of another length")

    def check_stream(self, request: JSON, answer: bytes) -> bool:
        """Raises."""
        raise Wrong("a stream")


TRIALS = {"embeddings": EmbeddingsTrial()}
