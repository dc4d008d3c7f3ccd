"""The demo upstream over a real socket: good answers, refusals in Google's words, and every fault that it documents."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import math
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from addons.demo import signatures
from addons.demo.answer.answer import pieces
from addons.demo.answer.examples import example
from addons.demo.faults import FAULTS
from scripts.demo_upstream import DemoServer, parse, start
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent.parent
BUDGET, LEVEL, OLD = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview"


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["error"]["message"])

    @property
    def events(self) -> list[Any]:
        assert self.body.endswith(b"\r\n\r\n")
        lines = self.body.decode().split("\r\n\r\n")[:-1]
        assert all(line.startswith("data: ") for line in lines)
        return [json.loads(line[6:]) for line in lines]

    @property
    def text(self) -> str:
        return text_of(self.json())


@dataclass
class Upstream:
    """A demo upstream in a thread of its own, with a clock that tests move."""

    demo: DemoServer
    now: list[float] = field(default_factory=lambda: [0.0])

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.demo.port, timeout=PATIENCE)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"x-goog-api-key": "k1"} if headers is None else headers)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, model: str, method: str, body: Any, key: str = "k1") -> Reply:
        return self.send("POST", f"/v1beta/models/{model}:{method}", body, {"x-goog-api-key": key})

    def whole(self, model: str, body: Any, key: str = "k1") -> Reply:
        return self.post(model, "generateContent", body, key)

    def stream(self, model: str, body: Any, key: str = "k1") -> Reply:
        return self.post(model, "streamGenerateContent?alt=sse", body, key)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    now = [0.0]
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def stop(demo: DemoServer) -> None:
        await demo.stop()

    demo = asyncio.run_coroutine_threadsafe(start(pause=0, clock=lambda: now[0]), loop).result(10)
    yield Upstream(demo, now)
    asyncio.run_coroutine_threadsafe(stop(demo), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.close()


def user(text: str = "Hello", *parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": text}, *parts]}


def ask(text: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"contents": [user(text)], **more}


def config(**members: Any) -> dict[str, Any]:
    return ask(generationConfig=members)


def tool(name: str = "get_weather", schema: Any = None) -> dict[str, Any]:
    schema = schema or {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"name": name, "parametersJsonSchema": schema}


def tools(*declarations: Any) -> list[Any]:
    return [{"functionDeclarations": list(declarations) or [tool()]}]


def call(name: str = "get_weather", id: str | None = "a", signature: str | None = None) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": name, "args": {}, **({"id": id} if id else {})}}
    return {**part, "thoughtSignature": signature} if signature else part


def result(name: str = "get_weather", id: str | None = "a", response: Any = None) -> dict[str, Any]:
    value = {"name": name, "response": response or {"output": "18 C"}, **({"id": id} if id else {})}
    return {"functionResponse": value}


def model_turn(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user_turn(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def parts_of(answer: Any, candidate: int = 0) -> list[Any]:
    return answer["candidates"][candidate].get("content", {}).get("parts", [])


def text_of(answer: Any) -> str:
    return "".join(p["text"] for p in parts_of(answer) if "text" in p and not p.get("thought"))


def check_usage(usage: dict[str, Any]) -> None:
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    assert usage["totalTokenCount"] == sum(usage.get(name, 0) for name in names)
    assert usage["promptTokenCount"] == sum(d["tokenCount"] for d in usage["promptTokensDetails"])


# ---- good answers


def test_a_text(upstream: Upstream) -> None:
    answer = upstream.whole(LEVEL, ask("Grüße 🌍")).json()
    assert "demo upstream" in text_of(answer)
    assert LEVEL in text_of(answer)
    assert 'You said: "Grüße 🌍"' in text_of(answer)
    assert answer["candidates"][0]["finishReason"] == "STOP"
    assert answer["modelVersion"] == LEVEL
    assert answer["responseId"]
    assert signatures.genuine(parts_of(answer)[-1]["thoughtSignature"])
    check_usage(answer["usageMetadata"])


def test_an_alias_tells_its_model(upstream: Upstream) -> None:
    assert upstream.whole("gemini-flash-latest", ask()).json()["modelVersion"] == "gemini-3.8-flash"


@pytest.mark.parametrize(
    "body",
    [
        ask("a stream of words"),
        config(thinkingConfig={"includeThoughts": True}),
        ask(tools=tools()),
        ask("parallel", tools=tools(tool("f"), tool("g"))),
        ask(tools=[{"googleSearch": {}}]),
        ask(tools=[{"codeExecution": {}}]),
        config(maxOutputTokens=4),
    ],
    ids=["text", "thoughts", "call", "parallel", "search", "code", "cut"],
)
def test_a_stream_adds_up_to_the_whole(upstream: Upstream, body: Any) -> None:
    whole = upstream.whole(LEVEL, body).json()
    reply = upstream.stream(LEVEL, body)
    assert reply.headers["content-type"] == "text/event-stream"
    events = reply.events
    assert len(events) > 1
    assert "".join(text_of(e) for e in events) == text_of(whole)
    kinds = [next(iter(p)) for e in events for p in parts_of(e) if "text" not in p]
    assert kinds == [next(iter(p)) for p in parts_of(whole) if "text" not in p]
    totals = [e["usageMetadata"]["totalTokenCount"] for e in events]
    assert totals == sorted(totals)
    for event in events:
        check_usage(event["usageMetadata"])
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]
    last = events[-1]["candidates"][0]
    assert last["finishReason"] == whole["candidates"][0]["finishReason"]
    assert last.get("groundingMetadata") == whole["candidates"][0].get("groundingMetadata")
    assert all("finishReason" not in e["candidates"][0] for e in events[:-1])


def test_the_signature_of_a_streamed_text_comes_in_an_empty_part(upstream: Upstream) -> None:
    part = parts_of(upstream.stream(LEVEL, ask()).events[-1])[0]
    assert part["text"] == ""
    assert signatures.genuine(part["thoughtSignature"])
    assert parts_of(upstream.stream(BUDGET, ask()).events[-1]) == [{"text": ""}]


def test_without_alt_sse_the_stream_is_an_array(upstream: Upstream) -> None:
    reply = upstream.post(LEVEL, "streamGenerateContent", ask())
    assert reply.headers["content-type"].startswith("application/json")
    assert "".join(text_of(event) for event in reply.json()) == upstream.whole(LEVEL, ask()).text


def test_thoughts_are_shown_when_asked_for(upstream: Upstream) -> None:
    answer = upstream.whole(LEVEL, config(thinkingConfig={"includeThoughts": True, "thinkingLevel": "low"})).json()
    assert parts_of(answer)[0]["thought"] is True
    assert answer["usageMetadata"]["thoughtsTokenCount"] == 16
    assert not any(p.get("thought") for p in parts_of(upstream.whole(LEVEL, ask()).json()))
    off = upstream.whole(BUDGET, config(thinkingConfig={"includeThoughts": True, "thinkingBudget": 0})).json()
    assert "thoughtsTokenCount" not in off["usageMetadata"]


def test_a_call_and_the_answer_to_its_result(upstream: Upstream) -> None:
    part = parts_of(upstream.whole(LEVEL, ask(tools=tools())).json())[0]
    made = part["functionCall"]
    assert (made["name"], made["args"]) == ("get_weather", {"city": "demo city"})
    contents = [user(), model_turn(part), user_turn(result(id=made["id"], response={"output": "18 Grad"}))]
    assert "get_weather" in upstream.whole(LEVEL, {"contents": contents, "tools": tools()}).text
    assert "18 Grad" in upstream.whole(LEVEL, {"contents": contents, "tools": tools()}).text


def test_parallel_calls_sign_the_first_only(upstream: Upstream) -> None:
    parts = parts_of(upstream.whole(LEVEL, ask("in parallel", tools=tools(tool("f"), tool("g")))).json())
    assert [p["functionCall"]["name"] for p in parts] == ["f", "g"]
    assert ["thoughtSignature" in p for p in parts] == [True, False]
    assert parts[0]["functionCall"]["id"] != parts[1]["functionCall"]["id"]


def test_calls_of_gemini_2_5_have_neither_id_nor_signature(upstream: Upstream) -> None:
    assert parts_of(upstream.whole(BUDGET, ask(tools=tools({"name": "now"}))).json()) == [
        {"functionCall": {"name": "now"}}
    ]


@pytest.mark.parametrize(
    ("calling", "called"),
    [
        ({"mode": "AUTO"}, ["f"]),
        ({"mode": "NONE"}, []),
        ({"mode": "ANY", "allowedFunctionNames": ["g"]}, ["g"]),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["g"]}, ["g"]),
    ],
)
def test_calling_modes(upstream: Upstream, calling: Any, called: list[str]) -> None:
    body = ask(tools=tools(tool("f"), tool("g")), toolConfig={"functionCallingConfig": calling})
    parts = parts_of(upstream.whole(LEVEL, body).json())
    assert [p["functionCall"]["name"] for p in parts if "functionCall" in p] == called


def test_mode_any_calls_even_after_a_result(upstream: Upstream) -> None:
    contents = [user(), model_turn(call(signature=signatures.sign())), user_turn(result())]
    body = {"contents": contents, "tools": tools(), "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
    assert "functionCall" in parts_of(upstream.whole(LEVEL, body).json())[0]


SCHEMAS: list[tuple[Any, Any]] = [
    ({"type": "integer", "minimum": 5, "maximum": 9}, 5),
    ({"type": "integer", "maximum": -3}, -3),
    ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 3}, 6),
    ({"type": "number"}, 1),
    ({"type": "number", "minimum": 1.2}, 2),
    ({"type": "number", "minimum": 0.1, "maximum": 0.25}, 0.25),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    ({"type": "number", "multipleOf": 0.5}, 1),
    ({"type": "string", "minLength": 8, "maxLength": 8}, "demo...."),
    ({"type": "string", "format": "date"}, "2026-01-31"),
    ({"enum": ["b", "a"]}, "b"),
    ({"const": 7}, 7),
    ({"type": ["null", "boolean"]}, True),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
    ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}]}, [1, True]),
    ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
    ({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"const": 2}}}]}, {"a": 1, "b": 2}),
    ({"$defs": {"x": {"type": "integer"}}, "type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}, {"a": 1}),
    (
        {"type": "OBJECT", "properties": {"when": {"type": "STRING", "format": "date-time"}}},
        {"when": "2026-01-31T12:00:00Z"},
    ),
]


@pytest.mark.parametrize(("schema", "value"), SCHEMAS, ids=lambda v: json.dumps(v)[:60])
def test_examples_satisfy_their_schema(schema: Any, value: Any) -> None:
    assert example(schema) == value


def test_examples_of_recursive_schemas_end() -> None:
    node = {
        "type": "object",
        "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/n"}},
        "required": ["v"],
    }
    assert json.dumps(example({"$ref": "#/$defs/n", "$defs": {"n": node}})).count("v") < 5


@pytest.mark.parametrize("member", ["responseJsonSchema", "responseSchema"])
def test_json_answers_satisfy_the_schema(upstream: Upstream, member: str) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}, "required": ["age"]}
    reply = upstream.whole(LEVEL, config(responseMimeType="application/json", **{member: schema}))
    assert json.loads(reply.text) == {"age": 18}


def test_json_without_a_schema_is_an_object(upstream: Upstream) -> None:
    assert isinstance(json.loads(upstream.whole(LEVEL, config(responseMimeType="application/json")).text), dict)


PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["age"]}
NESTED = {"$defs": {"p": PERSON}, "$ref": "#/$defs/p"}
DESCRIBED: list[tuple[Any, Any]] = [
    (ask(f"Anna is 5.\nAnswer with {json.dumps(PERSON, indent=2)}, {{no}} more."), {"name": "demo name", "age": 1}),
    (
        ask("Anna.", systemInstruction={"parts": [{"text": f"The schema:\n{json.dumps(NESTED)}"}]}),
        {"name": "demo name", "age": 1},
    ),
    (ask(f"As in {json.dumps({'schema': PERSON})}"), {"answer", "you_said"}),
    (ask('Like {"age": 5}, {"type": "object"} or {"properties": "many"}'), {"answer", "you_said"}),
]


@pytest.mark.parametrize(("body", "expected"), DESCRIBED, ids=["user", "system", "an envelope", "none"])
def test_json_answers_satisfy_a_schema_in_the_prompt(upstream: Upstream, body: Any, expected: Any) -> None:
    answer = json.loads(upstream.whole(LEVEL, {**body, "generationConfig": JSON_MIME}).text)
    assert (set(answer) if isinstance(expected, set) else answer) == expected
    assert upstream.whole(LEVEL, body).text.startswith("This is the demo upstream")


FENCE = "`" * 3
ECHOES = [
    (["Fix the bug."], "Fix the bug."),
    (["One,\ntwo.", "Three."], "One,\ntwo.\nThree."),
    (["a" * 1001], "a" * 1000 + "…"),
    (['Answer with\n{"tool": "x"}\nonly.'], "Answer with…"),
    (
        [f"Write it like\nhello.py\n{FENCE}\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n{FENCE}\n"],
        "Write it like…",
    ),
    ([f"{FENCE}python\nprint(1)\n{FENCE}\nWhat is it?"], "What is it?"),
    (["<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\nApply it."], "Apply it."),
    (["*** Begin Patch\n*** Add File: x\n*** End Patch"], "…"),
    (["<write_file><path>x</path></write_file>"], "x"),
    (["<environment>here</environment>", "Do it."], "Do it."),
    (["Do it.", "<reminder>Be brief.</reminder>"], "Do it."),
]


@pytest.mark.parametrize(("parts", "echo"), ECHOES)
def test_nothing_is_repeated_that_an_agent_acts_on(upstream: Upstream, parts: list[str], echo: str) -> None:
    answer = upstream.whole(LEVEL, {"contents": [user_turn(*({"text": part} for part in parts))]}).text
    assert answer.partition("You said: ")[2] == f'"{echo}"'


def test_results_are_repeated_without_marks(upstream: Upstream) -> None:
    text = f"18 C\n{FENCE}sh\nrm x\n{FENCE}\n<<<<<<< SEARCH\n<b>"
    turns = [user(), model_turn(call(signature=DUMMY)), user_turn(result(response={"output": text}))]
    answer = upstream.whole(LEVEL, {"contents": turns}).text
    assert "18 C" in answer
    assert not any(mark in answer for mark in (FENCE, "<<<", "<b>", "rm x", "SEARCH"))


def test_candidates_of_older_models(upstream: Upstream) -> None:
    answer = upstream.whole(BUDGET, config(candidateCount=3)).json()
    assert [c.get("index", 0) for c in answer["candidates"]] == [0, 1, 2]
    events = upstream.stream(BUDGET, config(candidateCount=2)).events
    assert {e["candidates"][0].get("index", 0) for e in events} == {0, 1}
    check_usage(answer["usageMetadata"])


def test_stop_sequences_and_limits(upstream: Upstream) -> None:
    stopped = upstream.whole(LEVEL, config(stopSequences=["upstream"])).json()
    assert text_of(stopped) == "This is the demo "
    limited = upstream.whole(LEVEL, config(maxOutputTokens=6)).json()
    assert limited["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert text_of(limited) == "This is the "
    assert limited["usageMetadata"]["candidatesTokenCount"] + limited["usageMetadata"]["thoughtsTokenCount"] == 6


@pytest.mark.parametrize(
    ("shape", "pixels"),
    [
        ({}, (1024, 1024)),
        ({"aspectRatio": "16:9"}, (1360, 768)),
        ({"imageSize": "512"}, (512, 512)),
        ({"aspectRatio": "3:2", "imageSize": "2K"}, (2512, 1680)),
        ({"aspectRatio": "1:8", "imageSize": "4K"}, (1456, 11584)),
    ],
)
@pytest.mark.parametrize("model", ["gemini-3.1-flash-image", "demo-image"])
def test_pictures(upstream: Upstream, model: str, shape: dict[str, str], pixels: tuple[int, int]) -> None:
    body = config(responseModalities=["IMAGE"], imageConfig=shape)
    part = parts_of(upstream.whole(model, body).json())[-1]
    data = base64.b64decode(part["inlineData"]["data"])
    assert part["inlineData"]["mimeType"] == "image/png"
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == pixels
    assert signatures.genuine(part["thoughtSignature"])


def test_pictures_follow_from_what_was_sent(upstream: Upstream) -> None:
    """From the text and from the pictures; and the newer models show a sketch."""
    shown = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"x" * 68).decode()}}
    asked = [[user("red")], [user("blue")], [user("red", shown)]]
    bodies = [{**config(responseModalities=["IMAGE"]), "contents": contents} for contents in asked]
    answers = [parts_of(upstream.whole("gemini-3-pro-image", body).json()) for body in bodies]
    assert [[bool(part.get("thought")) for part in parts] for parts in answers] == [[True, False]] * 3
    pictures = [part["inlineData"]["data"] for parts in answers for part in parts]
    assert len(set(pictures)) == 6


def test_speech(upstream: Upstream) -> None:
    blob = parts_of(upstream.whole("gemini-3.8-flash-tts", config(responseModalities=["AUDIO"])).json())[0]
    assert blob["inlineData"]["mimeType"].startswith("audio/L16")


def test_media_are_acknowledged(upstream: Upstream) -> None:
    blob = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"x" * 68).decode()}}
    answer = upstream.whole(LEVEL, {"contents": [user("What is it?", blob)]}).json()
    assert "I see 1 image (image/png, 68 bytes)." in text_of(answer)
    assert {"modality": "IMAGE", "tokenCount": 258} in answer["usageMetadata"]["promptTokensDetails"]


def test_media_of_results_are_acknowledged(upstream: Upstream) -> None:
    answered = result()
    answered["functionResponse"]["parts"] = [{"inlineData": {"mimeType": "image/png", "data": "eHh4"}}]
    turns = [user(), model_turn(call(signature=DUMMY)), user_turn(answered)]
    assert upstream.whole(LEVEL, {"contents": turns}).text.endswith('"18 C"} I see 1 image (image/png, 3 bytes).')


def test_grounding_offsets_count_bytes(upstream: Upstream) -> None:
    answer = upstream.whole(LEVEL, ask(tools=[{"googleSearch": {}}])).json()
    data = text_of(answer).encode()
    for support in answer["candidates"][0]["groundingMetadata"]["groundingSupports"]:
        segment = support["segment"]
        assert data[segment.get("startIndex", 0) : segment["endIndex"]].decode() == segment["text"]
    assert answer["usageMetadata"]["toolUsePromptTokenCount"] > 0


def test_code_execution(upstream: Upstream) -> None:
    parts = parts_of(upstream.whole(BUDGET, ask(tools=[{"codeExecution": {}}])).json())
    assert [next(iter(p)) for p in parts] == ["executableCode", "codeExecutionResult", "text"]


def test_snake_case_nulls_and_single_objects_are_taken(upstream: Upstream) -> None:
    body = {
        "contents": {"parts": {"text": "Hi"}},
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {
            "max_output_tokens": "9",
            "temperature": None,
            "thinking_config": {"thinking_level": "low"},
        },
    }
    assert upstream.whole(LEVEL, body).status == 200


def test_pieces_lose_nothing() -> None:
    for text in ("", "one", " lead", "a b c d e f g", "line\n\nline  two\n"):
        assert "".join(pieces(text)) == text


# ---- refusals

SIGNED = "bWFkZSB1cA=="
DUMMY = "skip_thought_signature_validator"
SYSTEM = {"parts": [{"text": "Be brief."}]}
JSON_MIME = {"responseMimeType": "application/json"}

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


# ---- models, tokens, vectors


def test_the_list_of_models_comes_in_pages(upstream: Upstream) -> None:
    found: list[Any] = []
    token = ""
    while True:
        page = upstream.send("GET", f"/v1beta/models?pageSize=20&pageToken={token}").json()
        assert len(page["models"]) <= 20
        found += page["models"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    whole = upstream.send("GET", "/v1beta/models?pageSize=1000").json()
    assert whole == {"models": found}
    names = [model["name"] for model in found]
    assert {"models/gemini-3.8-flash", "models/gemini-embedding-001"} <= set(names)
    assert [name for name in names if "demo" in name] == ["models/demo-echo"]
    members = {"name", "version", "displayName", "inputTokenLimit", "outputTokenLimit", "supportedGenerationMethods"}
    assert all(members <= model.keys() for model in found)
    assert upstream.send("GET", "/v1beta/models?pageToken=x").status == 400


def test_one_model(upstream: Upstream) -> None:
    assert upstream.send("GET", f"/v1beta/models/{LEVEL}").json()["displayName"] == "Gemini 3.8 Flash"
    assert upstream.send("GET", "/v1beta/models/demo-503").json()["name"] == "models/demo-503"
    assert upstream.send("GET", "/v1beta/models/gpt-4o").status == 404


def test_counted_tokens_are_those_of_the_answer(upstream: Upstream) -> None:
    request = ask("How many?", systemInstruction=SYSTEM, tools=tools())
    counted = upstream.post(LEVEL, "countTokens", {"generateContentRequest": {"model": f"models/{LEVEL}", **request}})
    usage = upstream.whole(LEVEL, request).json()["usageMetadata"]
    assert counted.json()["totalTokens"] == usage["promptTokenCount"]
    assert upstream.post(LEVEL, "countTokens", ask("12345678")).json()["totalTokens"] == 2
    assert upstream.post(LEVEL, "countTokens", request).status == 400
    assert upstream.post(LEVEL, "countTokens", {}).status == 400


def test_embeddings(upstream: Upstream) -> None:
    model = "gemini-embedding-001"
    one = {"content": {"parts": [{"text": "a"}]}}
    values = upstream.post(model, "embedContent", one).json()["embedding"]["values"]
    assert len(values) == 3072
    assert math.isclose(sum(v * v for v in values), 1, rel_tol=1e-3)
    short = upstream.post(model, "embedContent", {**one, "outputDimensionality": 4}).json()["embedding"]["values"]
    assert short == values[:4]
    named = {**one, "model": f"models/{model}"}
    batch = upstream.post(model, "batchEmbedContents", {"requests": [named, named]}).json()
    assert [e["values"] for e in batch["embeddings"]] == [values, values]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("embedContent", {}),
        ("embedContent", {"content": {"parts": [{"text": ""}]}}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "model": "models/other"}),
        ("embedContent", {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4000}),
        ("batchEmbedContents", {"requests": []}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}]}),
        ("batchEmbedContents", {"requests": [{"content": {"parts": [{"text": "a"}]}}] * 101}),
    ],
)
def test_refused_embeddings(upstream: Upstream, method: str, body: Any) -> None:
    assert upstream.post("gemini-embedding-001", method, body).status == 400


# ---- faults


def test_quota_of_the_first_key(upstream: Upstream) -> None:
    model = "demo-429-by-first-key"
    refused = upstream.whole(model, ask(), "one")
    assert refused.status == 429
    types = {d["@type"].rpartition(".")[2]: d for d in refused.json()["error"]["details"]}
    assert types["RetryInfo"]["retryDelay"] == "30s"
    assert "PerMinute" in types["QuotaFailure"]["violations"][0]["quotaId"]
    assert upstream.whole(model, ask(), "two").status == 200
    upstream.now[0] += 29
    assert upstream.whole(model, ask(), "one").json()["error"]["details"][1]["retryDelay"] == "1s"
    upstream.now[0] += 2
    assert upstream.whole(model, ask(), "one").status == 200


def test_quota_of_exhausted_keys() -> None:
    async def run() -> list[int]:
        demo = await start(pause=0)
        loop = asyncio.get_running_loop()
        there = Upstream(demo)
        try:
            keys = ("an-exhausted-key", "fresh", "an-exhausted-key")
            return [(await loop.run_in_executor(None, there.whole, "demo-429", ask(), key)).status for key in keys]
        finally:
            await demo.stop()

    assert asyncio.run(run()) == [429, 200, 429]


def test_other_quotas(upstream: Upstream) -> None:
    assert [upstream.whole("demo-429-all", ask(), key).status for key in ("one", "two")] == [429, 429]
    day = upstream.whole("demo-429-day-first", ask(), "one").json()["error"]
    assert "PerDay" in json.dumps(day)
    assert "RetryInfo" not in json.dumps(day)


@pytest.mark.parametrize(
    ("model", "statuses"),
    [
        ("demo-503", [503, 200, 503]),
        ("demo-503-all", [503, 503, 503]),
        ("demo-500", [500, 500, 500]),
        ("demo-500-first", [500, 200, 500]),
        ("demo-401", [401, 401, 401]),
        ("demo-400", [400, 400, 400]),
        ("demo-404", [404, 404, 404]),
        ("demo-html", [502, 502, 502]),
    ],
)
def test_statuses(upstream: Upstream, model: str, statuses: list[int]) -> None:
    for send, name in ((upstream.whole, model + "-whole"), (upstream.stream, model + "-stream")):
        assert [send(name, ask(), key).status for key in ("one", "two", "one")] == statuses


def test_html_and_garbage(upstream: Upstream) -> None:
    assert upstream.whole("demo-html", ask()).body.startswith(b"<!DOCTYPE html>")
    garbage = upstream.whole("demo-garbage", ask())
    assert garbage.status == 200
    with pytest.raises(ValueError):
        garbage.json()


def test_refused_connection(upstream: Upstream) -> None:
    with pytest.raises(ConnectionResetError):
        upstream.whole("demo-refuse", ask())


@pytest.mark.parametrize("model", ["demo-cut-first", "demo-cut-mid-stream"])
def test_cut_connections(upstream: Upstream, model: str) -> None:
    for send in (upstream.stream, upstream.whole):
        with pytest.raises(http.client.IncompleteRead) as caught:
            send(model, ask())
        assert bool(caught.value.partial) is (model == "demo-cut-mid-stream")
    with pytest.raises(http.client.IncompleteRead) as caught:
        upstream.stream("demo-cut-mid-stream", ask(tools=tools()))
    assert b"functionCall" in caught.value.partial


def test_streams_that_end_badly(upstream: Upstream) -> None:
    unfinished = upstream.stream("demo-end-without-finish", ask()).events
    assert not any("finishReason" in e["candidates"][0] for e in unfinished)
    assert [list(e) for e in upstream.stream("demo-error-first-event", ask()).events] == [["error"]]
    middle = upstream.stream("demo-error-mid-stream", ask()).events
    assert ["candidates" in e for e in middle] == [True, True, False]
    assert middle[-1]["error"]["code"] == 500
    assert upstream.whole("demo-error-first-event", ask()).status == 503
    assert upstream.whole("demo-error-mid-stream", ask()).status == 500


@pytest.mark.parametrize("model", ["demo-slow-0.01", "demo-silent-0.01"])
def test_late_answers_come(upstream: Upstream, model: str) -> None:
    assert model in upstream.whole(model, ask()).text
    assert "finishReason" in upstream.stream(model, ask()).events[-1]["candidates"][0]


@pytest.mark.parametrize(
    ("model", "finish"),
    [
        ("demo-safety", "SAFETY"),
        ("demo-malformed-call-all", "MALFORMED_FUNCTION_CALL"),
        ("demo-empty", "STOP"),
        ("demo-max-tokens", "MAX_TOKENS"),
        ("demo-recitation", "RECITATION"),
        ("demo-image", "STOP"),
        ("demo-thinking", "STOP"),
        ("demo-huge-chunk", "STOP"),
    ],
)
def test_odd_answers(upstream: Upstream, model: str, finish: str) -> None:
    whole = upstream.whole(model, ask()).json()
    events = upstream.stream(model, ask()).events
    assert whole["candidates"][0]["finishReason"] == finish
    assert events[-1]["candidates"][0]["finishReason"] == finish
    assert "".join(text_of(e) for e in events) == text_of(whole)
    assert bool(text_of(whole)) is (model not in ("demo-safety", "demo-malformed-call-all", "demo-empty"))
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]
    check_usage(whole["usageMetadata"])


def test_odd_answers_in_detail(upstream: Upstream) -> None:
    assert "content" not in upstream.whole("demo-safety", ask()).json()["candidates"][0]
    assert max(len(text_of(e)) for e in upstream.stream("demo-huge-chunk", ask()).events) == 1_000_000
    assert "inlineData" in parts_of(upstream.whole("demo-image", ask()).json())[-1]
    thinking = upstream.stream("demo-thinking", config(thinkingConfig={"includeThoughts": True})).events
    assert sum(1 for e in thinking for p in parts_of(e) if p.get("thought")) > 20
    keys = [upstream.whole("demo-malformed-call", ask(), key).json()["candidates"][0] for key in ("one", "two")]
    assert [c["finishReason"] for c in keys] == ["MALFORMED_FUNCTION_CALL", "STOP"]


def test_blocked_prompts(upstream: Upstream) -> None:
    blocked = upstream.whole("demo-blocked", ask()).json()
    assert upstream.stream("demo-blocked", ask()).events[0].keys() == blocked.keys()
    assert blocked["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in blocked
    assert blocked["usageMetadata"]["totalTokenCount"] == blocked["usageMetadata"]["promptTokenCount"]


# ---- the server


def test_requests_are_kept(upstream: Upstream) -> None:
    upstream.stream(LEVEL, ask("Keep this."), "kept")
    received = upstream.demo.requests[-1]
    assert (received.method, received.path) == ("POST", f"/v1beta/models/{LEVEL}:streamGenerateContent")
    assert received.query == {"alt": "sse"}
    assert received.headers["x-goog-api-key"] == "kept"
    assert received.body == ask("Keep this.")


def test_a_connection_serves_many_requests(upstream: Upstream) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", upstream.demo.port, timeout=PATIENCE)
    for method in ("generateContent", "streamGenerateContent?alt=sse", "generateContent"):
        connection.request("POST", f"/v1beta/models/{LEVEL}:{method}", json.dumps(ask()), {"x-goog-api-key": "k"})
        assert connection.getresponse().read()
    connection.close()


def test_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback"):
        asyncio.run(start(host="0.0.0.0"))


def test_every_fault_is_documented_and_listed(upstream: Upstream, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    help_text = capsys.readouterr().out
    told = upstream.send("GET", "/v1beta/models?pageSize=1000").json()["models"][-1]["description"]
    for name in FAULTS:
        assert f"demo-{name} " in help_text
        assert re.search(rf"\b{name}\b", told)
        assert upstream.send("GET", f"/v1beta/models/demo-{name}").status == 200


def test_the_command() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "demo_upstream.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/v1beta/models", headers={"x-goog-api-key": "k"})
            assert connection.getresponse().status == 200
            connection.close()
        finally:
            process.terminate()
