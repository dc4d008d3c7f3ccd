"""How messages and choices are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from mapping.inspect.transcript import Transcript, base64_media, elements, members, string
from mapping.openai.bodies import show_content, show_part
from mapping.values import JSON


def show_choice(out: Transcript, choice: JSON) -> None:
    """A message that an answer has, and how it ended."""
    show_message(out, members(choice.get("message")), *about(choice))


def about(choice: JSON) -> tuple[str, str]:
    """Which choice it is, if there are several, and how it ended."""
    return f"choice {string(choice['index'])}" if choice.get("index") else "", string(choice.get("finish_reason"))


def show_message(out: Transcript, message: JSON, *beside: str) -> None:
    """One message of a conversation. `beside`: what else its head says."""
    role = string(message.get("role")) or "assistant"
    out.turn(role, string(message.get("name")), string(message.get("tool_call_id")), *beside)
    for name in ("reasoning_content", "reasoning"):
        if message.get(name):
            out.line(f"(thought)\n{string(message[name])}\n")
    show_content(out, message.get("content"))
    out.line(string(message.get("refusal")))
    for image in elements(message.get("images")):
        show_part(out, members(image))
    if audio := members(message.get("audio")):
        out.line(base64_media("audio", "", audio.get("data")))
        out.line(string(audio.get("transcript")))
    for call in map(members, elements(message.get("tool_calls"))):
        called = members(call.get("function")) or members(call.get("custom"))
        out.call(called.get("name"), called.get("arguments", called.get("input")), call.get("id"))
    if call := members(message.get("function_call")):
        out.call(call.get("name"), call.get("arguments"))
