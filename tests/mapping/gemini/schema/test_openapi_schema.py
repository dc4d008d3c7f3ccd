"""`mapping.gemini.schema.openapi_schema`: one row a rule of Gemini's typed `Schema`."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.gemini.schema.openapi_schema import convert
from mapping.notes import Notes
from tests.work import calls

PATH = "response_format.json_schema.schema"
STRING = {"type": "string"}
TEXT = {"type": "STRING"}


def converted(schema: Any) -> tuple[Any, list[tuple[str, str]]]:
    before = copy.deepcopy(schema)
    notes = Notes()
    result = convert(schema, notes, PATH)
    assert schema == before
    return result, list(notes)


def noted(*keywords: str) -> list[tuple[str, str]]:
    return [("schema", keyword) for keyword in keywords]


ANY = {"anyOf": [TEXT, {"type": "NUMBER"}, {"type": "BOOLEAN"}, {"type": "OBJECT"}]}

MAY_BE_EMPTY = {"description": "(constraint: may be empty)"}

ROWS = [
    (
        "type",
        {"type": "integer", "description": "D", "title": "T"},
        {"type": "INTEGER", "title": "T", "description": "D"},
        [],
    ),
    ("type-null", {"type": "null"}, {"type": "NULL"}, []),
    ("nullable", {"type": ["string", "null"]}, {"type": "STRING", "nullable": True}, []),
    ("types", {"type": ["string", "integer"]}, {"anyOf": [TEXT, {"type": "INTEGER"}]}, []),
    (
        "types-with-members",
        {"type": ["string", "integer", "null"], "minimum": 1, "pattern": "a", "description": "D"},
        {
            "anyOf": [
                {"type": "STRING", "description": "D", "pattern": "a", "nullable": True},
                {"type": "INTEGER", "description": "D", "minimum": 1, "nullable": True},
            ]
        },
        [],
    ),
    ("enum", {"type": "string", "enum": ["a", "b"]}, {"type": "STRING", "enum": ["a", "b"], "format": "enum"}, []),
    (
        "enum-numbers",
        {"type": "integer", "enum": [1, 2]},
        {"type": "INTEGER", "enum": ["1", "2"], "format": "enum"},
        [],
    ),
    ("enum-mixed", {"enum": ["1", 1, "b"]}, {"type": "STRING", "enum": ["1", "b"], "format": "enum"}, []),
    ("enum-null", {"enum": ["a", None]}, {"type": "STRING", "enum": ["a"], "format": "enum", "nullable": True}, []),
    (
        "enum-empty-name",
        {"enum": ["", "a"]},
        {"type": "STRING", "enum": ["a"], "format": "enum", **MAY_BE_EMPTY},
        noted("enum"),
    ),
    ("const", {"const": "a"}, {"type": "STRING", "enum": ["a"], "format": "enum"}, []),
    ("format", {"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}, []),
    (
        "format-date",
        {"type": "string", "format": "date"},
        {"type": "STRING", "description": "(constraint: format: date)"},
        noted("format"),
    ),
    (
        "constraints",
        {"type": "string", "pattern": "^a", "minLength": 1, "maxLength": 3},
        {"type": "STRING", "pattern": "^a", "minLength": 1, "maxLength": 3},
        [],
    ),
    ("bounds", {"type": "number", "minimum": 0, "maximum": 1}, {"type": "NUMBER", "minimum": 0, "maximum": 1}, []),
    ("array", {"type": "array", "items": STRING, "minItems": 1}, {"type": "ARRAY", "minItems": 1, "items": TEXT}, []),
    ("array-without-items", {"type": "array"}, {"type": "ARRAY", "items": TEXT}, []),
    ("tuple", {"type": "array", "prefixItems": [STRING]}, {"type": "ARRAY", "items": TEXT}, noted("prefixItems")),
    (
        "tuple-of-two",
        {"type": "array", "prefixItems": [STRING, {"type": "integer"}]},
        {"type": "ARRAY", "items": {"anyOf": [TEXT, {"type": "INTEGER"}]}},
        noted("prefixItems"),
    ),
    (
        "object",
        {"properties": {"b": STRING, "a": STRING}, "required": ["b", "x"], "additionalProperties": False},
        {"type": "OBJECT", "required": ["b"], "properties": {"b": TEXT, "a": TEXT}, "propertyOrdering": ["b", "a"]},
        noted("required"),
    ),
    (
        "map",
        {"properties": {"m": {"type": "object", "additionalProperties": STRING}}},
        {"type": "OBJECT", "properties": {"m": {"type": "OBJECT"}}, "propertyOrdering": ["m"]},
        noted("additionalProperties"),
    ),
    ("empty-object", {"type": "object", "properties": {}}, None, []),
    ("empty", {}, None, []),
    ("anything", {"type": "array", "items": {}}, {"type": "ARRAY", "items": TEXT}, []),
    (
        "any-property",
        {"properties": {"p": {"description": "D"}}},
        {
            "type": "OBJECT",
            "properties": {"p": {"anyOf": [{**one, "description": "D"} for one in ANY["anyOf"]]}},
            "propertyOrdering": ["p"],
        },
        [],
    ),
    (
        "optional",
        {"anyOf": [STRING, {"type": "null"}], "description": "D", "title": "T"},
        {"type": "STRING", "title": "T", "description": "D", "nullable": True},
        [],
    ),
    (
        "anyOf-alone",
        {"oneOf": [STRING, {"type": "integer", "description": "own"}], "description": "D"},
        {"anyOf": [{"type": "STRING", "description": "D"}, {"type": "INTEGER", "description": "own"}]},
        [],
    ),
    (
        "anyOf-typed-outside",
        {"type": "string", "anyOf": [{"enum": ["a"]}, {"format": "date-time"}]},
        {"anyOf": [{"type": "STRING", "enum": ["a"], "format": "enum"}, {"type": "STRING", "format": "date-time"}]},
        [],
    ),
    (
        "anyOf-beside-properties",
        {"type": "object", "properties": {"a": STRING}, "anyOf": [{"properties": {"b": STRING}}]},
        {"type": "OBJECT", "properties": {"a": TEXT}, "propertyOrdering": ["a"]},
        noted("anyOf"),
    ),
    (
        "reference",
        {"properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": STRING}},
        {"type": "OBJECT", "properties": {"p": TEXT}, "propertyOrdering": ["p"]},
        [],
    ),
    (
        "recursive",
        {
            "$ref": "#/$defs/N",
            "$defs": {"N": {"properties": {"next": {"$ref": "#/$defs/N"}}}},
        },
        {
            "type": "OBJECT",
            "properties": {
                "next": {
                    "type": "OBJECT",
                    "properties": {"next": {"type": "OBJECT", "description": "recursive N"}},
                    "propertyOrdering": ["next"],
                }
            },
            "propertyOrdering": ["next"],
        },
        [("schema-cut", "$ref")],
    ),
]


@pytest.mark.parametrize(("schema", "expected", "notes"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_rule(schema: Any, expected: Any, notes: Any) -> None:
    assert converted(schema) == (expected, notes)


def test_order_of_properties() -> None:
    schema = {"properties": {"z": STRING, "a": STRING}}
    result, _ = converted(schema)
    assert list(result["properties"]) == result["propertyOrdering"] == ["z", "a"]
    result, _ = converted({**schema, "propertyOrdering": ["a"]})
    assert result["propertyOrdering"] == ["a", "z"]


def test_root_object() -> None:
    assert convert({"type": "string"}, Notes(), PATH, root_object=True) is None
    assert convert({"type": "object"}, Notes(), PATH, root_object=True) is None


def test_errors_are_those_of_clean() -> None:
    with pytest.raises(Fault) as caught:
        convert({"items": "string"}, Notes(), PATH)
    assert caught.value.param == f"{PATH}.items"


def test_doubling_references_stay_bounded() -> None:
    defs: dict[str, Any] = {
        f"D{i}": {"properties": {"a": {"$ref": f"#/$defs/D{i + 1}"}, "b": {"$ref": f"#/$defs/D{i + 1}"}}}
        for i in range(40)
    }
    defs["D40"] = {"type": "string", "description": "x" * 500}
    schema = {"properties": {"p": {"$ref": "#/$defs/D0"}}, "$defs": defs}
    assert calls(lambda: converted(schema)) < 400_000
    result, notes = converted(schema)
    assert len(json.dumps(result)) < 1 << 20
    assert ("schema-cut", "$ref") in notes


SCALARS = st.none() | st.booleans() | st.sampled_from([0, 1, 2.5, "a", "", "date-time", "date"])
TYPES = st.sampled_from(["string", "integer", "object", "array", "boolean", "null"])
NAMES = st.sampled_from(["a", "b", "type"])


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, max_size=3),
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "propertyOrdering": st.lists(NAMES, max_size=3),
            "required": st.lists(NAMES, max_size=3),
            "items": inner | st.lists(inner, max_size=2),
            "additionalProperties": inner,
            "anyOf": st.lists(inner, max_size=3),
            "oneOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=2),
            "$ref": st.sampled_from(["#", "#/$defs/a", "#/properties/a"]),
            "$defs": st.dictionaries(NAMES, inner, max_size=2),
            "enum": st.lists(SCALARS, max_size=3),
            "format": SCALARS,
            "minLength": SCALARS,
            "minimum": SCALARS,
            "description": SCALARS,
            "nullable": st.booleans(),
        },
    )


SCHEMAS = schemas(st.recursive(st.booleans() | st.just({}), schemas, max_leaves=10))
MEMBERS = {
    *("type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties"),
    *("required", "propertyOrdering", "minProperties", "maxProperties", "minLength", "maxLength", "pattern"),
    *("minimum", "maximum", "anyOf"),
}


def check(schema: Any) -> None:
    assert schema.keys() <= MEMBERS
    if "anyOf" in schema:
        assert schema.keys() == {"anyOf"}
        for branch in schema["anyOf"]:
            check(branch)
        return
    assert schema["type"] in ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
    assert ("items" in schema) == (schema["type"] == "ARRAY")
    assert all(isinstance(value, str) and value for value in schema.get("enum", ()))
    if schema["type"] != "OBJECT":
        assert schema.keys().isdisjoint(("properties", "required", "propertyOrdering"))
    properties = schema.get("properties", {})
    assert set(schema.get("required", ())) <= properties.keys()
    assert set(schema.get("propertyOrdering", ())) == properties.keys()
    for inner in (*properties.values(), *([schema["items"]] if "items" in schema else [])):
        check(inner)


@given(schema=SCHEMAS)
def test_only_members_of_schema(schema: Any) -> None:
    try:
        result, _ = converted(schema)
    except Fault:
        return
    if result is not None:
        check(result)
