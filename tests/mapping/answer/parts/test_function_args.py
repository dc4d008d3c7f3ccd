"""Arguments of calls: JSON text, integers, and pieces."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from mapping.answer.parts.function_args import PartialArguments, arguments_text
from mapping.gemini.errors.upstream_errors import UpstreamError

INTEGER = {"type": "integer"}


def properties(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members}


@pytest.mark.parametrize(
    ("args", "schema", "text"),
    [
        pytest.param(None, None, "{}", id="absent"),
        pytest.param({}, None, "{}", id="empty"),
        pytest.param([1], None, "{}", id="no-object"),
        pytest.param({"b": 1, "a": "é\u2028"}, None, '{"b":1,"a":"é\u2028"}', id="order-and-no-escapes"),
        pytest.param({"n": 5.0}, None, '{"n":5}', id="no-schema"),
        pytest.param({"n": 5.0}, properties(n=INTEGER), '{"n":5}', id="integer"),
        pytest.param({"n": 5.5}, properties(n=INTEGER), '{"n":5.5}', id="not-whole"),
        pytest.param({"n": 2.0**53}, properties(n=INTEGER), '{"n":9007199254740992.0}', id="beyond-doubles"),
        pytest.param({"n": 1000.0}, properties(n={"type": "number"}), '{"n":1000}', id="number"),
        pytest.param({"n": 5.5}, properties(n={"type": "number"}), '{"n":5.5}', id="fraction"),
        pytest.param({"n": 5.0}, properties(n={"type": "number", "format": "double"}), '{"n":5.0}', id="double"),
        pytest.param({"n": 5.0}, properties(n={"type": "number", "multipleOf": 0.5}), '{"n":5.0}', id="halves"),
        pytest.param({"n": 5.0}, properties(n={"type": "number", "multipleOf": 5.0}), '{"n":5}', id="fives"),
        pytest.param({"n": 5.0}, properties(n={"type": ["integer", "null"]}), '{"n":5}', id="integer-or-null"),
        pytest.param({"n": 5.0}, properties(n={"type": ["integer", "number"]}), '{"n":5}', id="integer-or-number"),
        pytest.param({"n": 5.0}, properties(n={"anyOf": [INTEGER, {"type": "null"}]}), '{"n":5}', id="any-of"),
        pytest.param(
            {"n": 5.0}, properties(n={"anyOf": [INTEGER, {"format": "float"}]}), '{"n":5.0}', id="any-of-float"
        ),
        pytest.param({"l": [1.0, 2.0]}, properties(l={"items": INTEGER}), '{"l":[1,2]}', id="items"),
        pytest.param(
            {"l": [1.0, 2.0]},
            properties(l={"prefixItems": [{"format": "float"}], "items": INTEGER}),
            '{"l":[1.0,2]}',
            id="prefix-items",
        ),
        pytest.param({"x": 1.0}, {"additionalProperties": INTEGER}, '{"x":1}', id="additional-properties"),
        pytest.param({"x": 1.0}, {"additionalProperties": True}, '{"x":1}', id="no-schema-for-it"),
        pytest.param(
            {"v": 1.0, "next": {"v": 2.0, "next": {"v": 3.0}}},
            {"$ref": "#/$defs/node", "$defs": {"node": properties(v=INTEGER, next={"$ref": "#/$defs/node"})}},
            '{"v":1,"next":{"v":2,"next":{"v":3}}}',
            id="recursive-reference",
        ),
        pytest.param({"n": 1.0}, properties(n={"$ref": "#/properties/n"}), '{"n":1}', id="reference-to-itself"),
        pytest.param({"n": 1.0}, properties(n={"$ref": "https://example.org/x"}), '{"n":1}', id="foreign-reference"),
        pytest.param(
            {"n": 1.0},
            {"$defs": {"a/b~": INTEGER}, **properties(n={"$ref": "#/$defs/a~1b~0"})},
            '{"n":1}',
            id="escapes",
        ),
        pytest.param({"n": 1.0}, {"properties": [], "anyOf": {}, "type": 5}, '{"n":1}', id="odd-schema"),
    ],
)
def test_text(args: Any, schema: Any, text: str) -> None:
    before = copy.deepcopy(args)
    assert arguments_text(args, schema) == text
    assert args == before


def put_together(*pieces: Any) -> PartialArguments:
    arguments = PartialArguments()
    for piece in pieces:
        arguments.add(piece)
    return arguments


@pytest.mark.parametrize(
    ("pieces", "args"),
    [
        pytest.param([None], {}, id="none"),
        pytest.param([[{"jsonPath": "$.a", "stringValue": "x"}]], {"a": "x"}, id="string"),
        pytest.param([[{"jsonPath": "$.a", "numberValue": 0}]], {"a": 0}, id="zero"),
        pytest.param([[{"jsonPath": "$.a", "boolValue": False}]], {"a": False}, id="false"),
        pytest.param([[{"jsonPath": "$.a", "nullValue": "NULL_VALUE"}]], {"a": None}, id="null"),
        pytest.param(
            [
                [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}],
                [{"jsonPath": "$.a", "stringValue": "y", "willContinue": True}],
                [{"jsonPath": "$.a", "stringValue": "z"}],
            ],
            {"a": "xyz"},
            id="text-in-pieces",
        ),
        pytest.param(
            [[{"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a", "stringValue": "y"}]],
            {"a": "y"},
            id="said-twice",
        ),
        pytest.param(
            [[{"jsonPath": "$.a[0].b", "numberValue": 1}, {"jsonPath": "$.a[1].b", "numberValue": 2}]],
            {"a": [{"b": 1}, {"b": 2}]},
            id="list-of-objects",
        ),
        pytest.param([[{"jsonPath": "$.a[0][0]", "numberValue": 1}]], {"a": [[1]]}, id="list-of-lists"),
        pytest.param([[{"jsonPath": "$['a b'][\"c.d\"]", "numberValue": 1}]], {"a b": {"c.d": 1}}, id="quoted-names"),
        pytest.param([[{"jsonPath": r"$['it\'s']", "numberValue": 1}]], {"it's": 1}, id="escaped-quote"),
        pytest.param([[{"jsonPath": "$.0", "numberValue": 1}]], {"0": 1}, id="name-of-digits"),
    ],
)
def test_pieces(pieces: list[Any], args: Any) -> None:
    arguments = put_together(*pieces)
    assert json.dumps(arguments.args) == json.dumps(args)
    assert arguments.complete


def test_a_text_without_its_end_is_not_complete() -> None:
    assert not put_together([{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}]).complete


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([5], id="no-object"),
        pytest.param([{"stringValue": "x"}], id="no-path"),
        pytest.param([{"jsonPath": "", "stringValue": "x"}], id="empty-path"),
        pytest.param([{"jsonPath": "$", "stringValue": "x"}], id="root"),
        pytest.param([{"jsonPath": "a.b", "stringValue": "x"}], id="no-root"),
        pytest.param([{"jsonPath": "$.a[*]", "stringValue": "x"}], id="wildcard"),
        pytest.param([{"jsonPath": "$..a", "stringValue": "x"}], id="descent"),
        pytest.param([{"jsonPath": "$.a[999999999999]", "numberValue": 1}], id="far-index"),
        pytest.param([{"jsonPath": "$[0]", "numberValue": 1}], id="index-into-object"),
        pytest.param(
            [{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}], id="name-in-number"
        ),
        pytest.param(
            [{"jsonPath": "$.a[0]", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}], id="name-in-list"
        ),
    ],
)
def test_pieces_that_do_not_fit(pieces: list[Any]) -> None:
    with pytest.raises(UpstreamError) as caught:
        put_together(pieces)
    assert caught.value.error.code == "malformed_function_call"
