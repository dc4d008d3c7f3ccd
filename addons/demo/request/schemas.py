"""Schemas in both dialects that Gemini takes: what it refuses in them.

`*JsonSchema` members hold JSON Schema, of which unknown keywords are ignored. `Schema` messages have been read by
`proto` already; what is left are the rules between their members. Source: the Gemini API reference.
"""

from __future__ import annotations

from typing import Any

from addons.demo.refusal import violation
from addons.demo.request.proto import JSON


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
        if resolve(reference, root) is None:
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
        _check_recursion(resolve(reference, root), root, path, (*seen, reference))
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


def resolve(reference: str, root: Any) -> Any:
    """The schema behind a `$ref` in the same document, None when there is none."""
    if not reference.startswith("#"):
        return None
    node = root
    for step in filter(None, reference[1:].split("/")):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node
