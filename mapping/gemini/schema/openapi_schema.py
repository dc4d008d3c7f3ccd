"""JSON Schema -> the typed `Schema` of Gemini (`parameters`, `responseSchema`), for where JSON Schema is not taken.

Rules kept here (Gemini API reference, `Schema`, which is a selection of OpenAPI 3.0's):

* Only members that `Schema` has; any other is refused ("Unknown name"), and so is a member that does not fit the type
  ("only allowed for OBJECT type").
* There are no references, no null type in a list, no tuples, no maps. References are replaced by their targets.
* Vertex AI refuses `anyOf` beside any other member, so it stands alone; what stood beside it moves into its branches.
* An array has `items`, and an object's properties get a `propertyOrdering`: protobuf does not keep their order.

Names of properties stay as they are, though `Schema` takes only letters, digits and `_` in them.
"""

from __future__ import annotations

from typing import Any

from mapping import jsonio
from mapping.gemini.schema.schema import MAX_DEPTH, MAX_INLINED, normalise
from mapping.gemini.schema.schema_node import SchemaForm
from mapping.gemini.schema.schema_refs import PREFIX
from mapping.notes import Notes
from mapping.values import JSON

OPENAPI = SchemaForm(
    keep=frozenset({"pattern", "minLength", "maxLength", "minProperties", "maxProperties"}),
    string_formats=frozenset({"date-time", "enum"}),
)

_TEXTS = ("title", "description")
_MEMBERS = {
    "string": ("format", "enum", "pattern", "minLength", "maxLength"),
    "number": ("format", "enum", "minimum", "maximum"),
    "integer": ("format", "enum", "minimum", "maximum"),
    "boolean": (),
    "null": (),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "object": ("properties", "required", "propertyOrdering", "minProperties", "maxProperties"),
}
"""What may stand beside each type, as the cleaned schema names it."""
_ANY = ("string", "number", "boolean", "object")
_TELLS_TYPE = ("type", "$ref", "anyOf", "oneOf")
_TYPED_BY = {"properties": "object", "items": "array", "prefixItems": "array", "enum": "string"}


def convert(schema: Any, notes: Notes, path: str, *, root_object: bool = False) -> JSON | None:
    """The schema as a typed `Schema`, or None when it says nothing (omit the member).

    Arguments and errors are those of `mapping.gemini.schema.schema.clean`.
    """
    cleaned = normalise(schema, notes, path, OPENAPI, root_object=root_object)
    if cleaned is None:
        return None
    converted = _Converter(cleaned.get("$defs", {}), notes).schema(cleaned, 0)
    if converted.get("type") == "OBJECT" and "properties" not in converted:
        return None
    return converted


class _Converter:
    """The walk through one cleaned document."""

    def __init__(self, defs: dict[str, JSON], notes: Notes) -> None:
        self._defs = defs
        self._notes = notes
        self._inlining: list[str] = []
        self._inlined = 0

    def schema(self, raw: JSON, depth: int) -> JSON:
        if depth > MAX_DEPTH:
            self._notes.add("schema-cut", "depth")
            return {"type": "OBJECT"}
        if "$ref" in raw:
            return self._target(raw["$ref"][len(PREFIX) :], depth)
        choice = raw.get("anyOf") or raw.get("oneOf")
        if choice is not None:
            return self._choice(raw, choice, depth)
        kind = raw.get("type") or next((kind for key, kind in _TYPED_BY.items() if key in raw), None)
        if isinstance(kind, str):
            return self._typed(raw, kind, depth)
        return self._any_of(raw, [{"type": name} for name in kind or _ANY], depth)

    def _target(self, name: str, depth: int) -> JSON:
        """What a reference refers to; a recursive one becomes an object that says so."""
        target = self._defs[name]
        if name in self._inlining or self._inlined > MAX_INLINED:
            self._notes.add("schema-cut", "$ref")
            return {"type": "OBJECT", "description": f"recursive {name}" if name in self._inlining else name}
        self._inlined += len(jsonio.dumps(target))
        self._inlining.append(name)
        converted = self.schema(target, depth + 1)
        self._inlining.pop()
        return converted

    def _typed(self, raw: JSON, kind: str, depth: int) -> JSON:
        """A schema of one type, with the members that fit it."""
        out: JSON = {"type": kind.upper()}
        for key in (*_TEXTS, *_MEMBERS[kind]):
            if key in raw:
                out[key] = raw[key]
        if kind == "array":
            self._array(out, depth)
        elif kind == "object":
            self._object(raw, out, depth)
        elif "enum" in out:
            self._enum(out)
        return out

    def _object(self, raw: JSON, out: JSON, depth: int) -> None:
        if raw.get("additionalProperties", False) is not False:
            self._notes.add("schema", "additionalProperties")
        properties = out.pop("properties", {})
        if not properties:
            out.pop("propertyOrdering", None)
            return
        out["properties"] = {name: self.schema(inner, depth + 1) for name, inner in properties.items()}
        ordering = out.pop("propertyOrdering", [])
        out["propertyOrdering"] = list(dict.fromkeys((*ordering, *properties)))

    def _array(self, out: JSON, depth: int) -> None:
        """A tuple becomes an array of what its items may be."""
        choice = out.pop("prefixItems", [])
        if choice:
            self._notes.add("schema", "prefixItems")
        if out.get("items"):
            choice = [*choice, out["items"]]
        if not choice:
            out["items"] = {"type": "STRING"}
        else:
            out["items"] = self.schema(choice[0] if len(choice) == 1 else {"anyOf": choice}, depth + 1)

    def _enum(self, out: JSON) -> None:
        """Strings only, and no empty one."""
        names = [value if isinstance(value, str) else jsonio.dumps(value).decode() for value in out["enum"]]
        if "" in names:
            self._notes.add("schema", "enum")
        out["enum"] = list(dict.fromkeys(filter(None, names)))
        if out["enum"]:
            out["format"] = "enum"
        else:
            del out["enum"]

    def _choice(self, raw: JSON, choice: list[JSON], depth: int) -> JSON:
        """A union; beside what else constrains the value, Gemini does not take it."""
        if "anyOf" in raw and "oneOf" in raw:
            self._notes.add("schema", "oneOf")
        rest = {key: value for key, value in raw.items() if key not in ("anyOf", "oneOf", "$defs")}
        kind = rest.get("type")
        if isinstance(kind, str) and not rest.keys().isdisjoint(_MEMBERS[kind]):
            self._notes.add("schema", "anyOf")
            return self._typed(rest, kind, depth)
        if kind is not None:
            choice = [{"type": kind, **one} if one.keys().isdisjoint(_TELLS_TYPE) else one for one in choice]
        return self._any_of(rest, choice, depth)

    def _any_of(self, rest: JSON, branches: list[JSON], depth: int) -> JSON:
        """One of `branches`, each with what stands beside them; a null among them makes the others nullable."""
        converted: list[JSON] = []
        nullable = False
        for branch in branches:
            if branch.get("type") == "null":
                nullable = True
                continue
            shared = rest if branch.keys() == {"type"} else {}
            one = self.schema({**shared, **branch}, depth + 1)
            converted.extend(one.get("anyOf", [one]))
        if not converted:
            return {"type": "NULL"}
        converted = _described(converted, rest)
        if nullable:
            converted = [{**one, "nullable": True} for one in converted]
        return converted[0] if len(converted) == 1 else {"anyOf": converted}


def _described(branches: list[JSON], rest: JSON) -> list[JSON]:
    """The branches with the texts about all of them: where one has none of its own, and at least at the first."""
    for key in _TEXTS:
        text = rest.get(key)
        if text is None:
            continue
        first = branches[0]
        if key == "description" and all(key in branch for branch in branches) and text not in first[key]:
            branches = [{**first, key: f"{text} {first[key]}"}, *branches[1:]]
        branches = [branch if key in branch else {**branch, key: text} for branch in branches]
    return branches
