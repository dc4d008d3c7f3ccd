"""Embeddings requests: what is asked of Gemini, and what is refused, with the member that is at fault."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given as any_given
from hypothesis import strategies as st

from mapping import dialects, jsonio
from mapping.dialect import Answering, Given
from mapping.embeddings.request import MAX_INPUTS, SIZES
from mapping.faults import Fault
from mapping.notes import Notes
from mapping.values import JSON, Options

EMBEDDINGS = dialects.spoken("embeddings")
FIRST, SECOND = "gemini-embedding-001", "gemini-embedding-2"


def translated(
    body: JSON, model: str = FIRST, notes: Notes | None = None, *, client_model: str = "mine", **options: Any
) -> Answering:
    return EMBEDDINGS.translate(
        body,
        Given(
            model=model,
            client_model=client_model,
            mint=lambda prefix, size=12: prefix,
            now=lambda: 0,
            seal=str,
            notes=Notes() if notes is None else notes,
            options=Options(**options),
        ),
    )


def refused(body: JSON, **more: Any) -> Fault:
    with pytest.raises(Fault) as e:
        translated(body, **more)
    assert e.value.status == 400
    return e.value


def content(text: str, model: str = FIRST, **more: Any) -> JSON:
    return {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, **more}


ASKED = [
    # members of the request, the method, the body
    ({"input": "a"}, "embedContent", content("a")),
    ({"input": ["a"]}, "embedContent", content("a")),
    ({"input": ["a", "b"]}, "batchEmbedContents", {"requests": [content("a"), content("b")]}),
    ({"input": " "}, "embedContent", content(" ")),
    ({"input": "\n\t"}, "embedContent", content("\n\t")),
    ({"input": "a", "dimensions": 256}, "embedContent", content("a", outputDimensionality=256)),
    ({"input": "a", "dimensions": None, "encoding_format": None}, "embedContent", content("a")),
    (
        {"input": ["a", "b"], "dimensions": 8, "task_type": "retrieval_query", "title": "t"},
        "batchEmbedContents",
        {
            "requests": [
                content(text, taskType="RETRIEVAL_QUERY", title="t", outputDimensionality=8) for text in ("a", "b")
            ]
        },
    ),
]


@pytest.mark.parametrize(("members", "method", "body"), ASKED)
def test_asked(members: JSON, method: str, body: JSON) -> None:
    [call] = translated({"model": "mine", **members}).calls
    assert (call.model, call.method, call.query, call.body) == (FIRST, method, "", body)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(1, [1]), (99, [99]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50]), (2048, [100] * 20 + [48])],
)
def test_batches_in_their_order(count: int, sizes: list[int]) -> None:
    texts = [f"text {n}" for n in range(count)]
    calls = translated({"input": texts}).calls
    bodies = [call.body for call in calls if call.body]
    requests = [body.get("requests", [body]) for body in bodies]
    assert [len(batch) for batch in requests] == sizes
    assert [one["content"]["parts"][0]["text"] for batch in requests for one in batch] == texts
    assert [call.method for call in calls] == ["embedContent" if n == 1 else "batchEmbedContents" for n in sizes]


REFUSED = [
    # members of the request, param, code, words of the message
    ({}, "input", "missing_required_parameter", "'input'"),
    ({"input": None}, "input", "missing_required_parameter", "'input'"),
    ({"input": 7}, "input", "invalid_type", "an integer"),
    ({"input": {"text": "a"}}, "input", "invalid_type", "an object"),
    ({"input": ""}, "input", "invalid_value", "cannot be an empty string"),
    ({"input": ["a", ""]}, "input[1]", "invalid_value", "Invalid 'input[1]': input cannot be an empty string."),
    ({"input": []}, "input", "empty_array", "minimum length 1"),
    ({"input": ["a", None]}, "input[1]", "invalid_type", "null"),
    ({"input": ["a", 1]}, "input[1]", "invalid_type", "a string"),
    ({"input": [{"text": "a"}]}, "input[0]", "invalid_type", "an object"),
    ({"input": [True]}, "input[0]", "invalid_type", "a boolean"),
    ({"input": ["a"] * (MAX_INPUTS + 1)}, "input", "array_above_max_length", "maximum length 2048"),
    ({"input": "word " * 3000}, "input", "invalid_value", "maximum input length is 2048 tokens"),
    ({"input": ["a", "word " * 3000]}, "input[1]", "invalid_value", "maximum input length is 2048 tokens"),
    ({"input": "a", "dimensions": 0}, "dimensions", "invalid_value", ">= 1"),
    ({"input": "a", "dimensions": "8"}, "dimensions", "invalid_type", "a string"),
    ({"input": "a", "dimensions": True}, "dimensions", "invalid_type", "a boolean"),
    ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value", "'float' and 'base64'"),
    ({"input": "a", "encoding_format": 1}, "encoding_format", "invalid_type", "an integer"),
    ({"input": "a", "task_type": "QUERY"}, "task_type", "invalid_value", "'RETRIEVAL_QUERY'"),
    ({"input": "a", "title": 1}, "title", "invalid_type", "an integer"),
    ({"input": "a", "user": 1}, "user", "invalid_type", "an integer"),
    ({"input": [[]]}, "input[0]", "empty_array", "minimum length 1"),
    ({"input": [[1], "a"]}, "input[1]", "invalid_type", "an array of tokens"),
    ({"input": [[1], [2.5]]}, "input[1][0]", "invalid_type", "a decimal"),
    ({"input": [1, "a"]}, "input[1]", "invalid_type", "an integer"),
]


@pytest.mark.parametrize(("members", "param", "code", "said"), REFUSED)
def test_refused(members: JSON, param: str, code: str, said: str) -> None:
    error = refused({"model": "mine", **members})
    assert (error.param, error.code) == (param, code)
    assert said in error.message


@pytest.mark.parametrize(
    "model", ["gemini-3.8-flash", "gemini-3.1-flash-image", "gemma-4-31b-it", "demo-echo", "veo-3.1"]
)
def test_a_model_that_makes_no_vectors(model: str) -> None:
    error = refused({"input": "a"}, model=model)
    assert (error.param, error.code) == ("model", "unsupported_value")
    assert f"'{model}' makes no embeddings" in error.message
    assert "'gemini-embedding-001'" in error.message
    assert "/v1/chat/completions" in error.message


NOTED = [
    # members of the request, the model, the notes
    ({}, FIRST, []),
    ({"user": "me"}, FIRST, [("ignored", "user")]),
    ({"inputs": "b"}, FIRST, [("ignored", "inputs")]),
    ({"task_type": "CLUSTERING"}, FIRST, []),
    ({"task_type": "CLUSTERING"}, SECOND, [("model-refuses", "task_type")]),
    ({"task_type": "CLUSTERING"}, "text-embedding-005", []),
]


@pytest.mark.parametrize(("members", "model", "expected"), NOTED)
def test_notes(members: JSON, model: str, expected: list[tuple[str, str]]) -> None:
    notes = Notes()
    translated({"input": "a", **members}, model, notes)
    assert list(notes) == expected


def test_strict_settings_refuse_what_would_be_left_out() -> None:
    for member in ({"user": "me"}, {"inputs": "b"}):
        assert refused({"input": "a", **member}, strict=True).code == "unsupported_parameter"
    error = refused({"input": "a", "task_type": "CLUSTERING"}, model=SECOND, strict=True)
    assert (error.param, error.code) == ("task_type", "unsupported_parameter")


@pytest.mark.parametrize(
    ("name", "model", "members", "size"),
    [
        ("text-embedding-3-small", SECOND, {}, 1536),
        ("openai/text-embedding-ada-002", FIRST, {}, 1536),
        ("text-embedding-3-large", SECOND, {}, None),
        ("text-embedding-3-small", SECOND, {"dimensions": 3072}, 3072),
        ("text-embedding-3-small", "text-embedding-005", {}, None),
        (SECOND, SECOND, {}, None),
    ],
)
def test_who_names_a_model_of_openai_gets_vectors_of_its_length(
    name: str, model: str, members: JSON, size: int | None
) -> None:
    notes = Notes()
    [call] = translated({"input": "a", **members}, model, notes, client_model=name).calls
    assert call.body
    assert call.body.get("outputDimensionality") == size
    assert list(notes) == ([("emulated", "dimensions=1536")] if size == SIZES["text-embedding-3-small"] else [])


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("x" * 2048, False),
        ("some words " * 700, False),  # 7,700 characters and 1,400 words: it may well fit
        ("interminable " * 800, True),  # 10,400 characters: likely more than 2048 tokens
        ("語" * 3000, True),
    ],
)
def test_a_text_that_may_be_too_long(text: str, noted: bool) -> None:
    notes = Notes()
    translated({"input": ["a", text, text]}, FIRST, notes)
    assert list(notes) == ([("input-cut", "input[1] and 1 more (maybe)")] if noted else [])


def test_nothing_is_known_of_the_limits_of_other_models() -> None:
    assert translated({"input": "word " * 30_000}, "demo-embedding").calls


def test_likeness() -> None:
    like = dialects.most_like
    assert like({"model": FIRST, "input": "a"}).name == "embeddings"
    assert like({"model": "m", "input": ["a"], "encoding_format": "float"}).name == "embeddings"
    assert like({"model": "m", "input": "a"}).name == "responses"
    assert like({"model": FIRST, "messages": []}).name == "chat"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@any_given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("input", "dimensions", "encoding_format", "task_type", "title", "user", "other"), JSON_VALUES
        ),
    )
)
def test_any_request_is_calls_or_a_fault(body: JSON) -> None:
    before = copy.deepcopy(body)
    status = 200
    try:
        assert all(jsonio.dumps(call.body) for call in translated(body).calls)
    except Fault as e:
        status = e.status
    assert status in (200, 400)
    assert body == before
