"""A small agent as people write it: the OpenAI SDK, streamed, a tool, until there is an answer.

Argument: `careful` tells the model of arguments that can't be read; `careless` runs the tool with what there is.
"""

import json
import sys
from typing import Any

from openai import OpenAI

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def weather(arguments: str) -> str:
    """The tool."""
    try:
        city = json.loads(arguments)["city"]
    except ValueError:
        if sys.argv[1] == "careful":
            return "error: the arguments are no JSON"
        city = arguments
    return f"sunny in {city}"


client = OpenAI()
messages: list[Any] = [{"role": "user", "content": "What is the weather?"}]
tools: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
for _ in range(5):
    text, calls = "", {}
    for chunk in client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or ():
                made = calls.setdefault(call.index, {"id": call.id, "name": "", "arguments": ""})
                if call.function:
                    made["name"] += call.function.name or ""
                    made["arguments"] += call.function.arguments or ""
    if not calls:
        print(text)
        break
    asked = [
        {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
        for c in calls.values()
    ]
    messages.append({"role": "assistant", "content": text or None, "tool_calls": asked})
    for call in calls.values():
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": weather(call["arguments"])})
