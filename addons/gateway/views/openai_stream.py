"""The events of a stream of the OpenAI API -> the one answer that they make.

* Chat and completions (`object`: `chat.completion.chunk`, `text_completion`): the deltas of each choice are joined.
* Responses: the last event has the whole response. While it has not come, the items are made of what has.
"""

from __future__ import annotations

from typing import Any

from addons.gateway.views.transcript import JSON, elements, members, string

_LAST = ("response.completed", "response.incomplete", "response.failed", "error")
"""Types of events that end a stream of the Responses API."""

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
"""Members of a delta that are pieces of a text."""

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


def is_last(event: JSON) -> bool:
    """Whether a stream may end after it without `[DONE]`."""
    return event.get("type") in _LAST or "error" in event


def folded(events: list[JSON]) -> JSON:
    """The answer that all events make, as a whole answer looks."""
    if any(string(event.get("type")).startswith("response.") for event in events):
        return _response(events)
    return _choices(events)


def described(event: JSON) -> tuple[str, int]:
    """What an event brings, and how many characters of text."""
    if type := event.get("type"):
        delta = event.get("delta")
        return string(type), len(delta) if isinstance(delta, str) else 0
    kinds: list[str] = []
    size = 0
    for choice in map(members, elements(event.get("choices"))):
        delta = {"text": choice.get("text"), **members(choice.get("delta"))}
        for name, value in delta.items():
            if value:
                kinds.append(name)
                size += len(value) if isinstance(value, str) else 0
        if reason := choice.get("finish_reason"):
            kinds.append(string(reason))
    kinds += [name for name in ("usage", "error") if event.get(name)]
    return " + ".join(dict.fromkeys(kinds)) or "no content", size


# --- chat and completions


def _choices(events: list[JSON]) -> JSON:
    whole: JSON = {}
    kept: dict[str, JSON] = {}
    for event in events:
        whole.update((name, value) for name, value in event.items() if name != "choices" and value is not None)
        for choice in map(members, elements(event.get("choices"))):
            index = choice.get("index")
            one = kept.setdefault(string(index), {"index": index, "pieces": {}, "calls": {}})
            _add_delta(one, choice)
    whole["choices"] = [_choice(one) for one in kept.values()]
    return whole


def _add_delta(kept: JSON, choice: JSON) -> None:
    delta = members(choice.get("delta"))
    pieces: _Pieces = kept["pieces"]
    if isinstance(choice.get("text"), str):
        pieces.setdefault("text", []).append(choice["text"])
    for name in _TEXTS:
        if isinstance(delta.get(name), str):
            pieces.setdefault(name, []).append(delta[name])
    kept.setdefault("images", []).extend(elements(delta.get("images")))
    for name, value in members(delta.get("audio")).items():
        if isinstance(value, str):
            kept.setdefault("audio", {}).setdefault(name, []).append(value)
    if delta.get("role"):
        kept["role"] = delta["role"]
    for call in map(members, elements(delta.get("tool_calls"))):
        _add_call(kept["calls"].setdefault(string(call.get("index")), {"arguments": []}), call)
    if reason := choice.get("finish_reason"):
        kept["finish_reason"] = reason


def _add_call(kept: JSON, call: JSON) -> None:
    function = members(call.get("function"))
    custom = members(call.get("custom"))
    kept["id"] = call.get("id") or kept.get("id")
    kept["name"] = function.get("name") or custom.get("name") or kept.get("name")
    kept["arguments"].append(string(function.get("arguments")) + string(custom.get("input")))


def _choice(kept: JSON) -> JSON:
    texts = {name: "".join(pieces) for name, pieces in kept["pieces"].items()}
    calls = [
        {"id": call["id"], "function": {"name": call["name"], "arguments": "".join(call["arguments"])}}
        for call in kept["calls"].values()
    ]
    choice = {"index": kept["index"], "finish_reason": kept.get("finish_reason")}
    if "text" in texts:
        return {**choice, "text": texts["text"]}
    audio = {name: "".join(pieces) for name, pieces in kept.get("audio", {}).items()}
    beside = {"role": kept.get("role"), "audio": audio, "images": kept.get("images")}
    return {**choice, "message": {**beside, **texts, "tool_calls": calls}}


# --- responses


def _response(events: list[JSON]) -> JSON:
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
