"""The body of a `generateContent` request, put together of what the dialects read."""

from __future__ import annotations

from typing import Any

from mapping.request.conversation.contents import Conversation
from mapping.request.settings import generation
from mapping.request.settings.google_extensions import GoogleExtensions
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON


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
