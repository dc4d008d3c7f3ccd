"""Calls of the client's tools as output items.

Rules of this module (OpenAI API reference, the items `*_call` of `ResponseOutputItem`):

* A call is known to the client by its `call_id`; the `id` of the item is another one.
* A call comes at once, because clients run what they get: the item is added, told and done without a break.
* Gemini may give arguments that do not fit the tool. They become the nearest thing of the right type, so that the
  client can read the item and tell the model what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.answer.parts.calls import Call, Mint
from mapping.responses.answer.item_list import COMPLETED, IN_PROGRESS, ItemList, ItemPlace
from mapping.responses.plan import CallType, ToolKind
from mapping.values import JSON

_PATCHES = ("create_file", "update_file", "delete_file")
_SHELL_LIMITS = ("timeout_ms", "max_output_length")


@dataclass(frozen=True, slots=True)
class _Form:
    """How the calls of one type of tool look."""

    type: str
    prefix: str
    """Of the item's id."""
    members: Callable[[Call], JSON]
    """What the item has beside id, type, status and `call_id`."""
    begun: JSON
    """Those of the members that are different when the item is added."""
    tell: Callable[[ItemList, ItemPlace, JSON], None]
    """The events between the item's being added and done."""


def add_call(items: ItemList, call: Call, kind: ToolKind | None, mint: Mint) -> None:
    """Add the item of a call. `kind` is None for a plain function."""
    form = _FORMS[kind.type if kind else "function"]
    head: JSON = {"id": mint(form.prefix), "type": form.type, "status": COMPLETED, "call_id": call.id}
    members = form.members(call)
    if kind is not None and "name" in members:
        members["name"] = kind.name
        if kind.namespace is not None:
            members["namespace"] = kind.namespace
    _add(items, form, {**head, **members})


def retell(items: ItemList, item: JSON) -> None:
    """Add the item of an earlier call again; its type is one of `TYPES`."""
    _add(items, _BY_TYPE[item["type"]], item)


def _add(items: ItemList, form: _Form, item: JSON) -> None:
    place = items.begin({**item, "status": IN_PROGRESS, **form.begun})
    form.tell(items, place, item)
    items.done(place, item)


def _function(call: Call) -> JSON:
    return {"name": call.name, "arguments": call.arguments}


def _custom(call: Call) -> JSON:
    return {"name": call.name, "input": call.arguments}


def _local_shell(call: Call) -> JSON:
    args = _arguments(call)
    env = args.get("env")
    action: JSON = {
        "type": "exec",
        "command": _command(args.get("command")),
        "env": {name: _text(value) for name, value in env.items()} if isinstance(env, dict) else {},
    }
    if (timeout := _integer(args.get("timeout_ms"))) is not None:
        action["timeout_ms"] = timeout
    for name in ("user", "working_directory"):
        if isinstance(args.get(name), str):
            action[name] = args[name]
    return {"action": action}


def _shell(call: Call) -> JSON:
    args = _arguments(call)
    given = args.get("commands")
    commands = [_text(command) for command in given] if isinstance(given, list) else [_text(given)] if given else []
    limits = {name: _integer(args.get(name)) for name in _SHELL_LIMITS}
    return {"action": {"commands": commands, **limits}, "environment": {"type": "local"}}


def _apply_patch(call: Call) -> JSON:
    args = _arguments(call)
    given = args.get("operation")
    given = given if isinstance(given, dict) else args
    type = given.get("type") if given.get("type") in _PATCHES else "update_file"
    operation: JSON = {"type": type, "path": _text(given.get("path"))}
    if type != "delete_file":
        operation["diff"] = _text(given.get("diff"))
    return {"operation": operation}


def _tool_search(call: Call) -> JSON:
    return {"execution": "client", "arguments": _arguments(call)}


def _arguments(call: Call) -> JSON:
    args = jsonio.loads(call.arguments)
    return args if isinstance(args, dict) else {}


def _command(value: Any) -> list[str]:
    """A line of shell goes to a shell."""
    if isinstance(value, list):
        return [_text(word) for word in value]
    return ["bash", "-lc", value] if isinstance(value, str) and value else []


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else jsonio.dumps(value).decode()


def _integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# events


def _tell_nothing(items: ItemList, place: ItemPlace, members: JSON) -> None:
    """The item says all."""


def _tell_text(event: str, member: str, *beside: str) -> Callable[[ItemList, ItemPlace, JSON], None]:
    def tell(items: ItemList, place: ItemPlace, members: JSON) -> None:
        if members[member]:
            items.tell(f"{event}.delta", place, delta=members[member])
        items.tell(f"{event}.done", place, **{name: members[name] for name in (*beside, member)})

    return tell


def _tell_commands(items: ItemList, place: ItemPlace, members: JSON) -> None:
    for index, command in enumerate(members["action"]["commands"]):
        event = "response.shell_call_command"
        items.tell(f"{event}.added", place, command_index=index, command="")
        if command:
            items.tell(f"{event}.delta", place, command_index=index, delta=command)
        items.tell(f"{event}.done", place, command_index=index, command=command)


_ARGUMENTS = _tell_text("response.function_call_arguments", "arguments", "name")
_INPUT = _tell_text("response.custom_tool_call_input", "input")
_NO_COMMANDS: JSON = {"action": {"commands": [], **dict.fromkeys(_SHELL_LIMITS)}}

_FORMS: dict[CallType, _Form] = {
    "function": _Form("function_call", "fc_", _function, {"arguments": ""}, _ARGUMENTS),
    "custom": _Form("custom_tool_call", "ctc_", _custom, {"input": ""}, _INPUT),
    "local_shell": _Form("local_shell_call", "lsh_", _local_shell, {}, _tell_nothing),
    "shell": _Form("shell_call", "sh_", _shell, _NO_COMMANDS, _tell_commands),
    "apply_patch": _Form("apply_patch_call", "apc_", _apply_patch, {}, _tell_nothing),
    "tool_search": _Form("tool_search_call", "tsc_", _tool_search, {}, _tell_nothing),
}

_BY_TYPE = {form.type: form for form in _FORMS.values()}

TYPES = frozenset(_BY_TYPE)
"""The types of items that are calls."""
