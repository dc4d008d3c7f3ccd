"""How requests, answers and streams of the Messages API are shown. See `mapping.inspect.bodies`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, override

from mapping import jsonio
from mapping.inspect.bodies import ConversationBodies, Event
from mapping.inspect.masking import Structure
from mapping.inspect.transcript import Transcript, base64_media, clipped, elements, members, string, url_media
from mapping.messages.answer.events import DELTAS
from mapping.values import JSON

_EVENTS = frozenset(
    {
        *("message_start", "message_delta", "message_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop", "ping"),
    }
)


class MessagesBodies(ConversationBodies):
    """System, messages and their blocks. The deltas of each block are joined."""

    facts: Mapping[str, str] = MappingProxyType(
        {
            "client_model": "model of the answer",
            "stream": "the answer is a stream",
            "names": "names of tools in the answer",
            "integers": "types of arguments in the answer",
            "used_ids": "ids that the answer does not use again",
            "json_by_sentence": "JSON that is taken out of Markdown fences",
            "stops": "stop sequences that the gateway looks for",
            "thinking": "the answer may have thinking blocks",
            "display": "how thoughts are shown",
            "one_call": "the answer has at most one call",
            "applied_edits": "what the answer says was cleared",
            "tool_changes": "the answer is a summary, which tells of changed tools",
        }
    )
    structure = Structure(
        kept=frozenset(
            {
                *("allowed_callers", "clear_at", "display", "effort", "error_code", "keep", "service_tier", "speed"),
                *("stop_reason", "stop_sequence", "stop_sequences", "ttl"),
                *("clear_tool_inputs", "exclude_tools", "tool_name"),  # names of tools
            }
        ),
        ids=frozenset({"tool_use_id", "request_id"}),
        opaque=frozenset({"encrypted_content", "encrypted_index", "signature"}),
        free=frozenset({"input"}),
        results=frozenset({"tool_result"}),
    )
    asked = frozenset({"messages"})
    turns = frozenset({"content", "messages", "role", "system", "tools", "type"})

    @override
    def answers(self, value: JSON) -> bool:
        """It is a message, an event of one, or an error as this dialect tells it."""
        kind = string(value.get("type"))
        return kind in _EVENTS or (kind == "message" and "content" in value) or (kind == "error" and "error" in value)

    @override
    def show_asked(self, out: Transcript, request: JSON) -> None:
        messages = elements(request.get("messages"))
        out.preview(len(messages), lambda last: _show_message(last, members(messages[-1])))
        if system := request.get("system"):
            out.turn("system")
            _show_content(out, system)
        for message in messages:
            _show_message(out, members(message))

    @override
    def show_answered(self, out: Transcript, answer: JSON) -> None:
        if answer.get("content"):
            out.turn(string(answer.get("role")) or "assistant", string(answer.get("stop_reason")))
            _show_content(out, answer["content"])

    @override
    def folded(self, events: Sequence[JSON]) -> JSON:
        whole: JSON = {}
        blocks: dict[str, JSON] = {}
        pieces: dict[str, dict[str, list[str]]] = {}
        for event in events:
            place = string(event.get("index"))
            if isinstance(event.get("message"), dict):
                whole = dict(event["message"])
            elif isinstance(event.get("content_block"), dict):
                blocks[place] = dict(event["content_block"])
            elif event.get("type") == "content_block_delta":
                _add_delta(blocks.setdefault(place, {}), pieces.setdefault(place, {}), members(event.get("delta")))
            elif event.get("type") == "message_delta":
                usage = {**members(whole.get("usage")), **members(event.get("usage"))}
                whole = {**whole, **members(event.get("delta")), "usage": usage}
            elif "error" in event:
                whole = {**whole, "error": event["error"]}
        return {**whole, "content": [_joined(block, pieces.get(place, {})) for place, block in blocks.items()]}

    @override
    def brings(self, event: JSON) -> tuple[list[str], int]:
        delta = members(event.get("delta"))
        name = string(delta.get("type")) or string(event.get("type"))
        return [name], len(string(delta.get(DELTAS.get(name, ""))))

    @override
    def is_last(self, event: Event) -> bool:
        return members(event).get("type") == "message_stop" or super().is_last(event)


def _add_delta(block: JSON, pieces: dict[str, list[str]], delta: JSON) -> None:
    kind = string(delta.get("type"))
    if kind in DELTAS:
        member = DELTAS[kind]
        pieces.setdefault(member, []).append(string(delta.get(member)))
    elif kind == "citations_delta":
        block["citations"] = [*elements(block.get("citations")), delta.get("citation")]
    else:
        block.update((name, value) for name, value in delta.items() if name != "type")


def _joined(block: JSON, pieces: dict[str, list[str]]) -> JSON:
    """A block with what its deltas brought."""
    made = {**block, **{name: "".join(texts) for name, texts in pieces.items()}}
    if "partial_json" in made:
        arguments = made.pop("partial_json")
        try:
            made["input"] = jsonio.loads(arguments)
        except ValueError:
            made["input"] = arguments
    return made


def _show_message(out: Transcript, message: JSON) -> None:
    out.turn(string(message.get("role")) or "user")
    _show_content(out, message.get("content"))


def _show_content(out: Transcript, content: Any) -> None:
    """A text, or a list of blocks."""
    if not isinstance(content, list):
        out.line(string(content))
        return
    for block in content:
        told = members(block) or {"type": "text", "text": string(block)}
        show = _BLOCKS.get(string(told.get("type")))
        if show:
            show(out, told)
        else:
            out.line(clipped(told))


def _show_text(out: Transcript, block: JSON) -> None:
    out.line(string(block.get("text")))
    for citation in map(members, elements(block.get("citations"))):
        out.line(f"[{string(citation.get('title'))} {string(citation.get('url'))}]")


def _show_thinking(out: Transcript, block: JSON) -> None:
    if text := string(block.get("thinking")):
        out.line(f"(thought)\n{text}\n")


def _show_use(out: Transcript, block: JSON) -> None:
    out.call(block.get("name"), block.get("input"), block.get("id"))


def _show_result(out: Transcript, block: JSON) -> None:
    content = block.get("content")
    name = "error" if block.get("is_error") else ""
    out.result(name, None if isinstance(content, list) else content, block.get("tool_use_id"))
    if isinstance(content, list):
        _show_content(out, content)


def _show_found(out: Transcript, block: JSON) -> None:
    """What a tool of the server gave."""
    out.result("", None, block.get("tool_use_id"))
    content = block.get("content")
    for found in map(members, content if isinstance(content, list) else [content]):
        about = [string(found.get(name)) for name in ("title", "url", "stdout", "stderr", "error_code")]
        out.line(" ".join(filter(None, about)))


def _show_file(out: Transcript, block: JSON) -> None:
    source = members(block.get("source"))
    about = f"{string(block.get('type'))} {string(block.get('title'))}".rstrip()
    kind = source.get("type")
    if kind == "base64":
        out.line(base64_media(about, source.get("media_type"), source.get("data")))
    elif kind in ("text", "content"):
        out.line(f"[{about}]")
        _show_content(out, source.get("data") or source.get("content"))
    else:
        out.line(url_media(about, source.get("url") or source.get("file_id")))


_BLOCKS: dict[str, Callable[[Transcript, JSON], None]] = {
    "text": _show_text,
    "thinking": _show_thinking,
    "redacted_thinking": lambda out, block: None,
    **dict.fromkeys(("tool_use", "server_tool_use"), _show_use),
    "tool_result": _show_result,
    "compaction": lambda out, block: out.line(f"(summary)\n{string(block.get('content'))}\n"),
    **dict.fromkeys(("web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result"), _show_found),
    **dict.fromkeys(("image", "document"), _show_file),
}

BODIES = dict.fromkeys(("messages", "count_tokens"), MessagesBodies())
