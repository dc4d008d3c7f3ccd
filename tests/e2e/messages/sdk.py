"""Anthropic's Python SDK over a wire that checks every answer, and what its tests share."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.e2e import message_checks
from tests.e2e.answer_checks import Wire
from tests.e2e.checked_sdk import CheckedAsyncTransport, CheckedTransport

if TYPE_CHECKING:
    from anthropic.types import Message

    from tests.e2e.conftest import Gateway

MODEL = "gemini-3-flash"

WAYS = pytest.mark.parametrize("way", ["whole", "events", "helper"])
"""How the SDK is asked for a message: whole, as events, by its stream helper."""

WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
        "required": ["city"],
    },
}
CLOCK: Any = {
    "name": "get_time",
    "description": "The time somewhere.",
    "input_schema": {"type": "object", "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"]}}},
}


def user(content: Any = "Hello!") -> list[Any]:
    """A conversation that begins."""
    return [{"role": "user", "content": content}]


@contextmanager
def checked_client(gateway: Gateway, **options: Any) -> Iterator[Anthropic]:
    """A client whose answers are all checked when it closes. No retries, unless `options` ask for them."""
    wire = Wire(message_checks.check_answer)
    options = {"api_key": "any", "max_retries": 0, "base_url": root(gateway), **options}
    with Anthropic(http_client=httpx2.Client(transport=CheckedTransport(wire)), **options) as client:
        yield client
    wire.verify()


@asynccontextmanager
async def checked_async_client(gateway: Gateway) -> AsyncIterator[AsyncAnthropic]:
    """The same, asynchronous."""
    wire = Wire(message_checks.check_answer)
    http = httpx2.AsyncClient(transport=CheckedAsyncTransport(wire))
    async with AsyncAnthropic(base_url=root(gateway), api_key="any", max_retries=0, http_client=http) as client:
        yield client
    wire.verify()


def root(gateway: Gateway) -> str:
    """The gateway's address as Anthropic's clients want it: without /v1."""
    return gateway.base_url.removesuffix("/v1")


def ask(client: Anthropic, way: str = "whole", **body: Any) -> Message:
    """The message as the SDK has it in the end."""
    body = {"model": MODEL, "max_tokens": 1000, "messages": user(), **body}
    if way == "whole":
        return client.messages.create(**body)
    if way == "helper":
        with client.messages.stream(**body) as stream:
            return stream.get_final_message()
    found: Any = None
    arguments = ""
    for event in client.messages.create(**body, stream=True):
        if event.type == "message_start":
            found = event.message
        elif event.type == "content_block_start":
            found.content.append(event.content_block)
            arguments = ""
        elif event.type == "content_block_delta":
            arguments += _add(found.content[event.index], event.delta)
        elif event.type == "content_block_stop" and arguments:
            found.content[event.index].input = json.loads(arguments)
        elif event.type == "message_delta":
            found.stop_reason, found.stop_sequence = event.delta.stop_reason, event.delta.stop_sequence
            found.usage.input_tokens, found.usage.output_tokens = event.usage.input_tokens, event.usage.output_tokens
    message: Message = found
    return message


def _add(block: Any, delta: Any) -> str:
    """Add a delta to its block; gives the piece of a call's arguments, if it is that."""
    match delta.type:
        case "text_delta":
            block.text += delta.text
        case "thinking_delta":
            block.thinking += delta.thinking
        case "signature_delta":
            block.signature = delta.signature
        case "citations_delta":
            block.citations = [*(block.citations or ()), delta.citation]
        case "input_json_delta":
            return str(delta.partial_json)
    return ""


def text(message: Message) -> str:
    """All of its text."""
    return "".join(block.text for block in message.content if block.type == "text")


def kinds(message: Message) -> list[str]:
    """The types of its blocks."""
    return [block.type for block in message.content]


def calls(message: Message) -> list[Any]:
    """The blocks that want a result."""
    return [block for block in message.content if block.type == "tool_use"]


def results(message: Message) -> Any:
    """The turn with a result for each call."""
    found = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"result {i}"}
        for i, call in enumerate(calls(message))
    ]
    return {"role": "user", "content": found}
