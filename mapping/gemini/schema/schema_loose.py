"""A cleaned schema without what makes it have many states: bounds of arrays, and lists of values.

Gemini turns a schema into an automaton for its constrained decoding, and refuses one with too many states. It names
long lists of values and bounds of arrays as the usual causes (Gemini API, guide to structured output). What is taken
out is said in the description, for the model to read, where it is short enough.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.notes import Notes
from mapping.values import JSON

MAX_LISTED = 1000
"""Characters of a list of values that are repeated in a description."""

_BOUNDS = ("minItems", "maxItems")
_MAPS = ("properties", "$defs")
_LISTS = ("anyOf", "oneOf", "prefixItems")
_ONES = ("items", "additionalProperties")


def loosened(schema: JSON, notes: Notes) -> JSON:
    """The schema, JSON Schema or typed, without bounds of arrays and enums of more than one value.

    Equal to the input when it has none. The input stays as it is.
    """
    out: JSON = {}
    hints: list[str] = []
    values = schema.get("enum")
    listed = isinstance(values, list) and len(values) > 1
    for name, value in schema.items():
        if name in _BOUNDS:
            notes.add("schema", name)
            hints.append(f"{name}: {value}")
        elif listed and (name == "enum" or (name == "format" and value == "enum")):
            continue
        else:
            out[name] = _inner(name, value, notes)
    if listed:
        notes.add("schema", "enum")
        text = ", ".join(jsonio.dumps(value).decode() for value in values or ())
        if len(text) <= MAX_LISTED:
            hints.append(f"one of {text}")
    if hints:
        hint = f"(constraint: {'; '.join(hints)})"
        out["description"] = f"{out['description']} {hint}" if out.get("description") else hint
    return out


def _inner(name: str, value: Any, notes: Notes) -> Any:
    """The value of a keyword, with loosened schemas where it holds some."""
    if name in _MAPS and isinstance(value, dict):
        return {key: loosened(one, notes) for key, one in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [loosened(one, notes) for one in value]
    if name in _ONES and isinstance(value, dict):
        return loosened(value, notes)
    return value
