"""The texts of an exchange replaced by fillers, so that it can be shown to others and still be translated.

Rules of this module:

* What a person or a model said becomes filler: a letter becomes `x`, a digit `0`, and letters, digits and symbols
  outside ASCII become one character of as many UTF-8 bytes. Blanks and punctuation stay. So lengths in characters and
  in bytes stay, and a text cut into pieces anywhere gives the pieces of its filler.
* A text is filler unless it is known to be structure (`_KEPT`): what is new at OpenAI or Google is hidden, not shown.
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
        aspect_ratio aspectRatio blockReason cached_content cachedContent category createTime detail effort
        encoding_format finish_reason finishReason format generate_summary image_size imageSize include jsonPath
        language media_resolution media_type mediaResolution mime_type mimeType modalities modality mode model
        modelVersion object outcome output_format phase probability prompt_cache_retention quality reasoning_effort
        response_modalities responseId responseModalities role service_tier severity size status syntax thinking_level
        thinkingLevel thought_tag_marker threshold tool_choice toolType trafficType truncation type verbosity version
        voice voice_name voiceName
        """,
    )
)
"""Members whose texts are structure, on either side."""

_IDS = frozenset({"id", "call_id", "tool_call_id", "item_id", "previous_response_id", "conversation"})
_OPAQUE = frozenset({"thoughtSignature", "thought_signature", "encrypted_content", "continuationToken"})
_DATA = frozenset({"data", "file_data", "b64_json"})
_ADDRESSES = frozenset({"url", "file_url", "image_url", "uri", "fileUri", "file_uri"})
_SCHEMAS = frozenset({"parameters", "schema", "input_schema", "parametersJsonSchema", "responseJsonSchema"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Members of a JSON Schema whose own members are names."""
_FREE_IN_SCHEMA = frozenset({"default", "examples", "example", "const", "enum"})
_TEXTS_IN_SCHEMA = frozenset({"description", "title", "$comment"})
_RESULTS = frozenset({"tool", "function", "function_call_output", "custom_tool_call_output", "mcp_call"})
"""Roles of messages and types of items with results of tools, which may be JSON as text."""


# --- the client's request


def mask_request(body: Any) -> Any:
    """The JSON of an OpenAI request, of any dialect."""
    return _mask(body, (), {})


def mask_item(item: Any) -> Any:
    """An input or output item of the Responses API."""
    return _mask(item, ("input",), {})


def _mask(value: Any, path: tuple[str, ...], holder: Mapping[str, Any], *, result: bool = False) -> Any:
    """`path` are the names of the members around the value, `holder` is the nearest object around it.

    `result`: within the result of a tool.
    """
    if isinstance(value, dict):
        result = result or _is_result(value)
        return {
            name: mask_schema(member)
            if name in _SCHEMAS and isinstance(member, dict)
            else _mask(member, (*path, name), value, result=result)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_mask(item, path, holder, result=result) for item in value]
    if not isinstance(value, str) or not path:
        return value
    return _mask_member(value, path, holder, result)


def _mask_member(text: str, path: tuple[str, ...], holder: Mapping[str, Any], result: bool) -> str:
    name = path[-1]
    if name in _IDS:
        return mask_id(text)
    if name in _KEPT or (name == "name" and not _is_person(path, holder)) or path[-2:] == ("reasoning", "summary"):
        return text
    if name in _OPAQUE:
        return mask_opaque(text)
    if DATA_URL.match(text) or name in _ADDRESSES:
        return mask_address(text)
    if name in _DATA:
        return mask_data(_told_type(holder))
    if name == "filename":
        return mask_address(text)
    return mask_json_text(text) if result or name == "arguments" else mask_text(text)


def _is_result(value: Mapping[str, Any]) -> bool:
    return value.get("role") in _RESULTS or value.get("type") in _RESULTS


def _is_person(path: tuple[str, ...], holder: Mapping[str, Any]) -> bool:
    """Whether a `name` is that of who speaks, and not of a tool."""
    return path[-2:-1] == ("messages",) and holder.get("role") not in _RESULTS


def _told_type(holder: Mapping[str, Any]) -> str:
    """The media type of data, as the members beside it tell it."""
    for name in ("mimeType", "mime_type", "media_type"):
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
        return mask_number(leaf.raw) if name in ("numberValue", "tokenId") else None
    if name in _KEPT or name in _IDS or (name == "name" and path[-2:-1] != ("messages",)):
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


def mask_given(given: JSON, request: Any, digest: Callable[[str], str]) -> JSON:
    """What a recorded translation had beside the request (see `given` in the gateway's record), masked like it.

    `digest` makes the key of an encrypted text. `request` is not masked: what is looked up by a text of it has to be
    found by its filler.
    """
    made = dict(given)
    history, items = given.get("history") or [], given.get("items") or {}
    texts = _all_texts([request, history, list(items.values())])
    if history:
        made["history"] = [mask_item(item) for item in history]
    if items:
        made["items"] = {id: mask_item(item) for id, item in items.items()}
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
        made["unsealed"] = {renamed.get(key, key): _mask_payload(payload) for key, payload in unsealed.items()}
    return made


def _mask_payload(payload: JSON) -> JSON:
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
