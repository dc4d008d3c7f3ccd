"""mapping.second_try: a request without what the upstream refused in it."""

from __future__ import annotations

import copy

import pytest

from mapping.gemini import JSON
from mapping.notes import Notes
from mapping.second_try import without_refused

SCHEMA = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
TYPED = {
    "type": "OBJECT",
    "properties": {"a": {"type": "STRING", "nullable": True}},
    "required": ["a"],
    "propertyOrdering": ["a"],
}


def declared(**parameters: JSON) -> JSON:
    return {"contents": [], "tools": [{"functionDeclarations": [{"name": "f", **parameters}]}, {"googleSearch": {}}]}


ROWS = [
    pytest.param("tools", declared(parametersJsonSchema=SCHEMA), declared(parameters=TYPED), id="parameters"),
    pytest.param("tools", declared(parametersJsonSchema={"type": "object"}), declared(), id="no parameters"),
    pytest.param("tools", declared(parameters=TYPED), None, id="typed parameters are the last resort"),
    pytest.param("tools", {"contents": []}, None, id="no tools"),
    pytest.param(
        "generationConfig.responseJsonSchema",
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        {"generationConfig": {"responseMimeType": "application/json", "responseSchema": TYPED}},
        id="response schema",
    ),
    pytest.param(
        "generationConfig.thinkingConfig",
        {"generationConfig": {"seed": 1, "thinkingConfig": {"thinkingLevel": "LOW"}}},
        {"generationConfig": {"seed": 1}},
        id="thinking",
    ),
    pytest.param("generationConfig.thinkingConfig", {"generationConfig": {"seed": 1}}, None, id="nothing to leave out"),
    pytest.param(
        "generationConfig.responseLogprobs",
        {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
        {"generationConfig": {}},
        id="log probabilities",
    ),
    pytest.param("something.else", {"generationConfig": {"seed": 1}}, None, id="unknown"),
]


@pytest.mark.parametrize(("field", "body", "expected"), ROWS)
def test_without_refused(field: str, body: JSON, expected: JSON | None) -> None:
    before = copy.deepcopy(body)
    notes = Notes()
    assert without_refused(body, field, notes) == expected
    assert body == before
    assert (("upstream-refuses", field) in notes) is (expected is not None)


@pytest.mark.parametrize(
    ("field", "body", "changed"),
    [
        ("tools", declared(parametersJsonSchema=SCHEMA), True),
        ("generationConfig.responseJsonSchema", {"generationConfig": {"responseJsonSchema": SCHEMA}}, True),
        ("generationConfig.responseLogprobs", {"generationConfig": {"responseLogprobs": True}}, False),
        ("generationConfig.thinkingConfig", {"generationConfig": {"thinkingConfig": {}}}, False),
    ],
)
def test_strict_leaves_nothing_out(field: str, body: JSON, changed: bool) -> None:
    assert (without_refused(body, field, Notes(), strict=True) is not None) is changed
