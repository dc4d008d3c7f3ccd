"""What the demo upstream refuses, in Google's words, and what it must not refuse."""

from __future__ import annotations

from typing import Any

import pytest

from addons.demo import signatures
from tests.demo.asking import (
    BUDGET,
    DUMMY,
    JSON_MIME,
    LEVEL,
    OLD,
    SIGNED,
    SYSTEM,
    Upstream,
    ask,
    call,
    config,
    model_turn,
    result,
    tool,
    tools,
    user,
    user_turn,
)

REFUSALS: list[tuple[str, Any, str]] = [
    (LEVEL, ask(messages=[]), 'Invalid JSON payload received. Unknown name "messages": Cannot find field.'),
    (
        LEVEL,
        config(max_tokens=1),
        "Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config': Cannot find field.",
    ),
    (
        LEVEL,
        {"contents": [{"role": "user", "parts": [{"text": "a", "type": "text"}]}]},
        "Invalid JSON payload received. Unknown name \"type\" at 'contents[0].parts[0]': Cannot find field.",
    ),
    (
        LEVEL,
        ask(tools=tools({"name": "f", "strict": True})),
        "Unknown name \"strict\" at 'tools[0].function_declarations[0]': Cannot find field.",
    ),
    (
        LEVEL,
        ask(tools=tools({"name": "f", "parameters": {"type": "object", "additionalProperties": False}})),
        "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
    ),
    (LEVEL, config(temperature="hot"), "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\""),
    (LEVEL, config(seed=2**40), "Invalid value at 'generation_config.seed' (TYPE_INT32)"),
    (LEVEL, config(thinkingConfig={"thinkingLevel": "MAX"}), "Invalid value at 'generation_config.thinking_config"),
    (LEVEL, {"contents": [user_turn({"inlineData": {"mimeType": "image/png", "data": "%"}})]}, "(TYPE_BYTES)"),
    (
        LEVEL,
        {"contents": [user_turn({"text": "a", "functionCall": {"name": "f"}})]},
        "oneof field 'data' is already set",
    ),
    (LEVEL, {}, "* GenerateContentRequest.contents: contents is not specified"),
    (LEVEL, {"contents": []}, "* GenerateContentRequest.contents: contents is not specified"),
    (LEVEL, {"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}, "Please use a valid role: user, model."),
    (LEVEL, {"contents": [{"role": "user", "parts": []}]}, "contents.parts must not be empty"),
    (LEVEL, {"contents": [user_turn({"thought": True})]}, "required oneof field 'data'"),
    (LEVEL, {"contents": [user_turn({"inlineData": {"mimeType": "image/x", "data": ""}})]}, "data must not be empty"),
    (LEVEL, {"contents": [user_turn({"inlineData": {"mimeType": "app/x", "data": "YQ=="}})]}, "Unsupported MIME type"),
    (LEVEL, ask(systemInstruction={"parts": []}), "contents.parts must not be empty"),
    ("gemma-4-31b-it", ask(systemInstruction=SYSTEM), "Developer instruction is not enabled for models/gemma-4-31b-it"),
    (LEVEL, ask(cachedContent="cachedContents/a", tools=tools()), "CachedContent can not be used"),
    (
        BUDGET,
        {"contents": [user(), model_turn(call("f"), call("g")), user_turn(result("f"))]},
        "number of function response parts is equal to the number of function call parts",
    ),
    (BUDGET, {"contents": [user(), model_turn(call())]}, "number of function response parts is equal"),
    # Results of one turn are one content, however many the turn is in.
    (
        BUDGET,
        {"contents": [user(), model_turn(call("f"), call("g")), user_turn(result("f")), user_turn(result("g"))]},
        "number of function response parts is equal",
    ),
    (
        BUDGET,
        {"contents": [user(), model_turn(call("f")), model_turn(call("g")), user_turn(result("f"))]},
        "number of function response parts is equal",
    ),
    (BUDGET, {"contents": [user(), user_turn(result())]}, "function response turn comes immediately after"),
    (BUDGET, {"contents": [model_turn(call()), user_turn(result())]}, "function call turn comes immediately after"),
    (BUDGET, {"contents": [user(), model_turn(call("f")), user_turn(result("g"))]}, "function response names match"),
    (
        LEVEL,
        {"contents": [user(), model_turn(call(id="a", signature=DUMMY)), user_turn(result(id="b"))]},
        "function response ids match",
    ),
    (
        LEVEL,
        {"contents": [user(), model_turn(call(signature=DUMMY)), user_turn(result(), {"text": "a"})]},
        "contains function response parts only",
    ),
    (
        LEVEL,
        {"contents": [user(), model_turn(call(signature=DUMMY)), user_turn(result(response={"$ref": "x"}))]},
        "undefined part: x",
    ),
    (
        LEVEL,
        {"contents": [user(), model_turn(call()), user_turn(result())]},
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
        "correctly",
    ),
    (
        LEVEL,
        {"contents": [user(), model_turn(call(signature=SIGNED)), user_turn(result())]},
        "Thought signature is not valid",
    ),
    (
        LEVEL,
        {
            "contents": [
                user(),
                model_turn(call(signature=DUMMY)),
                user_turn(result()),
                model_turn(call(id="b")),
                user_turn(result(id="b")),
            ]
        },
        "function call `default_api:get_weather` , position 4",
    ),
    (
        LEVEL,
        {"contents": [user(), model_turn({"text": "I"}), model_turn(call()), user_turn(result())]},
        "function call `default_api:get_weather` , position 3",
    ),
    (
        LEVEL,
        ask(toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
        "Function calling config is set without function_declarations.",
    ),
    (
        LEVEL,
        ask(
            tools=tools(),
            toolConfig={"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["get_weather"]}},
        ),
        "Allowed function names should be set only when",
    ),
    (
        LEVEL,
        ask(tools=tools(), toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}}),
        "Allowed function name 'x'",
    ),
    (LEVEL, ask(tools=tools({"name": "1st"})), "Invalid function name"),
    (LEVEL, ask(tools=tools(tool(), tool())), "Duplicate function declaration found: get_weather"),
    (LEVEL, ask(tools=tools(tool(schema={"type": "string"}))), "must be of type object"),
    (
        LEVEL,
        ask(tools=tools(tool(schema={"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}))),
        "reference to undefined schema",
    ),
    (
        LEVEL,
        ask(tools=tools(tool(schema={"type": "object", "properties": {}, "required": ["a"]}))),
        "property is not defined",
    ),
    (
        LEVEL,
        ask(
            tools=tools(
                tool(schema={"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}),
            )
        ),
        "cyclic reference",
    ),
    (
        LEVEL,
        ask(tools=tools({"name": "f", "parameters": {"type": "OBJECT", "properties": {}}})),
        "should be non-empty for OBJECT type",
    ),
    (LEVEL, config(**JSON_MIME, responseSchema={"type": "ARRAY"}), "items: missing field"),
    (LEVEL, config(**JSON_MIME, responseSchema={"type": "STRING", "format": "uri"}), "only 'enum' and 'date-time'"),
    (LEVEL, config(responseJsonSchema={"type": "object"}), "requires `application/json`"),
    (LEVEL, config(responseMimeType="text/html"), "allowed mimetypes"),
    (LEVEL, config(thinkingConfig={"thinkingLevel": "LOW", "thinkingBudget": 1}), "only one of thinking budget and"),
    (LEVEL, config(thinkingConfig={"thinkingBudget": 1024}), "Thinking budget is not supported"),
    (BUDGET, config(thinkingConfig={"thinkingLevel": "LOW"}), "Thinking level is not supported for this model."),
    (BUDGET, config(thinkingConfig={"thinkingBudget": 99999}), "The thinking budget 99999 is invalid"),
    ("gemini-2.5-pro", config(thinkingConfig={"thinkingBudget": 0}), "Budget 0 is invalid"),
    (LEVEL, config(thinkingConfig={"thinkingLevel": "MINIMAL"}), "Thinking level MINIMAL is not supported"),
    ("gemini-2.0-flash", config(thinkingConfig={"includeThoughts": True}), "Thinking is not enabled"),
    (LEVEL, config(candidateCount=2), "Multiple candidates is not enabled"),
    ("demo-n1", config(candidateCount=2), "Multiple candidates is not enabled"),
    (BUDGET, config(candidateCount=9), "candidate_count"),
    (LEVEL, config(temperature=2.5), "temperature: must be in the range"),
    (LEVEL, config(topP=0), "top_p: must be in the range"),
    (LEVEL, config(maxOutputTokens=0), "max_output_tokens"),
    (LEVEL, config(stopSequences=list("abcdef")), "at most 5 stop sequences"),
    (LEVEL, config(responseLogprobs=True), "Logprobs is not enabled"),
    (LEVEL, config(responseModalities=["TEXT", "IMAGE"]), "response modalities (TEXT, IMAGE) is not supported"),
    (LEVEL, {"contents": [user(), model_turn({"text": "I"})]}, "the last turn is a user turn"),
    ("gemini-3.5-flash-lite", {"contents": [user(), model_turn({"text": "I"})]}, "the last turn is a user turn"),
    (BUDGET, ask(tools=tools(), generationConfig=JSON_MIME), "Function calling with a response mime type"),
    (
        LEVEL,
        ask(tools=tools(), generationConfig=JSON_MIME, toolConfig={"functionCallingConfig": {"mode": "ANY"}}),
        "(ANY mode)",
    ),
    (BUDGET, ask(tools=[*tools(), {"googleSearch": {}}]), "Tool use with function calling is unsupported"),
    (LEVEL, ask(tools=[*tools(), {"googleSearch": {}}]), "include_server_side_tool_invocations"),
    (BUDGET, ask(toolConfig={"includeServerSideToolInvocations": True}), "Tool call context circulation"),
    (
        LEVEL,
        ask(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}] * 2),
        "only one setting for each category",
    ),
]


@pytest.mark.parametrize(("model", "body", "words"), REFUSALS, ids=[words[-50:] for _, _, words in REFUSALS])
def test_refusals(upstream: Upstream, model: str, body: Any, words: str) -> None:
    for reply in (upstream.whole(model, body), upstream.stream(model, body)):
        assert (reply.status, reply.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert words in reply.message


def test_violations_are_listed(upstream: Upstream) -> None:
    error = upstream.whole(LEVEL, config(temperature="hot", n=1)).json()["error"]
    assert error["message"].count("\n") == 1
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {
                    "field": "generation_config.temperature",
                    "description": "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
                },
                {
                    "field": "generation_config",
                    "description": "Invalid JSON payload received. Unknown name \"n\" at 'generation_config': "
                    "Cannot find field.",
                },
            ],
        }
    ]


TAKEN: list[tuple[str, Any]] = [
    (LEVEL, {"contents": [user(), model_turn(call(signature=DUMMY)), user_turn(result())]}),
    (
        LEVEL,
        {
            "contents": [
                user(),
                model_turn(call(signature=signatures.sign()), call(id="b")),
                user_turn(result(), result(id="b")),
            ]
        },
    ),
    # A turn of the model's in several contents, as google-genai sends a stream back: one for each event.
    *[
        (
            name,
            {
                "contents": [
                    user(),
                    model_turn({"text": "Hm", "thought": True}),
                    model_turn(call(signature=DUMMY)),
                    model_turn(call("g", id="b")),
                    model_turn({"text": ""}),
                    user_turn(result(), result("g", id="b")),
                    model_turn({"text": "It is "}),
                    model_turn({"text": "warm."}),
                    user(),
                ]
            },
        )
        for name in (BUDGET, OLD, LEVEL)
    ],
    (
        LEVEL,
        {
            "contents": [
                user(),
                model_turn(call(signature=DUMMY)),
                model_turn(call("g", id="b")),
                model_turn({"text": ""}),
                user_turn(result(), result("g", id="b")),
            ]
        },
    ),
    # Only the current turn is checked for missing signatures.
    (LEVEL, {"contents": [user(), model_turn(call()), user_turn(result()), model_turn({"text": "ok"}), user()]}),
    (BUDGET, {"contents": [user(), model_turn(call(id=None)), user_turn(result(id=None))]}),
    (OLD, {"contents": [user(), model_turn({"text": "I"})]}),
    ("demo-echo", {"contents": [user(), model_turn({"text": "I"})], "generationConfig": {"candidateCount": 2}}),
    (LEVEL, ask(tools=[*tools(), {"googleSearch": {}}], toolConfig={"includeServerSideToolInvocations": True})),
    (LEVEL, ask(tools=tools(), generationConfig=JSON_MIME)),
    (OLD, config(thinkingConfig={"thinkingLevel": "HIGH"}, temperature=1, topK=40)),
    (BUDGET, config(thinkingConfig={"thinkingBudget": -1})),
]


@pytest.mark.parametrize(("model", "body"), TAKEN, ids=[f"{model} {i}" for i, (model, _) in enumerate(TAKEN)])
def test_what_must_not_be_refused(upstream: Upstream, model: str, body: Any) -> None:
    assert upstream.whole(model, body).status == 200


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({}, 403, "PERMISSION_DENIED"),
        ({"x-goog-api-key": "invalid"}, 400, "INVALID_ARGUMENT"),
        ({"Authorization": "Bearer invalid"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer sk-123"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer ya29.ok"}, 200, None),
        ({"x-goog-api-key": "ok"}, 200, None),
    ],
)
def test_credentials(upstream: Upstream, headers: dict[str, str], status: int, name: str | None) -> None:
    reply = upstream.send("POST", f"/v1beta/models/{LEVEL}:generateContent", ask(), headers)
    assert (reply.status, reply.json().get("error", {}).get("status")) == (status, name)
    if "x-goog-api-key" in headers and status == 400:
        assert reply.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_unknown_models_and_paths(upstream: Upstream) -> None:
    reply = upstream.whole("gpt-4o", ask())
    assert reply.status == 404
    assert reply.message.startswith("models/gpt-4o is not found for API version v1beta, or is not supported for")
    assert upstream.whole("gemini-embedding-001", ask()).status == 404
    assert upstream.post(LEVEL, "embedContent", {}).status == 404
    page = upstream.send("GET", "/v1/chat/completions")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=UTF-8")


def test_bodies_that_are_not_json(upstream: Upstream) -> None:
    for body in (b"", b"{", b'{"contents": NaN}', b"[" * 10_000, b"[]", b"\xff"):
        assert upstream.whole(LEVEL, body).status == 400
