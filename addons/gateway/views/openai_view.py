"""The view "OpenAI conversation": requests and answers of chat completions, responses and completions.

What a body is, its members tell; so a body that somebody shows with this view on purpose is shown as well. What comes
in pieces is shown as the one answer that it makes, and after it the events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.http import routes
from addons.gateway.record.flow_record import record_of
from addons.gateway.views import attempts_view, openai_stream
from addons.gateway.views import body as bodies
from addons.gateway.views.priority import BEST, NOT_MINE, is_json_or_stream
from addons.gateway.views.transcript import (
    JSON,
    Transcript,
    base64_media,
    clipped,
    counts,
    elements,
    members,
    string,
    url_media,
)
from mapping.faults import Fault

_ENDPOINTS = frozenset(
    {"chat", "completions", "responses", "response", "input_items", "cancel", "input_tokens", "compact"}
)
_TURNS = frozenset(
    {"messages", "prompt", "input", "instructions", "tools", "functions", "choices", "output", "data", "object"}
)
"""Members of requests and answers that are not facts but what is said, and the tools."""
_ASKED = frozenset({"messages", "prompt", "input"})
"""Members of a request, one of which it has."""
_FIRST = ("incomplete_details",)
"""Members of an answer that say why it is not what it should be."""


class OpenAIConversation(Contentview):
    """Turns, tools and settings of an OpenAI request, or the choices or items of an answer."""

    name = "OpenAI conversation"

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or not is_json_or_stream(data, metadata):
            return NOT_MINE
        try:
            match = routes.resolve(flow.request.method, flow.request.path.partition("?")[0])
        except Fault:
            return NOT_MINE
        return BEST if match.endpoint.name in _ENDPOINTS else NOT_MINE

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        body = bodies.read(data, bodies.arrivals(metadata))
        if not body.values:
            return data.decode("utf-8", "replace")
        out = Transcript()
        _show_emptiness(out, metadata)
        events = [members(value) for value in body.values]
        if body.stream:
            # Of a last event that breaks off, the ones before it tell more.
            told = events[:-1] if body.cut and openai_stream.is_last(events[-1]) else events
            _show(out, openai_stream.folded(told))
            out.timeline(map(openai_stream.described, events), body.times)
        elif isinstance(body.values[0], dict):
            _show(out, events[0])
        else:
            out.line(clipped(body.values[0]))
        if body.unreadable:
            out.remark(f"({body.unreadable} events are not JSON)")
        if body.cut or (body.stream and not body.done and not any(map(openai_stream.is_last, events))):
            out.remark(bodies.CUT)
        flow = metadata.flow
        if isinstance(flow, http.HTTPFlow) and metadata.http_message is flow.response:
            attempts_view.in_short(out, record_of(flow))
        return out.render()


def _show_emptiness(out: Transcript, metadata: Metadata) -> None:
    """Of an answer without content, why there is none: the record says so."""
    flow = metadata.flow
    if isinstance(flow, http.HTTPFlow) and metadata.http_message is flow.response:
        for note in elements(record_of(flow).get("notes")):
            if isinstance(note, list | tuple) and list(note[:1]) == ["empty"]:
                out.line(f"empty: {string(note[1]) if len(note) > 1 else ''}")


def _show(out: Transcript, value: JSON) -> None:
    """A request or an answer of any of the three dialects."""
    if value.keys() & _ASKED:
        _show_request(out, value)
    else:
        _show_answer(out, value)


def _show_request(out: Transcript, request: JSON) -> None:
    out.facts(request, _TURNS)
    tools = elements(request.get("tools")) + elements(request.get("functions"))
    if names := [_tool_name(members(tool)) for tool in tools]:
        out.fact("tools", ", ".join(names))
    messages, items = elements(request.get("messages")), elements(request.get("input"))
    out.preview(len(messages), lambda last: _show_message(last, members(messages[-1])))
    out.preview(len(items), lambda last: _show_items(last, items[-1:]))
    if instructions := request.get("instructions"):
        _show_said(out, "instructions", instructions)
    for message in messages:
        _show_message(out, members(message))
    if prompt := request.get("prompt"):
        out.turn("prompt")
        texts = isinstance(prompt, list) and all(isinstance(text, str) for text in prompt)
        out.line("\n".join(prompt) if texts else string(prompt))
    _show_said(out, "user", request.get("input"))


def _show_answer(out: Transcript, answer: JSON) -> None:
    out.error(answer.get("error"))
    for name in _FIRST:
        out.fact(name, answer.get(name))
    items = elements(answer.get("output")) or elements(answer.get("data"))
    _show_items(out, items)
    # A response may have choices beside its items, for clients of the other API: they say the same.
    for choice in map(members, elements(None if items else answer.get("choices"))):
        _show_choice(out, choice)
    told = {**answer, "usage": counts(answer["usage"])} if answer.get("usage") else answer
    out.details(told, _TURNS | {"error", *_FIRST})


def _tool_name(tool: JSON) -> str:
    """The name of a tool; of a hosted tool its type."""
    named = members(tool.get("function")) or members(tool.get("custom")) or tool
    return string(named.get("name") or tool.get("type"))


def _show_said(out: Transcript, role: str, said: Any) -> None:
    """A text, or a list of items."""
    if isinstance(said, list):
        _show_items(out, said)
    elif said is not None:
        out.turn(role)
        out.line(string(said))


# --- chat and completions


def _show_message(out: Transcript, message: JSON, *about: str) -> None:
    role = string(message.get("role")) or "assistant"
    out.turn(role, string(message.get("name")), string(message.get("tool_call_id")), *about)
    for name in ("reasoning_content", "reasoning"):
        if message.get(name):
            out.line(f"(thought)\n{string(message[name])}\n")
    _show_content(out, message.get("content"))
    out.line(string(message.get("refusal")))
    for image in elements(message.get("images")):
        _show_part(out, members(image))
    if audio := members(message.get("audio")):
        out.line(base64_media("audio", "", audio.get("data")))
        out.line(string(audio.get("transcript")))
    for call in map(members, elements(message.get("tool_calls"))):
        called = members(call.get("function")) or members(call.get("custom"))
        out.call(called.get("name"), called.get("arguments", called.get("input")), call.get("id"))
    if call := members(message.get("function_call")):
        out.call(call.get("name"), call.get("arguments"))


def _show_choice(out: Transcript, choice: JSON) -> None:
    about = (f"choice {string(choice['index'])}" if choice.get("index") else "", string(choice.get("finish_reason")))
    if "text" in choice:
        out.turn("completion", *about)
        out.line(string(choice["text"]))
    else:
        _show_message(out, members(choice.get("message")), *about)


# --- responses


def _show_items(out: Transcript, items: list[Any]) -> None:
    for item in map(members, items):
        type = string(item.get("type")) or "message"
        show = _ITEMS.get(type)
        if type == "message":
            out.turn(string(item.get("role")) or "user", _state(item))
            _show_content(out, item.get("content"))
        else:
            out.turn(type, _state(item))
            if show:
                show(out, item)
            else:
                out.line(clipped({name: value for name, value in item.items() if name != "type"}))


def _state(item: JSON) -> str:
    status = string(item.get("status"))
    return "" if status == "completed" else status


def _show_call(out: Transcript, item: JSON) -> None:
    out.call(item.get("name"), item.get("arguments", item.get("input")), item.get("call_id"))


def _show_output(out: Transcript, item: JSON) -> None:
    output = item.get("output")
    out.result("", None if isinstance(output, list) else output, item.get("call_id"))
    if isinstance(output, list):
        _show_content(out, output)


def _show_reasoning(out: Transcript, item: JSON) -> None:
    _show_content(out, item.get("summary"))
    _show_content(out, item.get("content"))


def _show_image_call(out: Transcript, item: JSON) -> None:
    out.line(base64_media("image", "", item.get("result")))


_ITEMS: dict[str, Callable[[Transcript, JSON], None]] = {
    "function_call": _show_call,
    "custom_tool_call": _show_call,
    "function_call_output": _show_output,
    "custom_tool_call_output": _show_output,
    "reasoning": _show_reasoning,
    "image_generation_call": _show_image_call,
}

# --- content parts


def _show_content(out: Transcript, content: Any) -> None:
    if isinstance(content, list):
        for part in content:
            _show_part(out, members(part) or {"type": "text", "text": string(part)})
    else:
        out.line(string(content))


def _show_part(out: Transcript, part: JSON) -> None:
    show: Callable[[JSON], str] = _PARTS.get(string(part.get("type")), clipped)
    out.line(show(part))


def _text(part: JSON) -> str:
    return string(part.get("text") or part.get("refusal"))


def _image(part: JSON) -> str:
    image = part.get("image_url")
    return url_media("image", members(image).get("url") if isinstance(image, dict) else image or part.get("file_id"))


def _audio(part: JSON) -> str:
    audio = members(part.get("input_audio"))
    return base64_media("audio", audio.get("format"), audio.get("data"))


def _file(part: JSON) -> str:
    file = members(part.get("file")) or part
    data = file.get("file_data")
    about = f"file {string(file.get('filename'))}".rstrip()
    if isinstance(data, str) and not data.startswith("data:"):
        return base64_media(about, "", data)
    return url_media(about, data or file.get("file_url") or file.get("file_id"))


_PARTS: dict[str, Callable[[JSON], str]] = {
    **dict.fromkeys(("text", "input_text", "output_text", "summary_text", "reasoning_text", "refusal"), _text),
    **dict.fromkeys(("image_url", "input_image"), _image),
    "input_audio": _audio,
    **dict.fromkeys(("file", "input_file"), _file),
}
