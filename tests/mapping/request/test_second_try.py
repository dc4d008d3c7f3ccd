"""mapping.request.second_try: a request without what the upstream refused in it."""

from __future__ import annotations

import copy

import pytest

from mapping.gemini.errors.rules import RULES
from mapping.notes import Notes
from mapping.request.conversation.turns import CONTINUE
from mapping.request.second_try import LADDERS, refused_forms, with_typed, without_refused
from mapping.request.settings.response_format import ResponseFormat
from mapping.values import JSON

SCHEMA = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
TYPED = {
    "type": "OBJECT",
    "properties": {"a": {"type": "STRING", "nullable": True}},
    "required": ["a"],
    "propertyOrdering": ["a"],
}


def declared(**parameters: JSON) -> JSON:
    return {"contents": [], "tools": [{"functionDeclarations": [{"name": "f", **parameters}]}, {"googleSearch": {}}]}


def said(schema: JSON) -> JSON:
    return {"parts": [{"text": ResponseFormat("application/json", "", schema).sentence()}]}


def with_schema(schema: JSON) -> list[JSON]:
    return [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}]


FUNCTION = [{"functionDeclarations": [{"name": "f"}]}]
ANY = {"mode": "ANY"}
GO_ON = {"role": "user", "parts": [{"text": CONTINUE}]}
PREFILLED: JSON = {"contents": [{"role": "user", "parts": []}, {"role": "model", "parts": [{"text": "Once upon"}]}]}
BOUNDED = {
    "type": "object",
    "properties": {
        "a": {"type": "array", "minItems": 1, "maxItems": 9, "items": {"type": "string", "enum": ["x", "y"]}},
        "kind": {"type": "string", "enum": ["only"]},
    },
}
LOOSE = {
    "type": "object",
    "properties": {
        "a": {
            "type": "array",
            "items": {"type": "string", "description": '(constraint: one of "x", "y")'},
            "description": "(constraint: minItems: 1; maxItems: 9)",
        },
        "kind": {"type": "string", "enum": ["only"]},
    },
}

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
    pytest.param(
        "generationConfig.temperature",
        {"generationConfig": {"seed": 1, "temperature": 0.5, "topP": 0.5, "topK": 3}},
        {"generationConfig": {"seed": 1}},
        id="sampling",
    ),
    pytest.param(
        "generationConfig.candidateCount",
        {"generationConfig": {"candidateCount": 3}},
        {"generationConfig": {}},
        id="candidates",
    ),
    pytest.param("contents", PREFILLED, {"contents": [*PREFILLED["contents"], GO_ON]}, id="a turn of the model's last"),
    pytest.param("contents", {"contents": [GO_ON]}, None, id="a turn of the user's last"),
    pytest.param(
        "tools.google",
        {**declared(), "toolConfig": {"includeServerSideToolInvocations": True, "functionCallingConfig": ANY}},
        {"contents": [], "tools": FUNCTION, "toolConfig": {"functionCallingConfig": ANY}},
        id="Google's tools beside functions",
    ),
    pytest.param("tools.google", {"tools": [{"googleSearch": {}}]}, None, id="Google's tools alone"),
    pytest.param(
        "generationConfig.responseMimeType",
        {"tools": FUNCTION, "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
        {"tools": FUNCTION, "systemInstruction": said(SCHEMA)},
        id="JSON beside tools",
    ),
    pytest.param(
        "generationConfig.responseMimeType",
        {"generationConfig": {"responseMimeType": "application/json"}},
        None,
        id="JSON without tools",
    ),
    pytest.param(
        "generationConfig.responseJsonSchema.depth",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        },
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}, *said(SCHEMA)["parts"]]},
            "generationConfig": {"responseMimeType": "application/json"},
        },
        id="a response schema nested too deep",
    ),
    pytest.param(
        "schemas",
        {"tools": FUNCTION, "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}},
        {"tools": FUNCTION},
        id="too many states of checked calls",
    ),
    pytest.param(
        "schemas",
        {"tools": with_schema(BOUNDED), "toolConfig": {"functionCallingConfig": ANY}},
        {"tools": with_schema(LOOSE), "toolConfig": {"functionCallingConfig": ANY}},
        id="too many states of forced calls",
    ),
    pytest.param("schemas", declared(parametersJsonSchema=SCHEMA), declared(parameters=TYPED), id="nothing to loosen"),
    pytest.param(
        "schemas",
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": BOUNDED}},
        {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": LOOSE}},
        id="too many states of the answer",
    ),
    pytest.param("schemas", {"contents": []}, None, id="no schemas"),
    pytest.param(
        "request",
        {"tools": with_schema(BOUNDED), "toolConfig": {"functionCallingConfig": ANY}},
        {"tools": with_schema(LOOSE), "toolConfig": {"functionCallingConfig": ANY}},
        id="forced calls with long lists of values, and no word of it",
    ),
    pytest.param("request", {"tools": with_schema(BOUNDED)}, None, id="free calls with long lists of values"),
    pytest.param("request", PREFILLED, {"contents": [*PREFILLED["contents"], GO_ON]}, id="a turn, and no word of it"),
]


@pytest.mark.parametrize(("field", "body", "expected"), ROWS)
def test_without_refused(field: str, body: JSON, expected: JSON | None) -> None:
    before = copy.deepcopy(body)
    notes = Notes()
    assert without_refused(body, field, notes) == expected
    assert body == before
    assert ("upstream-refuses" in [code for code, _ in notes]) is (expected is not None)


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


def test_one_tool_is_refused_and_the_others_stay() -> None:
    functions = [{"name": name, "parametersJsonSchema": SCHEMA} for name in ("f", "g", "h")]
    body = {"tools": [{"functionDeclarations": functions}]}
    for tool in (1, "g"):
        notes = Notes()
        made = without_refused(body, "tools", notes, tool=tool)
        assert made is not None
        assert made["tools"][0]["functionDeclarations"] == [
            functions[0],
            {"name": "g", "parameters": TYPED},
            functions[2],
        ]
        assert ("upstream-refuses", "g (older form of schema)") in notes
        again = without_refused(made, "tools", notes, tool=tool)
        assert again is not None
        assert all("parameters" in one for one in again["tools"][0]["functionDeclarations"])


def test_every_refusal_that_is_known_has_something_to_be_done_about_it() -> None:
    assert {rule.field for rule in RULES if rule.field} <= set(LADDERS)


@pytest.mark.parametrize("field", LADDERS)
def test_it_comes_to_an_end(field: str) -> None:
    body: JSON | None = {
        **PREFILLED,
        **declared(parametersJsonSchema=BOUNDED),
        "toolConfig": {"functionCallingConfig": ANY},
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": BOUNDED,
            "candidateCount": 2,
            "temperature": 1,
        },
    }
    steps = 0
    while (body := without_refused(body, field, Notes())) is not None:
        steps += 1
        assert steps < 10


FORM = {"parametersJsonSchema": SCHEMA}


@pytest.mark.parametrize(
    ("indices", "typed", "notes"),
    [
        ([], [], []),
        ([1], ["g"], ["g (older form of schema)"]),
        ([0, 1], ["f", "g"], ["f (older form of schema)", "g (older form of schema)"]),
        ([0, 1, 2], ["f", "g", "h"], ["tools (older form of schema)"]),
        ([3], [], []),
        ([9], [], []),
    ],
)
def test_what_is_known_to_be_refused_goes_in_the_other_form(
    indices: list[int], typed: list[str], notes: list[str]
) -> None:
    declared = [*({"name": name, **FORM} for name in "fgh"), {"name": "plain"}]
    body: JSON = {"contents": [], "tools": [{"functionDeclarations": declared}]}
    before, told = copy.deepcopy(body), Notes()
    made = with_typed(body, indices, told)
    assert body == before
    assert [form["name"] for form in made["tools"][0]["functionDeclarations"] if "parameters" in form] == typed
    assert [detail for code, detail in told if code == "upstream-refuses"] == notes
    assert [form["name"] for form in refused_forms(body, made)] == typed
