"""What the way back has to know of a chat request: nothing but what is known of every conversation, in chat's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from mapping.openai.settings import WORDS
from mapping.request.plan import Plan


@dataclass(slots=True)
class ChatPlan(Plan):
    """The plan of a chat request."""

    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **WORDS,
            "contents": "messages",
            "systemInstruction": "messages",
            "generationConfig.logprobs": "top_logprobs",
            "generationConfig.responseLogprobs": "logprobs",
            "generationConfig.responseMimeType": "response_format",
            "generationConfig.responseJsonSchema": "response_format.json_schema.schema",
            "generationConfig.responseSchema": "response_format.json_schema.schema",
        }
    )
