"""What the tests of the Responses API with OpenAI's Python SDK share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.responses import Response

MODEL = "gemini-3-flash"
ENCRYPTED: Any = "reasoning.encrypted_content"

WAYS = pytest.mark.parametrize("way", ["whole", "events", "helper"])
"""How the SDK is asked for a response: whole, as events, by its stream helper."""

WHOLE_OR_EVENTS = pytest.mark.parametrize("way", ["whole", "events"])
"""The helper raises for what is not completed."""

FUNCTION: Any = {
    "type": "function",
    "name": "get_time",
    "description": "The time somewhere.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
}
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
GRAMMAR: Any = {
    "type": "custom",
    "name": "run_script",
    "description": "Runs a script.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}
NAMESPACE: Any = {
    "type": "namespace",
    "name": "files",
    "description": "Files of the user.",
    "tools": [{**FUNCTION, "name": "read_file"}],
}
RED_DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIA"
    "X8jx0gAAAABJRU5ErkJggg=="
)


def respond(client: OpenAI, way: str, **body: Any) -> Response:
    """The response as the SDK has it in the end."""
    if way == "whole":
        return client.responses.create(**body)
    if way == "helper":
        with client.responses.stream(**body) as stream:
            return stream.get_final_response()
    *_, last = client.responses.create(**body, stream=True)
    response: Response = last.response
    return response


def kinds(response: Response) -> list[str]:
    """The types of its output items."""
    return [item.type for item in response.output]


def calls(response: Response) -> list[Any]:
    """The output items that want an output."""
    return [item for item in response.output if getattr(item, "call_id", None)]


def outputs(response: Response) -> list[Any]:
    """An output item for each call."""
    return [_output(item, f"result {i}") for i, item in enumerate(calls(response))]


def _output(item: Any, text: str) -> dict[str, Any]:
    output: dict[str, Any] = {"type": f"{item.type}_output", "call_id": item.call_id, "output": text}
    if item.type == "local_shell_call":
        return {"type": output["type"], "id": item.call_id, "output": text}
    if item.type == "shell_call":
        told = {"stdout": text, "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
        return {**output, "output": [told]}
    if item.type == "apply_patch_call":
        return {**output, "status": "completed"}
    return output


def as_items(response: Response) -> list[Any]:
    """The output as clients send it back."""
    return [item.model_dump(exclude_unset=True, mode="json") for item in response.output]


def notes(raw: Any) -> str:
    """The notes on a raw answer."""
    return str(raw.headers.get("x-antigravity-notes", ""))
