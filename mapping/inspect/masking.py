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

import hashlib
import math
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from mapping import jsonio
from mapping.inspect.json_text import Leaf, rewrite
from mapping.inspect.tiny_files import tiny_file
from mapping.request.parts.media_types import AUDIO_FORMATS, MIME_TYPES
from mapping.request.signatures import PLACEHOLDERS, decode_call_id, encode_call_id, text_key
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

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*://)?(.*?)(\.[A-Za-z0-9]{1,5})?", re.DOTALL | re.IGNORECASE)
_DATA_URL = re.compile(r"data:([^;,]*)[^,]*,", re.IGNORECASE)
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]")
_ESCAPED = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]+")


# --- texts


class _Fillers(dict[int, int]):
    """Code point -> that of its filler, for `str.translate`; worked out when first needed."""

    def __missing__(self, code: int) -> int:
        self[code] = made = _filler(chr(code))
        return made


def _filler(character: str) -> int:
    kind = unicodedata.category(character)
    if character.isascii():
        return ord("x" if kind[0] == "L" else "0" if kind[0] == "N" else character)
    if kind[0] in "LN" or kind in ("So", "Co"):
        return ord({2: "ß", 3: "語", 4: "🙂"}[len(character.encode())])
    return ord(character)


_FILLERS = _Fillers()


def mask_text(text: str) -> str:
    """The filler of a text."""
    return text.translate(_FILLERS)


def mask_opaque(text: str) -> str:
    """Another text of the same length and alphabet for a signature or an encrypted text; the same for the same."""
    if text in PLACEHOLDERS:
        return text
    needed = len(_ALPHANUMERIC.findall(text))
    made, seed = "", text.encode("utf-8", "surrogatepass")
    while len(made) < needed:
        seed = hashlib.sha512(seed).digest()
        made += re.sub(r"[^A-Za-z0-9]", "", b64encode(seed).decode())
    characters = iter(made)
    masked = _ALPHANUMERIC.sub(lambda _: next(characters), text)
    return re.sub(r"[A-Za-z0-9](=+)\Z", r"A\1", masked)  # no bits beyond the end


def mask_id(id: str) -> str:
    """The id as it is, but for one that carries a thought signature."""
    carried = decode_call_id(id)
    if carried is None:
        return id
    return encode_call_id(carried.nonce_id, carried.upstream_id, carried.family, mask_opaque(carried.signature))


def mask_json_text(text: str) -> str:
    """The filler of a text that may be JSON: then the names of its members stay."""
    try:
        value = jsonio.loads(text)
    except ValueError:
        return mask_text(text)
    return rewrite(text, _free_leaf) if isinstance(value, dict | list) else mask_text(text)


def _mask_address(text: str) -> str:
    """A web address, its scheme and the ending of its name as they are; a data URL with another file."""
    if found := _DATA_URL.match(text):
        return f"data:{found[1]};base64,{_tiny(found[1])}"
    found = _ADDRESS.fullmatch(text)
    assert found
    return (found[1] or "") + mask_text(found[2]) + (found[3] or "")


def _tiny(mime_type: str) -> str:
    return b64encode(tiny_file(mime_type.partition(";")[0].strip().lower())).decode()


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
    if _DATA_URL.match(text) or name in _ADDRESSES:
        return _mask_address(text)
    if name in _DATA:
        return _tiny(_told_type(holder))
    if name == "filename":
        return _mask_address(text)
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
    """A JSON Schema."""
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


# --- arguments and results


def mask_free(value: Any) -> Any:
    """Any JSON value; the names of members stay."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {name: mask_free(member) for name, member in value.items()}
    if isinstance(value, list):
        return [mask_free(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return jsonio.loads(_mask_number(jsonio.dumps(value).decode()))


def _mask_number(literal: str) -> str:
    """A number of as many digits, or fewer where a float does not hold as many.

    A float may be written in several ways; however it was, it becomes the same.
    """
    if not literal.lstrip("-").isdigit() and math.isfinite(number := float(literal)):
        literal = jsonio.dumps(number).decode()
    masked = re.sub(r"[2-9]", "1", literal)
    if masked.lstrip("-").isdigit() or math.isinf(float(masked)):
        return masked
    return jsonio.dumps(float(masked)).decode()


def _free_leaf(leaf: Leaf) -> str | None:
    return mask_raw(leaf.raw) if leaf.is_text else _mask_number(leaf.raw)


def mask_raw(raw: str) -> str:
    """The filler of what stands between the quotes of a JSON string; what is escaped stays escaped."""
    return _ESCAPED.sub(lambda found: _mask_escaped(found[0]), raw)


def _mask_escaped(raw: str) -> str:
    if raw[0] != "\\":
        return mask_text(raw)
    if raw[1] != "u" or len(raw) < 6:
        return raw
    units = bytes.fromhex("".join(raw.split("\\u")))
    try:
        masked = mask_text(units.decode("utf-16-be"))
    except UnicodeDecodeError:  # half a character, whose other half is in another event
        return raw
    data = masked.encode("utf-16-be").hex()
    return "".join(f"\\u{data[at : at + 4]}" for at in range(0, len(data), 4))


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
        return _free_leaf(leaf)
    if not leaf.is_text:
        return _mask_number(leaf.raw) if name in ("numberValue", "tokenId") else None
    if name in _KEPT or name in _IDS or (name == "name" and path[-2:-1] != ("messages",)):
        return None
    for names, change in _SPECIAL:
        if name in names:
            return change(leaf.raw)
    if name == "data":
        return _tiny(leaf.beside("mimeType"))
    return mask_raw(leaf.raw)


_SPECIAL: tuple[tuple[frozenset[str], Callable[[str], str]], ...] = (
    (_OPAQUE, mask_opaque),
    (_ADDRESSES, _mask_address),
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
