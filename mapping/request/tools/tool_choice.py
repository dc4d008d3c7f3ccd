"""`tool_choice` in all its forms, read into one `ToolChoice`.

Chat nests the name under the type (`{"type": "function", "function": {"name"}}`); the Responses API has it beside the
type and some types more. Each dialect reads its own into a `ToolChoice`; `mapping.request.tools.tools.ToolSet.choose`
does the rest.

Sources: the OpenAI API reference (`ChatCompletionToolChoiceOption`) and, for "validated", Google's page on OpenAI
compatibility.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mapping import faults
from mapping.request.settings import parameters

type Mode = Literal["auto", "none", "required", "validated"]

_MODES: dict[str, Mode] = {"none": "none", "auto": "auto", "required": "required", "validated": "validated"}
_ALLOWED_MODES: dict[str, Mode] = {"auto": "auto", "required": "required"}
_NAMED_TYPES = ("function", "custom")


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether and which tools may or must be called."""

    mode: Mode
    names: tuple[str, ...] | None = None
    """The only tools allowed, by the client's names; None: all."""
    path: str = "tool_choice"
    """The parameter that said so, for faults."""


def read_mode(value: str, path: str = "tool_choice") -> ToolChoice:
    """A choice given as a string: the same in chat and in the Responses API."""
    mode = _MODES.get(value)
    if mode is None:
        raise faults.bad_value(path, f"Invalid value: '{value}'. Supported values are: 'none', 'auto' and 'required'.")
    return ToolChoice(mode, path=path)


def read_chat_choice(value: Any, path: str = "tool_choice") -> ToolChoice | None:
    """Chat's `tool_choice`; None when absent. Raises 400 for what is no choice."""
    if value is None:
        return None
    if isinstance(value, str):
        return read_mode(value, path)
    if not isinstance(value, dict):
        raise faults.wrong_type(path, "a string or an object", value)
    kind = parameters.one_of(value.get("type"), f"{path}.type", (*_NAMED_TYPES, "allowed_tools"))
    if kind is None:
        raise faults.missing(f"{path}.type")
    if kind != "allowed_tools":
        return ToolChoice("required", (_nested_name(value, kind, path),), path)
    where = f"{path}.allowed_tools"
    # Clients that know the Responses API best send its flat form here too.
    flat = value.get("allowed_tools") is None and value.get("tools") is not None
    allowed = value if flat else parameters.json_object(value.get("allowed_tools"), where)
    if allowed is None:
        raise faults.missing(where)
    return read_allowed_tools(allowed, path if flat else where, choice_path=path)


def read_allowed_tools(allowed: dict[str, Any], path: str, choice_path: str = "tool_choice") -> ToolChoice:
    """`{"mode", "tools"}`, the tools nested (chat) or flat (Responses). Hosted tools, which have no name, do not count.

    `path` is where `allowed` was found, `choice_path` the parameter that errors about missing tools name.
    """
    mode = parameters.one_of(allowed.get("mode"), f"{path}.mode", _ALLOWED_MODES)
    if mode is None:
        raise faults.missing(f"{path}.mode")
    tools = parameters.array(allowed.get("tools"), f"{path}.tools")
    if tools is None:
        raise faults.missing(f"{path}.tools")
    names = []
    for i, tool in enumerate(tools):
        where = f"{path}.tools[{i}]"
        if not isinstance(tool, dict):
            raise faults.wrong_type(where, "an object", tool)
        kind = parameters.string(tool.get("type"), f"{where}.type")
        if kind in _NAMED_TYPES:
            names.append(_nested_name(tool, kind, where))
    return ToolChoice(_ALLOWED_MODES[mode], tuple(names), choice_path)


def read_function_call(value: Any, path: str = "function_call") -> ToolChoice | None:
    """Chat's deprecated `function_call`: "none", "auto" or `{"name"}`; None when absent."""
    if value is None:
        return None
    if isinstance(value, str):
        return ToolChoice(_MODES[parameters.one_of(value, path, ("none", "auto")) or "auto"], path=path)
    if not isinstance(value, dict):
        raise faults.wrong_type(path, "a string or an object", value)
    return ToolChoice("required", (_name(value, path),), path)


def _nested_name(value: dict[str, Any], kind: str, path: str) -> str:
    """The name under the type, or beside it as in the Responses API."""
    if value.get(kind) is None and value.get("name") is not None:
        return _name(value, path)
    where = f"{path}.{kind}"
    inner = parameters.json_object(value.get(kind), where)
    if inner is None:
        raise faults.missing(where)
    return _name(inner, where)


def _name(value: dict[str, Any], path: str) -> str:
    name = parameters.string(value.get("name"), f"{path}.name")
    if name is None:
        raise faults.missing(f"{path}.name")
    return name
