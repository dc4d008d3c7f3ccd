"""Tests of `mapping.answer.blame`: what Gemini refuses, as the path that the client knows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.answer.blame import blame, client_place
from mapping.chat import dialect as chat
from mapping.completions import dialect as completions
from mapping.faults import Fault
from mapping.gemini.errors.upstream_errors import from_http
from mapping.notes import Notes
from mapping.request.plan import Plan
from mapping.responses import dialect as responses
from mapping.values import Options, nothing_remembered

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        "a.b": {"type": "object", "properties": {"items": {"type": "string"}}},
    },
}
SAVE = {"name": "save it", "parameters": SCHEMA}
"""Gemini takes no spaces in names."""
PLAIN = {"name": "plain", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}


def in_chat(function: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": function}


def flat(function: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", **function}


CHAT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Hi."}],
    "tools": [{"type": "google_search"}, in_chat(PLAIN), in_chat(SAVE)],
}
RESPONSES: dict[str, Any] = {"input": "Hi.", "tools": [{"type": "web_search"}, flat(PLAIN), flat(SAVE)]}
NAMESPACE: dict[str, Any] = {
    "input": "Hi.",
    "tools": [{"type": "namespace", "name": "files", "tools": [flat(PLAIN), flat({**SAVE, "name": "save"})]}],
}
CUSTOM: dict[str, Any] = {**CHAT, "tools": [in_chat(PLAIN), {"type": "custom", "custom": {"name": "patch"}}]}
LEGACY: dict[str, Any] = {**CHAT, "tools": None, "functions": [PLAIN, SAVE]}
COMPLETIONS: dict[str, Any] = {"prompt": "Hi."}
DIALECTS: dict[str, Any] = {
    "chat": chat.translate,
    "responses": responses.translate,
    "completions": completions.translate,
}


def plan_of(dialect: str, body: dict[str, Any], *, model: str = "gemini-3.8-flash", client_model: str = "m") -> Plan:
    made = DIALECTS[dialect](
        {"model": client_model, **body},
        model=model,
        client_model=client_model,
        options=Options(),
        recall=nothing_remembered,
        notes=Notes(),
    )
    plan: Plan = made.plan
    return plan


SECOND = "* GenerateContentRequest.tools[0].function_declarations[1].parameters"
ITEMS = f"{SECOND}.properties[tags].items: missing field.\n"
VERTEX = (
    "Unable to submit request because `save_it` functionDeclaration `parameters.tags` schema didn't specify a type."
)
TOKENS = "The input token count (9) exceeds the maximum number of tokens allowed (8)."


@pytest.mark.parametrize(
    ("dialect", "body", "message", "param", "tool"),
    [
        ("chat", CHAT, ITEMS, "tools[2].function.parameters.properties.tags.items", "save it"),
        ("responses", RESPONSES, ITEMS, "tools[2].parameters.properties.tags.items", "save it"),
        ("responses", NAMESPACE, ITEMS, "tools[0].tools[1].parameters.properties.tags.items", "files__save"),
        ("chat", LEGACY, ITEMS, "functions[1].parameters.properties.tags.items", "save it"),
        ("chat", CUSTOM, ITEMS.replace("[tags].items", "[input]"), "tools[1].custom", "patch"),
        ("chat", CHAT, VERTEX, "tools[2].function.parameters.properties.tags", "save it"),
        ("chat", CHAT, "Unable: `plain` functionDeclaration has no schema type", "tools[1].function", "plain"),
        (
            "chat",
            CHAT,
            f"{SECOND}.properties[tags].items.any_of[1]: no",
            "tools[2].function.parameters.properties.tags.items.anyOf[1]",
            "save it",
        ),
        (
            "chat",
            CHAT,
            f"{SECOND}.properties[a.b].properties[items]: no",
            "tools[2].function.parameters.properties.a.b.properties.items",
            "save it",
        ),
        (
            "chat",
            CHAT,
            'Invalid JSON payload received. Unknown name "const" at '
            "'tools[0].function_declarations[1].parameters.properties[1].value': Cannot find field.",
            "tools[2].function.parameters.properties.tags.const",
            "save it",
        ),
        (
            "chat",
            CHAT,
            "Invalid value at 'tools[0].function_declarations[0].name': no",
            "tools[1].function.name",
            "plain",
        ),
        ("chat", CHAT, "Invalid value at 'tools[0].function_declarations[7].name': no", None, None),
        ("chat", CHAT, TOKENS, "messages", None),
        ("responses", RESPONSES, TOKENS, "input", None),
        ("completions", COMPLETIONS, TOKENS, "prompt", None),
        (
            "responses",
            RESPONSES,
            "* GenerateContentRequest.contents[3].parts: contents.parts must not be empty.",
            "input",
            None,
        ),
        ("chat", CHAT, "* GenerateContentRequest.system_instruction: no", "messages", None),
        ("responses", RESPONSES, "* GenerateContentRequest.system_instruction: no", "instructions", None),
        ("chat", CHAT, "Invalid value at 'generation_config.top_p' (TYPE_FLOAT)", "top_p", None),
        ("chat", CHAT, "* GenerateContentRequest.generation_config.max_output_tokens: no", "max_tokens", None),
        ("responses", RESPONSES, "Invalid value at 'generation_config.max_output_tokens'", "max_output_tokens", None),
        ("chat", CHAT, "Thinking is not supported by this model.", "reasoning_effort", None),
        ("responses", RESPONSES, "Thinking is not supported by this model.", "reasoning.effort", None),
        (
            "chat",
            CHAT,
            "Unknown name \"x\" at 'generation_config.response_schema.properties[0].value'",
            "response_format.json_schema.schema",
            None,
        ),
        (
            "responses",
            RESPONSES,
            "* GenerateContentRequest.generation_config.response_json_schema.properties[tags].any_of[0]: no",
            "text.format.schema.properties.tags.anyOf[0]",
            None,
        ),
        ("chat", CHAT, "Invalid value at 'generation_config.speech_config.voice_config'", "audio", None),
        ("chat", CHAT, "Invalid value at 'labels'", None, None),
        ("chat", CHAT, "Request contains an invalid argument.", None, None),
    ],
)
def test_the_clients_own_path(
    dialect: str, body: dict[str, Any], message: str, param: str | None, tool: str | None
) -> None:
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}
    fault = from_http(400, json.dumps({"error": error}).encode()).error
    before = fault.message
    blame(fault, plan_of(dialect, body))
    assert fault.param == param
    told = f" In this request that is {param} of the tool '{tool}'." if tool else ""
    assert fault.message == before.rstrip() * bool(tool) + before * (not tool) + told


MAPPED = "'m' stands for x here ([models.mapping] of the settings can change that): models/x is not found."


@pytest.mark.parametrize(
    ("client_model", "message"),
    [("m", MAPPED), ("x", "models/x is not found."), ("models/x", "models/x is not found.")],
)
@pytest.mark.parametrize(("dialect", "body"), [("chat", CHAT), ("responses", RESPONSES), ("completions", COMPLETIONS)])
def test_a_model_that_is_not_found_is_told_with_the_name_that_the_client_has_for_it(
    dialect: str, body: dict[str, Any], client_model: str, message: str
) -> None:
    fault = from_http(404, b'{"error": {"message": "models/x is not found."}}').error
    blame(fault, plan_of(dialect, body, model="x", client_model=client_model))
    assert (fault.param, fault.message) == ("model", message)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("GenerateContentRequest.contents", "messages"),
        ("generate_content_request.tools[0].function_declarations[0].parameters", "tools[1].function.parameters"),
        ("request.generation_config.temperature", "temperature"),
        ("tools[1].google_search", "tools"),
    ],
)
def test_what_stands_around_a_request_does_not_count(path: str, expected: str) -> None:
    place = client_place(path, plan_of("chat", CHAT))
    assert place
    assert place.path == expected


@given(st.text(max_size=60) | st.from_regex(r"(tools\[[0-3]\]\.|parameters\.|properties\[?|\]|[a-z]\.){1,9}"))
def test_no_path_makes_it_raise(path: str) -> None:
    blame(Fault(400, "No.", param=path), plan_of("chat", CHAT))
