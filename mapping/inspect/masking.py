"""The texts of an exchange replaced by fillers, so that it can be shown to others and still be translated.

Rules of this module:

* What a person or a model said becomes filler: a letter becomes `x`, a digit `0`, and letters, digits and symbols
  outside ASCII become one character of as many UTF-8 bytes. Blanks and punctuation stay. So lengths in characters and
  in bytes stay, and a text cut into pieces anywhere gives the pieces of its filler.
* A text is filler unless it is known to be structure, of all or of a dialect: what is new there is hidden, not shown.
* In arguments and results of tools the names of members stay, values become filler, numbers too (1 for each digit but
  0). In JSON Schemas keywords, types and names of properties stay; descriptions, examples and listed values do not.
* Base64 data becomes a tiny file of the same media type. Signatures and encrypted texts, which may encode thoughts,
  become others of the same length, the same for the same.
* Names of tools and of models, ids, and the errors of the upstream stay: what they mean is in their words.
* Of an upstream answer only these texts change; its bytes are otherwise as they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mapping import jsonio
from mapping.inspect.fillers import (
    DATA_URL,
    mask_address,
    mask_data,
    mask_free,
    mask_free_leaf,
    mask_id,
    mask_json_text,
    mask_number,
    mask_opaque,
    mask_raw,
    mask_text,
)
from mapping.inspect.json_text import Leaf, rewrite
from mapping.request.parts.media_types import AUDIO_FORMATS, MIME_TYPES
from mapping.request.signatures import text_key
from mapping.values import JSON

_KEPT = frozenset(
    re.findall(
        r"\w+",
        """
        aspectRatio aspect_ratio blockReason cachedContent cached_content category createTime detail endOffset
        finishReason format imageSize image_size jsonPath language languageCode languageCodes mediaResolution
        media_resolution media_type mimeType mime_type modality mode model modelVersion object outcome
        output_format phase probability responseId responseModalities response_modalities role severity size
        speakerLabel startOffset status syntax thinkingLevel thinking_level thought_tag_marker threshold
        toolType trafficType type version voice voiceName voice_name
        """,
    )
)
"""Members whose texts are structure, at Gemini and with most others."""

_NUMBER = "numberValue"
"""A number in an argument of a tool, which comes in pieces."""
_IDS = frozenset({"id"})
_OPAQUE = frozenset({"thoughtSignature", "thought_signature", "continuationToken"})
_DATA = frozenset({"data"})
_ADDRESSES = frozenset({"url", "uri", "fileUri", "file_uri"})
_SCHEMAS = frozenset({"parameters", "schema", "input_schema", "parametersJsonSchema", "responseJsonSchema"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Members of a JSON Schema whose own members are names."""
_FREE_IN_SCHEMA = frozenset({"default", "examples", "example", "const", "enum"})
_TEXTS_IN_SCHEMA = frozenset({"description", "title", "$comment"})


@dataclass(frozen=True, slots=True)
class Structure:
    """Which members of a dialect's bodies hold something else than what was said, beside those that all have."""

    kept: frozenset[str] = frozenset()
    """Their texts stay."""
    kept_within: frozenset[tuple[str, str]] = frozenset()
    """The same of members by the name of what they are in, and their own."""
    ids: frozenset[str] = frozenset()
    opaque: frozenset[str] = frozenset()
    """Signatures and encrypted texts."""
    data: frozenset[str] = frozenset()
    """Base64."""
    addresses: frozenset[str] = frozenset()
    json_texts: frozenset[str] = frozenset()
    """Texts that are JSON."""
    free: frozenset[str] = frozenset()
    """Objects that are the arguments of a tool: names of members stay, values do not."""
    results: frozenset[str] = frozenset()
    """Roles of messages and types of items with results of tools, which may be JSON as text."""
    talk: str = ""
    """Where each element may have the `name` of who speaks. Everywhere else a `name` is that of a tool, and stays."""


PLAIN = Structure()
"""Of a dialect that says nothing."""

# --- the client's request


def mask_request(body: Any, structure: Structure = Structure()) -> Any:
    """The JSON of a request, or of any other body of a dialect."""
    return _Mask(structure).value(body, (), {})


def mask_item(item: Any, structure: Structure = Structure()) -> Any:
    """An element of what a request says, by itself: an item of a history, say."""
    return _Mask(structure).value(item, ("",), {})


class _Mask:
    """Goes through a body."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._kept = _KEPT | structure.kept
        self._ids = _IDS | structure.ids
        self._opaque = _OPAQUE | structure.opaque
        self._data = _DATA | structure.data
        self._addresses = _ADDRESSES | structure.addresses

    def value(self, value: Any, path: tuple[str, ...], holder: Mapping[str, Any], *, result: bool = False) -> Any:
        """`path` are the names of the members around the value, `holder` is the nearest object around it.

        `result`: within the result of a tool.
        """
        if isinstance(value, dict):
            result = result or self._is_result(value)
            return {
                name: mask_schema(member)
                if name in _SCHEMAS and isinstance(member, dict)
                else mask_free(member)
                if name in self._structure.free and isinstance(member, dict)
                else self.value(member, (*path, name), value, result=result)
                for name, member in value.items()
            }
        if isinstance(value, list):
            return [self.value(item, path, holder, result=result) for item in value]
        if path and path[-1] == _NUMBER:
            return mask_free(value)
        if not isinstance(value, str) or not path:
            return value
        return self._text(value, path, holder, result)

    def _text(self, text: str, path: tuple[str, ...], holder: Mapping[str, Any], result: bool) -> str:
        name = path[-1]
        if name in self._ids:
            return mask_id(text)
        if name in self._kept or path[-2:] in self._structure.kept_within:
            return text
        if name == "name" and not self._is_person(path, holder):
            return text
        if name in self._opaque:
            return mask_opaque(text)
        if DATA_URL.match(text) or name in self._addresses:
            return mask_address(text)
        if name in self._data:
            return mask_data(_told_type(holder))
        if name == "filename":
            return mask_address(text)
        return mask_json_text(text) if result or name in self._structure.json_texts else mask_text(text)

    def _is_result(self, value: Mapping[str, Any]) -> bool:
        results = self._structure.results
        return any(isinstance(one, str) and one in results for one in (value.get("role"), value.get("type")))

    def _is_person(self, path: tuple[str, ...], holder: Mapping[str, Any]) -> bool:
        """Whether a `name` is that of who speaks, and not of a tool."""
        talk = self._structure.talk
        return bool(talk) and path[-2:-1] == (talk,) and holder.get("role") not in self._structure.results


def _told_type(holder: Mapping[str, Any]) -> str:
    """The media type of data, as the members beside it tell it."""
    for name in ("mimeType", "mime_type", "media_type", "content_type"):
        if isinstance(told := holder.get(name), str):
            return told
    if isinstance(form := holder.get("format"), str):
        return AUDIO_FORMATS.get(form, "")
    filename = holder.get("filename")
    return MIME_TYPES.get(filename.rpartition(".")[2].lower(), "") if isinstance(filename, str) else ""


def mask_schema(schema: Any) -> Any:
    """A JSON Schema with fillers for what is said in it: keywords, types and names of properties stay."""
    if isinstance(schema, list):
        return [mask_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made: JSON = {}
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, dict):
            made[name] = {key: mask_schema(member) for key, member in value.items()}
        elif name in _TEXTS_IN_SCHEMA and isinstance(value, str):
            made[name] = mask_text(value)
        elif name in _FREE_IN_SCHEMA:
            made[name] = _distinct(mask_free(value)) if name == "enum" else mask_free(value)
        else:
            made[name] = mask_schema(value)
    return made


def _distinct(values: Any) -> Any:
    """Listed texts that have become the same are told apart by a number."""
    if not isinstance(values, list):
        return values
    seen: dict[str, int] = {}
    made = []
    for value in values:
        if isinstance(value, str):
            seen[value] = number = seen.get(value, 0) + 1
            made.append(f"{value}{number}" if number > 1 else value)
        else:
            made.append(value)
    return made


# --- Gemini


def mask_answer(data: bytes) -> bytes:
    """A Gemini answer as it came, whole or as events. An error stays."""
    text = data.decode("utf-8", "surrogateescape")
    return rewrite(text, _answer_leaf).encode("utf-8", "surrogateescape")


def mask_parts(parts: list[JSON]) -> list[JSON]:
    """The parts of a content."""
    return [jsonio.loads(rewrite(jsonio.dumps(part).decode(), _answer_leaf)) for part in parts]


def _answer_leaf(leaf: Leaf) -> str | None:
    path = leaf.path
    if path[:1] == ("error",):
        return None
    name = path[-1] if path else ""
    if _is_free(path):
        return mask_free_leaf(leaf)
    if not leaf.is_text:
        return mask_number(leaf.raw) if name in (_NUMBER, "tokenId", "values") else None
    if name in _KEPT or name in _IDS or name == "name":
        return None
    for names, change in _SPECIAL:
        if name in names:
            return change(leaf.raw)
    if name == "data":
        return mask_data(leaf.beside("mimeType"))
    return mask_raw(leaf.raw)


_SPECIAL: tuple[tuple[frozenset[str], Callable[[str], str]], ...] = (
    (_OPAQUE, mask_opaque),
    (_ADDRESSES, mask_address),
)


def _is_free(path: tuple[str, ...]) -> bool:
    """Whether it is within the arguments of a call, or its result."""
    return any(
        (name == "args" and above in ("functionCall", "toolCall"))
        or (name == "response" and above in ("functionResponse", "toolResponse"))
        for above, name in pairwise(path)
    )


# --- what was given beside the request


def mask_given(
    given: JSON,
    request: Any,
    digest: Callable[[str], str],
    structure: Structure,
    mask_sealed: Callable[[JSON], JSON],
) -> JSON:
    """What a recorded translation had beside the request (see `given` in the gateway's record), masked like it.

    `digest` makes the key of an encrypted text, `mask_sealed` masks what was in one. `request` is not masked: what is
    looked up by a text of it has to be found by its filler.
    """
    made = dict(given)
    history, items = given.get("history") or [], given.get("items") or {}
    texts = _all_texts([request, history, list(items.values())])
    if history:
        made["history"] = [mask_item(item, structure) for item in history]
    if items:
        made["items"] = {id: mask_item(item, structure) for id, item in items.items()}
    if remembered := given.get("remembered"):
        renamed = {text_key(text): text_key(mask_text(text)) for text in texts}
        made["remembered"] = {
            renamed.get(key, mask_id(key)): {
                **turn, "parts": mask_parts(turn["parts"]), "call_ids": [mask_id(id) for id in turn["call_ids"]]
            }
            for key, turn in remembered.items()
        }  # fmt: skip
    if unsealed := given.get("unsealed"):
        renamed = {digest(text): digest(mask_opaque(text)) for text in texts}
        made["unsealed"] = {renamed.get(key, key): mask_sealed(payload) for key, payload in unsealed.items()}
    return made


def _all_texts(value: Any) -> list[str]:
    """Every text in a JSON value, and the texts of every list of parts joined."""
    if isinstance(value, str):
        return [value]
    found: list[str] = []
    if isinstance(value, dict):
        for member in value.values():
            found += _all_texts(member)
    elif isinstance(value, list):
        joined = [item["text"] for item in value if isinstance(item, dict) and isinstance(item.get("text"), str)]
        found = ["".join(joined)] if joined else []
        for item in value:
            found += _all_texts(item)
    return found
