"""What tools give beside text: which files a function response holds, and files that clients hand on in a message of
the user, because a tool message of chat holds text only.

Rules of the Gemini API that are kept here ("Function calling" guide, multimodal function responses):

* From Gemini 3 on a function response has `parts`: inline images and documents of the types below.
* Everything else, a link say, stands outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from mapping.values import JSON

_WITHIN = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})
"""The types that function responses take."""

_LABEL_LENGTH = 200
_TOOL_WORDS = ("tool result", "tool call", "tool output", "tool response")
_LABEL_ENDS = (":", ")", "]")


def tools_found(names: Sequence[str]) -> str:
    """What the result of a search for tools says; those that were found are declared."""
    return f"These tools can be called now: {', '.join(names)}" if names else "No tools were found."


def fits(part: JSON) -> bool:
    """Whether the part of a file may stand in a function response."""
    return "inlineData" in part and part["inlineData"].get("mimeType") in _WITHIN


def within(part: JSON) -> JSON:
    """The part as a function response takes it: it has no media resolution of its own there."""
    return {"inlineData": part["inlineData"]}


def handed_on(parts: Sequence[JSON]) -> bool:
    """Whether a user's message is nothing but the files of the tool results before it.

    Such a message has files alone (Goose, Cline), or begins with a line of the client's own: "Attached image(s) from
    tool result:" (opencode, pi), "(attached media from previous tool call)" (Qwen Code).
    """
    texts = [part["text"] for part in parts if "text" in part]
    return len(texts) < len(parts) and (not texts or ("text" in parts[0] and _is_label(texts[0])))


def _is_label(text: str) -> bool:
    if len(text) > _LABEL_LENGTH:
        return False
    text = text.strip().lower()
    return text.endswith(_LABEL_ENDS) and any(words in text for words in _TOOL_WORDS)
