"""The `usage` object of chat and completions (OpenAI API reference, `CompletionUsage`). Every number is there."""

from __future__ import annotations

from mapping.totals import Totals
from mapping.values import JSON


def usage_object(totals: Totals) -> JSON:
    """`{"prompt_tokens", "completion_tokens", "total_tokens", ...}`."""
    return {
        "prompt_tokens": totals.prompt,
        "completion_tokens": totals.completion,
        "total_tokens": totals.total,
        "prompt_tokens_details": {
            "cached_tokens": totals.cached,
            "audio_tokens": totals.prompt_by.get("AUDIO", 0),
            "text_tokens": totals.prompt_by.get("TEXT", 0),
            "image_tokens": totals.prompt_by.get("IMAGE", 0),
        },
        "completion_tokens_details": {
            "reasoning_tokens": totals.reasoning,
            "audio_tokens": totals.completion_by.get("AUDIO", 0),
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
