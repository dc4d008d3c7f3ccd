"""The `tools` and the `tool_choice` of a Responses request, on top of `mapping.request.tools.tools.ToolSet`.

Rules that this module keeps:

* A tool that the client runs is a function to Gemini. `ResponsesTools.kinds` says what each is to the client.
* The tools of a namespace are `namespace__tool` to Gemini. The description of the namespace goes into a sentence for
  the system instruction, as Gemini has no place for it.
* Deferred tools are declared like all others, so a tool search on OpenAI's side has nothing left to do. One on the
  client's side is a function that the model may call.
* `tools` come first. What input items declare later (`additional_tools`, `tool_search_output`) adds to them and never
  changes them.
* Hosted tools that Gemini has nothing for are refused: an answer made without them would be another answer. Only
  image generation beside other tools, which some agents offer to every model, is left out with a note.
* Chat's nested form of functions and custom tools is taken too.

Source: the OpenAI API reference (`Tool`, `ToolChoiceParam`), and what Codex sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.settings import parameters
from mapping.request.tools.tool_choice import Mode, ToolChoice, read_mode
from mapping.request.tools.tools import GOOGLE_TOOLS, ToolSet
from mapping.responses.plan import CallType, ToolKind
from mapping.responses.request import client_tools
from mapping.values import JSON, Options

_REFUSED = ("file_search", "computer", "computer_use", "computer_use_preview", "mcp")
_WEB_SEARCH = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")
_HOSTED = (*_WEB_SEARCH, *_REFUSED, "code_interpreter", "image_generation", "programmatic_tool_calling")
_CLIENT_RUN: tuple[CallType, ...] = ("local_shell", "shell", "apply_patch", "tool_search")
"""Tools without a name of their own."""
_NAMED = ("function", "custom")
_CHOICES = (*_NAMED, "allowed_tools", *_CLIENT_RUN, *_HOSTED)
_ALLOWED_MODES: dict[str, Mode] = {"auto": "auto", "required": "required"}

# Options that make an answer a little better or worse, not another one.
_SEARCH_HINTS = ("search_context_size", "search_content_types", "user_location")
_IMAGE_HINTS = (
    *("action", "background", "complexity", "frame_count", "frame_duration_ms", "input_fidelity", "input_image_mask"),
    *("model", "moderation", "output_compression", "output_format", "partial_images", "quality", "size", "svg"),
)


class ResponsesTools:
    """Feeds the tools of one request into a `ToolSet`, and knows what the client calls them.

    `add`, then `add_later`, then `choose`. Errors are 400s that name the parameter.
    """

    def __init__(self, toolset: ToolSet, *, options: Options, notes: Notes) -> None:
        self.toolset = toolset
        self.kinds: dict[str, ToolKind] = {}
        """The client's name of a tool, with its namespace before it -> what it is to the client."""
        self.sentences: list[str] = []
        """What the system instruction has to say about tools."""
        self.image_generation = False
        """The answer may hold images."""
        self._options = options
        self._notes = notes
        self._by_local_name: dict[str, list[str]] = {}
        """The name of a tool within its namespace -> all names it has with one."""
        self._hosted: set[str] = set()
        """The types of OpenAI's own tools that the request may choose."""
        self._later = False
        self._alone = False

    # what is declared

    def add(self, value: Any, path: str = "tools") -> None:
        """Declare the tools of the request."""
        for tool, where in self._listed(value, path):
            self._add(tool, where)

    def add_later(self, value: Any, path: str) -> None:
        """Declare the tools of an input item. What has a name that is taken is left out with a note."""
        self._later = True
        for tool, where in self._listed(value, path):
            self._add(tool, where)

    def _listed(self, value: Any, path: str) -> list[tuple[JSON, str]]:
        tools = members.objects(value, path) if value is not None else []
        self._alone = len(tools) == 1
        return tools

    def _add(self, tool: JSON, path: str) -> None:
        kind = tool.get("type")
        if kind is None or (isinstance(kind, str) and kind in GOOGLE_TOOLS):
            self.toolset.add_chat_tool(tool, path)
            return
        add = _TYPES.get(kind) if isinstance(kind, str) else None
        if add is None:
            unknown.leave_out(kind, f"{path}.type", _TYPES, self._notes, self._options)
            add = ResponsesTools._forget
        add(self, tool, path)

    def _function(self, tool: JSON, path: str) -> None:
        self._declare("function", *_flat(tool, "function", path))

    def _custom(self, tool: JSON, path: str) -> None:
        self._declare("custom", *_flat(tool, "custom", path))

    def _namespace(self, tool: JSON, path: str) -> None:
        namespace = members.string(tool, "name", path)
        description = parameters.string(tool.get("description"), f"{path}.description")
        if description:
            sentence = f"About the tools whose names begin with '{namespace}__': {description}"
            if sentence not in self.sentences:
                self.sentences.append(sentence)
        inner = members.present(tool.get("tools"), f"{path}.tools")
        for nested, where in members.objects(inner, f"{path}.tools"):
            kind = nested.get("type")
            if kind not in _NAMED:
                unknown.leave_out(kind, f"{where}.type", _NAMED, self._notes, self._options)
                continue
            self._declare("function" if kind == "function" else "custom", nested, where, namespace)

    def _declare(self, kind: CallType, declaration: JSON, path: str, namespace: str | None = None) -> None:
        local = members.string(declaration, "name", path)
        name = local
        if namespace is not None:
            name = f"{namespace}__{local}"
            declaration = {**declaration, "name": name}
        if self._later and self.toolset.declares(name):
            self._notes.add("duplicate-tool", name)
            return
        (self.toolset.add_custom if kind == "custom" else self.toolset.add_function)(declaration, path)
        self.kinds[name] = ToolKind(kind, local, namespace)
        if namespace is not None and name not in self._by_local_name.setdefault(local, []):
            self._by_local_name[local].append(name)

    def _local_shell(self, tool: JSON, path: str) -> None:
        self._declare("local_shell", client_tools.LOCAL_SHELL, path)

    def _shell(self, tool: JSON, path: str) -> None:
        where = f"{path}.environment"
        environment = parameters.json_object(tool.get("environment"), where) or {}
        kind = parameters.string(environment.get("type"), f"{where}.type")
        if kind not in (None, "local"):
            raise faults.unsupported_value(
                f"{where}.type", f"Unsupported value: '{kind}'. Commands can only be run by the client ('local')."
            )
        skills = _skills(environment.get("skills"), f"{where}.skills")
        shell = client_tools.SHELL
        self._declare(
            "shell", {**shell, "description": f"{shell['description']}\n\n{skills}"} if skills else shell, path
        )

    def _apply_patch(self, tool: JSON, path: str) -> None:
        self._declare("apply_patch", client_tools.APPLY_PATCH, path)

    def _tool_search(self, tool: JSON, path: str) -> None:
        execution = parameters.one_of(tool.get("execution"), f"{path}.execution", ("server", "client"))
        if execution != "client":
            self._left_out(tool, path)
            return
        given = {
            "description": parameters.string(tool.get("description"), f"{path}.description"),
            "parameters": parameters.json_object(tool.get("parameters"), f"{path}.parameters"),
        }
        own = {name: value for name, value in given.items() if value}
        self._declare("tool_search", client_tools.TOOL_SEARCH | own, path)

    # OpenAI's own tools

    def _web_search(self, tool: JSON, path: str) -> None:
        if tool.get("filters"):
            parameters.leave_out(f"{path}.filters", self._notes, self._options)
        self._note_hints(tool, _SEARCH_HINTS, path)
        if tool.get("external_web_access") is False:
            self._notes.add("ignored", f"{path}.external_web_access")
        self._hosted.update(_WEB_SEARCH)
        self.toolset.add_google("google_search", None, path)

    def _code_interpreter(self, tool: JSON, path: str) -> None:
        container = tool.get("container")
        if isinstance(container, dict) and container.get("file_ids"):
            parameters.leave_out(f"{path}.container.file_ids", self._notes, self._options)
        elif isinstance(container, str):
            self._notes.add("ignored", f"{path}.container")
        self._hosted.add("code_interpreter")
        self.toolset.add_google("code_execution", None, path)

    def _image_generation(self, tool: JSON, path: str) -> None:
        if "IMAGE" in self.toolset.model.outputs:
            self._note_hints(tool, _IMAGE_HINTS, path)
            self._hosted.add("image_generation")
            self.image_generation = True
        elif self._alone:
            raise faults.unsupported_value(
                f"{path}.type", "Unsupported value: 'image_generation'. The model does not make images."
            )
        else:
            parameters.leave_out(path, self._notes, self._options, "model-refuses")

    def _forget(self, tool: JSON, path: str) -> None:
        self._hosted.add(tool["type"])

    def _left_out(self, tool: JSON, path: str) -> None:
        self._hosted.add(tool["type"])
        parameters.leave_out(path, self._notes, self._options)

    def _refused(self, tool: JSON, path: str) -> None:
        raise faults.unsupported_value(
            f"{path}.type", f"Unsupported value: '{tool['type']}'. This tool of OpenAI's is not available here."
        )

    def _note_hints(self, tool: JSON, names: tuple[str, ...], path: str) -> None:
        for name in names:
            if tool.get(name) not in (None, "auto"):
                self._notes.add("ignored", f"{path}.{name}")

    # names

    def name(self, local: str, namespace: str | None = None) -> str:
        """The name, with its namespace, of a tool that the client calls `local`, also of one not declared any more.

        Codex leaves the namespace out where there is only one tool of the name.
        """
        if namespace:
            name = f"{namespace}__{local}"
            if self.toolset.declares(name) or not self.toolset.declares(local):
                return name
            return local
        candidates = self._by_local_name.get(local, ())
        if len(candidates) == 1 and not self.toolset.declares(local):
            return candidates[0]
        return local

    def gemini_name(self, kind: CallType, local: str, namespace: str | None = None) -> str:
        """Gemini's name of the tool of an earlier call, which keeps its kind if the model should call it again."""
        name = self.name(local, namespace)
        if name not in self.kinds:
            self.kinds[name] = ToolKind(kind, local, namespace or None)
        return self.toolset.gemini_name(name)

    # what is chosen

    def choose(self, value: Any, path: str = "tool_choice") -> None:
        """Read `tool_choice` and set it. Raises 400 when it demands a tool that is not there."""
        self.toolset.choose(self._choice(value, path))

    def _choice(self, value: Any, path: str) -> ToolChoice | None:
        if value is None:
            return None
        if isinstance(value, str):
            return read_mode(value, path)
        if not isinstance(value, dict):
            raise faults.wrong_type(path, "a string or an object", value)
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in _CHOICES:
            unknown.leave_out(kind, f"{path}.type", _CHOICES, self._notes, self._options)
            return None
        if kind == "allowed_tools":
            return self._allowed(value, path)
        if kind not in _HOSTED and kind not in self._hosted:
            return ToolChoice("required", (self._chosen_name(value, kind, path),), path)
        if kind not in self._hosted:
            raise faults.bad_value(path, f"Tool choice '{kind}' not found in 'tools' parameter.")
        # Gemini cannot be made to use its own tools.
        parameters.leave_out(path, self._notes, self._options)
        return None

    def _allowed(self, value: JSON, path: str) -> ToolChoice:
        """`{"mode", "tools"}`, flat or as chat nests it. Hosted tools are not bound by the choice, and do not count."""
        if value.get("allowed_tools") is not None:
            path = f"{path}.allowed_tools"
            value = members.json_object(value, "allowed_tools", path.rpartition(".")[0])
        mode = parameters.one_of(value.get("mode"), f"{path}.mode", _ALLOWED_MODES)
        if mode is None:
            raise faults.missing(f"{path}.mode")
        names = []
        for tool, where in members.objects(members.present(value.get("tools"), f"{path}.tools"), f"{path}.tools"):
            kind = members.string(tool, "type", where)
            if kind in _NAMED or kind in _CLIENT_RUN:
                names.append(self._chosen_name(tool, kind, where))
        return ToolChoice(_ALLOWED_MODES[mode], tuple(names), "tool_choice")

    def _chosen_name(self, value: JSON, kind: str, path: str) -> str:
        if kind in _CLIENT_RUN:
            return kind
        inner, where = _flat(value, kind, path)
        namespace = parameters.string(inner.get("namespace"), f"{where}.namespace")
        return self.name(members.string(inner, "name", where), namespace)


_TYPES: Mapping[str, Callable[[ResponsesTools, JSON, str], None]] = {
    "function": ResponsesTools._function,
    "custom": ResponsesTools._custom,
    "namespace": ResponsesTools._namespace,
    "local_shell": ResponsesTools._local_shell,
    "shell": ResponsesTools._shell,
    "apply_patch": ResponsesTools._apply_patch,
    **dict.fromkeys(_WEB_SEARCH, ResponsesTools._web_search),
    "code_interpreter": ResponsesTools._code_interpreter,
    "image_generation": ResponsesTools._image_generation,
    "tool_search": ResponsesTools._tool_search,
    "programmatic_tool_calling": ResponsesTools._left_out,
    **dict.fromkeys(_REFUSED, ResponsesTools._refused),
}
# Not in the tools: see `mapping.openai.chat_shape.messages`.


def _flat(value: JSON, kind: str, path: str) -> tuple[JSON, str]:
    """The object that has the name, with its path: this one, or in chat's form the one under the type."""
    if value.get("name") is None and value.get(kind) is not None:
        return members.json_object(value, kind, path), f"{path}.{kind}"
    return value, path


def _skills(value: Any, path: str) -> str:
    """The sentence that tells of a shell's skills."""
    lines = []
    for skill, where in members.objects(value, path) if value is not None else ():
        name, description = members.string(skill, "name", where), members.string(skill, "description", where)
        lines.append(f"- {name}: {description} ({members.string(skill, 'path', where)})")
    return "\n".join(["Skills that can be read there:", *lines]) if lines else ""
