"""Parameters that OpenAI's dialects have in common, and what they call what stands in Gemini's request.

Sources: the OpenAI API reference (`CreateChatCompletionRequest`, `CreateCompletionRequest`, `CreateResponse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.request.settings.generation import (
    FREQUENCY_PENALTY,
    PRESENCE_PENALTY,
    SEED,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Number,
)
from mapping.values import JSON

NUMBERS: tuple[Number, ...] = (TEMPERATURE, TOP_P, TOP_K, PRESENCE_PENALTY, FREQUENCY_PENALTY, SEED)
"""Of chat and completions."""

HINTS = """
    metadata prediction prompt_cache_key prompt_cache_options prompt_cache_retention safety_identifier store
"""
"""Hints of chat and completions about speed, storage and abuse: the answer is the same without them."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "tools": "tools",
        "toolConfig": "tool_choice",
        "serviceTier": "service_tier",
        "generationConfig.candidateCount": "n",
        "generationConfig.frequencyPenalty": "frequency_penalty",
        "generationConfig.presencePenalty": "presence_penalty",
        "generationConfig.responseModalities": "modalities",
        "generationConfig.seed": "seed",
        "generationConfig.speechConfig": "audio",
        "generationConfig.stopSequences": "stop",
        "generationConfig.temperature": "temperature",
        "generationConfig.thinkingConfig": "reasoning_effort",
        "generationConfig.topK": "top_k",
        "generationConfig.topP": "top_p",
    }
)
"""What stands in Gemini's request -> what these dialects call it, those members that all call the same."""


def include_usage(body: JSON, stream: bool, notes: Notes) -> bool:
    """Whether the client asked for the usage chunk of a chat stream. 400 for `stream_options` without `stream`."""
    given = parameters.json_object(body.get("stream_options"), "stream_options")
    if given is None:
        return False
    if not stream:
        raise faults.bad_value(
            "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        )
    parameters.note_unknown(given, "stream_options", ("include_usage", "include_obfuscation"), notes)
    return parameters.boolean(given.get("include_usage"), "stream_options.include_usage") or False


_SERVICE_TIERS = {
    "auto": None,
    "default": None,
    "scale": None,
    "flex": "flex",
    "priority": "priority",
    # OpenAI's newer names of what is served first.
    "fast": "priority",
    "ultrafast": "priority",
}


def read_service_tier(value: Any, path: str = "service_tier") -> str | None:
    """OpenAI's `service_tier` as Gemini's `serviceTier`; None: not sent. Unknown tiers are 400."""
    tier = parameters.one_of(value, path, _SERVICE_TIERS)
    return None if tier is None else _SERVICE_TIERS[tier]
