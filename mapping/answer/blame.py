"""What an upstream complains of, in the client's words: a path in Gemini's request -> the member that the client sent.

Google names places of the request that it got: `tools[0].function_declarations[1].parameters.properties[tags]`. The
client knows its own: `tools[1].function.parameters.properties.tags` in chat. `Plan.paths` and `Plan.words` lead there.

A place that stands for nothing of the client's gives no path: one that is wrong helps nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mapping.faults import Fault
from mapping.request.plan import Plan

_STEP = re.compile(r"(\w[\w$-]*)|\[([^\]]*)\]")
_ENVELOPES = frozenset({"GenerateContentRequest", "generateContentRequest", "request"})
"""What stands around a request to generate: the type's name, countTokens' member, the Cloud Code API's member."""
_SCHEMAS = frozenset({"parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})
_NAMED = frozenset({"properties", "$defs", "defs"})
"""Keywords whose members have names of the client's."""


class _Step(NamedTuple):
    """One step of a path of Google's: `.name` or `[text]`."""

    text: str
    bracketed: bool

    @property
    def number(self) -> int | None:
        return int(self.text) if self.bracketed and self.text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Place:
    """What a complaint is about, as the client knows it."""

    path: str
    """Of the member."""
    tool: str | None = None
    """The client's name of the tool, if it is one."""


def blame(fault: Fault, plan: Plan) -> Fault:
    """The same fault of an upstream, with the client's path in `param`; the message names the tool, if it is one, and
    the client's name of a model that is not found, if it has another.

    `fault.param` is a path in Gemini's request (or one of the client's words for all dialects, such as `model`).
    """
    if fault.param == "model" and fault.code == "model_not_found":
        if plan.client_model.rpartition("/")[2] != plan.model:
            fault.message = (
                f"'{plan.client_model[:100]}' stands for {plan.model} here "
                f"([models.mapping] of the settings can change that): {fault.message}"
            )
        return fault
    if fault.param is None or fault.param == "model":
        return fault
    place = client_place(fault.param, plan)
    fault.param = place.path if place else None
    if place and place.tool is not None:
        fault.message = f"{fault.message.rstrip()} In this request that is {place.path} of the tool '{place.tool}'."
    return fault


def client_place(path: str, plan: Plan) -> Place | None:
    """What a path in Gemini's request (in either spelling) stands for; None: nothing of the client's."""
    steps = [_Step(name or inner, not name) for name, inner in _STEP.findall(path)]
    if steps and _camel(steps[0].text) in _ENVELOPES:
        del steps[0]
    names = [step.text if step.bracketed else _camel(step.text) for step in steps]
    if "functionDeclarations" in names:
        return _of_tool(steps[names.index("functionDeclarations") + 1 :], plan)
    for count in range(min(2, len(names)), 0, -1):
        if word := plan.word(".".join(names[:count])):
            inner = _in_schema(steps[count:], None) if names[count - 1] in _SCHEMAS else ""
            return Place(word + inner)
    return None


def _of_tool(steps: Sequence[_Step], plan: Plan) -> Place | None:
    """A place in a function declaration: `[1].parameters.properties[tags]`; Vertex AI names it, `[save]`."""
    declared = list(plan.paths)
    if not steps or not declared:
        return None
    index = steps[0].number
    if index is None:
        name = steps[0].text if steps[0].text in plan.paths else None
    else:
        name = declared[index] if index < len(declared) else None
    if name is None:
        return None
    path, rest = plan.paths[name], steps[1:]
    member = _camel(rest[0].text) if rest else ""
    if name in plan.custom:  # its parameters are the gateway's
        member = ""
    if member in _SCHEMAS:
        path += f".{plan.schema_name}" + _in_schema(rest[1:], plan.integers.get(name))
    elif member in ("name", "description"):
        path += f".{member}"
    return Place(path, plan.names.get(name, name))


def _in_schema(steps: Sequence[_Step], schema: Any) -> str:
    """A place in a JSON Schema, as a path that follows the schema's own. `schema`: what was sent, where it is known.

    Google writes `properties[tags]` for a property, `properties[1].value` for the second one where it could not even
    parse the request; Vertex AI leaves `properties` out.
    """
    path, node, named = "", schema, False
    position = 0
    while position < len(steps):
        step = steps[position]
        position += 1
        known = node if isinstance(node, dict) else {}
        if named:
            name = step.text
            if step.number is not None and name not in known:
                if step.number >= len(known):
                    return path.rpartition(".")[0]  # whose name it stands for is not known
                name = list(known)[step.number]
                if position < len(steps) and steps[position].text == "value":
                    position += 1
            path, node, named = f"{path}.{name}", known.get(name), False
        elif (index := step.number) is not None:
            path += f"[{index}]"
            node = node[index] if isinstance(node, list) and index < len(node) else None
        else:
            keyword = step.text if step.text in known else _camel(step.text)
            properties = known.get("properties")
            if keyword not in known and isinstance(properties, dict) and step.text in properties:
                path, node = f"{path}.properties.{step.text}", properties[step.text]
            else:
                path, node, named = f"{path}.{keyword}", known.get(keyword), keyword in _NAMED
    return path


def _camel(name: str) -> str:
    """`function_declarations` -> `functionDeclarations`."""
    first, *others = name.split("_")
    return first + "".join(other[:1].upper() + other[1:] for other in others)
