"""The input of a Responses request as a list of items, and what has to be known of them before they are read in turn.

Rules that this module keeps:

* A string is one message of the user. Earlier items (`previous_response_id`) come before the input.
* A reference stands for its item; one to nothing is a 400, as at OpenAI.
* Tools may be declared in the middle of the input, and hold for all of it.
* The last of several configuration updates counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.request import members
from mapping.request.settings import parameters
from mapping.values import JSON

type Resolve = Callable[[str], JSON | None]
"""Finds the stored item of an id."""

HISTORY_PATH = "previous_response_id"
"""Items of earlier responses have no path of their own."""


def nothing_stored(id: str) -> JSON | None:
    """A `Resolve` without a store."""
    return None


@dataclass(slots=True)
class Inputs:
    """The items of one request."""

    items: list[tuple[JSON, str]] = field(default_factory=list)
    """All items in their order, references resolved, each with its path."""
    tools: list[tuple[Any, str]] = field(default_factory=list)
    """The values of `tools` in items, each with its path."""
    reasoning: JSON | None = None
    """`reasoning` of the last configuration update that has it."""
    text: JSON | None = None
    """`text` of the last configuration update that has it."""
    compaction: bool = False
    """The last item is a compaction trigger."""
    carriers: bool = False
    """There are reasoning items that may carry signatures."""


def read_input(value: Any, history: Sequence[JSON], resolve: Resolve) -> Inputs:
    """Read the value of `input`, which may be null when there is a `history`. Raises Fault."""
    found = Inputs([(item, HISTORY_PATH) for item in history])
    if isinstance(value, str):
        found.items.append(({"role": "user", "content": value}, "input"))
    elif value is not None:
        found.items += [_resolved(*item, resolve) for item in members.objects(value, "input", "a string or an array")]
    for item, path in found.items:
        look = _LOOKS.get(kind) if isinstance(kind := item.get("type"), str) else None
        if look is not None:
            look(found, item, path)
    return found


def is_reference(item: JSON) -> bool:
    """Whether an item stands for a stored one. OpenAI's own type says that a reference may go without a type."""
    kind = item.get("type")
    return kind == "item_reference" or (kind is None and item.get("role") is None and item.get("id") is not None)


def _resolved(item: JSON, path: str, resolve: Resolve) -> tuple[JSON, str]:
    if not is_reference(item):
        return item, path
    id = members.string(item, "id", path)
    stored = resolve(id)
    if stored is None:
        raise Fault(400, f"Item with id '{id}' not found.", param="input")
    return stored, path


def _tools(found: Inputs, item: JSON, path: str) -> None:
    found.tools.append((item.get("tools"), f"{path}.tools"))


def _configuration(found: Inputs, item: JSON, path: str) -> None:
    found.reasoning = parameters.json_object(item.get("reasoning"), f"{path}.reasoning") or found.reasoning
    found.text = parameters.json_object(item.get("text"), f"{path}.text") or found.text


def _trigger(found: Inputs, item: JSON, path: str) -> None:
    if item is not found.items[-1][0]:
        raise faults.bad_value(path, "A 'compaction_trigger' must be the last item of the input.")
    found.compaction = True


def _reasoning(found: Inputs, item: JSON, path: str) -> None:
    found.carriers = found.carriers or item.get("encrypted_content") is not None


_LOOKS: dict[str, Callable[[Inputs, JSON, str], None]] = {
    "additional_tools": _tools,
    "tool_search_output": _tools,
    "configuration_update": _configuration,
    "compaction_trigger": _trigger,
    "reasoning": _reasoning,
}
