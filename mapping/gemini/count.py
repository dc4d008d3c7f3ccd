"""Counting the tokens of a request: Gemini's countTokens, and about how many they are."""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.notes import Notes
from mapping.values import COUNTED, JSON, GeminiCall


def count_call(model: str, body: JSON, notes: Notes | None = None) -> GeminiCall:
    """The call that counts the tokens of a `generateContent` request."""
    counted = {name: value for name, value in body.items() if name != "store"}
    request = {COUNTED: {"model": f"models/{model}", **counted}}
    return GeminiCall(model, "countTokens", request, notes=Notes() if notes is None else notes)


_BYTES = 4
"""Of JSON for a token: about four letters, and more than one character of a language that writes with many."""
_MEDIA_BYTES, _LEAST = 500, 258
"""Of a file for a token, as sound and pages come to, and the tokens of a small picture."""


def estimated(body: JSON) -> int:
    """About how many tokens a `generateContent` request has, where Gemini can't be asked."""
    return max(1, sum(_tokens(body.get(name)) for name in ("systemInstruction", "contents", "tools")))


def _tokens(value: Any) -> int:
    """Of any part of a request."""
    if isinstance(value, list):
        return sum(map(_tokens, value))
    if not isinstance(value, dict):
        return len(jsonio.dumps(value)) // _BYTES if value is not None else 0
    if isinstance(file := value.get("inlineData"), dict):
        return max(_LEAST, len(file.get("data", "")) * 3 // 4 // _MEDIA_BYTES)
    if isinstance(text := value.get("text"), str):
        return -(-len(text.encode("utf-8", "replace")) // _BYTES)
    if isinstance(result := value.get("functionResponse"), dict):
        return _tokens(result.get("response")) + _tokens(result.get("parts"))  # files are among these
    inside = value.get("parts")
    return _tokens(inside) if inside is not None else len(jsonio.dumps(value)) // _BYTES
