"""How bodies of OpenAI's API are shown: what its dialects have in common. See `mapping.inspect.bodies`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, override

from mapping.inspect.bodies import Bodies, Event
from mapping.inspect.fillers import mask_id, mask_opaque, mask_text
from mapping.inspect.masking import Structure, mask_parts
from mapping.inspect.transcript import (
    Transcript,
    base64_media,
    clipped,
    counts,
    elements,
    members,
    string,
    url_media,
)
from mapping.values import JSON

_TURNS = frozenset(
    {"messages", "prompt", "input", "instructions", "tools", "functions", "choices", "output", "data", "object"}
)
"""Members of requests and answers that are not facts but what is said, and the tools."""
_FIRST = ("incomplete_details",)
"""Members of an answer that say why it is not what it should be."""


class OpenAIBodies(Bodies):
    """Turns, tools and settings of a request; the error, what is said and the details of an answer."""

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
    """Members of requests and answers that are no facts, but what is said."""
    asked: frozenset[str]
    """Members one of which each request has, and no answer."""

    @override
    def mask_sealed(self, payload: JSON) -> JSON:
        """What is in an `encrypted_content`, see `mapping.responses.carrier`."""
        made = dict(payload)
        if isinstance(calls := payload.get("calls"), dict):
            made["calls"] = {mask_id(id): mask_opaque(signature) for id, signature in calls.items()}
        if isinstance(text := payload.get("text"), str):
            made["text"] = mask_opaque(text)
        if isinstance(summary := payload.get("summary"), str):
            made["summary"] = mask_text(summary)
        if isinstance(parts := payload.get("parts"), list):
            made["parts"] = mask_parts(parts)
            made["call_ids"] = [mask_id(id) for id in payload.get("call_ids", ())]
        return made

    @override
    def likeness(self, value: Event) -> int:
        """Members tell; an error may be any dialect's."""
        found = members(value)
        return 3 if found.keys() & self.asked or self.answers(found) else 2 if "error" in found else 0

    @abstractmethod
    def answers(self, value: JSON) -> bool:
        """Whether it looks like an answer of this dialect, or an event of one."""

    @abstractmethod
    def show_asked(self, out: Transcript, request: JSON) -> None:
        """What a request says."""

    @abstractmethod
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        """What an answer says."""

    @abstractmethod
    def folded(self, events: Sequence[JSON]) -> JSON:
        """The one answer that all events make, as a whole answer looks."""

    @override
    def show(self, out: Transcript, value: JSON) -> None:
        if value.keys() & self.asked:
            out.facts(value, self.turns)
            tools = elements(value.get("tools")) + elements(value.get("functions"))
            if names := [_tool_name(members(tool)) for tool in tools]:
                out.fact("tools", ", ".join(names))
            self.show_asked(out, value)
            return
        out.error(value.get("error"))
        for name in _FIRST:
            out.fact(name, value.get(name))
        self.show_answered(out, value)
        told = {**value, "usage": counts(value["usage"])} if value.get("usage") else value
        out.details(told, self.turns | {"error", *_FIRST})

    @override
    def show_stream(self, out: Transcript, events: Sequence[Event]) -> None:
        self.show(out, self.folded([members(event) for event in events]))

    @override
    def described(self, event: Event) -> tuple[str, int] | None:
        if isinstance(event, bytes):
            return None
        kinds, size = self.brings(members(event))
        return " + ".join(dict.fromkeys(kinds)) or "no content", size

    def brings(self, event: JSON) -> tuple[list[str], int]:
        """Words for what an event brings, and how many characters of text."""
        return [name for name in ("usage", "error") if event.get(name)], 0

    @override
    def is_last(self, event: Event) -> bool:
        return event.strip() == b"[DONE]" if isinstance(event, bytes) else "error" in members(event)


def _tool_name(tool: JSON) -> str:
    """The name of a tool; of a hosted tool its type."""
    named = members(tool.get("function")) or members(tool.get("custom")) or tool
    return string(named.get("name") or tool.get("type"))


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
