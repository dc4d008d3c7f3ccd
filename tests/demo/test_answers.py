"""Good answers of the demo upstream."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from addons.demo import signatures
from addons.demo.answer.answer import pieces
from addons.demo.answer.examples import example
from tests.demo.asking import (
    BUDGET,
    DUMMY,
    JSON_MIME,
    LEVEL,
    Upstream,
    ask,
    call,
    check_usage,
    config,
    model_turn,
    parts_of,
    result,
    text_of,
    tool,
    tools,
    user,
    user_turn,
)


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
