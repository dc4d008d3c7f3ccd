"""tools -> tools and toolConfig, and what goes together."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.tools.tool_choice import read_chat_choice
from mapping.request.tools.tools import MAX_FUNCTIONS, ToolSet
from mapping.values import JSON, Options

OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
PARAMETERS: JSON = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}}
GEMINI_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
GRAMMAR: JSON = {"syntax": "lark", "definition": "start: WORD"}


def tool_set(model: str = NEW, *, strict: bool = False) -> tuple[ToolSet, Notes]:
    notes = Notes()
    return ToolSet(model_info(model), notes, Options(strict=strict)), notes


def function(name: Any = "f", **members: Any) -> JSON:
    return {"type": "function", "function": {"name": name, **members}}


def custom(name: str = "c", **members: Any) -> JSON:
    return {"type": "custom", "custom": {"name": name, **members}}


def build(
    tools: Any, choice: Any = None, model: str = NEW, *, strict: bool = False
) -> tuple[list[JSON] | None, JSON | None]:
    tool_set_, _ = tool_set(model, strict=strict)
    tool_set_.add_chat_tools(tools)
    tool_set_.choose(read_chat_choice(choice))
    return tool_set_.build()


def declarations(*functions: JSON) -> list[JSON]:
    return [{"functionDeclarations": list(functions)}]


def calling(mode: str, *names: str) -> JSON:
    config: JSON = {"mode": mode}
    if names:
        config["allowedFunctionNames"] = list(names)
    return {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        pytest.param(None, None, id="null"),
        pytest.param([], None, id="empty"),
        pytest.param([function()], declarations({"name": "f"}), id="name-only"),
        pytest.param([function(description="")], declarations({"name": "f"}), id="empty-description"),
        pytest.param([function(parameters={})], declarations({"name": "f"}), id="empty-parameters"),
        pytest.param([function(parameters=None, strict=None)], declarations({"name": "f"}), id="nulls"),
        pytest.param(
            [function(parameters={"type": "object", "properties": {}})], declarations({"name": "f"}), id="no-arguments"
        ),
        pytest.param(
            [function(description="d", parameters=PARAMETERS), function("g")],
            declarations({"name": "f", "description": "d", "parametersJsonSchema": PARAMETERS}, {"name": "g"}),
            id="all-in-one-entry-in-order",
        ),
        pytest.param([{"type": "function", "name": "f"}], declarations({"name": "f"}), id="flat"),
        pytest.param([{"type": "google_search"}], [{"googleSearch": {}}], id="google-type"),
        pytest.param([{"google_search": {}}], [{"googleSearch": {}}], id="google-member"),
        pytest.param(
            [{"type": "code_execution"}, {"urlContext": {}}], [{"codeExecution": {}}, {"urlContext": {}}], id="two"
        ),
    ],
)
def test_declarations(tools: Any, expected: list[JSON] | None) -> None:
    assert build(tools)[0] == expected


def test_the_order_of_schema_keys_stays() -> None:
    tools, _ = build([function(parameters=PARAMETERS)])
    assert tools is not None
    schema = tools[0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert list(schema["properties"]) == ["z", "a"]


def test_schemas_are_kept_for_the_way_back() -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function("1f", parameters=PARAMETERS), function("g")])
    assert tools.schemas == {"_1f": PARAMETERS}


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param(
            {"$schema": "http://json-schema.org/draft-07/schema#", **PARAMETERS, "additionalProperties": False},
            id="zod",
        ),
        pytest.param(
            {
                "type": "object",
                "properties": {"root": {"$ref": "#/$defs/node"}},
                "$defs": {"node": {"type": "object", "properties": {"child": {"$ref": "#/$defs/node"}}}},
            },
            id="recursive",
        ),
        pytest.param(
            {"type": "object", "properties": {"n": {"type": "integer", "format": "uint64", "minimum": 0}}}, id="goose"
        ),
    ],
)
def test_schemas_of_real_clients_pass(parameters: JSON) -> None:
    before = copy.deepcopy(parameters)
    tools, _ = build([function(parameters=parameters)])
    assert tools is not None
    schema = tools[0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert schema["type"] == "object"
    assert "$schema" not in schema
    assert parameters == before


# Duplicates and limits


def test_identical_duplicates_are_sent_once() -> None:
    tools, notes = tool_set()
    tools.add_chat_tools([function(parameters=PARAMETERS), function(parameters=copy.deepcopy(PARAMETERS))])
    built, _ = tools.build()
    assert built is not None
    assert len(built[0]["functionDeclarations"]) == 1
    assert list(notes) == [("duplicate-tool", "f")]


@pytest.mark.parametrize("other", [function(description="x"), {**custom("f")}], ids=["function", "custom"])
def test_conflicting_duplicates_are_refused(other: JSON) -> None:
    with pytest.raises(Fault) as caught:
        build([function(), other])
    assert caught.value.code == "invalid_value"
    assert str(caught.value.param).startswith("tools[1].")


def test_too_many_functions() -> None:
    tools = [function(f"f{i}") for i in range(MAX_FUNCTIONS)]
    assert build(tools)[0] is not None
    with pytest.raises(Fault) as caught:
        build([*tools, function()])
    assert (caught.value.param, caught.value.code) == ("tools", "invalid_value")


# Custom tools


@pytest.mark.parametrize(
    ("members", "description"),
    [
        ({}, None),
        ({"description": "d"}, "d"),
        ({"description": "d", "format": {"type": "text"}}, "d"),
        (
            {"description": "d", "format": {"type": "grammar", "grammar": GRAMMAR}},
            "d\n\nThe input must match this Lark grammar:\nstart: WORD",
        ),
        ({"format": {"type": "grammar", **GRAMMAR}}, "The input must match this Lark grammar:\nstart: WORD"),
        (
            {"format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}},
            "The input must match this regular expression:\na+",
        ),
    ],
    ids=["bare", "description", "text", "grammar", "flat-grammar", "regex"],
)
def test_custom_tools(members: JSON, description: str | None) -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([custom("1c", **members)])
    built, _ = tools.build()
    assert built is not None
    (declared,) = built[0]["functionDeclarations"]
    assert declared.get("description") == description
    assert declared["parametersJsonSchema"]["required"] == ["input"]
    assert declared["parametersJsonSchema"]["properties"]["input"]["type"] == "string"
    assert tools.custom == {"_1c"}
    assert set(tools.schemas) == {"_1c"}


@pytest.mark.parametrize(
    ("tools", "param", "code"),
    [
        ({}, "tools", "invalid_type"),
        ("f", "tools", "invalid_type"),
        ([1], "tools[0]", "invalid_type"),
        ([None], "tools[0]", "invalid_type"),
        ([{}], "tools[0].type", "missing_required_parameter"),
        ([{"type": 1}], "tools[0].type", "invalid_type"),
        ([{"type": "function"}], "tools[0].function", "missing_required_parameter"),
        ([{"type": "function", "function": "f"}], "tools[0].function", "invalid_type"),
        ([{"type": "function", "function": {}}], "tools[0].function.name", "missing_required_parameter"),
        ([function(1)], "tools[0].function.name", "invalid_type"),
        ([function("")], "tools[0].function.name", "invalid_value"),
        ([function(description=1)], "tools[0].function.description", "invalid_type"),
        ([function(parameters="{}")], "tools[0].function.parameters", "invalid_type"),
        ([function(parameters=[])], "tools[0].function.parameters", "invalid_type"),
        ([function(strict="yes")], "tools[0].function.strict", "invalid_type"),
        ([custom(format="text")], "tools[0].custom.format", "invalid_type"),
        ([custom(format={"type": "yaml"})], "tools[0].custom.format.type", "invalid_value"),
        (
            [custom(format={"type": "grammar", "grammar": {"syntax": "lark"}})],
            "tools[0].custom.format.grammar.definition",
            "missing_required_parameter",
        ),
        (
            [custom(format={"type": "grammar", "grammar": {"syntax": "bnf", "definition": "x"}})],
            "tools[0].custom.format.grammar.syntax",
            "invalid_value",
        ),
        ([{"google_search": 1}], "tools[0].google_search", "invalid_type"),
    ],
    ids=str,
)
def test_tool_errors(tools: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        build(tools)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


def test_a_tool_of_an_unknown_type_is_left_out() -> None:
    tools, notes = tool_set()
    tools.add_chat_tools([{"type": "teleport"}, function()])
    assert tools.build() == build([function()])
    assert list(notes) == [("unknown", "tools[0].type teleport")]
    with pytest.raises(Fault) as caught:
        build([{"type": "teleport"}], strict=True)
    assert (caught.value.param, caught.value.code) == ("tools[0].type", "invalid_value")


# Google's own tools


def test_google_tools_beside_functions() -> None:
    tools, config = build([{"type": "google_search"}, function()])
    assert tools == [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]
    assert config == {"includeServerSideToolInvocations": True, **calling("VALIDATED")}


def test_a_forced_call_stays_forced_beside_google_tools() -> None:
    _, config = build([{"type": "google_search"}, function()], "required")
    assert config == {"includeServerSideToolInvocations": True, **calling("ANY")}


def test_google_tools_alone_have_no_config() -> None:
    assert build([{"type": "google_search"}], "auto") == ([{"googleSearch": {}}], None)
    assert build([{"type": "google_search"}], None, OLD) == ([{"googleSearch": {}}], None)


def test_no_tool_means_no_google_tool() -> None:
    assert build([{"type": "google_search"}], "none") == (None, None)
    tools, config = build([{"type": "google_search"}, function()], "none")
    assert tools == declarations({"name": "f"})
    assert config == calling("NONE")


def test_older_models_lose_google_tools_beside_functions() -> None:
    tools, notes = tool_set(OLD)
    tools.add_chat_tools([{"type": "google_search"}, function()])
    assert tools.build() == (declarations({"name": "f"}), None)
    assert list(notes) == [("model-refuses", "tools[0]")]
    with pytest.raises(Fault) as caught:
        build([{"type": "google_search"}, function()], None, OLD, strict=True)
    assert (caught.value.param, caught.value.code) == ("tools[0]", "unsupported_parameter")


def test_google_tools_cannot_be_forced() -> None:
    tools, notes = tool_set()
    tools.add_chat_tools([{"type": "google_search"}])
    tools.choose(read_chat_choice("required"))
    assert tools.build() == ([{"googleSearch": {}}], None)
    assert list(notes) == [("ignored", "tool_choice")]


def test_google_tools_of_the_extension() -> None:
    tools, _ = tool_set()
    tools.add_google_tools([{"google_search": {"exclude_domains": ["x"]}}, {"urlContext": {}}], "google.tools")
    assert tools.build()[0] == [{"googleSearch": {"exclude_domains": ["x"]}}, {"urlContext": {}}]
    with pytest.raises(Fault) as caught:
        tools.add_google_tools([{"magic": {}}], "google.tools")
    assert caught.value.param == "google.tools[0]"


def test_web_search_options() -> None:
    tools, notes = tool_set()
    tools.add_chat_tools([{"type": "google_search"}])
    tools.add_web_search_options({"search_context_size": "low", "user_location": None})
    assert tools.build()[0] == [{"googleSearch": {}}]
    assert list(notes) == [("ignored", "web_search_options.search_context_size")]
    tools, _ = tool_set()
    tools.add_web_search_options({})
    assert tools.build() == ([{"googleSearch": {}}], None)
    tools, _ = tool_set()
    tools.add_web_search_options(None)
    assert tools.build() == (None, None)


# JSON answers beside tools


@pytest.mark.parametrize(
    ("tools", "choice", "model", "expected"),
    [
        ([], None, OLD, "native"),
        ([function()], None, OLD, "prompt"),
        ([function()], "none", OLD, "prompt"),
        ([{"type": "google_search"}], None, OLD, "prompt"),
        ([function()], "required", OLD, "unneeded"),
        ([function()], None, NEW, "native"),
        ([function()], "required", NEW, "unneeded"),
        ([{"type": "google_search"}], None, NEW, "native"),
    ],
)
def test_json_mode(tools: list[JSON], choice: Any, model: str, expected: str) -> None:
    tool_set_, _ = tool_set(model)
    tool_set_.add_chat_tools(tools)
    tool_set_.choose(read_chat_choice(choice))
    assert tool_set_.json_mode == expected


# Anything at all

WORDS = st.sampled_from(
    [
        *("type", "function", "custom", "name", "parameters", "strict", "format", "grammar", "syntax", "definition"),
        *("google_search", "mode", "auto", "required", "allowed_tools", "tools", "object", "properties", "$ref", "f"),
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)
NEARLY_TOOL = st.fixed_dictionaries(
    {"type": st.sampled_from(["function", "custom"])},
    optional={
        kind: st.fixed_dictionaries(
            {"name": st.text(max_size=3)},
            optional={
                "description": st.none() | st.text(max_size=3),
                "parameters": ANY_JSON,
                "format": ANY_JSON,
                "strict": st.none() | st.booleans(),
            },
        )
        for kind in ("function", "custom")
    },
)


def outcome(tools: Any, choice: Any, model: str) -> tuple[list[JSON] | None, JSON | None] | Fault:
    try:
        return build(tools, choice, model)
    except Fault as error:
        return error


@given(
    tools=ANY_JSON | st.lists(NEARLY_TOOL | ANY_JSON, max_size=3),
    choice=ANY_JSON,
    model=st.sampled_from([OLD, NEW, "gemma-4-31b-it"]),
)
def test_anything_gives_tools_or_an_error(tools: Any, choice: Any, model: str) -> None:
    before = copy.deepcopy((tools, choice))
    result = outcome(tools, choice, model)
    assert (tools, choice) == before
    if isinstance(result, Fault):
        assert result.status == 400
        assert result.param
        return
    built, config = result
    assert built != []
    declared = [d for tool in built or () for d in tool.get("functionDeclarations", ())]
    assert all(GEMINI_NAME.fullmatch(d["name"]) for d in declared)
    assert config is None or declared
    assert result == outcome(tools, choice, model)


@pytest.mark.parametrize(
    ("members", "noted"),
    [
        ({"async": True}, ["async"]),
        ({"async": False, "allowed_callers": ["direct"], "output_schema": None}, []),
        (
            {"allowed_callers": ["code"], "output_schema": {"a": 1}},
            ["allowed_callers", "output_schema"],
        ),
    ],
)
def test_members_of_a_function_that_gemini_has_not(members: JSON, noted: list[str]) -> None:
    notes = Notes()
    tools = ToolSet(model_info("gemini-3.8-flash"), notes, Options())
    tools.add_chat_tools([{"type": "function", "function": {"name": "f", **members}}])
    assert list(notes) == [("ignored", f"tools[0].function.{name}") for name in noted]
