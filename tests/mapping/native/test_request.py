"""mapping.native.request: what a request is kept as, and what goes up."""

from __future__ import annotations

from typing import Any

import pytest

from mapping import jsonio
from mapping.dialect import Received
from mapping.faults import Fault
from mapping.native import request
from mapping.native.request import BATCH_EMBED, COUNT, EMBED, GENERATE, METHODS, STREAM

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"
MODEL = "gemini-embedding-001"
NAMED = f"models/{MODEL}"
TEXT = {"parts": [{"text": "Hi"}]}

READ = [
    # path, query, body, value
    (PATH, "", {"contents": []}, {"contents": [], "model": "gemini-3.8-flash"}),
    ("/v1/models/models%2Fx:countTokens", "", {}, {"model": "models/x"}),
    ("/v1/models/google/x:y:countTokens/", "", {}, {"model": "google/x:y"}),
    ("/v1beta/models/x:streamGenerateContent", "a=1&alt=sse", {}, {"model": "x", "alt": "sse"}),
    ("/v1beta/models/x:streamGenerateContent", "%24alt=sse", {}, {"model": "x", "alt": "sse"}),
    ("/v1beta/models/x:streamGenerateContent", "alt=json", {}, {"model": "x"}),
    ("/v1beta/models/x:embedContent", "", {"model": "models/y"}, {"model": "x"}),
    ("/v1/projects/p/locations/l/publishers/google/models/x:predict", "", {}, {"model": "x", "api": "vertex"}),
]


@pytest.mark.parametrize(("path", "query", "body", "value"), READ)
def test_read(path: str, query: str, body: Any, value: Any) -> None:
    assert request.read(Received(jsonio.dumps(body), path=path, query=query)) == value


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_what_is_no_object(body: bytes) -> None:
    with pytest.raises(Fault) as e:
        request.read(Received(body, path=PATH))
    assert e.value.status == 400


SAME = [
    # method, a body of which nothing has to change
    (GENERATE, b'{ "contents" : [ ], "generation_config": {"temperature": 1.0} }'),
    (STREAM, b'{"contents":{"parts":{"text":"\\u00e4"}}}\n'),
    (COUNT, b'{"contents": [ ]}'),
    (COUNT, b'{"generate_content_request": {"model": "models/gemini-embedding-001", "contents": [ ]}}'),
    (EMBED, b'{"model": "models/gemini-embedding-001",  "content": {}}'),
    (BATCH_EMBED, b'{"requests": [{"model": "models/gemini-embedding-001",  "content": {}}]}'),
    (BATCH_EMBED, b'{"requests":  7}'),
]


@pytest.mark.parametrize(("method", "body"), SAME)
def test_bytes_stay(method: str, body: bytes) -> None:
    asked = request.read(Received(body, path=f"/v1beta/models/x:{method}"))
    assert request.sent(asked, method, MODEL) == body


SENT = [
    # method, body, what goes up
    (GENERATE, {"model": "models/x", "contents": []}, {"contents": []}),
    (COUNT, {"generateContentRequest": {"model": "models/x"}}, {"generateContentRequest": {"model": NAMED}}),
    (EMBED, {"content": TEXT}, {"content": TEXT, "model": NAMED}),
    (EMBED, {"model": "models/x", "content": TEXT}, {"content": TEXT, "model": NAMED}),
    (
        BATCH_EMBED,
        {"requests": [{"model": "models/x", "content": TEXT}, "odd"]},
        {"requests": [{"model": NAMED, "content": TEXT}, "odd"]},
    ),
]


@pytest.mark.parametrize(("method", "body", "sent"), SENT)
def test_names_of_models_within(method: str, body: Any, sent: Any) -> None:
    asked = request.read(Received(jsonio.dumps(body), path=f"/v1beta/models/x:{method}"))
    assert jsonio.loads(request.sent(asked, method, MODEL)) == sent


CANONICAL = [
    # method, body, its canonical form
    (GENERATE, {}, {"contents": []}),
    (
        GENERATE,
        {"contents": {"parts": {"text": "Hi"}}, "system_instruction": {"role": "user"}, "safety_settings": None},
        {"contents": [TEXT], "systemInstruction": {"role": "user", "parts": []}},
    ),
    (
        GENERATE,
        {
            "contents": [
                {
                    "parts": [
                        {"inline_data": {"mime_type": "image/png", "data": "eA=="}},
                        {"function_call": {"name": "f", "args": {"snake_case": {"a_b": 1}}}},
                        {"function_response": {"name": "f", "response": {"a_b": 1}, "parts": [{"file_data": {}}]}},
                    ]
                }
            ],
            "tools": {"function_declarations": [{"name": "f", "parameters_json_schema": {"any_of": []}}]},
            "tool_config": {"function_calling_config": {"mode": "ANY"}},
            "generation_config": {"thinking_config": {"thinking_budget": 0}},
        },
        {
            "contents": [
                {
                    "parts": [
                        {"inlineData": {"mimeType": "image/png", "data": "eA=="}},
                        {"functionCall": {"name": "f", "args": {"snake_case": {"a_b": 1}}}},
                        {"functionResponse": {"name": "f", "response": {"a_b": 1}, "parts": [{"fileData": {}}]}},
                    ]
                }
            ],
            "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"any_of": []}}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
            "generationConfig": {"thinkingConfig": {"thinking_budget": 0}},
        },
    ),
    (COUNT, {"contents": [TEXT]}, {"generateContentRequest": {"contents": [TEXT], "model": NAMED}}),
    (
        COUNT,
        {"generate_content_request": {"model": "models/x", "contents": TEXT}},
        {"generateContentRequest": {"contents": [TEXT], "model": NAMED}},
    ),
    (EMBED, {"content": TEXT, "task_type": "CLUSTERING"}, {"content": TEXT, "taskType": "CLUSTERING", "model": NAMED}),
    (BATCH_EMBED, {"requests": {"content": TEXT}}, {"requests": [{"content": TEXT, "model": NAMED}]}),
]


@pytest.mark.parametrize(("method", "body", "form"), CANONICAL)
def test_canonical(method: str, body: Any, form: Any) -> None:
    before = jsonio.dumps(body)
    assert request.canonical({**body, "model": "x", "alt": "sse"}, method, MODEL) == form
    assert jsonio.dumps(body) == before


WRONG = [
    # method, body, the place
    (GENERATE, {"contents": "Hi"}, "contents"),
    (STREAM, {"contents": [{"parts": [7]}]}, "contents[0].parts[0]"),
    (GENERATE, {"contents": [], "system_instruction": "Hi"}, "system_instruction"),
    (GENERATE, {"tools": [{"function_declarations": [1]}]}, "tools[0].function_declarations[0]"),
    (GENERATE, {"generationConfig": []}, "generationConfig"),
    (COUNT, {"generateContentRequest": 1}, "generateContentRequest"),
    (EMBED, {"content": "Hi"}, "content"),
    (BATCH_EMBED, {"requests": ["Hi"]}, "requests[0]"),
]


@pytest.mark.parametrize(("method", "body", "place"), WRONG)
def test_what_is_of_another_form(method: str, body: Any, place: str) -> None:
    with pytest.raises(Fault) as e:
        request.canonical({**body, "model": "x"}, method, MODEL)
    assert (e.value.status, e.value.param) == (400, place)


@pytest.mark.parametrize("method", METHODS)
def test_models_that_make_no_embeddings(method: str) -> None:
    if method not in (EMBED, BATCH_EMBED):
        assert request.canonical({"model": "x"}, method, "gemini-3.8-flash")
        return
    with pytest.raises(Fault, match="makes no embeddings"):
        request.canonical({"content": TEXT, "requests": []}, method, "gemini-3.8-flash")
