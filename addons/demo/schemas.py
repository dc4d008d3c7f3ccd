"""Schemas in both dialects that Gemini takes: what it refuses in them, and an example value for one.

`*JsonSchema` members hold JSON Schema, of which unknown keywords are ignored. `Schema` messages have been read by
`proto` already; what is left are the rules between their members. Source: the Gemini API reference.
"""

from __future__ import annotations

import math
from typing import Any

from addons.demo.proto import JSON
from addons.demo.refusal import violation

_DEPTH_OF_OPTIONAL = 3
"""Deeper than this, an example leaves out what it may, so that recursive schemas end."""
_DEEPEST = 40

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "demo@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def check_json_schema(schema: Any, path: str, *, object_root: bool) -> None:
    """Refuse a JSON Schema that Gemini refuses. `object_root`: it describes the arguments of a function."""
    if not isinstance(schema, dict):
        raise violation(path, "schema must be an object")
    if object_root and schema.get("type") != "object":
        raise violation(path, "schema at top-level must be of type object")
    _check_references(schema, schema, path)
    _check_recursion(schema, schema, path, ())


def _check_references(schema: Any, root: JSON, path: str) -> None:
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if _resolve(reference, root) is None:
            raise violation(path, f"reference to undefined schema at top-level $defs: {reference}")
        siblings = [key for key in schema if not key.startswith("$")]
        if siblings:
            raise violation(path, f"a schema with $ref may not have other members: {', '.join(siblings)}")
    for key, inner in _inner_schemas(schema):
        _check_references(inner, root, f"{path}.{key}")
    required, properties = schema.get("required"), schema.get("properties")
    if isinstance(required, list) and isinstance(properties, dict):
        for i, name in enumerate(required):
            if name not in properties:
                raise violation(f"{path}.required[{i}]", "property is not defined")


def _inner_schemas(schema: JSON) -> list[tuple[str, Any]]:
    """The schemas directly inside a schema, with their places."""
    found = []
    for key in ("properties", "$defs"):
        members = schema.get(key)
        if isinstance(members, dict):
            found += [(f"{key}.{name}", inner) for name, inner in members.items()]
    for key in ("items", "additionalProperties"):
        found.append((key, schema.get(key)))
    for key in ("anyOf", "oneOf", "prefixItems"):
        members = schema.get(key)
        if isinstance(members, list):
            found += [(f"{key}[{i}]", inner) for i, inner in enumerate(members)]
    return found


def _check_recursion(schema: Any, root: JSON, path: str, seen: tuple[str, ...]) -> None:
    """A schema may contain itself only below a property that is not required."""
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            raise violation(path, f"cyclic reference through required properties: {reference}")
        _check_recursion(_resolve(reference, root), root, path, (*seen, reference))
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name in schema.get("required") or ():
            _check_recursion(properties.get(name), root, f"{path}.{name}", seen)


def check_schema(schema: JSON, path: str) -> None:
    """Refuse a `Schema` message that Gemini refuses, after `proto` has read it."""
    kind, properties = schema.get("type"), schema.get("properties")
    if kind == "OBJECT" and properties == {}:
        raise violation(f"{path}.properties", "should be non-empty for OBJECT type")
    if kind == "ARRAY" and "items" not in schema:
        raise violation(f"{path}.items", "missing field.")
    if kind is None and "anyOf" not in schema:
        raise violation(f"{path}.type", "must be specified")
    if kind == "STRING" and schema.get("format") not in (None, "", "enum", "date-time"):
        raise violation(f"{path}.format", "only 'enum' and 'date-time' are supported for STRING type")
    if "enum" in schema and kind != "STRING":
        raise violation(f"{path}.enum", "only allowed for STRING type")
    for i, name in enumerate(schema.get("required", ())):
        if name not in (properties or {}):
            raise violation(f"{path}.required[{i}]", "property is not defined")
    for name, inner in (properties or {}).items():
        check_schema(inner, f"{path}.properties[{name}]")
    for i, inner in enumerate(schema.get("anyOf", ())):
        check_schema(inner, f"{path}.any_of[{i}]")
    if "items" in schema:
        check_schema(schema["items"], f"{path}.items")


# ---- examples


def example(schema: Any, name: str = "", root: Any = None, depth: int = 0) -> Any:
    """A value that satisfies a schema of either dialect, `pattern` apart. `name` is the property's, for texts."""
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return f"demo {name}".strip()
    if isinstance(schema.get("$ref"), str):
        return example(_resolve(schema["$ref"], root), name, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("allOf"):
        return example(_merged(schema, root), name, root, depth + 1)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return example(_branch(branches, depth), name, root, depth + 1)
    return _EXAMPLES.get(_type(schema), _text)(schema, name, root, depth)


def _type(schema: JSON) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _branch(branches: list[Any], depth: int) -> Any:
    """One alternative: not null, and in the depth one that does not go on."""
    null = [b for b in branches if isinstance(b, dict) and str(b.get("type")).lower() == "null"]
    others = [b for b in branches if b not in null]
    if depth > _DEPTH_OF_OPTIONAL:
        plain = [b for b in others if isinstance(b, dict) and "$ref" not in b]
        return (null + plain + others)[0]
    return (others + null)[0]


def _merged(schema: JSON, root: Any) -> JSON:
    """A schema with the members of its `allOf`."""
    result = {k: v for k, v in schema.items() if k != "allOf"}
    for part in schema["allOf"]:
        if isinstance(part, dict) and isinstance(part.get("$ref"), str):
            part = _resolve(part["$ref"], root)
        for key, value in (part or {}).items():
            if key == "properties":
                result[key] = {**result.get(key, {}), **value}
            elif key == "required":
                result[key] = [*result.get(key, []), *value]
            else:
                result.setdefault(key, value)
    return result


def _object(schema: JSON, name: str, root: Any, depth: int) -> JSON:
    required = schema.get("required") or ()
    return {
        key: example(inner, key, root, depth + 1)
        for key, inner in (schema.get("properties") or {}).items()
        if inner is not False and (key in required or depth < _DEPTH_OF_OPTIONAL)
    }


def _array(schema: JSON, name: str, root: Any, depth: int) -> list[Any]:
    first = schema.get("prefixItems") or []
    least, most = int(schema.get("minItems") or 0), schema.get("maxItems")
    count = max(least, len(first), 0 if depth > _DEPTH_OF_OPTIONAL else 1)
    count = count if most is None else min(count, int(most))
    return [example(first[i] if i < len(first) else schema.get("items"), name, root, depth + 1) for i in range(count)]


def _integer(schema: JSON, name: str, root: Any, depth: int) -> int:
    low, high = _bounds(schema, 1)
    value = 1 if low is None else max(1, math.ceil(low))
    if high is not None and value > high:
        value = math.floor(high)
    step = schema.get("multipleOf")
    return math.ceil(value / step) * int(step) if step and float(step).is_integer() else value


def _number(schema: JSON, name: str, root: Any, depth: int) -> float:
    low, high = _bounds(schema, 0.5)
    value = 1.5 if low is None else max(1.5, low)
    if high is not None and value > high:
        value = high
    step = schema.get("multipleOf")
    return math.ceil(value / step) * step if step else value


def _bounds(schema: JSON, inside: float) -> tuple[float | None, float | None]:
    """The least and the greatest value; `inside` keeps off exclusive bounds."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if schema.get("exclusiveMinimum") is not None:
        low = schema["exclusiveMinimum"] + inside
    if schema.get("exclusiveMaximum") is not None:
        high = schema["exclusiveMaximum"] - inside
    return low, high


def _text(schema: JSON, name: str, root: Any, depth: int) -> str:
    text = _FORMATS.get(str(schema.get("format"))) or f"demo {name}".strip()
    text = text.ljust(int(schema.get("minLength") or 0), ".")
    most = schema.get("maxLength")
    return text if most is None else text[: int(most)]


_EXAMPLES = {
    "object": _object,
    "array": _array,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema, name, root, depth: True,
    "null": lambda schema, name, root, depth: None,
}


def _resolve(reference: str, root: Any) -> Any:
    """The schema behind a `$ref` in the same document, None when there is none."""
    if not reference.startswith("#"):
        return None
    node = root
    for step in filter(None, reference[1:].split("/")):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node
