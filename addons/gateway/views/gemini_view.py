"""The view "Gemini conversation": requests and answers of `generateContent`, `streamGenerateContent` and `countTokens`,
and of the methods that embed.

The forms of the Gemini API, of Vertex AI and of the Cloud Code API (`{"request": ...}`, `{"response": ...}`). What
comes in pieces is shown as the one answer that it makes, and after it the events.
"""

from __future__ import annotations

import re
from typing import Any, override

from mitmproxy import http
from mitmproxy.contentviews import Contentview, Metadata

from addons.gateway.views import body as bodies
from addons.gateway.views.body import Body
from addons.gateway.views.gemini_stream import folded
from addons.gateway.views.priority import BEST, NOT_MINE, is_json_or_stream
from mapping.inspect.transcript import (
    Transcript,
    base64_media,
    clipped,
    elements,
    members,
    string,
    url_media,
    vector,
)
from mapping.values import JSON

_PATH = re.compile(r":(?:generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents|predict)\Z")
_WRAPPERS = ("request", "generateContentRequest", "response")
"""Members that hold the whole of a request or an answer."""
_SHOWN_AS_TURNS = frozenset({"contents", "systemInstruction", "system_instruction", "tools", "generationConfig"})
"""Members of a request that are not facts."""
_EMBEDDED = ("content", "requests", "instances")
"""Members of a request that hold texts to embed."""
_VECTORS = ("embedding", "embeddings", "predictions")
"""Members of an answer that hold vectors."""
_FIRST = ("promptFeedback",)
"""Members of an answer that say why there is none."""
_ANSWER_TURNS = frozenset({"candidates", "error", *_FIRST})
_CANDIDATE = frozenset({"content", "index", "finishReason"})
_BESIDE_DATA = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata"})
"""Members of a part that tell of its data."""
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
"""Members of a partial argument, one of which holds its value."""


class GeminiConversation(Contentview):
    """Turns, tools and settings of a Gemini request, or the candidates of an answer."""

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow) or not _PATH.search(flow.request.path.partition("?")[0]):
            return NOT_MINE
        return BEST if is_json_or_stream(data, metadata) else NOT_MINE

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        body = bodies.read(data, bodies.arrivals(metadata))
        body, unreadable = _readable(body)
        if not body.values:
            return data.decode("utf-8", "replace")
        out = Transcript()
        values = body.values
        if not body.stream and isinstance(values[0], list):
            # Streams without alt=sse are one list of answers; errors may come in a list too.
            values = values[0]
        objects = [_unwrapped(out, value) for value in values]
        if body.stream or isinstance(body.values[0], list):
            _show_stream(out, objects, body.times)
        elif "contents" in objects[0] or "systemInstruction" in objects[0]:
            _show_request(out, objects[0])
        elif any(name in objects[0] for name in _EMBEDDED):
            _show_texts(out, objects[0])
        elif any(name in objects[0] for name in _VECTORS):
            _show_vectors(out, objects[0])
        else:
            _show_answer(out, objects[0])
        if unreadable:
            out.remark(f"({unreadable} events are not JSON)")
        if body.cut or (body.stream and not any(_is_last(value) for value in objects)):
            out.remark(bodies.CUT)
        return out.render()


def _readable(body: Body) -> tuple[Body, int]:
    """The body without what is no JSON, and how much that is. Proxies add `[DONE]`, which says nothing."""
    if not body.stream:
        return body, 0
    is_json = [not isinstance(value, bytes) for value in body.values]
    strange = sum(isinstance(value, bytes) and value.strip() != b"[DONE]" for value in body.values)
    return body.where(is_json), strange


def _unwrapped(out: Transcript, value: Any) -> JSON:
    """The request or answer within a wrapper; of a request the rest of the wrapper is said."""
    whole = members(value)
    for name in _WRAPPERS:
        inner = whole.get(name)
        if isinstance(inner, dict):
            if name == "request":
                out.facts(whole, frozenset({name}))
            return inner
    return whole


def _is_last(value: JSON) -> bool:
    """Whether a stream may end after it."""
    finished = any(members(candidate).get("finishReason") for candidate in elements(value.get("candidates")))
    return finished or "promptFeedback" in value or "error" in value


def _show_request(out: Transcript, request: JSON) -> None:
    out.facts(request, _SHOWN_AS_TURNS)
    out.facts(members(request.get("generationConfig")))
    if names := _tool_names(request.get("tools")):
        out.fact("tools", ", ".join(names))
    contents = elements(request.get("contents"))
    out.preview(len(contents), lambda last: _show_content(last, contents[-1]))
    if system := request.get("systemInstruction") or request.get("system_instruction"):
        out.turn("system instruction")
        _show_parts(out, system)
    for content in contents:
        _show_content(out, content)


def _show_texts(out: Transcript, request: JSON) -> None:
    """What is embedded: one content, or several with settings of their own, or the instances of `predict`.

    Settings are told where they are others than those before.
    """
    out.facts(request, frozenset(_EMBEDDED))
    one = [request] if "content" in request else []
    several = [*one, *elements(request.get("requests")), *elements(request.get("instances"))]
    told: JSON | None = request if one else None
    for number, entry in enumerate(map(members, several), 1):
        out.turn("content", f"{number} of {len(several)}" if len(several) > 1 else "")
        if told is None or {**entry, "content": None} != {**told, "content": None}:
            out.facts(entry, frozenset(_EMBEDDED))
            told = entry
        _show_parts(out, entry.get("content"))


def _show_vectors(out: Transcript, answer: JSON) -> None:
    """Of each vector how long it is."""
    out.turn("embeddings")
    one = [answer["embedding"]] if "embedding" in answer else []
    predicted = (members(entry).get("embeddings") for entry in elements(answer.get("predictions")))
    several = map(members, [*one, *elements(answer.get("embeddings")), *predicted])
    for number, entry in enumerate(several):
        out.line(f"{number}: {vector(entry.get('values'))}")
        out.facts(entry, frozenset({"values"}))
    out.details(answer, frozenset(_VECTORS))


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


def _show_answer(out: Transcript, answer: JSON) -> None:
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
    parts = elements(members(content).get("parts"))
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


# --- streams


def _show_stream(out: Transcript, answers: list[JSON], times: list[float]) -> None:
    _show_answer(out, folded(answers))
    out.timeline((_event(answer) for answer in answers), times)


def _event(answer: JSON) -> tuple[str, int]:
    """What an event brings, and how many characters of text."""
    if "error" in answer:
        return "error", 0
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


def _kind(name: str, part: JSON) -> str:
    return "thought" if name == "text" and part.get("thought") else name
