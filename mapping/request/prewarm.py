"""Requests that want no answer, only that a later one comes sooner (OpenAI's prewarming of its prompt cache).

Gemini warms its cache by answering, which would be a full answer, and billed. So it is not asked at all: the client
gets an empty answer in the shape that it waits for, and a note.
"""

from __future__ import annotations

from mapping import jsonio
from mapping.gemini import sse
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON

EMPTY = jsonio.dumps(
    {
        "candidates": [{"content": {"role": "model", "parts": []}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0},
    }
)
"""What stands in the place of Gemini's answer."""

EMPTY_STREAM = sse.frame(EMPTY)
"""The same as a stream."""


def asked(body: JSON, notes: Notes) -> bool:
    """Whether a request asks for nothing but a warm cache. Raises 400 for wrong types.

    `prompt_cache_options.prewarm` is OpenAI's; `generate: false` is what Codex sends as its first message.
    """
    options = parameters.json_object(body.get("prompt_cache_options"), "prompt_cache_options") or {}
    if parameters.boolean(options.get("prewarm"), "prompt_cache_options.prewarm"):
        notes.add("prewarm", "prompt_cache_options.prewarm")
    elif parameters.boolean(body.get("generate"), "generate") is False:
        notes.add("prewarm", "generate")
    else:
        return False
    return True
