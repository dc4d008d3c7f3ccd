"""What a Response object repeats of its request: the client's own values, OpenAI's defaults for the rest.

Source: the OpenAI API reference (`Response`), and recorded answers. Names are the client's; clients compare.
"""

from __future__ import annotations

from typing import Any

from mapping.values import JSON

_DEFAULTS: JSON = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_REASONING: JSON = {"effort": None, "summary": None}
_TEXT: JSON = {"format": {"type": "text"}, "verbosity": "medium"}
_TOOLS: dict[str, JSON] = {
    "function": {"description": None, "parameters": None, "strict": True},
    "custom": {"description": None, "format": {"type": "text"}},
}
"""Type of a tool -> members that OpenAI adds."""

# Tiers that stand for whatever tier there is.
_ANY_TIER = ("auto", "default")


def echo(body: JSON, *, reasoning: JSON, text: JSON) -> JSON:
    """The members for `ResponsesPlan.echo`. The body was checked before.

    `reasoning` and `text` are those that hold, whatever member of the request they come from.
    """
    members = {name: default if body.get(name) is None else body[name] for name, default in _DEFAULTS.items()}
    for name in ("max_completion_tokens", "max_tokens"):
        if members["max_output_tokens"] is None:
            members["max_output_tokens"] = body.get(name)
    if members["service_tier"] in _ANY_TIER:
        members["service_tier"] = "default"
    members["reasoning"] = _REASONING | _given(reasoning)
    members["text"] = _TEXT | {"verbosity": body.get("verbosity") or "medium"} | _format(body) | _given(text)
    members["tools"] = [_tool(tool) for tool in members["tools"]]
    members["tool_choice"] = _choice(members["tool_choice"])
    return members


def _format(body: JSON) -> JSON:
    """Chat's `response_format` as `text` has it."""
    given = body.get("response_format")
    if given is None:
        return {}
    inner = given.get("json_schema")
    return {"format": {"type": given["type"], **inner} if isinstance(inner, dict) else given}


def _given(value: JSON) -> JSON:
    return {name: member for name, member in value.items() if member is not None}


def _tool(tool: JSON) -> JSON:
    kind = tool.get("type")
    defaults = _TOOLS.get(kind) if isinstance(kind, str) else None
    if defaults is None:
        return tool
    return {"type": kind, **defaults, **_given(_flat(tool, kind))}


def _choice(choice: Any) -> Any:
    if isinstance(choice, dict) and isinstance(choice.get("type"), str):
        return {"type": choice["type"], **_flat(choice, choice["type"])}
    return choice


def _flat(value: JSON, kind: Any) -> JSON:
    """Without the level that chat puts between the type and the rest."""
    inner = value.get(kind)
    return inner if isinstance(inner, dict) and value.get("name") is None else value
