"""`tools` and `tool_choice` of a Messages request, fed into a `ToolSet`.

Rules that this module keeps:

* A tool with `defer_loading` is declared as soon as the conversation refers to it, by a `tool_reference` of a search
  that the client made or by a `tool_addition`, and from then on. Where Anthropic's server would search, all deferred
  tools are declared at once, in place of the search.
* Mid-conversation changes (`tool_addition`, `tool_removal`) leave what holds at the end of the conversation.
* Anthropic's server tools are Google's where it has such a tool. The tools that Anthropic's models know by heart and
  the client runs (bash, the text editor, ...) are declared in full.

Sources: Anthropic's API reference (`ToolUnion`, `ToolChoice`), and what Claude Code sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mapping import faults, jsonio
from mapping.messages.request.content import kind_of
from mapping.messages.request.known_tools import known_tool
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.settings import parameters
from mapping.request.tools.tool_choice import Mode, ToolChoice
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options

_SERVER_TOOLS: Mapping[str, str] = {
    "web_search_": "googleSearch",
    "web_fetch_": "urlContext",
    "code_execution_": "codeExecution",
}
"""What the type of a server tool begins with, before its date -> Google's tool."""
_SEARCHES = ("tool_search_tool_bm25", "tool_search_tool_regex")
"""What the type of a server tool that searches for tools begins with."""

_HINTS = frozenset({"cache_control", "defer_loading", "eager_input_streaming", "name", "type"})
"""Members of any tool that are read elsewhere, or without which the answer is the same."""
_FUNCTION = _HINTS | {"allowed_callers", "description", "input_examples", "input_schema", "strict"}
_KNOWN_TOOL = _HINTS | {"allowed_callers", "input_examples", "strict", "display_width_px", "display_height_px"}
_SERVER_TOOL = _HINTS | {"allowed_callers", "strict", "use_cache", "response_inclusion"}
_CHOICE = frozenset({"type", "name", "disable_parallel_tool_use"})

_MODES: Mapping[str, Mode] = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}


class MessagesTools:
    """The tools of one request. Make it, then `choose`."""

    def __init__(self, body: JSON, toolset: ToolSet, *, options: Options, notes: Notes) -> None:
        """`body` is the whole request: its messages, too, say which tools there are. Raises Fault."""
        self.toolset = toolset
        self.server: dict[str, str] = {}
        """Google's tool -> the `type` of Anthropic's that stands for it."""
        self.one_call = False
        """The client wants at most one call in an answer."""
        self._options = options
        self._notes = notes
        self._server_names: set[str] = set()
        tools = parameters.array(body.get("tools"), "tools") or []
        declared = members.objects(tools, "tools")
        searched = any(kind_of(tool).startswith(_SEARCHES) for tool, _ in declared)
        loaded, offered = _changes(body)
        self._loaded, self._offered = {tool["name"]: tool for tool, _ in loaded}, offered
        for tool, path in (*declared, *loaded):
            name = tool.get("name")
            name = name if isinstance(name, str) else ""
            deferred = parameters.boolean(tool.get("defer_loading"), f"{path}.defer_loading") and not searched
            if offered.get(name, not deferred):
                self._add(tool, path)

    def choose(self, value: Any) -> None:
        """Read `tool_choice`. Raises Fault."""
        choice = parameters.json_object(value, "tool_choice")
        if choice is None:
            return
        parameters.note_unknown(choice, "tool_choice", _CHOICE, self._notes)
        kind = parameters.one_of(members.string(choice, "type", "tool_choice"), "tool_choice.type", _MODES) or ""
        path = "tool_choice.disable_parallel_tool_use"
        self.one_call = parameters.boolean(choice.get("disable_parallel_tool_use"), path) or False
        names = (members.string(choice, "name", "tool_choice"),) if kind == "tool" else None
        if names and not self.toolset.declares(names[0]) and names[0] in self._server_names:
            # Google's own tools cannot be forced.
            parameters.leave_out("tool_choice", self._notes, self._options)
            return
        self.toolset.choose(ToolChoice(_MODES[kind], names))

    def changes(self) -> list[JSON]:
        """What the messages have changed of the tools, as a `compaction` block tells it."""
        found: list[JSON] = []
        for name, offered in self._offered.items():
            tool: JSON = {"type": "tool_reference", "name": name}
            if offered and name in self._loaded:
                defined = {member: value for member, value in self._loaded[name].items() if member != "cache_control"}
                tool = {"type": "tool_definition", "definition": defined}
            found.append({"type": "tool_addition" if offered else "tool_removal", "tool": tool})
        return found

    def _add(self, tool: JSON, path: str) -> None:
        kind = kind_of(tool)
        if kind == "custom" or (tool.get("input_schema") is not None and not kind):
            self._function(tool, path)
        elif google := next((member for start, member in _SERVER_TOOLS.items() if kind.startswith(start)), None):
            self._server_tool(google, tool, path)
        elif kind.startswith(_SEARCHES):
            self._notes.add("emulated", path)
        elif known := known_tool(kind):
            parameters.note_unknown(tool, path, _KNOWN_TOOL, self._notes)
            name = tool.get("name") if tool.get("name") is not None else known.name
            size = [tool.get(f"display_{side}_px") for side in ("width", "height")]
            screen = f" The screen has {size[0]}x{size[1]} pixels." if all(isinstance(n, int) for n in size) else ""
            declaration = {"description": known.description + screen, "input_schema": known.schema, "name": name}
            self.toolset.add_function({**_of_function(tool), **declaration}, path, "input_schema")
            self._notes.add("emulated", path)
        elif kind == "mcp_toolset":
            raise faults.unsupported_value(
                path, f"{path}: MCP servers are not asked from here. Run them in the client, and declare their tools."
            )
        elif not kind and not isinstance(tool.get("type"), str) and tool.get("type") is not None:
            raise faults.wrong_type(f"{path}.type", "a string", tool["type"])
        elif not kind:
            raise faults.missing(f"{path}.input_schema")
        else:
            supported = ("custom", *(f"{start}..." for start in _SERVER_TOOLS))
            unknown.leave_out(kind, f"{path}.type", supported, self._notes, self._options)
            if tool.get("input_schema") is not None:
                self._function(tool, path)

    def _function(self, tool: JSON, path: str) -> None:
        """A tool of the client's own."""
        parameters.note_unknown(tool, path, _FUNCTION, self._notes)
        members.json_object(tool, "input_schema", path)
        examples = parameters.array(tool.get("input_examples"), f"{path}.input_examples")
        if examples:
            told = "\n".join(jsonio.dumps(example).decode() for example in examples)
            description = parameters.string(tool.get("description"), f"{path}.description")
            text = "\n\n".join(filter(None, (description, f"Examples of its input:\n{told}")))
            tool = {**tool, "description": text}
        self.toolset.add_function(tool, path, "input_schema")

    def _server_tool(self, google: str, tool: JSON, path: str) -> None:
        """One that Anthropic's server runs. What it may be told more, Google's has nothing like."""
        name = tool.get("name")
        if isinstance(name, str):
            self._server_names.add(name)
        for member, value in tool.items():
            if value not in (None, [], {}, False) and member not in _SERVER_TOOL:
                parameters.leave_out(f"{path}.{member[:40]}", self._notes, self._options)
        if google not in self.server:
            self.server[google] = kind_of(tool)
            self.toolset.add_google(google, None, path)


def _of_function(tool: JSON) -> JSON:
    return {name: tool[name] for name in ("allowed_callers", "strict") if tool.get(name) is not None}


def _changes(body: JSON) -> tuple[list[tuple[JSON, str]], dict[str, bool]]:
    """What the messages say about tools: those that they define, each with its path; and by name, whether a tool is
    offered at their end. A name that is not there: as its declaration says. Raises Fault.

    What else is not as it should be is for the reader of the messages to complain of.
    """
    defined: dict[str, tuple[JSON, str]] = {}
    offered: dict[str, bool] = {}
    for block, path in _blocks(body.get("messages"), "messages"):
        kind = kind_of(block)
        if kind == "tool_reference" and isinstance(name := block.get("tool_name"), str):
            offered[name] = True
        elif kind in ("tool_addition", "tool_removal"):
            tool, path = members.json_object(block, "tool", path), f"{path}.tool"
            if kind_of(tool).startswith("mcp_"):  # of a server that is not asked
                continue
            if defines := tool.get("definition") is not None:
                tool, path = members.json_object(tool, "definition", path), f"{path}.definition"
            name = members.string(tool, "name", path)
            offered[name] = kind == "tool_addition"
            if defines and offered[name]:
                defined[name] = (tool, path)
    return list(defined.values()), offered


def _blocks(messages: Any, path: str) -> Iterator[tuple[JSON, str]]:
    """All blocks of all messages, and those that stand in results, searches and summaries."""
    for message, message_path in _objects(messages, path):
        for block, block_path in _objects(message.get("content"), f"{message_path}.content"):
            yield block, block_path
            inner = block.get("content")
            if isinstance(inner, dict):  # of a search by the server
                inner = inner.get("tool_references")
            yield from _objects(inner, f"{block_path}.content")
            yield from _objects(block.get("tool_changes"), f"{block_path}.tool_changes")


def _objects(value: Any, path: str) -> Iterator[tuple[JSON, str]]:
    """The objects of an array, each with its path. Anything else is somebody else's business."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, dict):
                yield one, f"{path}[{index}]"
