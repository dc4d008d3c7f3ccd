"""The body of a `generateContent` request, put together of what the dialects read."""

from __future__ import annotations

from mapping.request.conversation.contents import Contents
from mapping.request.settings.google_extensions import GoogleExtensions
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON


def request_body(
    conversation: Contents, tools: ToolSet, config: JSON, google: GoogleExtensions, service_tier: str | None
) -> JSON:
    """The members of the Gemini request that have something to say.

    `config` is its `generationConfig`; `service_tier` is one of Gemini's; None: not sent.
    """
    system, contents = conversation.build()
    declared, tool_config = tools.build()
    members = {
        "systemInstruction": system,
        "contents": contents,
        "tools": declared,
        "toolConfig": tool_config,
        "generationConfig": config or None,
        "serviceTier": service_tier,
        **google.request,
    }
    return {name: value for name, value in members.items() if value is not None}
