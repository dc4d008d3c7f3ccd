"""Tools for the tests with OpenAI's SDKs, and how clients and the upstream see their calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addons.demo import signatures

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessage


def function(name: str, **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": f"To {name}.", "parameters": parameters}}


WEATHER = function("get_weather", city={"type": "string"}, days={"type": "integer", "minimum": 2})
CLOCK = function("get_time", zone={"type": "string", "enum": ["UTC", "CET"]})
NOTHING = {"type": "function", "function": {"name": "do_nothing"}}
TOOLS: list[Any] = [WEATHER, CLOCK, NOTHING]
ARGUMENTS = {
    "get_weather": {"city": "demo city", "days": 2},
    "get_time": {"zone": "UTC"},
    "do_nothing": {},
}


def by_hand(message: ChatCompletionMessage) -> Any:
    """What is in the SDK's types and nothing else, as most frameworks rebuild it."""
    calls: list[Any] = message.tool_calls or []
    kept = [
        {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
        for c in calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": kept}


def results(message: ChatCompletionMessage) -> list[Any]:
    """A result for every call."""
    return [
        {"role": "tool", "tool_call_id": call.id, "content": f"result {i}"}
        for i, call in enumerate(message.tool_calls or [])
    ]


def first_calls(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The first function call part of every model turn that has one."""
    turns = [[part for part in content["parts"] if "functionCall" in part] for content in body["contents"]]
    return [calls[0] for calls in turns if calls]


def is_genuine(part: dict[str, Any]) -> bool:
    signature = part.get("thoughtSignature", "")
    return signatures.genuine(signature) and signature not in signatures.DUMMIES
