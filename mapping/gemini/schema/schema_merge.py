"""JSON Schemas put together: `allOf` as one schema that means the same, and a schema's values or null.

Gemini has no `allOf`, nor OpenAPI's `nullable` in JSON Schema. Properties and required names are united, ranges and
choices narrowed, descriptions joined. What cannot be combined is taken from the first schema that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping.values import JSON


def merge(parts: list[JSON]) -> tuple[JSON, list[str]]:
    """One schema for all of `parts` (which hold no `allOf` and no `$ref`), and the keywords that were not combined.

    A property that several parts have becomes an `allOf` of its own.
    """
    merged: JSON = dict(parts[0])
    lost: list[str] = []
    for part in parts[1:]:
        for key, value in part.items():
            if value is None:
                continue
            first = merged.get(key)
            if first is None:
                merged[key] = value
            elif key in _COMBINE:
                merged[key] = _COMBINE[key](first, value)
            elif key not in _FIRST and first is not value:
                lost.append(key)
    texts = dict.fromkeys(part["description"] for part in parts if isinstance(part.get("description"), str))
    if len(texts) > 1:
        merged["description"] = " ".join(filter(None, texts))
    return merged, lost


def nullable(out: JSON) -> JSON:
    """The cleaned schema for the same values or null."""
    kind = out.get("type")
    branches = out.get("anyOf")
    if branches is not None:
        return out if {"type": "null"} in branches else {**out, "anyOf": [*branches, {"type": "null"}]}
    if "enum" in out:
        texts: JSON = {key: out[key] for key in ("title", "description") if key in out}
        inner = {key: value for key, value in out.items() if key not in texts}
        if isinstance(kind, list):
            others = [t for t in kind if t != "null"]
            inner["type"] = others[0] if len(others) == 1 else others
        return {**texts, "anyOf": [inner, {"type": "null"}]}
    if isinstance(kind, str) and kind != "null":
        return {**out, "type": [kind, "null"]}
    if isinstance(kind, list) and "null" not in kind:
        return {**out, "type": [*kind, "null"]}
    return out


_FIRST = frozenset(
    {"description", "title", "default", "examples", "$schema", "$id", "$comment", "$defs", "definitions"}
)


def _type(first: Any, second: Any) -> Any:
    ours, theirs = _names(first), _names(second)
    common = [name for name in ours if name in theirs]
    if not common:
        return "integer" if {"integer", "number"} <= ours.keys() | theirs.keys() else first
    return common[0] if len(common) == 1 else common


def _names(kind: Any) -> dict[str, None]:
    return dict.fromkeys(name for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str))


def _properties(first: Any, second: Any) -> Any:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return first
    united = dict(first)
    for name, schema in second.items():
        united[name] = both(united[name], schema) if name in united else schema
    return united


def both(first: Any, second: Any) -> Any:
    """A schema for values that fit both."""
    if first is second or second is None or second is True:
        return first
    if first is None or first is True:
        return second
    if isinstance(first, dict) and first.keys() == {"allOf"} and isinstance(first["allOf"], list):
        return {"allOf": [*first["allOf"], second]}
    return {"allOf": [first, second]}


def _additional(first: Any, second: Any) -> Any:
    return False if first is False or second is False else both(first, second)


def _required(first: Any, second: Any) -> Any:
    if isinstance(first, list) and isinstance(second, list):
        return [*first, *second]
    return first


def _enum(first: Any, second: Any) -> Any:
    """The common values; JSON's `true` is not its `1`, though Python's is."""
    try:
        theirs = {(type(value), value) for value in second}
        common = [value for value in first if (type(value), value) in theirs]
    except TypeError:
        return first
    return common or first


def _bound(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def combine(first: Any, second: Any) -> Any:
        if type(first) in (int, float) and type(second) in (int, float):
            return choose(first, second)
        return first

    return combine


_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "enum": _enum,
    "items": both,
    "additionalProperties": _additional,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), _bound(max)),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), _bound(min)),
}
