"""Placeholders in the place of all thought signatures, for when the upstream refuses those that were sent.

Gemini reports a missing or foreign signature as an error or as the finish reason MISSING_THOUGHT_SIGNATURE. The
placeholder that it documents for such cases is then put on the first function call of every step ("Thought
signatures" guide); on other parts signatures are optional and are left out.
"""

from __future__ import annotations

from mapping.request.signatures import DUMMY
from mapping.values import JSON


def replace_signatures(contents: list[JSON]) -> list[JSON]:
    """The contents of a request with placeholders only. The input stays as it is."""
    return [
        {**content, "parts": _resigned(content["parts"])} if content.get("role") == "model" else content
        for content in contents
    ]


def _resigned(parts: list[JSON]) -> list[JSON]:
    bare = [{k: v for k, v in part.items() if k != "thoughtSignature"} for part in parts]
    first_call = next((part for part in bare if "functionCall" in part), None)
    if first_call is not None:
        first_call["thoughtSignature"] = DUMMY
    return [part for part in bare if part]
