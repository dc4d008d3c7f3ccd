"""What a JSON Schema means, without what says nothing: two schemas are the same if this is.

* Lists that are sets have one order: `required`, `enum`, types, and alternatives.
* Types are in small letters: Gemini writes them in capitals.
* What stands there and changes nothing is left out: `required: []`, `additionalProperties: true`, `nullable: false`.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio

_SETS = frozenset({"required", "enum", "type", "anyOf", "oneOf", "allOf", "dependentRequired"})
"""Keywords whose lists have no order."""
_SAYING_NOTHING: tuple[tuple[str, Any], ...] = (
    ("required", []),
    ("additionalProperties", True),
    ("nullable", False),
    ("description", ""),
)
_TYPES = "type"
_VALUES = frozenset({"enum", "const", "default", "example", "examples"})
"""Keywords that hold values, and no schemas."""
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose members are named by the person, and are schemas."""

MEMBERS = frozenset(
    {
        *("parameters", "schema", "input_schema", "parametersJsonSchema", "responseJsonSchema", "responseSchema"),
        *("response_schema", "response_json_schema", "parameters_json_schema"),
    }
)
"""Members of requests that hold a schema, in whatever dialect."""


def meaning(schema: Any) -> Any:
    """The schema in the one form that its meaning has."""
    if isinstance(schema, list):
        return [meaning(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _keyword(name, value) for name, value in schema.items()}
    return {name: value for name, value in made.items() if not any(_same(name, value, no) for no in _SAYING_NOTHING)}


def _keyword(name: str, value: Any) -> Any:
    if name in _NAMED and isinstance(value, dict):
        return {key: meaning(member) for key, member in value.items()}
    if name == _TYPES:
        value = _small(value)
    made = value if name in _VALUES else meaning(value)
    return sorted(made, key=jsonio.dumps) if name in _SETS and isinstance(made, list) else made


def _small(types: Any) -> Any:
    """One type, or a list; a list of one is that one."""
    if isinstance(types, list):
        small = [_small(one) for one in types]
        return small[0] if len(small) == 1 else small
    return types.lower() if isinstance(types, str) else types


def _same(name: str, value: Any, nothing: tuple[str, Any]) -> bool:
    return name == nothing[0] and type(value) is type(nothing[1]) and bool(value == nothing[1])
