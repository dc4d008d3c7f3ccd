"""How bodies of OpenAI's API are shown: what its dialects have in common. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, override

from mapping.inspect.bodies import ConversationBodies, Event
from mapping.inspect.masking import Structure
from mapping.inspect.transcript import (
    Transcript,
    base64_media,
    clipped,
    members,
    string,
    url_media,
)
from mapping.values import JSON

_TURNS = frozenset(
    {"messages", "prompt", "input", "instructions", "tools", "functions", "choices", "output", "data", "object"}
)
"""Members of requests and answers that are not facts but what is said, and the tools."""


class OpenAIBodies(ConversationBodies):
    """Of one of OpenAI's dialects."""

    facts: Mapping[str, str] = MappingProxyType(
        {
            "client_model": "model of the answer",
            "stream": "the answer is a stream",
            "include_usage": "the stream tells the usage",
            "n": "number of choices",
            "logprobs": "logprobs in the answer",
            "names": "names of tools in the answer",
            "integers": "types of arguments in the answer",
            "custom": "form of calls in the answer",
            "legacy_functions": "form of calls in the answer",
            "used_ids": "ids that the answer does not use again",
            "audio_format": "format of the audio",
            "thought_tag": "form of thoughts in the answer",
            "json_by_sentence": "JSON that is taken out of Markdown fences",
            "echo": "repeated in the answer",
            "kinds": "form of calls in the answer",
            "include": "what the answer includes",
            "summary": "the answer shows thoughts",
            "carry": "the answer has encrypted_content",
            "store": "the answer is stored",
            "compaction": "the answer is a compaction",
        }
    )
    """Of the plan of a request, which may be one of Responses by chat's path too."""
    structure = Structure(
        kept=frozenset(
            {
                *("effort", "encoding_format", "finish_reason", "generate_summary", "include", "modalities", "quality"),
                *("prompt_cache_retention", "reasoning_effort", "service_tier", "tool_choice", "truncation"),
                "verbosity",
            }
        ),
        kept_within=frozenset({("reasoning", "summary")}),
        ids=frozenset({"call_id", "tool_call_id", "item_id", "previous_response_id", "conversation"}),
        opaque=frozenset({"encrypted_content"}),
        data=frozenset({"file_data", "b64_json"}),
        addresses=frozenset({"file_url", "image_url"}),
        json_texts=frozenset({"arguments"}),
        results=frozenset({"tool", "function", "function_call_output", "custom_tool_call_output", "mcp_call"}),
        talk="messages",
    )
    turns = _TURNS
    first = ("incomplete_details",)

    @override
    def tool_name(self, tool: JSON) -> str:
        named = members(tool.get("function")) or members(tool.get("custom")) or tool
        return super().tool_name(named)

    @override
    def is_last(self, event: Event) -> bool:
        return event.strip() == b"[DONE]" if isinstance(event, bytes) else super().is_last(event)


# --- content parts


def show_content(out: Transcript, content: Any) -> None:
    """A text, or a list of parts."""
    if isinstance(content, list):
        for part in content:
            show_part(out, members(part) or {"type": "text", "text": string(part)})
    else:
        out.line(string(content))


def show_part(out: Transcript, part: JSON) -> None:
    """One part; of data its type and size."""
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
