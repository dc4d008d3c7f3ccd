"""One schema on its way through the cleaning, and what the handlers of its keywords may ask of the walk around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from mapping import jsonio
from mapping.notes import Notes
from mapping.values import JSON

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
MAX_HINT = 200
"""Characters; longer values are not repeated in a description."""

TYPE_ALIASES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
}
"""Names of types in programming languages, which clients write for JSON Schema's."""
_SCHEMA_SIGNS = frozenset({"$ref", "anyOf", "oneOf", "allOf", "enum", "const", "properties", "items"})


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """What a receiver takes beyond the keywords that all do."""

    keep: frozenset[str]
    string_formats: frozenset[str]


class Node:
    """One schema on its way: where it stands, what came in, what goes out. `depth` counts the schemas around it."""

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
    dialect: SchemaForm

    def schema(self, raw: Any, parent: Node, step: str, name: str | int | None = None) -> JSON | None:
        """A schema below `parent`, cleaned; None for `false`, which allows nothing."""

    def where(self, node: Node, step: str) -> str:
        """The path in the client's request."""


def _looks_like_schema(value: JSON) -> bool:
    kind = value.get("type")
    if isinstance(kind, str):
        return kind.lower() in TYPES or kind in TYPE_ALIASES
    return isinstance(kind, list) or not value.keys().isdisjoint(_SCHEMA_SIGNS)
