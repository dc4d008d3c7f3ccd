"""The body of a `generateContent` request, put together of what the dialects read."""

from __future__ import annotations

from typing import Any

from mapping import generation
from mapping.contents import Conversation
from mapping.gemini import JSON
from mapping.google_extensions import GoogleExtensions
from mapping.tools import ToolSet


def request_body(
    conversation: Conversation, tools: ToolSet, config: JSON, google: GoogleExtensions, service_tier: Any
) -> JSON:
    """The members of the Gemini request that have something to say.

    `config` is its `generationConfig`; `service_tier` is OpenAI's, as the client sent it.
    """
    system, contents = conversation.build()
    declared, tool_config = tools.build()
    members = {
        "systemInstruction": system,
        "contents": contents,
        "tools": declared,
        "toolConfig": tool_config,
        "generationConfig": config or None,
        "serviceTier": generation.read_service_tier(service_tier),
        **google.request,
    }
    return {name: value for name, value in members.items() if value is not None}
