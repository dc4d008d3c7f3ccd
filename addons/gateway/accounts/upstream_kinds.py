"""The kinds of upstream: where each listens, and what it serves."""

from __future__ import annotations

import re

from addons.gateway.accounts.address import Address

_MULTI_REGIONS = ("us", "eu")
_NOT_CODE_ASSIST = {"embedding": "embeddings", "-tts": "models that speak", "-transcribe": "models that transcribe"}
"""What names of models have in them that code-assist accounts do not reach -> what those make."""
_VERTEX_ONLY = frozenset({"text-embedding-005", "text-multilingual-embedding-002"})
_LOCATION = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


def address(upstream: str, location: str | None) -> Address | None:
    """Where a kind of upstream listens; None: the target of the reverse proxy mode."""
    if upstream == "vertex":
        return Address("https", _vertex_host(location or "global"), 443)
    if upstream == "code-assist":
        return Address("https", "cloudcode-pa.googleapis.com", 443)
    return None


def is_location(text: str) -> bool:
    """Whether it can be a location of Vertex AI: it becomes part of a host name."""
    return _LOCATION.fullmatch(text) is not None


def serves(upstream: str, model: str) -> bool:
    """Whether a kind of upstream may know a model; an empty name stands for the list of models."""
    return upstream == "gemini" if not model else lacks(upstream, model) is None


def lacks(upstream: str, model: str) -> str | None:
    """What accounts of a kind of upstream do not have of a model, and which do; None: nothing that is known."""
    if upstream == "code-assist" and (word := next((word for word in _NOT_CODE_ASSIST if word in model), None)):
        made = _NOT_CODE_ASSIST[word]
        return f"code-assist accounts have no {made}; add an account with an API key, or one of Vertex AI"
    if upstream == "gemini" and model in _VERTEX_ONLY:
        return 'only Vertex AI has this model; add an account with upstream = "vertex"'
    return None


def _vertex_host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"
