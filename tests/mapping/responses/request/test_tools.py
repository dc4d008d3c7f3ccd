"""The tools of a Responses request: what each type becomes, what it is called, and what may be chosen."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.tools.tools import ToolSet
from mapping.responses.plan import ToolKind
from mapping.responses.request.tools import ResponsesTools
from mapping.values import JSON, Options

G2 = "gemini-2.5-flash"
G3 = "gemini-3.8-flash"
IMAGE = "gemini-3.1-flash-image"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "name": "weather", "description": "Tells.", "parameters": SCHEMA, "strict": False}
PATCHER = {"type": "custom", "name": "patcher", "description": "Patches."}
AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Helpers.",
    "tools": [
        {"type": "function", "name": "close", "parameters": SCHEMA, "strict": None, "defer_loading": True},
        {"type": "custom", "name": "exec", "format": {"type": "text"}},
    ],
}


class Read:
    def __init__(self, tools: Any, model: str = G3, *, later: Any = None, choice: Any = None, **options: Any) -> None:
        self.notes = Notes()
        settings = Options(**options)
        self.tools = ResponsesTools(
            ToolSet(model_info(model), self.notes, settings), options=settings, notes=self.notes
        )
        self.tools.add(tools)
        self.tools.add_later(later, "input[0].tools")
        self.tools.choose(choice)
        self.sent, self.config = self.tools.toolset.build()

    @property
    def declarations(self) -> dict[str, JSON]:
        return {f["name"]: f for tool in self.sent or () for f in tool.get("functionDeclarations", ())}

    @property
    def calling(self) -> Any:
        return (self.config or {}).get("functionCallingConfig")

    @property
    def codes(self) -> set[str]:
        return {code for code, _ in self.notes}


# what the client runs


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(WEATHER, id="flat"),
        pytest.param({**WEATHER, "defer_loading": True, "output_schema": {}}, id="deferred"),
        pytest.param({"type": "function", "function": WEATHER}, id="nested as in chat"),
    ],
)
def test_a_function(tool: Any) -> None:
    read = Read([tool])
    assert read.sent == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tells.", "parametersJsonSchema": SCHEMA},
            ]
        }
    ]
    assert read.tools.kinds == {"weather": ToolKind("function", "weather")}
    assert read.codes == set()


def test_a_custom_tool() -> None:
    form = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    read = Read([{**PATCHER, "format": form}])
    declared = read.declarations["patcher"]
    assert declared["description"] == "Patches.\n\nThe input must match this Lark grammar:\nstart: x"
    assert declared["parametersJsonSchema"]["required"] == ["input"]
    assert read.tools.toolset.custom == {"patcher"}
    assert read.tools.kinds == {"patcher": ToolKind("custom", "patcher")}


def test_a_namespace() -> None:
    read = Read([WEATHER, AGENTS])
    assert list(read.declarations) == ["weather", "agents__close", "agents__exec"]
    assert read.declarations["agents__close"]["parametersJsonSchema"] == SCHEMA
    assert read.tools.kinds["agents__close"] == ToolKind("function", "close", "agents")
    assert read.tools.kinds["agents__exec"] == ToolKind("custom", "exec", "agents")
    assert read.tools.sentences == ["About the tools whose names begin with 'agents__': Helpers."]


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        ("local_shell", ["command"]),
        ("shell", ["commands"]),
        ("apply_patch", ["operation"]),
    ],
)
def test_tools_that_openais_models_know(kind: Any, required: list[str]) -> None:
    read = Read([{"type": kind}])
    assert read.declarations[kind]["parametersJsonSchema"]["required"] == required
    assert read.tools.kinds == {kind: ToolKind(kind, kind)}
    assert read.codes == set()


def test_the_skills_of_a_shell() -> None:
    skill = {"name": "pdf", "description": "Reads PDFs.", "path": "/skills/pdf"}
    read = Read([{"type": "shell", "environment": {"type": "local", "skills": [skill]}}])
    assert read.declarations["shell"]["description"].endswith(
        "\n\nSkills that can be read there:\n- pdf: Reads PDFs. (/skills/pdf)"
    )


def test_a_tool_search_of_the_client() -> None:
    read = Read([{"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": SCHEMA}])
    assert read.declarations["tool_search"] == {
        "name": "tool_search",
        "description": "Finds.",
        "parametersJsonSchema": SCHEMA,
    }
    assert read.tools.kinds == {"tool_search": ToolKind("tool_search", "tool_search")}


def test_a_tool_search_of_the_client_without_more() -> None:
    declared = Read([{"type": "tool_search", "execution": "client", "description": None}]).declarations["tool_search"]
    assert declared["description"]
    assert declared["parametersJsonSchema"]["required"] == ["query"]


# tools of input items


def test_later_tools_add_and_never_change() -> None:
    read = Read([WEATHER, AGENTS], later=[{**WEATHER, "description": "Other."}, PATCHER, AGENTS])
    assert list(read.declarations) == ["weather", "agents__close", "agents__exec", "patcher"]
    assert read.declarations["weather"]["description"] == "Tells."
    assert read.tools.sentences == ["About the tools whose names begin with 'agents__': Helpers."]
    assert [detail for code, detail in read.notes if code == "duplicate-tool"] == [
        "weather",
        "agents__close",
        "agents__exec",
    ]


# what OpenAI runs


@pytest.mark.parametrize(
    ("tool", "sent", "noted"),
    [
        pytest.param({"type": "web_search"}, {"googleSearch": {}}, [], id="web search"),
        pytest.param({"type": "web_search_2025_08_26"}, {"googleSearch": {}}, [], id="web search, dated"),
        pytest.param({"type": "web_search_preview"}, {"googleSearch": {}}, [], id="web search, preview"),
        pytest.param({"type": "web_search_preview_2025_03_11"}, {"googleSearch": {}}, [], id="both"),
        pytest.param({"type": "web_search", "external_web_access": True}, {"googleSearch": {}}, [], id="web access"),
        pytest.param(
            {
                "type": "web_search",
                "filters": {"allowed_domains": ["a.org"]},
                "search_context_size": "low",
                "user_location": None,
                "external_web_access": False,
            },
            {"googleSearch": {}},
            ["tools[0].filters", "tools[0].search_context_size", "tools[0].external_web_access"],
            id="its options",
        ),
        pytest.param({"type": "code_interpreter", "container": {"type": "auto"}}, {"codeExecution": {}}, [], id="code"),
        pytest.param(
            {"type": "code_interpreter", "container": "cntr_1"},
            {"codeExecution": {}},
            ["tools[0].container"],
            id="a container",
        ),
        pytest.param(
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}},
            {"codeExecution": {}},
            ["tools[0].container.file_ids"],
            id="files in it",
        ),
        pytest.param({"type": "google_search"}, {"googleSearch": {}}, [], id="Google's own"),
        pytest.param({"url_context": {}}, {"urlContext": {}}, [], id="Google's own, by member"),
    ],
)
def test_hosted_tools(tool: Any, sent: Any, noted: list[str]) -> None:
    read = Read([tool])
    assert read.sent == [sent]
    assert list(read.notes) == [("ignored", path) for path in noted]


def test_a_search_beside_functions_on_older_models() -> None:
    read = Read([WEATHER, {"type": "web_search"}], G2)
    assert [list(tool) for tool in read.sent or ()] == [["functionDeclarations"]]
    assert list(read.notes) == [("model-refuses", "tools[1]")]
    with pytest.raises(Fault) as caught:
        Read([WEATHER, {"type": "web_search"}], G2, strict=True)
    assert caught.value.param == "tools[1]"


@pytest.mark.parametrize("tool", [{"type": "tool_search"}, {"type": "programmatic_tool_calling"}])
def test_tools_that_are_not_needed(tool: Any) -> None:
    read = Read([tool])
    assert read.sent is None
    assert list(read.notes) == [("ignored", "tools[0]")]


def test_image_generation() -> None:
    read = Read([{"type": "image_generation", "size": "auto", "quality": "high"}], IMAGE)
    assert read.tools.image_generation
    assert list(read.notes) == [("ignored", "tools[0].quality")]


def test_image_generation_that_is_offered_to_a_model_of_text() -> None:
    read = Read([WEATHER, {"type": "image_generation"}])
    assert not read.tools.image_generation
    assert list(read.notes) == [("model-refuses", "tools[1]")]


# choices


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("auto", None, id="auto"),
        pytest.param("none", {"mode": "NONE"}, id="none"),
        pytest.param("required", {"mode": "ANY"}, id="required"),
        pytest.param(
            {"type": "function", "name": "weather"}, {"mode": "ANY", "allowedFunctionNames": ["weather"]}, id="function"
        ),
        pytest.param(
            {"type": "function", "function": {"name": "weather"}},
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
            id="function as in chat",
        ),
        pytest.param(
            {"type": "custom", "name": "patcher"}, {"mode": "ANY", "allowedFunctionNames": ["patcher"]}, id="custom"
        ),
        pytest.param({"type": "shell"}, {"mode": "ANY", "allowedFunctionNames": ["shell"]}, id="shell"),
        pytest.param(
            {"type": "function", "name": "close"},
            {"mode": "ANY", "allowedFunctionNames": ["agents__close"]},
            id="of a namespace that is not told",
        ),
        pytest.param(
            {"type": "function", "name": "close", "namespace": "agents"},
            {"mode": "ANY", "allowedFunctionNames": ["agents__close"]},
            id="of a namespace",
        ),
        pytest.param(
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "weather"}, {"type": "shell"}, {"type": "web_search"}],
            },
            {"mode": "VALIDATED", "allowedFunctionNames": ["weather", "shell"]},
            id="some",
        ),
        pytest.param(
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [{"type": "custom", "custom": {"name": "patcher"}}]},
            },
            {"mode": "ANY", "allowedFunctionNames": ["patcher"]},
            id="some as in chat",
        ),
    ],
)
def test_choices(choice: Any, calling: Any) -> None:
    assert Read([WEATHER, PATCHER, AGENTS, {"type": "shell"}], choice=choice).calling == calling


def test_the_choice_of_a_hosted_tool_is_left_to_the_model() -> None:
    read = Read([WEATHER, {"type": "web_search"}], choice={"type": "web_search_preview"})
    assert read.calling == Read([WEATHER, {"type": "web_search"}]).calling
    assert read.codes == {"ignored"}


# errors


@pytest.mark.parametrize(
    ("tools", "param", "code"),
    [
        pytest.param({}, "tools", "invalid_type", id="no array"),
        pytest.param([5], "tools[0]", "invalid_type", id="no object"),
        pytest.param([{"type": []}], "tools[0].type", "invalid_type", id="type of a type"),
        pytest.param([{}], "tools[0].type", "missing_required_parameter", id="no type"),
        pytest.param([{"type": "function"}], "tools[0].name", "missing_required_parameter", id="no name"),
        pytest.param([{"type": "function", "name": ""}], "tools[0].name", "invalid_value", id="empty name"),
        pytest.param([{**WEATHER, "parameters": []}], "tools[0].parameters", "invalid_type", id="parameters"),
        pytest.param([WEATHER, {**WEATHER, "description": "x"}], "tools[1].name", "invalid_value", id="two of a name"),
        pytest.param([{"type": "namespace"}], "tools[0].name", "missing_required_parameter", id="namespace's name"),
        pytest.param(
            [{"type": "namespace", "name": "n"}], "tools[0].tools", "missing_required_parameter", id="namespace's tools"
        ),
        pytest.param(
            [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}],
            "tools[0].tools[0].name",
            "missing_required_parameter",
            id="name within a namespace",
        ),
        pytest.param(
            [{"type": "shell", "environment": {"type": "container_auto"}}],
            "tools[0].environment.type",
            "unsupported_value",
            id="container",
        ),
        pytest.param([{"type": "file_search"}], "tools[0].type", "unsupported_value", id="file search"),
        pytest.param([{"type": "computer"}], "tools[0].type", "unsupported_value", id="computer"),
        pytest.param([{"type": "computer_use_preview"}], "tools[0].type", "unsupported_value", id="computer use"),
        pytest.param([{"type": "mcp", "server_label": "x"}], "tools[0].type", "unsupported_value", id="mcp"),
        pytest.param([{"type": "image_generation"}], "tools[0].type", "unsupported_value", id="images of text models"),
    ],
)
def test_errors_of_tools(tools: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Read(tools)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@pytest.mark.parametrize(
    ("choice", "param", "code"),
    [
        pytest.param("some", "tool_choice", "invalid_value", id="unknown word"),
        pytest.param(5, "tool_choice", "invalid_type", id="number"),
        pytest.param({}, "tool_choice.type", "missing_required_parameter", id="no type"),
        pytest.param({"type": "function"}, "tool_choice.name", "missing_required_parameter", id="no name"),
        pytest.param({"type": "function", "name": "x"}, "tool_choice", "invalid_value", id="unknown function"),
        pytest.param({"type": "shell"}, "tool_choice", "invalid_value", id="shell that is not there"),
        pytest.param({"type": "web_search"}, "tool_choice", "invalid_value", id="search that is not there"),
        pytest.param({"type": "file_search"}, "tool_choice", "invalid_value", id="never there"),
        pytest.param({"type": "image_generation"}, "tool_choice", "invalid_value", id="images of a text model"),
        pytest.param({"type": "allowed_tools"}, "tool_choice.mode", "missing_required_parameter", id="no mode"),
        pytest.param(
            {"type": "allowed_tools", "mode": "auto", "tools": [{}]},
            "tool_choice.tools[0].type",
            "missing_required_parameter",
            id="allowed without a type",
        ),
    ],
)
def test_errors_of_choices(choice: Any, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Read([WEATHER, {"type": "image_generation"}], choice=choice)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


# what a newer client sends


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        pytest.param([{"type": "teleport"}, WEATHER], None, "tools[0].type", id="tool"),
        pytest.param(
            [{"type": "namespace", "name": "n", "tools": [{"type": "shell"}]}, WEATHER],
            None,
            "tools[0].tools[0].type",
            id="tool of a namespace",
        ),
        pytest.param([WEATHER], {"type": "teleport"}, "tool_choice.type", id="choice"),
    ],
)
def test_what_is_unknown_is_left_out(tools: Any, choice: Any, param: str) -> None:
    read = Read(tools, choice=choice)
    assert [*read.declarations] == ["weather"]
    assert read.codes == {"unknown"}
    with pytest.raises(Fault) as caught:
        Read(tools, choice=choice, strict=True)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, "invalid_value")
