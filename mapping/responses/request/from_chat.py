"""Chat messages -> Responses items that say the same, for keeping a request that came in the shape of chat.

The messages were translated before, so they are known to be right; what chat's reader takes is taken here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mapping.answer.parts.calls import Mint
from mapping.notes import Notes
from mapping.openai.chat_shape.anthropic import chat_messages
from mapping.values import JSON


def items_of(messages: Sequence[JSON], mint: Mint) -> list[JSON]:
    """The items of checked messages, without ids of their own. `mint` makes the call ids that legacy calls lack."""
    converter = _Converter(mint)
    return [item for message in messages for told in chat_messages(message, Notes()) for item in converter.items(told)]


_CALLS = (None, "function", "custom")
"""The types of calls."""


class _Converter:
    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._legacy: dict[str, str] = {}
        """Name of a legacy function -> the id of its last call."""
        self._left_out: set[str] = set()
        """The ids of calls of unknown types, which the reader leaves out with their results."""

    def items(self, message: JSON) -> Iterator[JSON]:
        role = message["role"]
        if role == "tool" and message["tool_call_id"] in self._left_out:
            return
        if role == "tool":
            yield _output(message["tool_call_id"], message)
        elif role == "function":
            yield _output(self._legacy.get(message["name"]), message)
        elif role == "assistant":
            yield from self._assistant(message)
        else:
            yield {"type": "message", "role": role, "content": _content(message.get("content"), "input_text")}

    def _assistant(self, message: JSON) -> Iterator[JSON]:
        content = _content(message.get("content"), "output_text")
        if message.get("refusal") is not None:
            content.append({"type": "refusal", "refusal": message["refusal"]})
        content += [_image(image) for image in message.get("images") or ()]
        if content:
            item = {"type": "message", "role": "assistant", "content": content}
            yield _with_extra(item, message)
        for call in message.get("tool_calls") or ():
            if call.get("type") in _CALLS:
                yield _with_extra(_call(call), call)
            else:
                self._left_out.add(call["id"])
        legacy = message.get("function_call")
        if legacy is not None:
            call_id = self._legacy[legacy["name"]] = self._mint("call_")
            item = {"type": "function_call", "call_id": call_id, **_function(legacy)}
            yield _with_extra(item, legacy)


def _call(call: JSON) -> JSON:
    if call.get("type") == "custom":
        custom = call["custom"]
        return {"type": "custom_tool_call", "call_id": call["id"], "name": custom["name"], "input": custom["input"]}
    return {"type": "function_call", "call_id": call["id"], **_function(call["function"])}


def _function(function: JSON) -> JSON:
    return {"name": function["name"], "arguments": function.get("arguments") or "{}"}


def _output(call_id: str | None, message: JSON) -> JSON:
    content = message.get("content")
    output = "" if content is None else content if isinstance(content, str) else _content(content, "input_text")
    item: JSON = {"type": "function_call_output", "call_id": call_id, "output": output}
    return item if message.get("name") is None else {**item, "name": message["name"]}


def _with_extra(item: JSON, holder: JSON) -> JSON:
    """With the thought signature that the client gave back."""
    extra = holder.get("extra_content")
    return item if extra is None else {**item, "extra_content": extra}


def _content(content: Any, text_type: str) -> list[JSON]:
    if content is None:
        return []
    if isinstance(content, str):
        return [_text(content, text_type)]
    return [
        _text(part["text"], text_type) if part["type"] == "text" else _PARTS.get(part["type"], _same)(part)
        for part in content
    ]


def _text(text: str, text_type: str) -> JSON:
    part: JSON = {"type": text_type, "text": text}
    return {**part, "annotations": []} if text_type == "output_text" else part


def _image(part: JSON) -> JSON:
    image = part["image_url"]
    if isinstance(image, str):
        image = {"url": image}
    return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail") or "auto"}


def _file(part: JSON) -> JSON:
    return {"type": "input_file", **part["file"]}


def _video(part: JSON) -> JSON:
    video = part["video_url"]
    return {"type": "input_file", "file_url": video if isinstance(video, str) else video["url"]}


def _same(part: JSON) -> JSON:
    return part


_PARTS: dict[str, Callable[[JSON], JSON]] = {"image_url": _image, "file": _file, "video_url": _video}
"""Types of content parts that the Responses API has another way."""
