"""tool_choice in all its forms, and the deprecated functions and function_call."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.tools.tool_choice import read_chat_choice, read_function_call
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options

OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
PARAMETERS: JSON = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}}


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
    ("choice", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("auto", None, id="auto"),
        pytest.param("none", calling("NONE"), id="none"),
        pytest.param("required", calling("ANY"), id="required"),
        pytest.param("validated", calling("VALIDATED"), id="validated"),
        pytest.param({"type": "function", "function": {"name": "1f"}}, calling("ANY", "_1f"), id="function"),
        pytest.param({"type": "function", "name": "1f"}, calling("ANY", "_1f"), id="flat"),
        pytest.param({"type": "custom", "custom": {"name": "c"}}, calling("ANY", "c"), id="custom"),
        pytest.param(
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("1f"), custom("c")]}},
            calling("VALIDATED", "_1f", "c"),
            id="allowed-auto",
        ),
        pytest.param(
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("1f")]}},
            calling("ANY", "_1f"),
            id="allowed-required",
        ),
        pytest.param(
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
            calling("NONE"),
            id="allowed-none",
        ),
    ],
)
def test_choice(choice: Any, expected: JSON | None) -> None:
    tools, config = build([function("1f"), custom("c")], choice)
    assert config == expected
    assert tools is not None
    assert len(tools[0]["functionDeclarations"]) == 2


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, calling("VALIDATED")),
        ("auto", calling("VALIDATED")),
        ("required", calling("ANY")),
        ("none", calling("NONE")),
    ],
)
@pytest.mark.parametrize("model", [OLD, NEW])
def test_strict_functions_are_validated(choice: Any, expected: JSON, model: str) -> None:
    assert build([function(strict=True), function("g", strict=False)], choice, model)[1] == expected


def test_gemma_knows_no_validated_mode() -> None:
    assert build([function(strict=True)], None, "gemma-4-31b-it")[1] is None


@pytest.mark.parametrize("choice", ["auto", "none", "validated", None])
@pytest.mark.parametrize("tools", [None, []])
def test_choice_without_tools_is_left_out(choice: Any, tools: Any) -> None:
    assert build(tools, choice) == (None, None)


@pytest.mark.parametrize(
    ("tools", "choice", "param", "code"),
    [
        (None, "required", "tool_choice", "invalid_value"),
        (None, {"type": "function", "function": {"name": "f"}}, "tool_choice", "invalid_value"),
        ([function()], {"type": "function", "function": {"name": "g"}}, "tool_choice", "invalid_value"),
        ([function()], {"type": "custom", "custom": {"name": "g"}}, "tool_choice", "invalid_value"),
        (
            [function()],
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("g")]}},
            "tool_choice",
            "invalid_value",
        ),
        (
            [function()],
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}},
            "tool_choice",
            "invalid_value",
        ),
        ([function()], "sometimes", "tool_choice", "invalid_value"),
        ([function()], 1, "tool_choice", "invalid_type"),
        ([function()], [], "tool_choice", "invalid_type"),
        ([function()], {}, "tool_choice.type", "missing_required_parameter"),
        ([function()], {"type": "mcp"}, "tool_choice.type", "invalid_value"),
        ([function()], {"type": "function"}, "tool_choice.function", "missing_required_parameter"),
        ([function()], {"type": "function", "function": {}}, "tool_choice.function.name", "missing_required_parameter"),
        ([function()], {"type": "function", "function": {"name": 1}}, "tool_choice.function.name", "invalid_type"),
        ([function()], {"type": "allowed_tools"}, "tool_choice.allowed_tools", "missing_required_parameter"),
        (
            [function()],
            {"type": "allowed_tools", "allowed_tools": {"tools": []}},
            "tool_choice.allowed_tools.mode",
            "missing_required_parameter",
        ),
        (
            [function()],
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [1]}},
            "tool_choice.allowed_tools.tools[0]",
            "invalid_type",
        ),
    ],
    ids=str,
)
def test_choice_errors(tools: Any, choice: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        build(tools, choice)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


def test_legacy_functions() -> None:
    tools, _ = tool_set()
    tools.add_legacy_functions([{"name": "f", "parameters": PARAMETERS}])
    tools.choose(read_function_call({"name": "f"}))
    assert tools.legacy
    assert tools.build() == (declarations({"name": "f", "parametersJsonSchema": PARAMETERS}), calling("ANY", "f"))


@pytest.mark.parametrize(("call", "expected"), [(None, None), ("auto", None), ("none", calling("NONE"))])
def test_function_call(call: Any, expected: JSON | None) -> None:
    tools, _ = tool_set()
    tools.add_legacy_functions([{"name": "f"}])
    tools.choose(read_function_call(call))
    assert tools.build()[1] == expected


def test_tools_win_over_functions() -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function()])
    tools.add_legacy_functions([{"name": "g"}])
    assert not tools.legacy
    tools, _ = tool_set()
    tools.add_legacy_functions([])
    assert not tools.legacy


@pytest.mark.parametrize(
    ("functions", "call", "param"),
    [
        ({}, None, "functions"),
        (["f"], None, "functions[0]"),
        ([{}], None, "functions[0].name"),
        ([{"name": "f"}], "required", "function_call"),
        ([{"name": "f"}], 1, "function_call"),
        ([{"name": "f"}], {}, "function_call.name"),
        ([{"name": "f"}], {"name": "g"}, "function_call"),
    ],
    ids=str,
)
def test_legacy_errors(functions: Any, call: Any, param: str) -> None:
    with pytest.raises(Fault) as caught:
        build_legacy(functions, call)
    assert caught.value.param == param


def build_legacy(functions: Any, call: Any) -> tuple[list[JSON] | None, JSON | None]:
    tools, _ = tool_set()
    tools.add_legacy_functions(functions)
    tools.choose(read_function_call(call))
    return tools.build()
