"""What was said, in the form that the conventions have for it: for those who have asked for that.

It is made of the record of the call to Gemini that brought the answer, so it is the same for every dialect, and has no
credential in it (`record.secrets`). Media are named, not copied; long texts are cut.
"""

from __future__ import annotations

from typing import Any

from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.telemetry import conventions as names
from mapping import jsonio
from mapping.inspect.transcript import elements, members

LONGEST = 20_000
"""Characters of a text."""
_ROLES = {"model": "assistant", "user": "user"}
_FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "MALFORMED_FUNCTION_CALL": "error"}


def contents(taken: TakenExchange) -> dict[str, str]:
    """Attribute -> JSON; without those for which there is nothing."""
    if (call := taken.last_call) is None:
        return {}
    request = members(call.request)
    told = {
        names.INSTRUCTIONS: _parts(members(request.get("systemInstruction"))),
        names.INPUT_MESSAGES: [_message(members(content)) for content in elements(request.get("contents"))],
        names.OUTPUT_MESSAGES: [_output(members(one)) for one in elements(members(call.answer).get("candidates"))],
    }
    return {name: jsonio.dumps(value).decode() for name, value in told.items() if value}


def _message(content: Any) -> dict[str, Any]:
    parts = _parts(content)
    role = _ROLES.get(str(content.get("role") or "user"), "user")
    if parts and all(part["type"] == "tool_call_response" for part in parts):
        role = "tool"
    return {"role": role, "parts": parts}


def _output(candidate: Any) -> dict[str, Any]:
    reason = str(candidate.get("finishReason") or "")
    parts = _parts(members(candidate.get("content")))
    finish = "tool_call" if any(part["type"] == "tool_call" for part in parts) else _FINISH.get(reason, reason.lower())
    return {"role": "assistant", "parts": parts, "finish_reason": finish}


def _parts(content: Any) -> list[dict[str, Any]]:
    return [_part(members(part)) for part in elements(content.get("parts"))]


def _part(part: Any) -> dict[str, Any]:
    """A part of Gemini's, as the conventions have it."""
    if isinstance(text := part.get("text"), str):
        return {"type": "reasoning" if part.get("thought") else "text", "content": _cut(text)}
    if call := members(part.get("functionCall")):
        return {"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}
    if answer := members(part.get("functionResponse")):
        return {
            "type": "tool_call_response",
            "id": answer.get("id"),
            "name": answer.get("name"),
            "response": answer.get("response"),
        }
    if data := members(part.get("inlineData")):
        return {"type": "blob", **_media(data), "content": "", "characters": len(str(data.get("data") or ""))}
    if file := members(part.get("fileData")):
        return {"type": "uri", **_media(file), "uri": file.get("fileUri")}
    return {"type": next((name for name in part if name != "thoughtSignature"), "empty")}


def _media(of: Any) -> dict[str, Any]:
    kind = str(of.get("mimeType") or "")
    return {"mime_type": kind, "modality": kind.partition("/")[0]}


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
