"""Tools and the choice among them -> `tools` and `toolConfig`.

Rules that this module keeps:

* All functions stand in one `functionDeclarations`, in the client's order and with its order of keys: a prefix that
  stays the same from turn to turn is what Gemini's cache saves work on.
* Names are reversible: `ToolSet.names` leads from every name that Gemini may use back to the client's.
* A custom tool (free text in place of arguments) is a function with the one string `input`.
* What Gemini refuses to combine is not sent: a function calling mode without functions, and on models before Gemini 3
  Google's own tools beside functions.

Sources: the OpenAI API reference (`ChatCompletionTool`, `CustomToolChatCompletions`) and the Gemini API reference
(`Tool`, `FunctionDeclaration`, `ToolConfig`).
"""

from __future__ import annotations

from typing import Any

from mapping import faults
from mapping.gemini.models import Model
from mapping.gemini.schema.schema import clean
from mapping.notes import Notes
from mapping.request import unknown
from mapping.request.settings import parameters
from mapping.request.settings.response_format import JsonMode
from mapping.request.tools.tool_choice import ToolChoice
from mapping.request.tools.tool_names import ToolNames
from mapping.values import JSON, Options

MAX_FUNCTIONS = 512
"""The most declarations that Gemini takes; OpenAI's limit is 128."""

GOOGLE_TOOLS = {
    "google_search": "googleSearch",
    "googleSearch": "googleSearch",
    "google_maps": "googleMaps",
    "googleMaps": "googleMaps",
    "code_execution": "codeExecution",
    "codeExecution": "codeExecution",
    "url_context": "urlContext",
    "urlContext": "urlContext",
}
"""Google's own tools that a request may name -> the member of Gemini's `Tool`."""

_CHAT_TYPES = ("function", "custom")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "validated": "VALIDATED"}


_UNUSED = ("async", "allowed_callers", "output_schema")
"""Members of a function that Gemini has no equivalent of."""

_HARMLESS: tuple[Any, ...] = (None, False, [], {}, ["direct"])
"""Values of them that ask for nothing."""


class ToolSet:
    """The tools of one request.

    Add tools, then `choose`, then `build`. Errors are 400s that name the parameter.
    """

    def __init__(self, model: Model, notes: Notes, options: Options) -> None:
        self.model = model
        self._notes = notes
        self._options = options
        self._names = ToolNames(notes)
        self._declared: dict[str, tuple[str, JSON]] = {}
        """The client's name -> (kind, declaration as it came)."""
        self._functions: list[JSON] = []
        self._google: dict[str, tuple[JSON, str]] = {}
        """Member of `Tool` -> (its settings, the path that asked for it)."""
        self._strict = False
        self._choice: ToolChoice | None = None
        self.custom: set[str] = set()
        """Gemini's names of the custom tools."""
        self.schemas: dict[str, JSON] = {}
        """Gemini's name of a function -> the JSON Schema of its arguments, as sent."""
        self.paths: dict[str, str] = {}
        """Gemini's name of a function -> where the client declared it; in the order of the declarations."""
        self.legacy = False
        """The client declared `functions` and no `tools`, so it waits for `function_call`."""

    @property
    def names(self) -> dict[str, str]:
        """Gemini's names -> the client's, of declared functions and those that `gemini_name` was asked for."""
        return self._names.by_gemini

    def gemini_name(self, name: str) -> str:
        """Gemini's name of a function, also of one in the history that is not declared any more.

        Ask only after the tools are added, so that declared functions get first choice of names.
        """
        return self._names.gemini(name)

    def declares(self, name: str) -> bool:
        """Whether there is a function or custom tool of this name (the client's)."""
        return name in self._declared

    @property
    def json_mode(self) -> JsonMode:
        """How a JSON answer can be had beside these tools; ask after `choose`."""
        if not (self._functions or self._google):
            return "native"
        if self._functions and self._mode() == "ANY":
            return "unneeded"
        return "native" if self.model.tools_with_json else "prompt"

    # What the client declares

    def add_chat_tools(self, value: Any, path: str = "tools") -> None:
        """Chat's `tools`: functions, custom tools, and Google's own as `{"type": "google_search"}` or by member."""
        for i, tool in enumerate(parameters.array(value, path) or ()):
            where = f"{path}[{i}]"
            if not isinstance(tool, dict):
                raise faults.wrong_type(where, "an object", tool)
            self.add_chat_tool(tool, where)

    def add_chat_tool(self, tool: JSON, path: str) -> None:
        """One of chat's `tools`, found at `path`."""
        kind = parameters.string(tool.get("type"), f"{path}.type")
        if kind is None:
            if not self._add_google_members(tool, path):
                raise faults.missing(f"{path}.type")
        elif kind in GOOGLE_TOOLS:
            self.add_google(kind, parameters.json_object(tool.get(kind), f"{path}.{kind}"), path)
        elif kind in _CHAT_TYPES:
            # Clients that know the Responses API best send its flat form here too.
            flat = tool.get(kind) is None and tool.get("name") is not None
            where = path if flat else f"{path}.{kind}"
            declaration = tool if flat else parameters.json_object(tool.get(kind), where)
            if declaration is None:
                raise faults.missing(where)
            (self.add_function if kind == "function" else self.add_custom)(declaration, where)
        else:
            supported = (*_CHAT_TYPES, *dict.fromkeys(GOOGLE_TOOLS.values()))
            unknown.leave_out(kind, f"{path}.type", supported, self._notes, self._options)

    def add_legacy_functions(self, value: Any, path: str = "functions") -> None:
        """Chat's deprecated `functions`; add them after `tools`."""
        functions = parameters.array(value, path) or ()
        self.legacy = bool(functions) and not self._declared
        for i, function in enumerate(functions):
            if not isinstance(function, dict):
                raise faults.wrong_type(f"{path}[{i}]", "an object", function)
            self.add_function(function, f"{path}[{i}]")

    def add_function(self, declaration: JSON, path: str, schema_name: str = "parameters") -> None:
        """Declare a function: `{"name", "description"?, "parameters"?, "strict"?}`, found at `path`.

        `schema_name`: what the dialect calls `parameters`.
        """
        name = self._declare("function", declaration, path)
        if name is None:
            return
        for member in _UNUSED:
            if declaration.get(member) not in _HARMLESS:
                parameters.leave_out(f"{path}.{member}", self._notes, self._options)
        function: JSON = {"name": name}
        description = parameters.string(declaration.get("description"), f"{path}.description")
        if description:
            function["description"] = description
        where = f"{path}.{schema_name}"
        given = parameters.json_object(declaration.get(schema_name), where)
        schema = clean(given, self._notes, where, root_object=True) if given else None
        if schema is not None:
            function["parametersJsonSchema"] = self.schemas[name] = schema
        if parameters.boolean(declaration.get("strict"), f"{path}.strict"):
            self._strict = True
        self._functions.append(function)

    def add_custom(self, declaration: JSON, path: str) -> None:
        """Declare a custom tool: `{"name", "description"?, "format"?}`, found at `path`.

        Gemini cannot be held to a grammar; it is told of it in the description.
        """
        name = self._declare("custom", declaration, path)
        if name is None:
            return
        description = parameters.string(declaration.get("description"), f"{path}.description")
        form = _grammar(parameters.json_object(declaration.get("format"), f"{path}.format"), f"{path}.format")
        schema: JSON = {
            "type": "object",
            "properties": {"input": {"type": "string", "description": "The input of the tool, as plain text."}},
            "required": ["input"],
        }
        text = "\n\n".join(part for part in (description, form) if part)
        function: JSON = {"name": name}
        if text:
            function["description"] = text
        function["parametersJsonSchema"] = self.schemas[name] = schema
        self.custom.add(name)
        self._functions.append(function)

    def add_google(self, name: str, settings: JSON | None, path: str) -> None:
        """Add one of Google's own tools, in snake_case or camelCase; `settings` are passed on as they are."""
        member = GOOGLE_TOOLS.get(name)
        if member is None:
            supported = parameters.quoted(tuple(dict.fromkeys(GOOGLE_TOOLS.values())))
            raise faults.bad_value(path, f"Invalid value: '{name}'. Supported values are: {supported}.")
        if member in self._google:
            self._notes.add("duplicate-tool", member)
            if not settings:
                return
        self._google[member] = (settings or {}, path)

    def add_google_tools(self, value: Any, path: str) -> None:
        """Tools in Gemini's own shape, of Google's extensions: `[{"google_search": {}}]`."""
        for i, tool in enumerate(parameters.array(value, path) or ()):
            where = f"{path}[{i}]"
            if not isinstance(tool, dict):
                raise faults.wrong_type(where, "an object", tool)
            if not self._add_google_members(tool, where):
                supported = parameters.quoted(tuple(dict.fromkeys(GOOGLE_TOOLS.values())))
                raise faults.bad_value(where, f"Invalid '{where}': expected one of {supported}.")

    def add_web_search_options(self, value: Any, path: str = "web_search_options") -> None:
        """Chat's `web_search_options`: Google Search, which has none of its options."""
        given = parameters.json_object(value, path)
        if given is None:
            return
        for name, option in given.items():
            if option is not None:
                self._notes.add("ignored", f"{path}.{name}")
        if "googleSearch" not in self._google:
            self.add_google("google_search", None, path)

    def _add_google_members(self, tool: JSON, path: str) -> bool:
        """Add a tool given by member, like `{"google_search": {}}`; False when there is no such member."""
        found = False
        for name, settings in tool.items():
            if name in GOOGLE_TOOLS and settings is not None:
                self.add_google(name, parameters.json_object(settings, f"{path}.{name}"), f"{path}.{name}")
                found = True
        return found

    def _declare(self, kind: str, declaration: JSON, path: str) -> str | None:
        """Gemini's name of a new declaration; None when the same is declared already."""
        name = parameters.string(declaration.get("name"), f"{path}.name")
        if name is None:
            raise faults.missing(f"{path}.name")
        if not name:
            raise faults.bad_value(f"{path}.name", f"Invalid '{path}.name': empty string.")
        known = self._declared.get(name)
        if known is not None:
            if known != (kind, declaration):
                raise faults.bad_value(f"{path}.name", f"Two different tools are named '{name}'.")
            self._notes.add("duplicate-tool", name)
            return None
        if len(self._declared) == MAX_FUNCTIONS:
            collection = path.partition("[")[0]
            raise faults.bad_value(
                collection, f"Invalid '{collection}': array too long. At most {MAX_FUNCTIONS} functions are supported."
            )
        self._declared[name] = (kind, declaration)
        gemini_name = self._names.gemini(name)
        self.paths[gemini_name] = path
        return gemini_name

    # What the client chooses

    def choose(self, choice: ToolChoice | None) -> None:
        """Set the choice, as a reader of `mapping.request.tools.tool_choice` gave it. Call it after the tools are
        added.

        Raises 400 when it demands a tool that is not there.
        """
        if choice is None:
            return
        for name in choice.names or ():
            if name not in self._declared:
                raise faults.bad_value(choice.path, f"Tool choice '{name}' not found in 'tools' parameter.")
        if choice.mode == "required":
            self._check_required(choice)
        self._choice = choice

    def _check_required(self, choice: ToolChoice) -> None:
        if self._functions and choice.names != ():
            return
        if choice.names is None and self._google:
            # Google's own tools cannot be forced.
            parameters.leave_out(choice.path, self._notes, self._options)
            return
        raise faults.bad_value(
            choice.path, f"Invalid value for '{choice.path}': it is only allowed when 'tools' are specified."
        )

    # What Gemini gets

    def build(self) -> tuple[list[JSON] | None, JSON | None]:
        """Gemini's `tools` and `toolConfig`; None where there is nothing to send."""
        google = self._usable_google()
        tools: list[JSON] = []
        if self._functions:
            tools.append({"functionDeclarations": self._functions})
        tools.extend({member: settings} for member, settings in google.items())
        if not tools:
            return None, None
        return tools, self._config(mixed=bool(google))

    def _usable_google(self) -> dict[str, JSON]:
        """Google's own tools, unless no tool may be called, or the model takes them only without functions."""
        if self._choice is not None and self._choice.mode == "none":
            return {}  # the function calling mode does not bind them
        if self._functions and not self.model.functions_with_builtin_tools:
            for _, path in self._google.values():
                parameters.leave_out(path, self._notes, self._options, "model-refuses")
            return {}
        return {member: settings for member, (settings, _) in self._google.items()}

    def _config(self, *, mixed: bool) -> JSON | None:
        if not self._functions:
            return None
        mode = self._mode()
        config: JSON = {}
        if mixed:
            # Gemini 3 takes both kinds only with this, and then only with checked calls.
            config["includeServerSideToolInvocations"] = True
            mode = "VALIDATED" if mode == "AUTO" else mode
        if mode != "AUTO":
            calling: JSON = {"mode": mode}
            names = self._choice.names if self._choice else None
            if names and mode != "NONE":
                calling["allowedFunctionNames"] = list(dict.fromkeys(map(self._names.gemini, names)))
            config["functionCallingConfig"] = calling
        return config or None

    def _mode(self) -> str:
        """The function calling mode, Google's own tools apart."""
        choice = self._choice
        if choice is not None and choice.names == ():
            return "NONE"
        mode = "AUTO" if choice is None else _MODES[choice.mode]
        restricted = choice is not None and choice.names is not None
        if mode == "AUTO" and (restricted or (self._strict and self.model.validated_calls)):
            # A list of allowed names is refused with AUTO.
            return "VALIDATED"
        return mode


def _grammar(form: JSON | None, path: str) -> str | None:
    """The sentence that tells of a custom tool's grammar: nested in chat, flat in the Responses API."""
    kind = parameters.one_of((form or {}).get("type"), f"{path}.type", ("text", "grammar"))
    if form is None or kind != "grammar":
        return None
    nested = form.get("grammar") is not None
    where = f"{path}.grammar" if nested else path
    grammar = parameters.json_object(form["grammar"], where) if nested else form
    assert grammar is not None
    definition = parameters.string(grammar.get("definition"), f"{where}.definition")
    if definition is None:
        raise faults.missing(f"{where}.definition")
    syntax = parameters.one_of(grammar.get("syntax"), f"{where}.syntax", ("lark", "regex"))
    if syntax is None:
        raise faults.missing(f"{where}.syntax")
    named = "regular expression" if syntax == "regex" else "Lark grammar"
    return f"The input must match this {named}:\n{definition}"
