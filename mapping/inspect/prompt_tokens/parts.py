"""A Gemini request as the parts of its prompt, each with about how many tokens it has.

The weights are those of `mapping.gemini.count.estimated`: they tell how a known sum is shared, and stand for tokens
only where no sum is known. What is no part of the prompt (settings of the generation but for a schema) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.inspect.transcript import base64_media, elements, members, string, url_media
from mapping.values import JSON

SYSTEM, TOOLS, SCHEMA, HISTORY, MEDIA, LAST, CACHE = (
    *("system", "tools", "schema", "history", "media", "last message"),
    "explicit cache",
)
"""The sections of a prompt. `history` is all turns before the last one; pictures and the like are in `media` alone."""
SECTIONS = (CACHE, SYSTEM, TOOLS, SCHEMA, HISTORY, LAST, MEDIA)

TEXT = "TEXT"
_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "text": TEXT}
"""The beginning of a content type -> Gemini's name of the modality; all others are documents."""
_DOCUMENT = "DOCUMENT"
_BYTES = 4
"""Of text for a token."""
_MEDIA_BYTES, _PICTURE = 500, 258
"""Of a file for a token; the tokens of a small picture, which are the least of any file."""
_DATA = ("inlineData", "inline_data")
_FILES = ("fileData", "file_data")
_RESULTS = ("functionResponse", "function_response")
_CALLS = ("functionCall", "function_call")
_UNREAD = frozenset({"thoughtSignature", "thought_signature", "thought", "videoMetadata", "mediaResolution"})
"""Members of a part that are no text of the prompt."""
_SCHEMAS = ("responseSchema", "responseJsonSchema", "response_schema", "response_json_schema")


@dataclass(frozen=True, slots=True)
class PromptPart:
    """Something of a prompt that is told of by itself: a tool, a turn, a file."""

    section: str
    name: str
    weight: float
    """About how many tokens."""
    modality: str = TEXT
    turn: int = 0
    """From 1 on; 0: it is in none."""


def parts(body: JSON) -> list[PromptPart]:
    """All parts, in the order of the sections' names in a request."""
    found = [PromptPart(CACHE, string(body["cachedContent"]), 0.0)] if body.get("cachedContent") else []
    if system := body.get("systemInstruction") or body.get("system_instruction"):
        found += _of_turn(system, SYSTEM, "system instruction", 0)
    found += _tools(body)
    config = members(body.get("generationConfig"))
    found += [PromptPart(SCHEMA, "of the answer", _json(config[name])) for name in _SCHEMAS if config.get(name)]
    contents = turns(body)
    for number, content in enumerate(contents, 1):
        section = LAST if number == len(contents) else HISTORY
        found += _of_turn(content, section, _name(content), number)
    return found


def turns(body: JSON) -> Sequence[Any]:
    """The turns of a request; a single one may stand by itself."""
    contents = body.get("contents")
    return [contents] if isinstance(contents, dict) else elements(contents)


def without_media(body: JSON) -> JSON:
    """The same request without its files; a turn that has nothing else is left out."""
    kept = []
    for content in map(members, turns(body)):
        rest = [part for part in elements(content.get("parts")) if _file(members(part)) is None]
        if rest:
            kept.append({**content, "parts": rest})
    return {**body, "contents": kept}


def _tools(body: JSON) -> Iterator[PromptPart]:
    """Each function by itself, each other tool, and which of them may be called."""
    for tool in map(members, elements(body.get("tools"))):
        for kind, value in tool.items():
            if kind in ("functionDeclarations", "function_declarations"):
                for one in map(members, elements(value)):
                    yield PromptPart(TOOLS, string(one.get("name")) or "?", _json(one))
            else:
                yield PromptPart(TOOLS, kind, _json({kind: value}))


def _of_turn(content: Any, section: str, name: str, turn: int) -> Iterator[PromptPart]:
    """What a turn says, and each of its files."""
    weight = 0.0
    for part in map(members, _parts(content)):
        file = _file(part)
        if file is not None:
            yield _media(file, turn)
            continue
        weight += _text(part)
        for inner in _inner_files(part):
            yield _media(inner, turn)
    yield PromptPart(section, name, weight, turn=turn)


def _parts(content: Any) -> Sequence[Any]:
    if isinstance(content, str):
        return [{"text": content}]
    found = members(content).get("parts")
    return [found] if isinstance(found, dict) else elements(found)


def _text(part: JSON) -> float:
    if isinstance(text := part.get("text"), str):
        return len(text.encode("utf-8", "replace")) / _BYTES
    for name in _RESULTS:
        if isinstance(result := part.get(name), dict):
            return _json({key: value for key, value in result.items() if key != "parts"})
    return _json({name: value for name, value in part.items() if name not in _UNREAD})


def _inner_files(part: JSON) -> Iterator[JSON]:
    """Those that a tool gave back."""
    for name in _RESULTS:
        for inner in map(members, elements(members(part.get(name)).get("parts"))):
            if (file := _file(inner)) is not None:
                yield file


def _file(part: JSON) -> JSON | None:
    return next((part for name in (*_DATA, *_FILES) if isinstance(part.get(name), dict)), None)


def _media(part: JSON, turn: int) -> PromptPart:
    data = next((members(part[name]) for name in _DATA if name in part), None)
    file = data if data is not None else next(members(part[name]) for name in _FILES if name in part)
    kind = string(file.get("mimeType") or file.get("mime_type"))
    modality = _MODALITIES.get(kind.partition("/")[0], _DOCUMENT)
    size = len(string(file.get("data"))) * 3 // 4 if data is not None else 0
    if data is not None:
        name = base64_media(modality.lower(), kind, file.get("data"))
    else:
        name = url_media(modality.lower(), file.get("fileUri") or file.get("file_uri"))
    weight = _PICTURE if modality == "IMAGE" else max(_PICTURE, size / _MEDIA_BYTES)
    return PromptPart(MEDIA, name, weight, modality, turn)


def _name(content: Any) -> str:
    """Who says it, and which tools it is about."""
    told = members(content)
    role = string(told.get("role")) or "user"
    found = [members(part) for part in _parts(content)]
    for names, words in ((_CALLS, "calls"), (_RESULTS, "results of")):
        about = [string(members(part[name]).get("name")) for part in found for name in names if name in part]
        if about:
            some = ", ".join(dict.fromkeys(about[:3])) + (", …" if len(set(about)) > 3 else "")
            role += f" · {words} {some}"
    return role


def _json(value: Any) -> float:
    try:
        return len(jsonio.dumps(value)) / _BYTES if value else 0.0
    except (TypeError, ValueError, RecursionError):
        return 0.0
