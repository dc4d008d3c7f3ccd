"""Whole chat requests: every parameter lands where it belongs, and no request breaks the rules or the translator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping import jsonio
from mapping.chat.request import translate
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.openai import errors
from mapping.request.plan import Translated
from mapping.request.signatures import text_key
from mapping.values import Options, RawTurn, Recall, nothing_remembered

G2 = "gemini-2.5-flash"
G3 = "gemini-3.1-pro-preview"
G38 = "gemini-3.8-flash"
HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def translated(
    body: Any, model: str = G38, recall: Recall = nothing_remembered, notes: Notes | None = None, **options: Any
) -> Translated:
    return translate(
        body,
        model=model,
        client_model="gpt-5",
        options=Options(**options),
        recall=recall,
        notes=Notes() if notes is None else notes,
    )


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-5", "messages": HELLO, **more}


# the example of a conversation with two calls at once


def first_request() -> dict[str, Any]:
    return {
        "model": "gpt-5",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Paris and Oslo?"},
        ],
        "tools": [WEATHER],
    }


QUESTION = {"role": "user", "parts": [{"text": "Weather in Paris and Oslo?"}]}
CALLS = [
    {
        "functionCall": {"id": "fc-a1", "name": "get_weather", "args": {"city": "Paris"}},
        "thoughtSignature": "QUJD",
    },
    {"functionCall": {"id": "fc-b2", "name": "get_weather", "args": {"city": "Oslo"}}},
]


def test_a_first_request() -> None:
    notes = Notes()
    call = translated(first_request(), notes=notes)
    assert (call.model, call.method, call.copies) == (G38, "streamGenerateContent", 1)
    assert call.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [QUESTION],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "get_weather", "parametersJsonSchema": WEATHER["function"]["parameters"]}
                ]
            }
        ],
    }
    assert list(notes) == []
    plan = call.plan
    assert (plan.client_model, plan.model, plan.stream, plan.include_usage, plan.n) == ("gpt-5", G38, True, True, 1)
    assert plan.names == {"get_weather": "get_weather"}
    assert plan.integers == {"get_weather": WEATHER["function"]["parameters"]}
    assert (plan.custom, plan.legacy_functions, plan.logprobs, plan.used_ids) == (set(), False, False, set())


def test_the_next_request_from_a_client_that_keeps_only_what_openai_has() -> None:
    body = first_request()
    body["messages"] += [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "get_weather", "arguments": f'{{"city":"{city}"}}'}}
                for id, city in (("fc-a1", "Paris"), ("fc-b2", "Oslo"))
            ],
        },
        {"role": "tool", "tool_call_id": "fc-b2", "content": "9 C"},
        {"role": "tool", "tool_call_id": "fc-a1", "content": "18 C"},
    ]
    turn = RawTurn(G38, [*CALLS, {"text": ""}], ["fc-a1", "fc-b2"])
    call = translated(body, recall={"fc-a1": turn, "fc-b2": turn}.get)
    assert call.body["contents"] == [
        QUESTION,
        {"role": "model", "parts": CALLS},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "fc-a1", "name": "get_weather", "response": {"output": "18 C"}}},
                {"functionResponse": {"id": "fc-b2", "name": "get_weather", "response": {"output": "9 C"}}},
            ],
        },
    ]
    assert call.plan.used_ids == {"fc-a1", "fc-b2"}


# parameters

SET_ASIDE = [
    "audio",
    "extra_body",
    "function_call",
    "functions",
    "google",
    "logprobs",
    "modalities",
    "n",
    "reasoning_effort",
    "response_format",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "web_search_options",
]


@pytest.mark.parametrize(
    ("model", "parameters", "body"),
    [
        pytest.param(G38, {}, {}, id="nothing"),
        pytest.param(
            G2,
            {"temperature": 0.5, "top_p": 0.9, "stop": "END", "seed": 7, "max_tokens": 50_000},
            {
                "generationConfig": {
                    "temperature": 0.5,
                    "topP": 0.9,
                    "seed": 7,
                    "maxOutputTokens": 50_000,
                    "stopSequences": ["END"],
                }
            },
            id="generation",
        ),
        pytest.param(
            G2,
            {"logprobs": True, "top_logprobs": 3},
            {"generationConfig": {"responseLogprobs": True, "logprobs": 3}},
            id="logprobs",
        ),
        pytest.param(
            G38,
            {"reasoning_effort": "high"},
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}}},
            id="effort",
        ),
        pytest.param(
            G38,
            {"extra_body": {"google": {"thinking_config": {"thinking_level": "low", "include_thoughts": False}}}},
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}},
            id="Google's thinking_config",
        ),
        pytest.param(
            G38,
            {"response_format": {"type": "json_object"}},
            {"generationConfig": {"responseMimeType": "application/json"}},
            id="JSON",
        ),
        pytest.param(G38, {"service_tier": "flex"}, {"serviceTier": "flex"}, id="service tier"),
        pytest.param(G38, {"web_search_options": {}}, {"tools": [{"googleSearch": {}}]}, id="web search"),
        pytest.param(
            G38,
            {"google": {"safety_settings": [{"category": "X", "threshold": "OFF"}]}},
            {"safetySettings": [{"category": "X", "threshold": "OFF"}]},
            id="safety settings",
        ),
        pytest.param(
            G38,
            {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
            {
                "tools": [{"functionDeclarations": [{"name": "f"}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            },
            id="tool choice",
        ),
        pytest.param(
            G38,
            {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
            {
                "tools": [{"functionDeclarations": [{"name": "f"}]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            },
            id="deprecated functions",
        ),
        pytest.param(
            "gemini-3.1-flash-image",
            {"modalities": ["text", "image"]},
            {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}},
            id="images",
        ),
        pytest.param(
            G38,
            {"user": "u", "store": True, "metadata": {"a": "b"}, "prompt_cache_key": "k", "prediction": None},
            {},
            id="hints",
        ),
        pytest.param(
            G38,
            dict.fromkeys(SET_ASIDE),
            {},
            id="all null",
        ),
    ],
)
def test_parameters(model: str, parameters: dict[str, Any], body: dict[str, Any]) -> None:
    call = translated(chat(**parameters), model)
    assert call.body == {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], **body}
    assert call.method == "generateContent"


def test_the_plan_of_the_deprecated_functions() -> None:
    assert translated(chat(functions=[{"name": "f"}])).plan.legacy_functions
    assert not translated(chat(tools=[WEATHER])).plan.legacy_functions


@pytest.mark.parametrize(
    ("model", "count", "copies"), [(G2, 3, 1), (G38, None, 3)], ids=["candidateCount", "several calls"]
)
def test_several_choices(model: str, count: int | None, copies: int) -> None:
    call = translated(chat(n=3), model)
    assert call.body.get("generationConfig", {}).get("candidateCount") == count
    assert (call.copies, call.plan.n) == (copies, 3)


def test_custom_tools_and_names_reach_the_plan() -> None:
    tools = [{"type": "custom", "custom": {"name": "1run"}}]
    history = [
        *HELLO,
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "1run", "input": "x"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "r"},
    ]
    call = translated({"model": "m", "messages": history, "tools": tools})
    assert call.plan.names == {"_1run": "1run"}
    assert call.plan.custom == {"_1run"}
    made = call.body["contents"][1]["parts"][0]["functionCall"]
    assert (made["name"], made["args"]) == ("_1run", {"input": "x"})


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def test_json_beside_tools_is_asked_for_by_a_sentence_where_the_model_refuses_it() -> None:
    body = chat(tools=[WEATHER], response_format=FORMAT)
    body["messages"] = [{"role": "system", "content": "Be brief."}, *HELLO]
    notes = Notes()
    call = translated(body, G2, notes=notes)
    assert "generationConfig" not in call.body
    brief, sentence = call.body["systemInstruction"]["parts"]
    assert brief == {"text": "Be brief."}
    assert jsonio.dumps(SCHEMA).decode() in sentence["text"]
    assert set(notes) == {("json-by-prompt", "response_format")}
    call = translated(body, G3)
    assert call.body["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert call.body["systemInstruction"] == {"parts": [brief]}


def image(detail: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": detail}}


def test_the_highest_detail_counts_for_the_whole_request_before_gemini_3() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": [image("low"), image("high"), image("auto")]}]}
    assert translated(body, G2).body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_HIGH"}
    assert "generationConfig" not in translated(body, G3).body
    body["google"] = {"media_resolution": "MEDIA_RESOLUTION_LOW"}
    assert translated(body, G2).body["generationConfig"] == {"mediaResolution": "MEDIA_RESOLUTION_LOW"}


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        pytest.param([], None, None, id="an array"),
        pytest.param("x", None, None, id="a string"),
        pytest.param(None, None, None, id="null"),
        pytest.param({"model": "m"}, "messages", "missing_required_parameter", id="no messages"),
        pytest.param(chat(stream="yes"), "stream", "invalid_type", id="stream"),
        pytest.param(chat(stream_options={}), "stream_options", "invalid_value", id="options without a stream"),
        pytest.param(
            chat(stream=True, stream_options={"include_usage": 1}),
            "stream_options.include_usage",
            "invalid_type",
            id="include_usage",
        ),
        pytest.param(chat(temperature="1"), "temperature", "invalid_type", id="temperature"),
        pytest.param(chat(tools={}), "tools", "invalid_type", id="tools"),
        pytest.param(chat(top_logprobs=2), "top_logprobs", "invalid_value", id="top_logprobs"),
        pytest.param(chat(response_format={"type": "xml"}), "response_format.type", "invalid_value", id="format"),
        pytest.param(chat(service_tier="best"), "service_tier", "invalid_value", id="service tier"),
    ],
)
def test_errors(body: Any, param: str | None, code: str | None) -> None:
    with pytest.raises(Fault) as caught:
        translated(body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


# properties

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


WORDS = st.sampled_from(["", " ", "a", "Hello", "\ud83d", "\u2028", "{}", '{"a":1}', "[1]", "x" * 200])
IDS = st.sampled_from(["1", "2", "call_a", "", "call_gs1_AAAA", "call_gs1_\u00e9"])
NAMES = st.sampled_from(["f", "g", "1x", "a.b", "\u00e9", "f" * 200])
URL = st.just("data:image/png;base64,iVBORw0KGgo=")
JUNKED = [
    "audio",
    "extra_body",
    "google",
    "logprobs",
    "modalities",
    "n",
    "reasoning",
    "reasoning_effort",
    "service_tier",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "thinking",
    "tool_choice",
    "web_search_options",
]


def bodies(junk: int) -> st.SearchStrategy[dict[str, Any]]:
    """Chat requests; of every hundred values, `junk` are anything."""

    def mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.integers(1, 100).flatmap(lambda roll: JUNK if roll <= junk else strategy) if junk else strategy

    def objects(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[Any]:
        return mostly(st.fixed_dictionaries(required, optional=optional or {}))

    google = objects({}, {"thought_signature": mostly(WORDS), "parts": mostly(st.just([]))})
    extra = objects({}, {"google": google})
    part = st.one_of(
        objects({"type": st.just("text"), "text": mostly(WORDS)}),
        objects({"type": st.just("refusal"), "refusal": mostly(WORDS)}),
        objects({"type": st.just("image_url"), "image_url": objects({"url": mostly(URL)})}),
        objects({"type": st.just("file"), "file": objects({"file_data": mostly(URL)}, {"filename": mostly(WORDS)})}),
        objects({"type": st.just("video_url"), "video_url": objects({"url": mostly(URL)})}),
    )
    content = mostly(WORDS | st.lists(part, max_size=3))
    function = objects({"name": NAMES}, {"arguments": mostly(WORDS)})
    call = st.one_of(
        objects({"id": IDS, "type": st.just("function"), "function": function}, {"extra_content": extra}),
        objects({"id": IDS, "type": st.just("custom"), "custom": objects({"name": NAMES, "input": WORDS})}),
    )
    answer = {
        "content": content,
        "tool_calls": mostly(st.lists(call, max_size=3)),
        "function_call": function,
        "extra_content": extra,
        "images": mostly(st.lists(objects({"image_url": objects({"url": mostly(URL)})}), max_size=1)),
        "refusal": mostly(WORDS),
    }
    message = st.one_of(
        objects({"role": st.sampled_from(["system", "developer"]), "content": mostly(WORDS)}),
        objects({"role": st.just("user"), "content": content}, {"name": mostly(NAMES)}),
        objects({"role": st.just("assistant")}, answer),
        objects({"role": st.just("tool"), "tool_call_id": IDS, "content": content, "name": NAMES}),
        objects({"role": st.just("function"), "name": NAMES, "content": content}, {"extra_content": extra}),
    )
    optional = {
        "tools": mostly(st.just([WEATHER])),
        "functions": mostly(st.just([{"name": "f"}])),
        "response_format": mostly(st.just(FORMAT)),
    }
    if junk:
        optional |= dict.fromkeys(JUNKED, JUNK)
    messages = mostly(st.lists(message, min_size=1, max_size=8))
    return st.fixed_dictionaries({"messages": messages}, optional=optional)


MODELS = st.sampled_from([G2, G3, G38, "gemma-4-31b-it", "gemini-3.1-flash-image", "gemini-flash-latest", "x"])
REMEMBERED = {
    "1": RawTurn(G3, [{"text": "a"}, {"functionCall": {"name": "f"}, "thoughtSignature": "QUJD"}, {"text": ""}], ["1"]),
    "2": RawTurn(G2, [{"functionCall": {"id": "2", "name": "f", "args": {"a": 1}}}], ["2"]),
    text_key("Hello"): RawTurn(G3, [{"text": "Hello", "thoughtSignature": "QUJD"}], []),
}


def check(call: Translated) -> None:
    """What Gemini demands of `contents`, and that the request can be sent."""
    contents = call.body["contents"]
    assert [content["role"] for content in contents] == [("user", "model")[i % 2] for i in range(len(contents))]
    for i, content in enumerate(contents):
        assert content["parts"]
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        answers = contents[i + 1]["parts"] if calls else []
        responses = [part["functionResponse"] for part in answers if "functionResponse" in part]
        assert [(c["name"], c.get("id")) for c in calls] == [(r["name"], r.get("id")) for r in responses]
        if any("functionResponse" in part for part in content["parts"]):
            assert any("functionCall" in part for part in contents[i - 1]["parts"])
    assert contents
    jsonio.loads(jsonio.dumps(call.body))


def outcome(body: Any, model: str, **options: Any) -> Translated | Fault:
    """What comes of a request, which leaves its input and the memory as they were."""
    before = copy.deepcopy(body)
    memory = copy.deepcopy(REMEMBERED)
    notes = Notes()
    try:
        found: Translated | Fault = translated(body, model, REMEMBERED.get, notes, **options)
    except Fault as error:
        found = error
    assert body == before
    assert memory == REMEMBERED
    assert notes.header().isascii()
    return found


@given(bodies(junk=0), MODELS, st.sampled_from(["hoist", "inline"]))
def test_whatever_stands_in_a_conversation_becomes_contents(body: dict[str, Any], model: str, late: str) -> None:
    found = outcome(body, model, late_system=late)
    assert isinstance(found, Translated), found
    check(found)


@given(bodies(junk=2), MODELS, st.booleans())
def test_junk_is_refused_or_left_out(body: dict[str, Any], model: str, strict: bool) -> None:
    found = outcome(body, model, strict=strict)
    if isinstance(found, Translated):
        check(found)
    else:
        assert found.status == 400
        assert errors.error_body(found)


@given(JUNK | st.dictionaries(st.sampled_from(["messages", "model", "tools", "stop"]), JUNK), MODELS)
def test_any_json(body: Any, model: str) -> None:
    assert outcome(body, model)
