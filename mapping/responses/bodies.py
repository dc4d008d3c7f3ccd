"""How requests, answers and streams of the Responses API are shown. See `mapping.inspect.bodies`.

The last event of a stream has the whole response. While it has not come, the items are made of what has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, override

from mapping.inspect.bodies import Event
from mapping.inspect.transcript import Transcript, base64_media, clipped, elements, members, string
from mapping.openai.bodies import OpenAIBodies, show_content
from mapping.openai.chat_shape.bodies import show_choice
from mapping.values import JSON

_LAST = ("response.completed", "response.incomplete", "response.failed", "error")
"""Types of events that end a stream."""

_DELTAS = {
    # the end of an event's type: the member of the item that it brings a piece of
    "output_text.delta": "text",
    "refusal.delta": "text",
    "reasoning_summary_text.delta": "summary",
    "reasoning_text.delta": "summary",
    "function_call_arguments.delta": "arguments",
    "custom_tool_call_input.delta": "input",
}

_Pieces = dict[str, list[str]]


class ResponsesBodies(OpenAIBodies):
    """Instructions and items."""

    asked = frozenset({"input"})

    @override
    def answers(self, value: JSON) -> bool:
        """It has items, or is of a type of event that only this dialect has."""
        kind = string(value.get("type"))
        return isinstance(value.get("output"), list) or kind.startswith("response.") or kind == "error"

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        items = elements(request.get("input"))
        out.preview(len(items), lambda last: _show_items(last, items[-1:]))
        if instructions := request.get("instructions"):
            _show_said(out, "instructions", instructions)
        _show_said(out, "user", request.get("input"))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        items = elements(answer.get("output")) or elements(answer.get("data"))
        _show_items(out, items)
        # A response may have choices beside its items, for clients of the other API: they say the same.
        for choice in map(members, elements(None if items else answer.get("choices"))):
            show_choice(out, choice)

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {}
        items: dict[str, JSON] = {}
        pieces: dict[str, _Pieces] = {}
        for event in events:
            type = string(event.get("type"))
            place = string(event.get("output_index"))
            if isinstance(event.get("response"), dict):
                whole = event["response"]
            elif type.startswith("response.output_item."):
                items[place] = members(event.get("item"))
                if type.endswith(".done"):
                    pieces.pop(place, None)
            elif member := _DELTAS.get(type.removeprefix("response.")):
                pieces.setdefault(place, {}).setdefault(member, []).append(string(event.get("delta")))
            elif "error" in type or "error" in event:
                whole = {**whole, "error": event.get("error") or event}
        if whole.get("output"):
            return whole
        return {**whole, "output": [_item(item, pieces.get(place, {})) for place, item in items.items()]}

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        if type := event.get("type"):
            delta = event.get("delta")
            return [string(type)], len(delta) if isinstance(delta, str) else 0
        return super().brings(event)

    @override
    def is_last(self, event: Event) -> bool:
        return members(event).get("type") in _LAST or super().is_last(event)


def _item(item: JSON, pieces: _Pieces) -> JSON:
    """An item that is not complete, with what came of it."""
    made: dict[str, Any] = dict(item)
    for member, texts in pieces.items():
        text = "".join(texts)
        if member == "text":
            made["content"] = [{"type": "output_text", "text": text}]
        elif member == "summary":
            made["summary"] = [{"type": "summary_text", "text": text}]
        else:
            made[member] = text
    return made


def _show_said(out: Transcript, role: str, said: Any) -> None:
    """A text, or a list of items."""
    if isinstance(said, list):
        _show_items(out, said)
    elif said is not None:
        out.turn(role)
        out.line(string(said))


def _show_items(out: Transcript, items: list[Any]) -> None:
    for item in map(members, items):
        type = string(item.get("type")) or "message"
        show = _ITEMS.get(type)
        if type == "message":
            out.turn(string(item.get("role")) or "user", _state(item))
            show_content(out, item.get("content"))
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
        show_content(out, output)


def _show_reasoning(out: Transcript, item: JSON) -> None:
    show_content(out, item.get("summary"))
    show_content(out, item.get("content"))


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

BODIES = dict.fromkeys(("responses", "compact", "input_tokens"), ResponsesBodies())
