"""What becomes of each keyword of JSON Schema: one handler a keyword, in one table.

The handlers of keywords that hold schemas are here, those that bound a value in `schema_values`.

Rules kept here (Gemini API reference, `responseJsonSchema`):

* A handler writes to `Node.out` what Gemini takes, and notes what it drops.
* `null` is absent, but for `const`.
* A value of the wrong type is dropped, unless it stands where a schema must: that is the client's error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mapping import faults
from mapping.gemini.schema.schema_node import Cleaner, Node
from mapping.gemini.schema.schema_values import (
    set_bound,
    set_const,
    set_constraint,
    set_count,
    set_enum,
    set_exclusive,
    set_format,
    set_text,
    set_type,
)
from mapping.values import JSON


def _default(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if value not in ([], {}, ""):
        node.hint(cleaner.notes, key, value)


def _schema(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    cleaned = cleaner.schema(value, node, key)
    if cleaned is not None:
        node.out[key] = cleaned


def _additional(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if isinstance(value, bool):
        node.out.setdefault(key, value)  # unless patternProperties said more
    else:
        _schema(cleaner, node, key, value)


def _items(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """`items` of today, and the list of it that older drafts had for tuples."""
    if isinstance(value, list):
        _schemas(cleaner, node, key, value, out="prefixItems")
    elif value is False:
        _closed(node)
    else:
        _schema(cleaner, node, "items", value)


def _additional_items(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if not isinstance(node.raw.get("items"), list):
        return
    if value is False:
        _closed(node)
    elif (cleaned := cleaner.schema(value, node, key)) is not None:
        node.out["items"] = cleaned


def _closed(node: Node) -> None:
    """No items beyond those of the tuple."""
    if node.raw.get("maxItems") is None:
        tuple_ = node.raw.get("items") or node.raw.get("prefixItems") or []
        node.out["maxItems"] = len(tuple_) if isinstance(tuple_, list) else 0


def _schemas(cleaner: Cleaner, node: Node, key: str, value: Any, *, out: str = "") -> None:
    """A list of schemas by position."""
    if not isinstance(value, list):
        node.drop(cleaner.notes, key, value)
    elif value:
        node.out[out or key] = [cleaner.schema(item, node, key, index) or {} for index, item in enumerate(value)]


def _choice(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """`anyOf`, `oneOf`. A branch that allows everything makes the choice say nothing."""
    if not isinstance(value, list) or not value:
        node.drop(cleaner.notes, key, value)
        return
    branches = [cleaner.schema(branch, node, key, index) for index, branch in enumerate(value)]
    possible = [branch for branch in branches if branch is not None]
    if possible and all(possible):
        node.out[key] = possible


def _properties(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if value == []:
        value = {}
    if not isinstance(value, dict):
        raise faults.wrong_type(cleaner.where(node, key), "an object", value)
    properties: JSON = {}
    for name, raw in value.items():
        cleaned = cleaner.schema(raw, node, key, name)
        if cleaned is None:
            continue
        properties[name] = cleaned
        if type(raw) is dict and raw.get("required") is True:
            node.hoisted = [*(node.hoisted or ()), name]
    node.out[key] = properties


def _pattern_properties(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """One pattern and nothing else is a map."""
    cleaner.notes.add("schema", key)
    if isinstance(value, dict) and len(value) == 1 and not isinstance(node.raw.get("additionalProperties"), dict):
        (raw,) = value.values()
        if isinstance(raw, dict):
            node.out["additionalProperties"] = cleaner.schema(raw, node, key, next(iter(value)))


def _required(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """A list. `required: true` inside a property belongs to the object around it, which has read it."""
    if isinstance(value, list):
        node.out[key] = value
    elif not isinstance(value, bool):
        node.drop(cleaner.notes, key, value)


def _property_ordering(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Gemini's own keyword, which clients pass on; like `required`, it may name only what is there."""
    properties = node.raw.get("properties")
    if not isinstance(value, list) or not isinstance(properties, dict):
        node.drop(cleaner.notes, key, value)
        return
    names = [n for n in value if isinstance(n, str) and properties.get(n, False) is not False]
    if names:
        node.out[key] = names


def _set_nullable(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if isinstance(value, bool):
        node.nullable = node.nullable or value
    else:
        node.drop(cleaner.notes, key, value)


def _dropped(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Takes a schema or an example: not to be taken for a parameter that stands in the wrong place."""
    cleaner.notes.add("schema", key)


def _silent(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Says nothing about the values, or was read already."""
    if isinstance(value, dict) and key not in ("$defs", "definitions"):
        node.drop(cleaner.notes, key, value)


SILENT = (
    *("$schema", "$comment", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary"),
    *("$defs", "definitions", "deprecated", "readOnly", "writeOnly", "discriminator"),
)
type Handler = Callable[[Cleaner, Node, str, Any], None]

HANDLERS: dict[str, Handler] = {
    "type": set_type,
    "description": set_text,
    "title": set_text,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _schemas,
    "additionalItems": _additional_items,
    "anyOf": _choice,
    "oneOf": _choice,
    "enum": set_enum,
    "const": set_const,
    "format": set_format,
    "minimum": set_bound,
    "maximum": set_bound,
    "exclusiveMinimum": set_exclusive,
    "exclusiveMaximum": set_exclusive,
    "minItems": set_count,
    "maxItems": set_count,
    "default": _default,
    "nullable": _set_nullable,
    "propertyOrdering": _property_ordering,
    "patternProperties": _pattern_properties,
    **dict.fromkeys(
        (
            *("pattern", "minLength", "maxLength", "minProperties", "maxProperties", "multipleOf", "uniqueItems"),
            *("contentEncoding", "contentMediaType"),
        ),
        set_constraint,
    ),
    **dict.fromkeys(
        (
            *("not", "if", "then", "else", "contains", "minContains", "maxContains", "propertyNames", "dependencies"),
            *("dependentSchemas", "dependentRequired", "unevaluatedProperties", "unevaluatedItems", "contentSchema"),
            *("example", "examples"),
        ),
        _dropped,
    ),
    **dict.fromkeys(SILENT, _silent),
}
