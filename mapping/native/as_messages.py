"""Gemini's turns as messages of Chat Completions: the form that tools for evaluation read, whatever the client spoke.

It is for reading and comparing, and not for sending: media stand as their type and size, thoughts are left out.
"""

from __future__ import annotations

from typing import Any

from mapping.inspect.transcript import base64_media, elements, members, string, url_media
from mapping.native.shown import listed
from mapping.values import JSON


def asked(request: Any) -> list[JSON]:
    """The messages of a `generateContent` request."""
    body = members(request)
    system = members(body.get("systemInstruction") or body.get("system_instruction"))
    made = [{**message, "role": "system"} for message in _messages({"parts": system.get("parts")}) if system]
    for content in map(members, listed(body.get("contents"))):
        made += _messages(content)
    return made


def answered(answer: Any) -> list[JSON]:
    """The message of each candidate, of a folded answer."""
    found: list[JSON] = []
    for candidate in map(members, elements(members(answer).get("candidates"))):
        found += _messages({"role": "model", **members(candidate.get("content"))})[:1]
    return found


def _messages(content: JSON) -> list[JSON]:
    """Of a content: what is said with the calls, and each result by itself."""
    parts = [members(part) for part in listed(content.get("parts"))]
    results = [members(part.get("functionResponse")) for part in parts if "functionResponse" in part]
    calls = [members(part.get("functionCall")) for part in parts if "functionCall" in part]
    said = "".join(_said(part) for part in parts if not part.get("thought"))
    made: list[JSON] = [
        {"role": "tool", "name": result.get("name"), "content": string(result.get("response"))} for result in results
    ]
    if said or calls or not results:
        message: JSON = {"role": "assistant" if content.get("role") == "model" else "user", "content": said}
        if calls:
            message["tool_calls"] = [_call(call) for call in calls]
        made.append(message)
    return made


def _said(part: JSON) -> str:
    if isinstance(part.get("text"), str):
        return str(part["text"])
    if data := members(part.get("inlineData") or part.get("inline_data")):
        return base64_media("file", data.get("mimeType") or data.get("mime_type"), data.get("data"))
    if file := members(part.get("fileData") or part.get("file_data")):
        return url_media("file", file.get("fileUri") or file.get("file_uri"))
    return ""


def _call(call: JSON) -> JSON:
    called = {"name": call.get("name"), "arguments": string(call.get("args") or {})}
    return {"type": "function", **({"id": call["id"]} if call.get("id") else {}), "function": called}
