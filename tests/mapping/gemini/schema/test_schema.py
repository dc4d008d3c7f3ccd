"""`mapping.gemini.schema.schema`: one row a rule of what Gemini's JSON Schema members take."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.gemini.schema.schema import MAX_DEPTH, MAX_INLINED, MAX_NODES, clean
from mapping.notes import Notes
from tests.work import calls

PATH = "tools[0].function.parameters"


def cleaned(schema: Any, *, root_object: bool = False) -> tuple[Any, list[tuple[str, str]]]:
    """The result and the notes; the input must come out as it went in."""
    before = copy.deepcopy(schema)
    notes = Notes()
    result = clean(schema, notes, PATH, root_object=root_object)
    assert schema == before
    return result, list(notes)


def noted(*keywords: str) -> list[tuple[str, str]]:
    return [("schema", keyword) for keyword in keywords]


def prop(schema: Any) -> Any:
    return {"type": "object", "properties": {"p": schema}}


STRING = {"type": "string"}

KEYWORDS = [
    (
        "plain",
        {"type": "string", "title": "T", "description": "D"},
        {"type": "string", "title": "T", "description": "D"},
        [],
    ),
    ("type-list", {"type": ["string", "null"]}, {"type": ["string", "null"]}, []),
    ("type-null", {"type": "null"}, {"type": "null"}, []),
    ("type-upper", {"type": "STRING"}, {"type": "string"}, []),
    ("type-alias", {"type": "int"}, {"type": "integer"}, []),
    ("type-unknown", {"type": "any", "title": "T"}, {"title": "T"}, noted("type")),
    ("enum", {"type": "string", "enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}, []),
    ("enum-numbers", {"type": "integer", "enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}, []),
    ("enum-untyped", {"enum": ["a"]}, {"type": "string", "enum": ["a"]}, []),
    ("enum-mixed", {"enum": ["a", 1]}, {"enum": ["a", 1]}, []),
    (
        "enum-null",
        {"type": ["string", "null"], "enum": ["a", None], "description": "D"},
        {"description": "D", "anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
        [],
    ),
    ("enum-booleans", {"enum": [True, False]}, {"type": "boolean"}, []),
    ("enum-objects", {"type": "object", "enum": [{"a": 1}]}, {"type": "object"}, noted("enum")),
    ("enum-empty", {"type": "string", "enum": []}, STRING, noted("enum")),
    ("const", {"const": "a"}, {"type": "string", "enum": ["a"]}, []),
    ("const-typed", {"type": "integer", "const": 1}, {"type": "integer", "enum": [1]}, []),
    ("const-true", {"const": True}, {"type": "boolean", "description": "(constraint: const: true)"}, noted("const")),
    ("const-null", {"const": None}, {"type": "null"}, []),
    ("format-known", {"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}, []),
    ("format-int64", {"type": "integer", "format": "int64"}, {"type": "integer", "format": "int64"}, []),
    (
        "format-uri",
        {"type": "string", "format": "uri", "description": "D"},
        {"type": "string", "description": "D (constraint: format: uri)"},
        noted("format"),
    ),
    (
        "format-uint32",
        {"type": "integer", "format": "uint32"},
        {"type": "integer", "description": "(constraint: format: uint32)"},
        noted("format"),
    ),
    (
        "pattern-and-lengths",
        {"type": "string", "pattern": "^a$", "minLength": 1, "maxLength": 9},
        {"type": "string", "description": "(constraint: pattern: ^a$; minLength: 1; maxLength: 9)"},
        noted("pattern", "minLength", "maxLength"),
    ),
    ("minLength-0", {"type": "string", "minLength": 0}, STRING, []),
    ("bounds", {"type": "number", "minimum": 0, "maximum": 1.5}, {"type": "number", "minimum": 0, "maximum": 1.5}, []),
    (
        "zod-int",
        {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991},
        {"type": "integer"},
        [],
    ),
    ("exclusive-int", {"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}, []),
    (
        "exclusive-int-and-inclusive",
        {"type": "integer", "minimum": 5, "exclusiveMinimum": 0},
        {"type": "integer", "minimum": 5},
        [],
    ),
    (
        "exclusive-number",
        {"type": "number", "exclusiveMaximum": 1},
        {"type": "number", "description": "(constraint: exclusiveMaximum: 1)"},
        noted("exclusiveMaximum"),
    ),
    (
        "multipleOf",
        {"type": "number", "multipleOf": 0.5},
        {"type": "number", "description": "(constraint: multipleOf: 0.5)"},
        noted("multipleOf"),
    ),
    (
        "items-count",
        {"type": "array", "items": STRING, "minItems": 1, "maxItems": 3},
        {"type": "array", "items": STRING, "minItems": 1, "maxItems": 3},
        [],
    ),
    (
        "uniqueItems",
        {"type": "array", "items": STRING, "uniqueItems": True},
        {"type": "array", "items": STRING, "description": "(constraint: uniqueItems: true)"},
        noted("uniqueItems"),
    ),
    (
        "uniqueItems-false",
        {"type": "array", "items": STRING, "uniqueItems": False},
        {"type": "array", "items": STRING},
        [],
    ),
    ("tuple-of-old", {"type": "array", "items": [STRING]}, {"type": "array", "prefixItems": [STRING]}, []),
    (
        "tuple-closed",
        {"type": "array", "prefixItems": [STRING, STRING], "items": False},
        {"type": "array", "prefixItems": [STRING, STRING], "maxItems": 2},
        [],
    ),
    (
        "tuple-of-old-with-rest",
        {"type": "array", "items": [STRING], "additionalItems": {"type": "null"}},
        {"type": "array", "prefixItems": [STRING], "items": {"type": "null"}},
        [],
    ),
    (
        "additionalProperties-false",
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": False},
        [],
    ),
    (
        "additionalProperties-schema",
        {"type": "object", "additionalProperties": {"const": 1}},
        {"type": "object", "additionalProperties": {"type": "integer", "enum": [1]}},
        [],
    ),
    (
        "patternProperties-are-a-map",
        {"type": "object", "patternProperties": {"^.*$": STRING}, "additionalProperties": False},
        {"type": "object", "additionalProperties": STRING},
        noted("patternProperties"),
    ),
    ("anyOf", {"anyOf": [STRING, {"type": "null"}]}, {"anyOf": [STRING, {"type": "null"}]}, []),
    ("oneOf", {"oneOf": [STRING, {"const": 1}]}, {"oneOf": [STRING, {"type": "integer", "enum": [1]}]}, []),
    ("anyOf-anything", {"title": "T", "anyOf": [{}, {"type": "null"}]}, {"title": "T"}, []),
    ("anyOf-false", {"anyOf": [STRING, False]}, {"anyOf": [STRING]}, []),
    (
        "anyOf-required-only",
        {"type": "object", "properties": {"a": STRING}, "anyOf": [{"required": ["a"]}]},
        {"type": "object", "properties": {"a": STRING}},
        noted("required"),
    ),
    ("nullable", {"type": "string", "nullable": True}, {"type": ["string", "null"]}, []),
    (
        "nullable-values-of-an-object",
        {"properties": {}, "enum": [None, 0, "a"]},
        {"anyOf": [{"type": "object", "properties": {}, "enum": [0, "a"]}, {"type": "null"}]},
        [],
    ),
    ("nullable-false", {"type": "string", "nullable": False}, STRING, []),
    ("properties-typed", {"properties": {"a": STRING}}, {"type": "object", "properties": {"a": STRING}}, []),
    (
        "required-unknown",
        {"type": "object", "properties": {"a": STRING}, "required": ["a", "b", "a"]},
        {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
        noted("required"),
    ),
    ("required-nothing", {"type": "object", "required": ["a"]}, {"type": "object"}, noted("required")),
    (
        "required-in-property",
        {"type": "object", "properties": {"a": {"type": "string", "required": True}, "b": {"required": False}}},
        {"type": "object", "properties": {"a": STRING, "b": {}}, "required": ["a"]},
        [],
    ),
    ("boolean-true", prop(True), prop({}), []),
    (
        "boolean-false",
        {"type": "object", "properties": {"a": False, "b": STRING}, "required": ["a", "b"]},
        {"type": "object", "properties": {"b": STRING}, "required": ["b"]},
        noted("required"),
    ),
    (
        "silent",
        {"$schema": "x", "$comment": "c", "$id": "i", "type": "string", "deprecated": True, "readOnly": True},
        STRING,
        [],
    ),
    (
        "default",
        {"type": "integer", "default": 10},
        {"type": "integer", "description": "(constraint: default: 10)"},
        noted("default"),
    ),
    ("default-null", {"type": "integer", "default": None}, {"type": "integer"}, []),
    ("dropped", {"type": "string", "not": {"type": "null"}, "examples": ["a"]}, STRING, noted("not", "examples")),
    (
        "conditional",
        {"type": "object", "if": {}, "then": {}, "else": {}},
        {"type": "object"},
        noted("if", "then", "else"),
    ),
    ("vendor", {"type": "string", "x-order": 1, "encrypted": True}, STRING, noted("x-order", "encrypted")),
    ("nulls-are-absent", {"type": "string", "description": None, "enum": None, "items": None}, STRING, []),
    ("wrong-types", {"type": "string", "description": 5, "minItems": "x"}, STRING, noted("description", "minItems")),
    ("php-empty-object", {"type": "object", "properties": []}, {"type": "object", "properties": {}}, []),
    (
        "propertyOrdering",
        {"type": "object", "properties": {"a": STRING, "b": STRING}, "propertyOrdering": ["b", "a", "c"]},
        {"type": "object", "properties": {"a": STRING, "b": STRING}, "propertyOrdering": ["b", "a"]},
        [],
    ),
]


@pytest.mark.parametrize(
    ("schema", "expected", "notes"), [row[1:] for row in KEYWORDS], ids=[row[0] for row in KEYWORDS]
)
def test_keyword(schema: Any, expected: Any, notes: Any) -> None:
    """At the root and below it, with the same notes."""
    assert cleaned(schema) == (expected, notes)
    assert cleaned(prop(schema)) == (prop(expected), notes)


@pytest.mark.parametrize(
    "name",
    [
        "title",
        "type",
        "format",
        "default",
        "const",
        "enum",
        "items",
        "required",
        "properties",
        "$ref",
        "allOf",
        "anyOf",
    ],
)
def test_names_of_properties_are_no_keywords(name: str) -> None:
    schema = {"type": "object", "properties": {name: STRING}, "required": [name]}
    assert cleaned(schema, root_object=True) == (schema, [])


def test_order_stays() -> None:
    schema = {"required": ["z"], "type": "object", "properties": {"z": STRING, "a": STRING}, "description": "D"}
    assert json.dumps(cleaned(schema)[0]) == json.dumps(schema)


ROOTS = [
    ("null", None, None),
    ("empty", {}, None),
    ("true", True, None),
    ("no-properties", {"type": "object"}, None),
    ("empty-properties", {"type": "object", "properties": {}, "additionalProperties": False, "required": []}, None),
    ("open", {"type": "object", "properties": {}, "additionalProperties": True}, None),
    ("untyped", {"properties": {"a": STRING}}, {"type": "object", "properties": {"a": STRING}}),
    (
        "nullable",
        {"type": ["object", "null"], "properties": {"a": STRING}},
        {"type": "object", "properties": {"a": STRING}},
    ),
    ("not-an-object", {"type": "string"}, None),
    ("union", {"anyOf": [prop(STRING)]}, {"type": "object", "anyOf": [prop(STRING)]}),
    (
        "map",
        {"type": "object", "additionalProperties": STRING},
        {"type": "object", "additionalProperties": STRING},
    ),
    ("reference", {"$ref": "#/$defs/A", "$defs": {"A": prop(STRING)}}, prop(STRING)),
    ("bare-properties", {"a": STRING, "type": {"type": "integer"}}, prop(STRING)),
]


@pytest.mark.parametrize(("schema", "expected"), [row[1:] for row in ROOTS[:-1]], ids=[row[0] for row in ROOTS[:-1]])
def test_root_of_parameters(schema: Any, expected: Any) -> None:
    assert cleaned(schema, root_object=True)[0] == expected


def test_bare_properties() -> None:
    """Some MCP servers send the properties alone, or beside `type`."""
    props = {"city": STRING, "type": {"type": "integer"}, "id": {"enum": ["x"], "type": "string"}}
    assert cleaned(props, root_object=True) == ({"type": "object", "properties": props}, noted("properties"))
    assert cleaned({"type": "object", "city": STRING}, root_object=True) == (
        {"type": "object", "properties": {"city": STRING}},
        noted("properties"),
    )


def test_without_root_object_the_root_may_be_anything() -> None:
    assert cleaned(STRING)[0] == STRING
    assert cleaned({}) == (None, [])
    assert cleaned({"type": "object", "properties": {}})[0] == {"type": "object", "properties": {}}


PET = {"type": "object", "properties": {"name": STRING}, "required": ["name"]}

REFERENCES = [
    (
        "defs",
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Unused": STRING, "Pet": PET}},
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Pet": PET}},
    ),
    (
        "definitions",
        {"definitions": {"Pet": PET}, **prop({"$ref": "#/definitions/Pet"})},
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Pet": PET}},
    ),
    (
        "nested-defs-are-hoisted",
        prop({"type": "array", "items": {"$ref": "#/properties/p/$defs/Pet"}, "$defs": {"Pet": PET}}),
        {**prop({"type": "array", "items": {"$ref": "#/$defs/Pet"}}), "$defs": {"Pet": PET}},
    ),
    (
        "pasted-document",
        prop({"type": "array", "items": {"$ref": "#/$defs/Pet"}, "$defs": {"Pet": PET}}),
        {**prop({"type": "array", "items": {"$ref": "#/$defs/Pet"}}), "$defs": {"Pet": PET}},
    ),
    (
        "same-name-twice",
        {
            "properties": {"a": {"$ref": "#/$defs/X"}, "b": {"$ref": "#/definitions/X"}},
            "$defs": {"X": STRING},
            "definitions": {"X": {"type": "integer"}},
        },
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/X"}, "b": {"$ref": "#/$defs/X_2"}},
            "$defs": {"X": STRING, "X_2": {"type": "integer"}},
        },
    ),
    (
        "pointer",
        {"properties": {"a": PET, "b": {"$ref": "#/properties/a/properties/name"}}},
        {"type": "object", "properties": {"a": PET, "b": {"$ref": "#/$defs/name"}}, "$defs": {"name": STRING}},
    ),
    (
        "pointer-escapes",
        {**prop({"$ref": "#/$defs/a~1b%20c"}), "$defs": {"a/b c": STRING}},
        {**prop({"$ref": "#/$defs/a_b_c"}), "$defs": {"a_b_c": STRING}},
    ),
    (
        "anchor",
        {**prop({"$ref": "#pet"}), "$defs": {"Pet": {"$anchor": "pet", **PET}}},
        {**prop({"$ref": "#/$defs/pet"}), "$defs": {"pet": PET}},
    ),
    (
        "own-id",
        {"$id": "https://example.com/s", **prop({"$ref": "https://example.com/s#/$defs/Pet"}), "$defs": {"Pet": PET}},
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Pet": PET}},
    ),
    (
        "siblings-inline",
        {**prop({"$ref": "#/$defs/Pet", "description": "Mine"}), "$defs": {"Pet": {**PET, "description": "A pet"}}},
        prop({"description": "Mine A pet", "type": "object", "properties": {"name": STRING}, "required": ["name"]}),
    ),
    (
        "siblings-not-worth-inlining",
        {**prop({"$ref": "#/$defs/Pet", "default": None, "title": "P", "x-a": 1}), "$defs": {"Pet": PET}},
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Pet": PET}},
    ),
    (
        "allOf-around-reference",
        {**prop({"allOf": [{"$ref": "#/$defs/Pet"}]}), "$defs": {"Pet": PET}},
        {**prop({"$ref": "#/$defs/Pet"}), "$defs": {"Pet": PET}},
    ),
    (
        "to-boolean",
        {**prop({"$ref": "#/$defs/Any"}), "$defs": {"Any": True}},
        prop({}),
    ),
    (
        "recursive-optional",
        {"$defs": {"N": {"properties": {"next": {"$ref": "#/$defs/N"}}}}, **prop({"$ref": "#/$defs/N"})},
        {
            **prop({"$ref": "#/$defs/N"}),
            "$defs": {"N": {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}},
        },
    ),
    (
        "recursive-root",
        {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}},
        {
            "type": "object",
            "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/root"}}},
            "$defs": {
                "root": {
                    "type": "object",
                    "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/root"}}},
                }
            },
        },
    ),
    (
        "recursive-required",
        {
            "$defs": {
                "N": {
                    "type": "object",
                    "properties": {"v": STRING, "kids": {"type": "array", "items": {"$ref": "#/$defs/N"}}},
                    "required": ["v", "kids"],
                }
            },
            **prop({"$ref": "#/$defs/N"}),
        },
        {
            **prop({"$ref": "#/$defs/N"}),
            "$defs": {
                "N": {
                    "type": "object",
                    "properties": {"v": STRING, "kids": {"type": "array", "items": {"$ref": "#/$defs/N"}}},
                    "required": ["v"],
                    "description": "(always give: kids)",
                }
            },
        },
    ),
    (
        "recursive-without-property",
        {
            "$defs": {"J": {"anyOf": [STRING, {"type": "array", "items": {"$ref": "#/$defs/J"}}]}},
            **prop({"$ref": "#/$defs/J"}),
        },
        {
            **prop({"$ref": "#/$defs/J"}),
            "$defs": {"J": {"anyOf": [STRING, {"type": "array", "items": {"description": "recursive J"}}]}},
        },
    ),
    (
        "recursive-with-siblings-keeps-the-reference",
        {
            "$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N", "description": "D"}}}},
            **prop({"$ref": "#/$defs/N"}),
        },
        {
            **prop({"$ref": "#/$defs/N"}),
            "$defs": {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}}},
        },
    ),
    (
        "circle-of-bare-references",
        {"$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}, **prop({"$ref": "#/$defs/A"})},
        {
            **prop({"$ref": "#/$defs/A"}),
            "$defs": {"A": {"description": "recursive B"}, "B": {"description": "recursive A"}},
        },
    ),
]


@pytest.mark.parametrize(("schema", "expected"), [row[1:] for row in REFERENCES], ids=[row[0] for row in REFERENCES])
def test_references(schema: Any, expected: Any) -> None:
    assert json.dumps(cleaned(schema)[0]) == json.dumps(expected)


@pytest.mark.parametrize("name", ["recursive-required", "recursive-without-property"])
def test_cut_cycles_are_noted(name: str) -> None:
    schema = next(row[1] for row in REFERENCES if row[0] == name)
    assert ("schema-cut", "$ref") in cleaned(schema)[1]


ALL_OF = [
    (
        "merge",
        {
            "description": "A",
            "allOf": [{"properties": {"a": STRING}, "required": ["a"]}, {"properties": {"b": STRING}}],
        },
        {"type": "object", "description": "A", "properties": {"a": STRING, "b": STRING}, "required": ["a"]},
    ),
    (
        "references",
        {"allOf": [{"$ref": "#/$defs/Pet"}, {"properties": {"b": STRING}, "required": ["b"]}], "$defs": {"Pet": PET}},
        {"type": "object", "properties": {"name": STRING, "b": STRING}, "required": ["name", "b"]},
    ),
    (
        "descriptions",
        {"allOf": [{"description": "A", **STRING}, {"description": "B"}]},
        {"description": "A B", **STRING},
    ),
    ("types", {"allOf": [{"type": "number"}, {"type": "integer"}]}, {"type": "integer"}),
    ("type-lists", {"allOf": [{"type": ["string", "null"]}, STRING]}, STRING),
    ("bounds", {"allOf": [{"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 7}]}, {"minimum": 3, "maximum": 7}),
    (
        "enums",
        {"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]},
        {"type": "string", "enum": ["b"]},
    ),
    (
        "same-property",
        {"allOf": [prop({"type": "string", "title": "T"}), prop({"enum": ["a"]})]},
        prop({"type": "string", "title": "T", "enum": ["a"]}),
    ),
    ("booleans", {"type": "string", "allOf": [True]}, STRING),
]


@pytest.mark.parametrize(("schema", "expected"), [row[1:] for row in ALL_OF], ids=[row[0] for row in ALL_OF])
def test_all_of(schema: Any, expected: Any) -> None:
    assert cleaned(schema) == (expected, [])


def test_all_of_that_cannot_be_combined_is_noted() -> None:
    schema = {"anyOf": [STRING], "allOf": [{"anyOf": [{"type": "null"}]}]}
    assert cleaned(schema) == ({"anyOf": [STRING]}, noted("anyOf"))


ERRORS = [
    ("string", "x", "invalid_type", PATH),
    ("list", [], "invalid_type", PATH),
    ("false", False, "invalid_value", PATH),
    ("property", prop("string"), "invalid_type", f"{PATH}.properties.p"),
    ("items", prop({"items": 5}), "invalid_type", f"{PATH}.properties.p.items"),
    ("branch", {"anyOf": [{}, "x"]}, "invalid_type", f"{PATH}.anyOf[1]"),
    ("allOf-branch", {"allOf": [{}, "x"]}, "invalid_type", f"{PATH}.allOf[1]"),
    ("properties", {"properties": "x"}, "invalid_type", f"{PATH}.properties"),
]


@pytest.mark.parametrize(("schema", "code", "param"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors_name_the_path(schema: Any, code: str, param: str) -> None:
    with pytest.raises(Fault) as caught:
        clean(schema, Notes(), PATH)
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, param)
    assert param in caught.value.message


def test_notes_come_with_every_call() -> None:
    """Also when the schema is one that was seen before."""
    schema = prop({"type": "string", "pattern": "seen twice"})
    assert cleaned(schema) == cleaned(copy.deepcopy(schema))
    assert cleaned(schema)[1] == noted("pattern")


def test_depth_is_cut() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(3 * MAX_DEPTH):
        schema = prop(schema)
    result, notes = cleaned(schema)
    assert notes == [("schema-cut", "depth")]
    assert depth_of(result) <= 2 * MAX_DEPTH + 3


def depth_of(value: Any) -> int:
    return 1 + max(map(depth_of, value.values()), default=0) if isinstance(value, dict) else 0


def test_deeper_than_any_stack() -> None:
    schema: dict[str, Any] = {}
    for _ in range(900):
        schema = {"items": schema}
    for _ in range(900):
        schema = {"allOf": [schema, {"title": "T"}]}
    assert clean(schema, Notes(), PATH) is not None


def test_size_is_cut() -> None:
    schema = {"type": "object", "properties": {f"p{i}": {"type": "array", "items": STRING} for i in range(MAX_NODES)}}
    result, notes = cleaned(schema)
    assert notes == [("schema-cut", "size")]
    assert result["properties"]["p0"] == {"type": "array", "items": STRING}
    assert result["properties"][f"p{MAX_NODES - 1}"] == {"type": "array"}


def doubling(levels: int, **siblings: Any) -> dict[str, Any]:
    """Every definition refers twice to the next: written out, it has 2**levels leaves."""
    defs: dict[str, Any] = {
        f"D{i}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/D{i + 1}", **siblings} for side in ("left", "right")},
        }
        for i in range(levels)
    }
    defs[f"D{levels}"] = {"type": "string", "description": "x" * 500}
    return {**prop({"$ref": "#/$defs/D0"}), "$defs": defs}


@pytest.mark.parametrize("siblings", [{}, {"description": "d"}], ids=["bare", "siblings"])
def test_doubling_references_stay_bounded(siblings: dict[str, Any]) -> None:
    schema = doubling(60, **siblings)
    assert calls(lambda: cleaned(schema)) < 400_000
    result, _ = cleaned(schema)
    assert len(json.dumps(result)) < 3 * MAX_INLINED


def test_wide_target_used_often_stays_bounded() -> None:
    big = {"type": "string", "enum": [f"value {i}" for i in range(5000)]}
    uses = {f"p{i}": {"$ref": "#/$defs/Big", "description": "d"} for i in range(3000)}
    result, notes = cleaned({"type": "object", "properties": uses, "$defs": {"Big": big}})
    assert ("schema-cut", "$ref") in notes
    assert len(json.dumps(result)) < 4 * MAX_INLINED


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["a", "b", "type", "title", "items", "$ref", "required"])
TYPES = st.sampled_from(["string", "integer", "number", "object", "array", "boolean", "null", "STRING", "any"])
REFS = st.sampled_from(
    ["#", "#/$defs/a", "#/$defs/b", "#/definitions/a", "#/properties/a", "#/properties/a/items", "#x", "x", "http://x"]
)


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    maps = st.dictionaries(WORDS, inner, max_size=3)
    texts = st.sampled_from(["", "d", "uri", "date", "^a$"])
    scalars = st.none() | st.booleans() | st.sampled_from([0, 1, 2.5, -3, 9007199254740991, "a", "b"])
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, max_size=2),
            "properties": maps,
            "required": st.lists(WORDS, max_size=3) | st.booleans(),
            "items": inner | st.lists(inner, max_size=2),
            "prefixItems": st.lists(inner, max_size=2),
            "additionalProperties": inner,
            "patternProperties": maps,
            "anyOf": st.lists(inner, max_size=3),
            "oneOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=3),
            "not": inner,
            "$ref": REFS,
            "$defs": maps,
            "definitions": maps,
            "$anchor": st.just("x"),
            "enum": st.lists(scalars, max_size=3),
            "const": scalars,
            "format": texts,
            "pattern": texts,
            "description": texts,
            "nullable": st.booleans(),
            "minimum": scalars,
            "exclusiveMinimum": scalars,
            "maxItems": scalars,
            "minLength": scalars,
            "default": scalars,
            "a": inner,
        },
    )


SCHEMAS = schemas(st.recursive(st.booleans() | st.none() | st.just({}), schemas, max_leaves=12))
ANYTHING = (
    JSON_VALUES | SCHEMAS | st.dictionaries(st.sampled_from(["type", "items", "anyOf", "$ref", "a"]), JSON_VALUES)
)
ALLOWED = {
    *("$ref", "type", "format", "title", "description", "enum", "items", "prefixItems", "minItems", "maxItems"),
    *("minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required", "propertyOrdering"),
}


def check_shape(schema: Any, defs: dict[str, Any]) -> None:
    """What Gemini demands of every schema in a document."""
    assert schema.keys() <= ALLOWED
    if "$ref" in schema:
        assert schema.keys() == {"$ref"}
        assert schema["$ref"].removeprefix("#/$defs/") in defs
    assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()
    assert all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in schema.get("enum", ()))
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        inner.extend(schema.get(keyword, ()))
    for one in inner:
        if isinstance(one, dict):
            check_shape(one, defs)


def unused_apart(schema: Any) -> tuple[str, dict[str, str]]:
    """The document, and its definitions: of those, one that a cut left without a use goes the next time."""
    defs = schema.get("$defs", {})
    return json.dumps({k: v for k, v in schema.items() if k != "$defs"}), {k: json.dumps(v) for k, v in defs.items()}


@given(schema=ANYTHING, root_object=st.booleans())
def test_anything_is_cleaned_or_refused(schema: Any, root_object: bool) -> None:
    param: str | None = PATH
    result = None
    try:
        result, _ = cleaned(schema, root_object=root_object)
    except Fault as error:
        param = error.param
    assert param is not None
    assert param.startswith(PATH)
    if result is None:
        return
    body, defs = unused_apart(result)
    check_shape(json.loads(body), defs)
    for one in defs.values():
        check_shape(json.loads(one), defs)
    if root_object:
        assert result["type"] == "object"
    again, more = cleaned(result, root_object=root_object)
    assert more == []
    body_again, defs_again = unused_apart(again)
    assert body_again == body
    assert defs_again.items() <= defs.items()


TEXT = {"type": "string"}
LEADING_NOWHERE = [
    ("remote", prop({"$ref": "https://example.com/x.json"}), {}),
    ("remote-sibling", prop({"$ref": "x.json#/a", "description": "d"}), {"description": "d"}),
    ("remote-type", prop({"$ref": "x.json#/a", "type": "object"}), {"type": "object"}),
    ("dangling", prop({"$ref": "#/$defs/Nope"}), {}),
    ("dangling-branch", prop({"anyOf": [{"$ref": "#/$defs/Nope"}, TEXT]}), {}),
    ("dangling-of-all", prop({"allOf": [{"$ref": "#/$defs/Nope"}, TEXT]}), TEXT),
    ("dangling-items", prop({"type": "array", "items": {"$ref": "#/$defs/Nope"}}), {"type": "array", "items": {}}),
]


@pytest.mark.parametrize(
    ("schema", "expected"), [row[1:] for row in LEADING_NOWHERE], ids=[row[0] for row in LEADING_NOWHERE]
)
def test_a_reference_that_leads_nowhere_stands_for_anything(schema: Any, expected: Any) -> None:
    """One broken tool of many is no reason to refuse them all."""
    notes = Notes()
    cleaned = clean(schema, notes, PATH)
    assert cleaned is not None
    assert cleaned["properties"]["p"] == expected
    assert ("schema", "$ref") in notes


MAY_BE_EMPTY = {"description": "(constraint: may be empty)"}
EMPTY_MEMBERS = [
    ({"type": "string", "enum": ["a", ""]}, {"type": "string", "enum": ["a"], **MAY_BE_EMPTY}),
    ({"enum": ["a", "", "b"]}, {"type": "string", "enum": ["a", "b"], **MAY_BE_EMPTY}),
    (
        {"enum": ["a", ""], "description": "d"},
        {"type": "string", "enum": ["a"], "description": "d (constraint: may be empty)"},
    ),
    ({"type": "string", "enum": [""]}, {"type": "string", "description": "(constraint: empty)"}),
    ({"const": ""}, {"type": "string", "description": "(constraint: empty)"}),
    (
        {"anyOf": [{"type": "string", "enum": [""]}, {"type": "null"}]},
        {"anyOf": [{"type": "string", "description": "(constraint: empty)"}, {"type": "null"}]},
    ),
    (
        {"type": "string", "enum": ["", "a", None]},
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}], **MAY_BE_EMPTY},
    ),
    ({"enum": ["", None]}, {"type": ["string", "null"], "description": "(constraint: empty)"}),
]


@pytest.mark.parametrize(("schema", "expected"), EMPTY_MEMBERS)
def test_no_enum_has_an_empty_member(schema: Any, expected: Any) -> None:
    notes = Notes()
    cleaned = clean(prop(schema), notes, PATH)
    assert cleaned is not None
    assert cleaned["properties"]["p"] == expected
    assert ("schema", "enum") in notes
