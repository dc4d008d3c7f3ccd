"""How requests, answers and streams of Chat Completions are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import override

from mapping.inspect.transcript import Transcript, elements, members, string
from mapping.openai.bodies import OpenAIBodies
from mapping.openai.chat_shape.bodies import show_choice, show_message
from mapping.values import JSON

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
"""Members of a delta that are pieces of a text."""

_Pieces = dict[str, list[str]]


class ChatBodies(OpenAIBodies):
    """Messages and choices. The deltas of each choice are joined."""

    asked = frozenset({"messages"})

    @override
    def answers(self, value: JSON) -> bool:
        """Its choices hold messages, or pieces of them."""
        return value.get("object") in ("chat.completion", "chat.completion.chunk") or any(
            {"message", "delta"} & members(choice).keys() for choice in elements(value.get("choices"))
        )

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        messages = elements(request.get("messages"))
        out.preview(len(messages), lambda last: show_message(last, members(messages[-1])))
        for message in messages:
            show_message(out, members(message))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        for choice in map(members, elements(answer.get("choices"))):
            show_choice(out, choice)

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
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

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        kinds: list[str] = []
        size = 0
        for choice in map(members, elements(event.get("choices"))):
            for name, value in members(choice.get("delta")).items():
                if value:
                    kinds.append(name)
                    size += len(value) if isinstance(value, str) else 0
            if reason := choice.get("finish_reason"):
                kinds.append(string(reason))
        return kinds + super().brings(event)[0], size


# --- streams


def _add_delta(kept: JSON, choice: JSON) -> None:
    delta = members(choice.get("delta"))
    pieces: _Pieces = kept["pieces"]
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
    audio = {name: "".join(pieces) for name, pieces in kept.get("audio", {}).items()}
    beside = {"role": kept.get("role"), "audio": audio, "images": kept.get("images")}
    message = {**beside, **texts, "tool_calls": calls}
    return {"index": kept["index"], "finish_reason": kept.get("finish_reason"), "message": message}


BODIES = {"chat": ChatBodies()}
