"""The items of a Responses request, fed into a `Contents`.

Rules that this module keeps:

* Every item type of the OpenAI API reference is taken. A message may go without a type. An unknown item is left out
  with a note; its text is kept, and so is a call or output that looks like any other.
* Assistant messages, calls and reasoning between two things of the other side are one model turn.
* Calls of tools that the client runs are function calls to Gemini, and their outputs function responses. What OpenAI's
  own tools did stays out, calls and outputs together: the answer that followed is in the conversation.
* Reasoning goes back only as the thought signatures that the gateway put into `encrypted_content`. That of another
  provider is left out.
* Clients add ids, nulls and members of their own to everything. They do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mapping import faults, jsonio
from mapping.notes import Notes
from mapping.request import members, unknown
from mapping.request.conversation import carrier
from mapping.request.conversation.call_arguments import call_arguments
from mapping.request.conversation.carried import CarriedSignatures, nothing_sealed
from mapping.request.conversation.contents import Contents, Wording
from mapping.request.conversation.summaries import COMPACTION_PROMPT
from mapping.request.conversation.tool_results import tools_found
from mapping.request.parts import media
from mapping.request.settings import parameters
from mapping.request.signatures import signature_of
from mapping.responses.plan import CallType
from mapping.responses.request.content import ContentReader, is_sealed
from mapping.responses.request.tools import ResponsesTools
from mapping.values import JSON, Options, RawTurn, Unseal

WORDING = Wording(
    no_call="No tool call found for function call output with call_id {id}.",
    no_result="No tool output found for function call {id}.",
    no_call_member=".call_id",
)
"""OpenAI's own words."""

_DROPPED = (
    *("web_search_call", "file_search_call", "code_interpreter_call", "computer_call", "computer_call_output"),
    *("mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response", "program", "program_output"),
    *("agent_reasoning", "ghost_snapshot"),
)
"""Records of OpenAI's own tools, and those that Codex keeps for itself."""

_IMAGE_MIME = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}


class ItemReader:
    """Feeds items into a conversation. `carried` is filled with the turns that reasoning items carry, by call id or
    `text_key`, for the conversation's `recall`."""

    def __init__(
        self,
        conversation: Contents,
        tools: ResponsesTools,
        *,
        options: Options,
        notes: Notes,
        unseal: Unseal = nothing_sealed,
        carried: dict[str, RawTurn] | None = None,
    ) -> None:
        self.content = ContentReader(resolution_per_part=conversation.gemini_3, options=options, notes=notes)
        self._conversation = conversation
        self._tools = tools
        self._options = options
        self._notes = notes
        self._unseal = unseal
        self._signatures = CarriedSignatures(
            tools.toolset.model.id, unseal=unseal, turns={} if carried is None else carried, notes=notes
        )
        self._shell_calls: dict[str, str] = {}
        """Item id of a local shell call -> its call id."""

    def read(self, items: Iterable[tuple[JSON, str]]) -> None:
        """Feed the items, each with its path. Raises Fault."""
        for item, path in items:
            kind = item.get("type")
            if kind is None and item.get("role") is not None:
                kind = "message"
            read = _TYPES.get(kind) if isinstance(kind, str) else None
            if read is None:
                unknown.leave_out(kind, f"{path}.type", _TYPES, self._notes, self._options)
                read = ItemReader._unknown
            read(self, item, path)

    # messages

    def _message(self, item: JSON, path: str) -> None:
        role = item.get("role")
        read = _ROLES.get(role) if isinstance(role, str) else None
        if read is None:
            unknown.leave_out(role, f"{path}.role", _ROLES, self._notes, self._options)
            read = ItemReader._user
        read(self, item, path)

    def _agent_message(self, item: JSON, path: str) -> None:
        """Between agents of Codex. For a sub-agent, its task stands nowhere else."""
        parts = self.content.parts(item.get("content") or "", f"{path}.content")
        said = "\n".join(part["text"] for part in parts if "text" in part)
        names = [name for name in (item.get("author"), item.get("recipient")) if isinstance(name, str) and name]
        if any(name not in said for name in names):
            parts.insert(0, {"text": f"[Message from {' to '.join(names)}]"})
        self._conversation.user(parts, path)

    def _unknown(self, item: JSON, path: str) -> None:
        """What can be kept of an item of an unknown type; a call and its output are kept both or neither."""
        kind: str = item["type"]
        call_id = item.get("call_id")
        if not isinstance(call_id, str):
            text = unknown.plain_text(item)
            if text and item.get("role") == "assistant":
                self._conversation.text(text, path)
            elif text:
                self._conversation.user([{"text": text}], path)
        elif kind.endswith("_output"):
            output = item.get("output")
            known = output if output is None or isinstance(output, str | list) else jsonio.dumps(output).decode()
            if call_id in self._conversation.used_ids:
                self._output({**item, "output": known}, path)
        elif isinstance(item.get("name"), str) and isinstance(item.get("arguments"), str | dict):
            self._function_call(item, path)
        elif isinstance(item.get("name"), str) and isinstance(item.get("input"), str):
            self._custom_call(item, path)

    def _system(self, item: JSON, path: str) -> None:
        path = f"{path}.content"
        for text, text_path in self.content.system_texts(members.present(item.get("content"), path), path):
            self._conversation.system(text, text_path)

    def _user(self, item: JSON, path: str) -> None:
        where = f"{path}.content"
        self._conversation.user(self.content.parts(members.present(item.get("content"), where), where), path)

    def _assistant(self, item: JSON, path: str) -> None:
        self._conversation.text("", path, signature_of(item))
        content = item.get("content")
        if content is None:
            return
        for part in self.content.parts(content, f"{path}.content"):
            if "text" in part:
                self._conversation.text(part["text"], path)
            else:
                self._conversation.part(part, path)

    # calls

    def _function_call(self, item: JSON, path: str) -> None:
        args = call_arguments(
            item.get("arguments"), path=f"{path}.arguments", strict=self._options.strict, notes=self._notes
        )
        self._call("function", item, path, args, name=members.string(item, "name", path))

    def _custom_call(self, item: JSON, path: str) -> None:
        args = {"input": members.string(item, "input", path)}
        self._call("custom", item, path, args, name=members.string(item, "name", path))

    def _local_shell_call(self, item: JSON, path: str) -> None:
        id, call_id = item.get("id"), item.get("call_id")
        if isinstance(id, str) and isinstance(call_id, str):
            self._shell_calls[id] = call_id
        action = members.json_object(item, "action", path)
        self._call("local_shell", item, path, _present_members(action, but="type"))

    def _shell_call(self, item: JSON, path: str) -> None:
        self._call("shell", item, path, _present_members(members.json_object(item, "action", path)))

    def _apply_patch_call(self, item: JSON, path: str) -> None:
        operation = _present_members(members.json_object(item, "operation", path))
        self._call("apply_patch", item, path, {"operation": operation})

    def _tool_search_call(self, item: JSON, path: str) -> None:
        if item.get("call_id") is None or item.get("execution") == "server":
            self._drop(item, path)
            return
        args = call_arguments(
            item.get("arguments"), path=f"{path}.arguments", strict=self._options.strict, notes=self._notes
        )
        self._call("tool_search", item, path, args)

    def _call(self, kind: CallType, item: JSON, path: str, args: JSON, name: str | None = None) -> None:
        """A call of a tool; those that OpenAI names have the name of their kind."""
        call_id = members.string(item, "call_id", path)
        namespace = parameters.string(item.get("namespace"), f"{path}.namespace")
        self._conversation.call(
            call_id,
            self._tools.gemini_name(kind, kind if name is None else name, namespace),
            args,
            path=path,
            signature=self._signatures.of_calls.get(call_id) or signature_of(item),
        )

    # outputs

    def _output(self, item: JSON, path: str) -> None:
        """The output of a function or custom tool."""
        text, files = self.content.output(item.get("output"), f"{path}.output")
        name = parameters.string(item.get("name"), f"{path}.name")
        namespace = parameters.string(item.get("namespace"), f"{path}.namespace")
        kind: CallType = "custom" if item["type"] == "custom_tool_call_output" else "function"
        call_id = parameters.string(item.get("call_id"), f"{path}.call_id")
        if call_id is None and name is None:
            raise faults.missing(f"{path}.call_id")
        self._conversation.result(
            call_id,
            text,
            path=path,
            name=self._tools.gemini_name(kind, name, namespace) if name else None,
            media=files,
        )

    def _local_shell_output(self, item: JSON, path: str) -> None:
        # OpenAI's type has the call id in `id`; clients also send `call_id`, or the id of the call item.
        id = item.get("call_id") if item.get("call_id") is not None else members.string(item, "id", path)
        if not isinstance(id, str):
            raise faults.wrong_type(f"{path}.call_id", "a string", id)
        text, files = self.content.output(item.get("output"), f"{path}.output")
        self._conversation.result(self._shell_calls.get(id, id), text, path=path, media=files)

    def _shell_output(self, item: JSON, path: str) -> None:
        output = item.get("output")
        text = output if isinstance(output, str) else _shell_text(output, f"{path}.output")
        self._conversation.result(members.string(item, "call_id", path), text, path=path)

    def _apply_patch_output(self, item: JSON, path: str) -> None:
        status = parameters.string(item.get("status"), f"{path}.status") or "completed"
        output = parameters.string(item.get("output"), f"{path}.output")
        text = f"{status}\n{output}" if output else status
        self._conversation.result(members.string(item, "call_id", path), text, path=path)

    def _tool_search_output(self, item: JSON, path: str) -> None:
        """Its tools are declared; the model is told which were found."""
        if item.get("call_id") is None or item.get("execution") == "server":
            self._drop(item, path)
            return
        names = []
        for tool, where in members.objects(item["tools"], f"{path}.tools") if item.get("tools") is not None else ():
            inner = tool.get("tools") if tool.get("type") == "namespace" else None
            namespace = members.string(tool, "name", where) if inner is not None else None
            for found, found_path in [(tool, where)] if inner is None else members.objects(inner, f"{where}.tools"):
                if found.get("name") is not None:
                    names.append(self._tools.name(members.string(found, "name", found_path), namespace))
        self._conversation.result(members.string(item, "call_id", path), tools_found(names), path=path)

    # reasoning and compaction

    def _reasoning(self, item: JSON, path: str) -> None:
        sealed = parameters.string(item.get("encrypted_content"), f"{path}.encrypted_content")
        signature = self._signatures.open(sealed, path)
        if signature is not None:
            self._conversation.text("", path, signature)

    def _compaction(self, item: JSON, path: str) -> None:
        sealed = parameters.string(item.get("encrypted_content"), f"{path}.encrypted_content") or ""
        payload = self._unseal(sealed)
        summary = carrier.unpack_compaction(payload) if payload is not None else None
        if payload is None and " " in sealed and not is_sealed(sealed):
            summary = sealed  # of a provider that encrypts nothing
        if summary is None:
            if self._options.strict:
                raise faults.bad_value(
                    f"{path}.encrypted_content", "The encrypted content could not be verified: it is not from here."
                )
            self._notes.add("compaction-foreign", path)
            return
        self._conversation.summary(summary, path)

    def _compaction_trigger(self, item: JSON, path: str) -> None:
        self._conversation.user([{"text": COMPACTION_PROMPT}], path)

    # OpenAI's own tools

    def _image_generation_call(self, item: JSON, path: str) -> None:
        result = parameters.string(item.get("result"), f"{path}.result")
        if not result:
            self._drop(item, path)
            return
        mime = _IMAGE_MIME.get(str(item.get("output_format")), "image/png")
        image = media.image_part(f"data:{mime};base64,{result}", path=f"{path}.result", notes=self._notes)
        self._conversation.part(image, path)

    def _drop(self, item: JSON, path: str) -> None:
        self._notes.add("item-dropped", item["type"])

    def _nothing(self, item: JSON, path: str) -> None:
        pass


_ROLES: Mapping[str, Callable[[ItemReader, JSON, str], None]] = {
    "assistant": ItemReader._assistant,
    "system": ItemReader._system,
    "developer": ItemReader._system,
    "user": ItemReader._user,
}
_TYPES: Mapping[str, Callable[[ItemReader, JSON, str], None]] = {
    "message": ItemReader._message,
    "agent_message": ItemReader._agent_message,
    "function_call": ItemReader._function_call,
    "function_call_output": ItemReader._output,
    "custom_tool_call": ItemReader._custom_call,
    "custom_tool_call_output": ItemReader._output,
    "local_shell_call": ItemReader._local_shell_call,
    "local_shell_call_output": ItemReader._local_shell_output,
    "shell_call": ItemReader._shell_call,
    "shell_call_output": ItemReader._shell_output,
    "apply_patch_call": ItemReader._apply_patch_call,
    "apply_patch_call_output": ItemReader._apply_patch_output,
    "tool_search_call": ItemReader._tool_search_call,
    "tool_search_output": ItemReader._tool_search_output,
    "reasoning": ItemReader._reasoning,
    "compaction": ItemReader._compaction,
    "compaction_summary": ItemReader._compaction,  # an older name of the same
    "context_compaction": ItemReader._compaction,  # Codex's
    "compaction_trigger": ItemReader._compaction_trigger,
    "image_generation_call": ItemReader._image_generation_call,
    # read before the items are fed, by `mapping.responses.request.inputs`
    "additional_tools": ItemReader._nothing,
    "configuration_update": ItemReader._nothing,
    "item_reference": ItemReader._drop,
    **dict.fromkeys(_DROPPED, ItemReader._drop),
}
# Not in the reader: see `mapping.openai.chat_shape.messages`.


def _present_members(value: JSON, but: str = "") -> JSON:
    return {name: member for name, member in value.items() if member is not None and name != but}


def _shell_text(value: Any, path: str) -> str:
    """What each command of a shell call gave, as JSON text."""
    results: list[JSON] = []
    for part, where in members.objects(value, path, "a string or an array") if value is not None else ():
        outcome = parameters.json_object(part.get("outcome"), f"{where}.outcome") or {}
        result: JSON = {
            name: parameters.string(part.get(name), f"{where}.{name}") or "" for name in ("stdout", "stderr")
        }
        if outcome.get("type") == "timeout":
            result["timed_out"] = True
        else:
            result["exit_code"] = parameters.integer(outcome.get("exit_code"), f"{where}.outcome.exit_code")
        results.append(result)
    return jsonio.dumps(results).decode()
