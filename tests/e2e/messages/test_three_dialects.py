"""The same conversation over chat, Responses and Messages is the same to Gemini."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.responses_sdk import RED_DOT
from tests.e2e.sdk_tools import is_genuine

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

type JSON = dict[str, Any]

MODEL = "gemini-3-flash"
SYSTEM = "Be brief."
PROMPT = "In parallel: get_weather and get_time. What is in the picture?"
SCHEMAS = {
    "get_weather": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "get_time": {"type": "object", "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"]}}},
}
FUNCTIONS = [{"name": name, "description": f"To {name}.", "parameters": schema} for name, schema in SCHEMAS.items()]
RESULTS = ["It rains.", "Noon."]
AFTER = "And then?"


def chat(ask: Callable[[str, JSON], JSON]) -> None:
    picture = {"type": "image_url", "image_url": {"url": RED_DOT}}
    messages: list[JSON] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}, picture]},
    ]
    settings = {"temperature": 0.5, "max_completion_tokens": 3000, "reasoning_effort": "low"}
    body = {**settings, "tools": [{"type": "function", "function": f} for f in FUNCTIONS]}
    said = ask("chat/completions", {**body, "messages": messages})["choices"][0]["message"]
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(said["tool_calls"], RESULTS, strict=True)
    ]
    messages += [said, *results]
    said = ask("chat/completions", {**body, "messages": messages})["choices"][0]["message"]
    ask("chat/completions", {**body, "messages": [*messages, said, {"role": "user", "content": AFTER}]})


def responses(ask: Callable[[str, JSON], JSON]) -> None:
    picture = {"type": "input_image", "image_url": RED_DOT}
    items: list[JSON] = [{"role": "user", "content": [{"type": "input_text", "text": PROMPT}, picture]}]
    settings = {"temperature": 0.5, "max_output_tokens": 3000, "reasoning": {"effort": "low"}, "store": False}
    tools = [{"type": "function", "strict": False, **f} for f in FUNCTIONS]
    body = {**settings, "instructions": SYSTEM, "tools": tools, "include": ["reasoning.encrypted_content"]}
    items += ask("responses", {**body, "input": items})["output"]
    calls = [item for item in items if item.get("type") == "function_call"]
    items += [
        {"type": "function_call_output", "call_id": call["call_id"], "output": result}
        for call, result in zip(calls, RESULTS, strict=True)
    ]
    items += ask("responses", {**body, "input": items})["output"]
    ask("responses", {**body, "input": [*items, {"role": "user", "content": AFTER}]})


def messages(ask: Callable[[str, JSON], JSON]) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": RED_DOT.partition(",")[2]}
    turns: list[JSON] = [
        {"role": "user", "content": [{"type": "text", "text": PROMPT}, {"type": "image", "source": source}]}
    ]
    settings = {
        "temperature": 0.5,
        "max_tokens": 3000,
        "output_config": {"effort": "low"},
        "system": SYSTEM,
        "thinking": {"type": "adaptive"},
    }
    tools = [{"name": f["name"], "description": f["description"], "input_schema": f["parameters"]} for f in FUNCTIONS]
    body = {**settings, "tools": tools}
    said = ask("messages", {**body, "messages": turns})["content"]
    calls = [block for block in said if block["type"] == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": result}
        for call, result in zip(calls, RESULTS, strict=True)
    ]
    turns += [{"role": "assistant", "content": said}, {"role": "user", "content": results}]
    said = ask("messages", {**body, "messages": turns})["content"]
    ask("messages", {**body, "messages": [*turns, {"role": "assistant", "content": said}, *user(AFTER)]})


def user(text: str) -> list[JSON]:
    return [{"role": "user", "content": text}]


DIALECTS = (chat, responses, messages)


def plain(body: JSON) -> JSON:
    """A request without what differs from run to run: ids, and signatures, of which each is looked at."""
    found: JSON = json.loads(json.dumps(body))
    for content in found["contents"]:
        for part in content["parts"]:
            if "thoughtSignature" in part:
                part["thoughtSignature"] = is_genuine(part)
            for name in ("functionCall", "functionResponse"):
                if name in part:
                    part[name].pop("id", None)
    return found


@pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL])
def test_gemini_is_asked_the_same(gateway: Gateway, upstream: Upstream, model: str) -> None:
    asked: list[list[JSON]] = []
    for talk in DIALECTS:
        upstream.forget()

        def ask(path: str, body: JSON) -> JSON:
            answer = gateway.call("POST", f"/v1/{path}", {"model": model, **body})
            assert answer.status == 200, answer.body
            found: JSON = answer.json
            return found

        talk(ask)
        asked.append([plain(request.body) for request in upstream.requests])
    assert len(asked[0]) == 3
    assert asked[1] == asked[0]
    assert asked[2] == asked[0]
    assert "It rains." in json.dumps(asked[0][2])
