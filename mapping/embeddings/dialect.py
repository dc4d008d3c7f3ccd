"""The embeddings API behind the contract of `mapping.dialect`."""

from __future__ import annotations

from typing import override

from mapping.dialect import Answering, Given, Lookups
from mapping.embeddings.answer import EmbeddingsAnswering
from mapping.embeddings.request import read
from mapping.openai.contract import OpenAIDialect
from mapping.values import JSON


class Embeddings(OpenAIDialect):
    """`POST /v1/embeddings`."""

    name = "embeddings"

    @override
    def likeness(self, body: JSON) -> int:
        """It has an input, as Responses have, and a model or a parameter that those do not have."""
        told = "encoding_format" in body or "dimensions" in body or "embedding" in str(body.get("model"))
        return 3 if told and body.get("input") is not None and "messages" not in body else 0

    @override
    def lookups(self, body: JSON) -> Lookups | None:
        """Nothing: the inputs say all."""
        return None

    @override
    def translate(self, body: JSON, given: Given) -> Answering:
        return EmbeddingsAnswering(read(body, given), given)

    @override
    def without_keep_alives(self, stream: bytes) -> bytes:
        """There are no streams."""
        return stream


DIALECTS = (Embeddings(),)
