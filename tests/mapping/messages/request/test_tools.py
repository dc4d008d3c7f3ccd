"""Tools of Messages requests: the client's own, those that models know, Google's for Anthropic's, and the choice."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.answer.blame import client_place
from mapping.faults import Fault
from mapping.values import JSON
from tests.mapping.messages.request.ask import G3, G25, HI, SCHEMA, TOOL, Asked, assistant, result, text, use, user

DECLARED: JSON = {"name": "f", "description": "Does.", "parametersJsonSchema": SCHEMA}
SEARCH: JSON = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def deferred(name: str) -> JSON:
    return {**TOOL, "name": name, "defer_loading": True}


TOOLS = [
    # tool, Gemini's tools, notes
    (TOOL, DECLARED, []),
    ({**TOOL, "type": "custom"}, DECLARED, []),
    ({**TOOL, "type": None, "cache_control": {"type": "ephemeral"}, "defer_loading": False}, DECLARED, []),
    ({**TOOL, "eager_input_streaming": True, "allowed_callers": ["direct"], "strict": False}, DECLARED, []),
    ({**TOOL, "allowed_callers": ["code_execution_20250825"]}, DECLARED, [("ignored", "tools[0].allowed_callers")]),
    ({**TOOL, "newest": 1}, DECLARED, [("ignored", "tools[0].newest")]),
    (
        {**TOOL, "input_examples": [{"x": 1}, {"x": 2}]},
        {**DECLARED, "description": 'Does.\n\nExamples of its input:\n{"x":1}\n{"x":2}'},
        [],
    ),
    ({"name": "f", "input_schema": {"type": "object"}}, {"name": "f"}, []),
    (
        {**TOOL, "input_schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMA}},
        DECLARED,
        [],
    ),
    ({"type": "newest_20270101", **TOOL}, DECLARED, [("unknown", "tools[0].type newest_20270101")]),
]


@pytest.mark.parametrize(("tool", "declared", "notes"), TOOLS)
def test_tools_of_the_client(tool: JSON, declared: JSON, notes: list[Any]) -> None:
    asked = Asked({"tools": [tool]})
    [function] = asked.body["tools"][0]["functionDeclarations"]
    assert function == declared
    assert asked.notes == notes


def test_strict() -> None:
    asked = Asked({"tools": [{**TOOL, "strict": True}]})
    assert asked.body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_names_that_gemini_does_not_take() -> None:
    asked = Asked({"tools": [{**TOOL, "name": "a b"}], "messages": [HI, assistant(use(name="a b")), user(result())]})
    assert asked.functions == ["a_b"]
    assert asked.plan.names == {"a_b": "a b"}
    assert asked.contents[1]["parts"][0]["functionCall"]["name"] == "a_b"


def test_a_complaint_names_the_member_as_the_client_does() -> None:
    place = client_place("tools[0].function_declarations[0].parameters.properties[x]", Asked({"tools": [TOOL]}).plan)
    assert place
    assert (place.path, place.tool) == ("tools[0].input_schema.properties.x", "f")


KNOWN = [
    # tool, name, required, a property
    ({"type": "bash_20250124", "name": "bash"}, "bash", [], "restart"),
    (
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
        "str_replace_based_edit_tool",
        ["command", "path"],
        "old_str",
    ),
    (
        {"type": "text_editor_20250124", "name": "str_replace_editor"},
        "str_replace_editor",
        ["command", "path"],
        "new_str",
    ),
    ({"type": "memory_20250818", "name": "memory"}, "memory", ["command"], "old_path"),
    ({"type": "computer_20251124", "name": "computer"}, "computer", ["action"], "coordinate"),
]


@pytest.mark.parametrize(("tool", "name", "required", "member"), KNOWN)
def test_tools_that_models_know_by_heart(tool: JSON, name: str, required: list[str], member: str) -> None:
    asked = Asked({"tools": [tool]})
    [function] = asked.body["tools"][0]["functionDeclarations"]
    assert function["name"] == name
    assert function["description"]
    assert function["parametersJsonSchema"].get("required", []) == required
    assert member in function["parametersJsonSchema"]["properties"]
    assert asked.notes == [("emulated", "tools[0]")]


def test_the_screen_of_a_computer() -> None:
    tool = {"type": "computer_20250124", "name": "computer", "display_width_px": 1024, "display_height_px": 768}
    [function] = Asked({"tools": [tool]}).body["tools"][0]["functionDeclarations"]
    assert "1024x768 pixels" in function["description"]


# server tools

SERVER = [
    # tool, model, Gemini's tools, what the plan knows, notes
    ({"type": "web_search_20250305", "name": "web_search"}, G25, ["googleSearch"], []),
    (SEARCH, G25, ["googleSearch"], [("ignored", "tools[0].max_uses")]),
    (
        {"type": "web_search_20260318", "name": "web_search", "allowed_domains": ["a"], "blocked_domains": []},
        G25,
        ["googleSearch"],
        [("ignored", "tools[0].allowed_domains")],
    ),
    ({"type": "web_fetch_20250910", "name": "web_fetch", "use_cache": True}, G25, ["urlContext"], []),
    ({"type": "code_execution_20250825", "name": "code_execution"}, G25, ["codeExecution"], []),
    ({"type": "code_execution_20250522", "name": "code_execution"}, G3, ["codeExecution"], []),
    ({"type": "advisor_20260301", "name": "advisor"}, G25, [], [("unknown", "tools[0].type advisor_20260301")]),
    ({"type": "browser_toolset_20260801"}, G25, [], [("unknown", "tools[0].type browser_toolset_20260801")]),
]


@pytest.mark.parametrize(("tool", "model", "members", "notes"), SERVER)
def test_server_tools(tool: JSON, model: str, members: list[str], notes: list[Any]) -> None:
    asked = Asked({"tools": [tool]}, model)
    assert asked.body.get("tools", []) == [{member: {}} for member in members]
    assert asked.plan.server_tools == dict.fromkeys(members, tool["type"])
    assert asked.notes == notes


def test_server_tools_beside_the_clients() -> None:
    asked = Asked({"tools": [TOOL, SEARCH]}, G3)
    assert asked.plan.server_tools == {"googleSearch": "web_search_20250305"}
    asked = Asked({"tools": [TOOL, SEARCH]}, G25)  # which takes them only by themselves
    assert asked.plan.server_tools == {}
    assert ("model-refuses", "tools[1]") in asked.notes


# tools that are loaded later


def reference(name: str) -> JSON:
    return {"type": "tool_reference", "tool_name": name}


def change(kind: str, name: str) -> JSON:
    return {"type": kind, "tool": {"type": "tool_reference", "name": name}}


INLINE: JSON = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {**TOOL, "name": "h"}}}
FOUND = [HI, assistant(use(name="ToolSearch")), user(result([reference("g")]))]
SUMMARY: JSON = {"type": "compaction", "content": "a", "tool_changes": [change("tool_addition", "g")]}
BM25: JSON = {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}
LATER = [
    # tools, messages, declared
    ([TOOL, deferred("DeferredToolPlaceholder")], [HI], ["f"]),
    ([TOOL, deferred("g"), deferred("h")], [HI], ["f"]),
    ([TOOL, deferred("g"), deferred("h")], FOUND, ["f", "g"]),
    ([TOOL, deferred("g")], [*FOUND, assistant(text("a")), HI], ["f", "g"]),
    ([TOOL, deferred("g")], [HI, {"role": "system", "content": [change("tool_addition", "g")]}], ["f", "g"]),
    ([TOOL, {**TOOL, "name": "g"}], [HI, {"role": "system", "content": [change("tool_removal", "f")]}], ["g"]),
    (
        [TOOL],
        [HI, {"role": "system", "content": [change("tool_removal", "f")]}, HI, user(change("tool_addition", "f"))],
        ["f"],
    ),
    ([TOOL], [HI, {"role": "system", "content": [INLINE]}], ["f", "h"]),
    ([TOOL], [HI, {"role": "system", "content": [INLINE, change("tool_removal", "h")]}], ["f"]),
    ([], [HI, {"role": "system", "content": [INLINE]}], ["h"]),
    (
        [TOOL, deferred("g")],
        [user({"type": "compaction", "content": "a", "tool_changes": [change("tool_addition", "g")]}), HI],
        ["f", "g"],
    ),
    # Anthropic's server would search: all are there from the start.
    (
        [TOOL, deferred("g"), {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"}],
        [HI],
        ["f", "g"],
    ),
    ([deferred("g"), {"type": "tool_search_tool_regex", "name": "tool_search_tool_regex"}], [HI], ["g"]),
]


@pytest.mark.parametrize(("tools", "messages", "declared"), LATER)
def test_tools_that_come_later(tools: list[JSON], messages: list[JSON], declared: list[str]) -> None:
    assert Asked({"tools": tools, "messages": messages}).functions == declared


MCP: JSON = {"type": "tool_removal", "tool": {"type": "mcp_toolset_reference", "server_name": "s"}}
WRONG_CHANGES = [
    # change, param
    ({"type": "tool_addition"}, "tool"),
    ({"type": "tool_addition", "tool": "g"}, "tool"),
    ({"type": "tool_removal", "tool": {"type": "tool_reference"}}, "tool.name"),
    ({"type": "tool_removal", "tool": {"type": "tool_reference", "name": 5}}, "tool.name"),
    ({"type": "tool_addition", "tool": {"type": "tool_definition", "definition": []}}, "tool.definition"),
    ({"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {}}}, "tool.definition.name"),
]


@pytest.mark.parametrize(("change", "param"), WRONG_CHANGES)
def test_a_change_of_tools_that_can_not_be_read_is_not_lost(change: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked({"tools": [TOOL], "messages": [HI, {"role": "system", "content": [change]}]})
    assert caught.value.param == f"messages[1].content[0].{param}"


def test_a_change_of_tools_that_are_not_there() -> None:
    assert Asked({"tools": [TOOL], "messages": [HI, {"role": "system", "content": [MCP]}]}).functions == ["f"]


def test_a_search_by_the_server_is_emulated() -> None:
    assert Asked({"tools": [BM25, deferred("g")]}).notes == [("emulated", "tools[0]")]


# the choice

CHOICES = [
    # tool_choice, functionCallingConfig
    (None, None),
    ({"type": "auto"}, None),
    ({"type": "any"}, {"mode": "ANY"}),
    ({"type": "tool", "name": "f"}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ({"type": "none"}, {"mode": "NONE"}),
]


@pytest.mark.parametrize(("choice", "config"), CHOICES)
def test_the_choice(choice: JSON | None, config: JSON | None) -> None:
    asked = Asked({"tools": [TOOL], "tool_choice": choice})
    assert asked.body.get("toolConfig") == (config and {"functionCallingConfig": config})
    assert not asked.plan.one_call
    if choice is not None:
        assert Asked({"tools": [TOOL], "tool_choice": {**choice, "disable_parallel_tool_use": True}}).plan.one_call


def test_a_server_tool_cannot_be_forced() -> None:
    asked = Asked({"tools": [{**SEARCH, "max_uses": None}], "tool_choice": {"type": "tool", "name": "web_search"}})
    assert asked.body["tools"] == [{"googleSearch": {}}]
    assert asked.notes == [("ignored", "tool_choice")]


# refused

REFUSED = [
    ({"tools": {}}, "tools"),
    ({"tools": ["f"]}, "tools[0]"),
    ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
    ({"tools": [{"type": "custom", "name": "f"}]}, "tools[0].input_schema"),
    ({"tools": [{"type": 5}]}, "tools[0].type"),
    ({"tools": [{"input_schema": SCHEMA}]}, "tools[0].name"),
    ({"tools": [{**TOOL, "input_schema": "x"}]}, "tools[0].input_schema"),
    ({"tools": [{**TOOL, "defer_loading": "x"}]}, "tools[0].defer_loading"),
    ({"tools": [{**TOOL, "strict": "x"}]}, "tools[0].strict"),
    ({"tools": [{**TOOL, "input_examples": "x"}]}, "tools[0].input_examples"),
    ({"tools": [TOOL, {**TOOL, "description": "Other."}]}, "tools[1].name"),
    ({"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}, "tools[0]"),
    ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {}}, "tool_choice.type"),
    ({"tools": [TOOL], "tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "tool_choice"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
]


@pytest.mark.parametrize(("members", "param"), REFUSED)
def test_refused(members: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked(members)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_strict_settings_refuse_what_google_does_not_have() -> None:
    for tool in (SEARCH, {"type": "advisor_20260301", "name": "advisor"}):
        with pytest.raises(Fault):
            Asked({"tools": [tool]}, strict=True)
