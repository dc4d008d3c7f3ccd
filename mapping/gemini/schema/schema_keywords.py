"""What becomes of each keyword of JSON Schema: one handler a keyword, in one table.

Rules kept here (Gemini API reference, `responseJsonSchema`):

* A handler writes to `Node.out` what Gemini takes, and notes what it drops.
* `null` is absent, but for `const`.
* A value of the wrong type is dropped, unless it stands where a schema must: that is the client's error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mapping import faults, jsonio
from mapping.notes import Notes
from mapping.values import JSON

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
NUMBER_FORMATS = frozenset({"float", "double", "int32", "int64"})
UNSAFE_INTEGER = 9007199254740991
"""2^53-1. Zod bounds every integer by it, which says no more than `integer` does."""
MAX_HINT = 200
"""Characters; longer values are not repeated in a description."""

_TYPE_ALIASES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
}
_SCHEMA_SIGNS = frozenset({"$ref", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "items"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a receiver takes beyond the keywords that all do."""

    keep: frozenset[str]
    string_formats: frozenset[str]


class Node:
    """One schema on its way: where it stands, what came in, what goes out."""

    __slots__ = ("depth", "hints", "hoisted", "name", "nullable", "out", "parent", "raw", "step", "stray")

    def __init__(self, raw: JSON, parent: Node | None, step: str, name: str | int | None, depth: int) -> None:
        self.raw = raw
        self.parent = parent
        self.step = step
        """The keyword of `parent` under which the schema stands, and its name or index there."""
        self.name = name
        self.depth = depth
        self.out: JSON = {}
        self.nullable = False
        self.hints: list[str] | None = None
        """Constraints for the description."""
        self.hoisted: list[str] | None = None
        """Properties that say `required: true` themselves."""
        self.stray: JSON | None = None
        """Schemas under names that are no keywords."""

    def drop(self, notes: Notes, key: str, value: Any) -> None:
        """An unknown keyword, or a known one with a value that it cannot have."""
        if isinstance(value, dict) and not key.startswith("x-") and _looks_like_schema(value):
            self.stray = self.stray or {}
            self.stray[key] = value
        else:
            notes.add("schema", key[:40])

    def hint(self, notes: Notes, key: str, value: Any) -> None:
        """Note the keyword, and say its value in the description when it is short enough to be read."""
        notes.add("schema", key)
        if isinstance(value, str):
            text = value
        elif isinstance(value, int | float):
            text = jsonio.dumps(value).decode()
        else:
            return
        if len(text) <= MAX_HINT:
            self.hints = self.hints or []
            self.hints.append(f"{key}: {text}")


class Cleaner(Protocol):
    """What handlers need of the walk through the document."""

    notes: Notes
    dialect: Dialect

    def schema(self, raw: Any, parent: Node, step: str, name: str | int | None = None) -> JSON | None:
        """A schema below `parent`, cleaned; None for `false`, which allows nothing."""

    def where(self, node: Node, step: str) -> str:
        """The path in the client's request."""


def _looks_like_schema(value: JSON) -> bool:
    kind = value.get("type")
    if isinstance(kind, str):
        return kind.lower() in TYPES or kind in _TYPE_ALIASES
    return isinstance(kind, list) or not value.keys().isdisjoint(_SCHEMA_SIGNS)


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _text(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if isinstance(value, str):
        node.out[key] = value
    else:
        node.drop(cleaner.notes, key, value)


def _type(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if isinstance(value, str) and value in TYPES:
        node.out[key] = value
        return
    asked = value if isinstance(value, list) else [value]
    known = list(dict.fromkeys(filter(None, map(_known_type, asked))))
    if len(known) < len(asked):
        node.drop(cleaner.notes, key, value)
    if known:
        node.out[key] = known if isinstance(value, list) and len(known) > 1 else known[0]


def _known_type(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = value.lower()
    return name if name in TYPES else _TYPE_ALIASES.get(name)


def _enum(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Gemini takes strings and numbers; null becomes a null branch, booleans the type, objects cannot be listed."""
    if "const" in node.raw and key == "enum":
        return
    if not isinstance(value, list) or not value:
        node.drop(cleaner.notes, key, value)
        return
    if "" in value:
        value = _without_empty(cleaner, node, value)
        if value is None:
            return
    listed = _listable(value)
    flags = [v for v in value if isinstance(v, bool)]
    nulls = value.count(None)
    if len(listed) + len(flags) + nulls < len(value) or (flags and listed):
        node.drop(cleaner.notes, key, value)
        return
    node.nullable = node.nullable or nulls > 0
    if listed:
        if not _named_types(node.raw) and (kind := _common_type(listed)):
            node.out["type"] = kind
        node.out["enum"] = value if key == "enum" and len(listed) == len(value) else listed
    elif flags:
        node.out["type"] = "boolean"
        if len(set(flags)) == 1:
            node.hint(cleaner.notes, "const", flags[0])
    else:
        node.out["type"] = "null"


def _without_empty(cleaner: Cleaner, node: Node, value: list[Any]) -> list[Any] | None:
    """Gemini refuses an empty text in an enum ("cannot be empty"): the description says that it may be one.

    None where nothing but the empty text (and null) is left of the enum: it becomes a plain string.
    """
    cleaner.notes.add("schema", "enum")
    node.hints = [*(node.hints or ()), "may be empty" if any(one for one in value) else "empty"]
    kept = [one for one in value if one != ""]
    if any(one is not None for one in kept):
        return kept
    node.nullable = node.nullable or bool(kept)
    node.out.setdefault("type", "string")
    return None


def _const(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    _enum(cleaner, node, key, [value])


def _listable(values: list[Any]) -> list[Any]:
    return [v for v in values if isinstance(v, str) or _is_number(v)]


def _common_type(values: list[Any]) -> str | None:
    kinds = {type(v) for v in values}
    if not kinds or (str in kinds and len(kinds) > 1):
        return None
    return "string" if str in kinds else "number" if float in kinds else "integer"


def _named_types(raw: JSON) -> set[str]:
    kind = raw.get("type")
    return set(filter(None, map(_known_type, kind if isinstance(kind, list) else [kind])))


def _types(raw: JSON) -> set[str]:
    """The types of the values, null aside: as named, or as those that are listed have it."""
    named = _named_types(raw)
    if not named:
        listed = [raw["const"]] if "const" in raw else raw.get("enum")
        named = {_common_type(_listable(listed)) or ""} if isinstance(listed, list) else set()
    return named - {"null"}


def _format(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    numeric = not _types(node.raw).isdisjoint(("number", "integer"))
    if not isinstance(value, str):
        node.drop(cleaner.notes, key, value)
    elif value in (NUMBER_FORMATS if numeric else cleaner.dialect.string_formats):
        node.out[key] = value
    elif value:
        node.hint(cleaner.notes, key, value)


def _bound(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if not _is_number(value):
        node.drop(cleaner.notes, key, value)
    elif abs(value) < UNSAFE_INTEGER:
        _narrow(node.out, key, value)


def _exclusive(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """For integers there is an inclusive bound that means the same."""
    if value is False or (_is_number(value) and abs(value) >= UNSAFE_INTEGER):
        return
    if type(value) is int and _types(node.raw) == {"integer"}:
        if key == "exclusiveMinimum":
            _narrow(node.out, "minimum", value + 1)
        else:
            _narrow(node.out, "maximum", value - 1)
    elif _is_number(value) or value is True:
        node.hint(cleaner.notes, key, value)
    else:
        node.drop(cleaner.notes, key, value)


def _narrow(out: JSON, key: str, value: float) -> None:
    other = out.get(key, value)
    out[key] = max(value, other) if key == "minimum" else min(value, other)


def _count(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    if _is_number(value) and 0 <= value < UNSAFE_INTEGER and value == int(value):
        node.out[key] = int(value)
    else:
        node.drop(cleaner.notes, key, value)


def _constraint(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Kept where the dialect has it, else a hint; the values that constrain nothing go silently."""
    if value is False or value == 0 or value == "":
        return
    if key in cleaner.dialect.keep and (isinstance(value, str) if key == "pattern" else _is_number(value)):
        if key == "pattern":
            node.out[key] = value
        else:
            _count(cleaner, node, key, value)
    elif isinstance(value, str | int | float):
        node.hint(cleaner.notes, key, value)
    else:
        node.drop(cleaner.notes, key, value)


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
    "type": _type,
    "description": _text,
    "title": _text,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _schemas,
    "additionalItems": _additional_items,
    "anyOf": _choice,
    "oneOf": _choice,
    "enum": _enum,
    "const": _const,
    "format": _format,
    "minimum": _bound,
    "maximum": _bound,
    "exclusiveMinimum": _exclusive,
    "exclusiveMaximum": _exclusive,
    "minItems": _count,
    "maxItems": _count,
    "default": _default,
    "nullable": _set_nullable,
    "propertyOrdering": _property_ordering,
    "patternProperties": _pattern_properties,
    **dict.fromkeys(
        (
            *("pattern", "minLength", "maxLength", "minProperties", "maxProperties", "multipleOf", "uniqueItems"),
            *("contentEncoding", "contentMediaType"),
        ),
        _constraint,
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
