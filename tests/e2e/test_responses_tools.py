"""`/v1/responses` with OpenAI's Python SDK: tools that the client runs, over several turns.

The demo upstream refuses calls of the current turn whose thought signature is missing or made up, for Gemini 3 and
later; so every second turn here is also a check of signatures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from tests.e2e.checked_sdk import checked_client, sent
from tests.e2e.responses_sdk import (
    ENCRYPTED,
    FUNCTION,
    GRAMMAR,
    MODEL,
    NAMESPACE,
    RED_DOT,
    WAYS,
    WEATHER,
    as_items,
    calls,
    kinds,
    notes,
    outputs,
    respond,
)
from tests.e2e.sdk_tools import first_calls, is_genuine

if TYPE_CHECKING:
    from openai.types.responses import Response

    from tests.e2e.conftest import Gateway, Starter, Upstream

MODELS = pytest.mark.parametrize("model", ["gemini-2.5-flash", MODEL])
ONE_ACCOUNT = '[[accounts]]\nemail = "a"\napi_key = "k"\nbase_url = "UPSTREAM"\n'
FUNCTIONS = [FUNCTION, WEATHER]

TOOLS: list[Any] = [
    ("function", [FUNCTION], "Go on.", ["function_call"]),
    ("parallel", FUNCTIONS, "In parallel.", ["function_call", "function_call"]),
    ("custom", [GRAMMAR], "Go on.", ["custom_tool_call"]),
    ("namespace", [NAMESPACE], "Go on.", ["function_call"]),
    ("local_shell", [{"type": "local_shell"}], "Go on.", ["local_shell_call"]),
    ("shell", [{"type": "shell", "environment": {"type": "local"}}], "Go on.", ["shell_call"]),
    ("apply_patch", [{"type": "apply_patch"}], "Go on.", ["apply_patch_call"]),
    ("two kinds", [GRAMMAR, FUNCTION], "In parallel.", ["custom_tool_call", "function_call"]),
]
EVERY_TOOL = pytest.mark.parametrize(
    ("tools", "prompt", "expected"), [row[1:] for row in TOOLS], ids=[row[0] for row in TOOLS]
)


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


def items(text: str) -> list[Any]:
    """A conversation that begins."""
    return [{"role": "user", "content": text}]


def check_answered(response: Response, first: Response) -> None:
    """The results of all calls arrived."""
    assert kinds(response) == ["message"]
    if not any(item.type == "apply_patch_call" for item in first.output):
        for i in range(len(calls(first))):
            assert f"result {i}" in response.output_text


# ---- two turns


@WAYS
@MODELS
@EVERY_TOOL
def test_output_items_sent_back(
    client: OpenAI, upstream: Upstream, model: str, tools: Any, prompt: str, expected: list[str], way: str
) -> None:
    body: Any = {"model": model, "tools": tools, "store": False}
    first = respond(client, way, **body, input=prompt)
    assert kinds(first) == expected
    second = respond(client, way, **body, input=[*items(prompt), *as_items(first), *outputs(first)])
    check_answered(second, first)
    (part,) = first_calls(sent(upstream))
    assert is_genuine(part) == (model == MODEL)


@WAYS
@MODELS
@EVERY_TOOL
def test_going_on_from_a_stored_response(
    client: OpenAI, upstream: Upstream, model: str, tools: Any, prompt: str, expected: list[str], way: str
) -> None:
    body: Any = {"model": model, "tools": tools}
    first = respond(client, way, **body, input=prompt)
    second = respond(client, way, **body, previous_response_id=first.id, input=outputs(first))
    check_answered(second, first)
    (part,) = first_calls(sent(upstream))
    assert is_genuine(part) == (model == MODEL)
    assert second.previous_response_id == first.id
    third = respond(client, way, **body, previous_response_id=second.id, input=prompt)
    assert kinds(third) == expected


def test_what_calls_look_like(client: OpenAI) -> None:
    def call(*tools: Any) -> Any:
        (found,) = client.responses.create(model=MODEL, input="Go on.", tools=list(tools)).output
        return found

    function = call(FUNCTION)
    assert (function.name, json.loads(function.arguments)) == ("get_time", {"zone": "demo zone"})
    assert function.id.startswith("fc_")
    assert function.namespace is None
    custom = call(GRAMMAR)
    assert (custom.name, custom.input) == ("run_script", "demo input")
    assert custom.id.startswith("ctc_")
    spaced = call(NAMESPACE)
    assert (spaced.namespace, spaced.name) == ("files", "read_file")
    local = call({"type": "local_shell"})
    assert local.action.type == "exec"
    assert isinstance(local.action.command, list)
    shell = call({"type": "shell"})
    assert shell.action.commands
    patch = call({"type": "apply_patch"})
    assert patch.operation.type == "create_file"


def test_names_that_gemini_does_not_take(client: OpenAI, upstream: Upstream) -> None:
    odd = {**FUNCTION, "name": "1-odd-name"}
    body: Any = {"model": MODEL, "tools": [odd], "tool_choice": {"type": "function", "name": "1-odd-name"}}
    first = client.responses.create(**body, input="Go on.")
    assert calls(first)[0].name == "1-odd-name"
    assert first.model_dump(mode="json")["tool_choice"] == body["tool_choice"]
    body["tool_choice"] = "auto"
    check_answered(client.responses.create(**body, previous_response_id=first.id, input=outputs(first)), first)


def test_a_tool_choice(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": MODEL, "input": "Go on.", "tools": FUNCTIONS}
    chosen = client.responses.create(**body, tool_choice={"type": "function", "name": "get_weather"})
    assert calls(chosen)[0].name == "get_weather"
    assert kinds(client.responses.create(**body, tool_choice="none")) == ["message"]
    allowed: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_weather"}]}
    assert calls(client.responses.create(**body, tool_choice=allowed))[0].name == "get_weather"


def test_several_steps_in_one_turn(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": MODEL, "tools": FUNCTIONS}
    response = client.responses.create(**body, input="parallel work", tool_choice="required")
    for _ in range(2):
        response = client.responses.create(
            **body, input=outputs(response), previous_response_id=response.id, tool_choice="required"
        )
    raw = client.responses.with_raw_response.create(**body, input=outputs(response), previous_response_id=response.id)
    assert "signature-dummy" not in notes(raw)
    assert len(first_calls(sent(upstream))) == 3
    assert all(is_genuine(step) for step in first_calls(sent(upstream)))


def test_tools_that_an_item_declares(client: OpenAI) -> None:
    declared: Any = {"type": "additional_tools", "role": "developer", "tools": [NAMESPACE, GRAMMAR]}
    first = client.responses.create(model=MODEL, input=[declared, *items("Use files__read_file.")])
    assert (calls(first)[0].namespace, calls(first)[0].name) == ("files", "read_file")
    second = client.responses.create(model=MODEL, input=outputs(first), previous_response_id=first.id)
    check_answered(second, first)


# ---- outputs that are more than text


@MODELS
def test_an_image_as_output(client: OpenAI, upstream: Upstream, model: str) -> None:
    body: Any = {"model": model, "tools": [FUNCTION]}
    first = client.responses.create(**body, input="Go on.")
    output: Any = [{"type": "input_text", "text": "a dot"}, {"type": "input_image", "image_url": RED_DOT}]
    told: Any = {"type": "function_call_output", "call_id": calls(first)[0].call_id, "output": output}
    second = client.responses.create(**body, input=[told], previous_response_id=first.id)
    assert "a dot" in second.output_text
    parts = sent(upstream)["contents"][-1]["parts"]
    images = [part for part in parts[0]["functionResponse"].get("parts", []) if model == MODEL]
    images += [part for part in parts if "inlineData" in part]
    assert [image["inlineData"]["data"] for image in images] == [RED_DOT.partition(",")[2]]
    listed = list(client.responses.input_items.list(second.id, order="asc"))
    assert [item.type for item in listed] == ["message", "function_call", "reasoning", "function_call_output"]


def test_outputs_of_parallel_calls_in_another_order(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": MODEL, "tools": FUNCTIONS}
    first = client.responses.create(**body, input="In parallel.")
    one, two = outputs(first)
    between: Any = {"role": "developer", "content": "Be quick."}
    raw = client.responses.with_raw_response.create(**body, previous_response_id=first.id, input=[two, between, one])
    assert "result-order" in notes(raw)
    check_answered(raw.parse(), first)


def test_a_missing_output(client: OpenAI) -> None:
    body: Any = {"model": MODEL, "tools": FUNCTIONS}
    first = client.responses.create(**body, input="In parallel.")
    raw = client.responses.with_raw_response.create(**body, previous_response_id=first.id, input=outputs(first)[:1])
    assert "result-missing" in notes(raw)


# ---- thought signatures in what the client keeps


def replayed(client: OpenAI, first: Response) -> Any:
    """A second turn of a client that keeps everything itself."""
    told = [*items("In parallel."), *as_items(first), *outputs(first)]
    body: Any = {"model": MODEL, "tools": FUNCTIONS, "store": False, "include": [ENCRYPTED], "input": told}
    raw = client.responses.with_raw_response.create(**body)
    assert kinds(raw.parse()) == ["message", "reasoning"]
    assert "result 1" in raw.parse().output_text
    return raw


@pytest.mark.parametrize(("stored", "way"), [(True, "whole"), (True, "events"), (True, "helper"), (False, "events")])
def test_a_restart_between_the_turns(
    starter: Starter, upstream: Upstream, tmp_path: Path, stored: bool, way: str
) -> None:
    settings = (f'[responses]\nstore = "{tmp_path / "r.db"}"\n' if stored else "") + ONE_ACCOUNT
    gateway = starter(settings)
    body: Any = {"model": MODEL, "tools": FUNCTIONS, "store": False, "include": [ENCRYPTED]}
    with checked_client(gateway) as client:
        first = respond(client, way, **body, input="In parallel.", reasoning={"summary": "auto"})
        assert kinds(first) == ["reasoning", "function_call", "function_call"]
    gateway.stop()
    with checked_client(starter(settings)) as client:
        raw = replayed(client, first)
    (part,) = first_calls(sent(upstream))
    assert is_genuine(part) == stored
    assert ("signature-dummy" in notes(raw)) == (not stored)
    assert ("reasoning-foreign" in notes(raw)) == (not stored)


def test_reasoning_of_another_provider_is_dropped(client: OpenAI, upstream: Upstream) -> None:
    foreign: Any = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABo-foreign"}
    raw = client.responses.with_raw_response.create(model=MODEL, input=[*items("a"), foreign, *items("b")])
    assert "reasoning-foreign" in notes(raw)
    assert "foreign" not in json.dumps(sent(upstream))


def test_encrypted_content_that_was_changed_is_dropped(client: OpenAI) -> None:
    first = client.responses.create(model=MODEL, input="x", tools=[FUNCTION], store=False, include=[ENCRYPTED])
    carrier: Any = as_items(first)[0]
    assert carrier["type"] == "reasoning"
    content = carrier["encrypted_content"]
    carrier["encrypted_content"] = content[:40] + ("A" if content[40] != "A" else "B") + content[41:]
    raw = client.responses.with_raw_response.create(model=MODEL, input=[*items("a"), carrier])
    assert "reasoning-foreign" in notes(raw)


def test_a_conversation_that_goes_to_another_model(client: OpenAI, upstream: Upstream) -> None:
    first = client.responses.create(model=MODEL, input="x", tools=[FUNCTION])
    for model in ("gemini-4-argon", "gemini-2.5-flash"):
        raw = client.responses.with_raw_response.create(
            model=model, tools=[FUNCTION], previous_response_id=first.id, input=outputs(first)
        )
        assert "signature-foreign" in notes(raw)
        check_answered(raw.parse(), first)
        assert not is_genuine(first_calls(sent(upstream))[0])


def test_code_that_gemini_ran_comes_back_to_it(client: OpenAI, upstream: Upstream) -> None:
    body: Any = {"model": MODEL, "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}
    first = client.responses.create(**body, input="Add up.")
    client.responses.create(**body, input="Thanks.", previous_response_id=first.id)
    parts = sent(upstream)["contents"][1]["parts"]
    assert [next(iter(part)) for part in parts[:3]] == ["executableCode", "codeExecutionResult", "text"]
    kept = client.responses.create(**body, input="Add up.", store=False, include=[ENCRYPTED])
    client.responses.create(**body, input=[*items("Add up."), *as_items(kept), *items("Thanks.")], store=False)
    parts = sent(upstream)["contents"][1]["parts"]
    assert [next(iter(part)) for part in parts[:3]] == ["executableCode", "codeExecutionResult", "text"]
