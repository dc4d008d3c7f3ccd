"""How programs make requests for embeddings. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words("input model dimensions encoding_format user")

SDKS = {"embeddings": OpenAISdk("client.embeddings.create", _KNOWN, ("input", "model"))}
