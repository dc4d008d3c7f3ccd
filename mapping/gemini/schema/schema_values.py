"""Keywords of JSON Schema that say which values are allowed: types, lists of values, formats, bounds.

Handlers, as `mapping.gemini.schema.schema_keywords` has them in its table.
"""

from __future__ import annotations

from typing import Any

from mapping.gemini.schema.schema_node import TYPE_ALIASES, TYPES, Cleaner, Node
from mapping.values import JSON

NUMBER_FORMATS = frozenset({"float", "double", "int32", "int64"})
UNSAFE_INTEGER = 9007199254740991
"""2^53-1. Zod bounds every integer by it, which says no more than `integer` does."""


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def set_text(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Texts for the model, which stay as they are."""
    if isinstance(value, str):
        node.out[key] = value
    else:
        node.drop(cleaner.notes, key, value)


def set_type(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """A type or a list of them, in any case, and by the names that programming languages have for them."""
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
    return name if name in TYPES else TYPE_ALIASES.get(name)


def set_enum(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
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


def set_const(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Gemini has no `const`: it is an `enum` of one."""
    set_enum(cleaner, node, key, [value])


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


def set_format(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Kept where the receiver knows it for this type, else said in the description."""
    numeric = not _types(node.raw).isdisjoint(("number", "integer"))
    if not isinstance(value, str):
        node.drop(cleaner.notes, key, value)
    elif value in (NUMBER_FORMATS if numeric else cleaner.dialect.string_formats):
        node.out[key] = value
    elif value:
        node.hint(cleaner.notes, key, value)


def set_bound(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """`minimum`, `maximum`: the narrower one where an exclusive bound was read before."""
    if not _is_number(value):
        node.drop(cleaner.notes, key, value)
    elif abs(value) < UNSAFE_INTEGER:
        _narrow(node.out, key, value)


def set_exclusive(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
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


def set_count(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """`minItems`, `maxItems` and their like: whole numbers from 0 on."""
    if _is_number(value) and 0 <= value < UNSAFE_INTEGER and value == int(value):
        node.out[key] = int(value)
    else:
        node.drop(cleaner.notes, key, value)


def set_constraint(cleaner: Cleaner, node: Node, key: str, value: Any) -> None:
    """Kept where the dialect has it, else a hint; the values that constrain nothing go silently."""
    if value is False or value == 0 or value == "":
        return
    if key in cleaner.dialect.keep and (isinstance(value, str) if key == "pattern" else _is_number(value)):
        if key == "pattern":
            node.out[key] = value
        else:
            set_count(cleaner, node, key, value)
    elif isinstance(value, str | int | float):
        node.hint(cleaner.notes, key, value)
    else:
        node.drop(cleaner.notes, key, value)
