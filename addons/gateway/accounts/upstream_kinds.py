"""The kinds of upstream: where each listens, and what it serves."""

from __future__ import annotations

import re

from addons.gateway.accounts.address import Address

_MULTI_REGIONS = ("us", "eu")
_NOT_CODE_ASSIST = ("embedding", "-tts", "-transcribe")
"""What names of models have in them that code-assist accounts do not reach."""
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
    if not model:
        return upstream == "gemini"
    return upstream != "code-assist" or not any(word in model for word in _NOT_CODE_ASSIST)


def _vertex_host(location: str) -> str:
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"
