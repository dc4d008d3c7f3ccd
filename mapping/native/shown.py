"""Gemini's requests and answers as text for a person. What comes in pieces is shown as the one answer that it makes."""

from __future__ import annotations

from typing import Any

from mapping.inspect.transcript import Transcript, base64_media, clipped, elements, members, string, url_media, vector
from mapping.values import JSON

_SHOWN_AS_TURNS = frozenset({"contents", "systemInstruction", "system_instruction", "tools", "generationConfig"})
"""Members of a request that are not facts."""
_EMBEDDED = frozenset({"content", "requests", "instances"})
"""Members of a request that hold texts to embed."""
_VECTORS = frozenset({"embedding", "embeddings", "predictions"})
"""Members of an answer that hold vectors."""
_FIRST = ("promptFeedback",)
"""Members of an answer that say why there is none."""
_ANSWER_TURNS = frozenset({"candidates", "error", *_FIRST})
_ENDS = ("interaction.completed", "interaction.cancelled")
"""Events with which a stream of an interaction ends."""
_WORDS = {
    "thought_summary": "thought",
    "thought_signature": "thought",
    "arguments_delta": "functionCall",
    **dict.fromkeys(("image", "audio", "video", "document"), "inlineData"),
}
"""What an interaction's events bring -> the same in the words of parts."""
_CANDIDATE = frozenset({"content", "index", "finishReason"})
_BESIDE_DATA = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata"})
"""Members of a part that tell of its data."""
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
"""Members of a partial argument, one of which holds its value."""


def is_to_embed(value: JSON) -> bool:
    """Whether it is a request for embeddings."""
    return not _EMBEDDED.isdisjoint(value)


def is_embedded(value: JSON) -> bool:
    """Whether it is an answer that holds embeddings."""
    return not _VECTORS.isdisjoint(value)


def is_last(value: JSON) -> bool:
    """Whether a stream may end after it."""
    finished = any(members(candidate).get("finishReason") for candidate in elements(value.get("candidates")))
    finished = finished or value.get("event_type") in _ENDS
    return finished or "promptFeedback" in value or "error" in value


def show_request(out: Transcript, request: JSON) -> None:
    """A request to generate."""
    out.facts(request, _SHOWN_AS_TURNS)
    out.facts(members(request.get("generationConfig")))
    if names := _tool_names(request.get("tools")):
        out.fact("tools", ", ".join(names))
    contents = listed(request.get("contents"))
    out.preview(len(contents), lambda last: _show_content(last, contents[-1]))
    if system := request.get("systemInstruction") or request.get("system_instruction"):
        out.turn("system instruction")
        _show_parts(out, system)
    for content in contents:
        _show_content(out, content)


def listed(value: Any) -> list[Any]:
    """A list; of one element that stands by itself, as Google takes it, a list of that."""
    return [value] if isinstance(value, dict) else elements(value)


def show_texts(out: Transcript, request: JSON) -> None:
    """What is embedded: one content, or several with settings of their own, or the instances of `predict`.

    Settings are told where they are others than those before.
    """
    out.facts(request, _EMBEDDED)
    one = [request] if "content" in request else []
    several = [*one, *elements(request.get("requests")), *elements(request.get("instances"))]
    told: JSON | None = request if one else None
    for number, entry in enumerate(map(members, several), 1):
        out.turn("content", f"{number} of {len(several)}" if len(several) > 1 else "")
        if told is None or {**entry, "content": None} != {**told, "content": None}:
            out.facts(entry, _EMBEDDED)
            told = entry
        _show_parts(out, entry.get("content"))


def show_vectors(out: Transcript, answer: JSON) -> None:
    """Of each vector how long it is."""
    out.turn("embeddings")
    one = [answer["embedding"]] if "embedding" in answer else []
    predicted = (members(entry).get("embeddings") for entry in elements(answer.get("predictions")))
    several = map(members, [*one, *elements(answer.get("embeddings")), *predicted])
    for number, entry in enumerate(several):
        out.line(f"{number}: {vector(entry.get('values'))}")
        out.facts(entry, frozenset({"values"}))
    out.details(answer, _VECTORS)


def _show_content(out: Transcript, content: Any) -> None:
    out.turn(string(members(content).get("role")) or "user")
    _show_parts(out, content)


def _tool_names(tools: Any) -> list[str]:
    names: list[str] = []
    for tool in elements(tools):
        for name, value in members(tool).items():
            declared = elements(value) if name in ("functionDeclarations", "function_declarations") else None
            names += [name] if declared is None else [string(members(one).get("name")) for one in declared]
    return names


def show_answer(out: Transcript, answer: JSON) -> None:
    """An answer, whole or folded."""
    out.error(answer.get("error"))
    for name in _FIRST:
        out.fact(name, answer.get(name))
    for candidate in map(members, elements(answer.get("candidates"))):
        about = [f"candidate {string(candidate['index'])}" if candidate.get("index") else ""]
        if reason := candidate.get("finishReason"):
            about.append(string(reason))
        content = members(candidate.get("content"))
        out.turn(string(content.get("role")) or "model", *about)
        _show_parts(out, content)
        for name, value in candidate.items():
            if name not in _CANDIDATE and value is not None:
                out.fact(name, clipped(value))
    out.details(answer, _ANSWER_TURNS)


def _show_parts(out: Transcript, content: Any) -> None:
    parts = listed(members(content).get("parts"))
    for part in parts if parts or isinstance(content, dict) else [{"text": string(content)}]:
        _show_part(out, members(part))


def _show_part(out: Transcript, part: JSON) -> None:
    for name, value in part.items():
        if name == "text":
            out.line(f"(thought)\n{string(value)}\n" if part.get("thought") and value else string(value))
        elif name in ("inlineData", "inline_data"):
            data = members(value)
            out.line(base64_media("data", data.get("mimeType") or data.get("mime_type"), data.get("data")))
        elif name in ("fileData", "file_data"):
            data = members(value)
            out.line(url_media(string(data.get("mimeType")) or "file", data.get("fileUri")))
        elif name == "functionCall":
            _show_call(out, members(value))
        elif name == "functionResponse":
            out.result(members(value).get("name"), members(value).get("response"), members(value).get("id"))
            _show_parts(out, value)
        elif name == "executableCode":
            out.line(f"(code, {string(members(value).get('language'))})\n{string(members(value).get('code'))}")
        elif name == "codeExecutionResult":
            out.line(f"(code result, {string(members(value).get('outcome'))})\n{string(members(value).get('output'))}")
        elif name not in _BESIDE_DATA:
            out.fact(name, clipped(value))
    if part.get("thoughtSignature"):
        out.line("(signed)")


def _show_call(out: Transcript, call: JSON) -> None:
    pieces: dict[str, str] = {}
    for piece in map(members, elements(call.get("partialArgs"))):
        path = string(piece.get("jsonPath"))
        value = next((piece[name] for name in _VALUES if name in piece), "")
        pieces[path] = pieces.get(path, "") + string(value)
    arguments = call.get("args")
    if pieces:
        arguments = ", ".join(f"{path} = {value}" for path, value in pieces.items())
    out.call(call.get("name"), arguments, call.get("id"))


def event(answer: JSON) -> tuple[str, int]:
    """What an event brings, and how many characters of text."""
    if "error" in answer:
        return "error", 0
    if "event_type" in answer:
        return _interaction_event(answer)
    kinds: list[str] = []
    size = 0
    for candidate in map(members, elements(answer.get("candidates"))):
        for part in map(members, elements(members(candidate.get("content")).get("parts"))):
            text = part.get("text")
            size += len(text) if isinstance(text, str) else 0
            if text != "":
                kinds += [_kind(name, part) for name in part if name not in _BESIDE_DATA]
        if reason := candidate.get("finishReason"):
            kinds.append(string(reason))
    return " + ".join(dict.fromkeys(kinds)) or "no content", size


def _interaction_event(event: JSON) -> tuple[str, int]:
    delta = members(event.get("delta"))
    if not (kind := string(delta.get("type"))):
        return string(event["event_type"]), 0
    text = delta.get("text") or members(delta.get("content")).get("text")
    return _WORDS.get(kind, kind), len(text) if isinstance(text, str) else 0


def _kind(name: str, part: JSON) -> str:
    return "thought" if name == "text" and part.get("thought") else name
