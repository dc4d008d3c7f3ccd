"""mapping.gemini.embeddings: the forms of Vertex AI, and how texts are shared out over calls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapping.gemini import embeddings
from mapping.notes import Notes
from mapping.values import GeminiCall

SETTINGS = {"taskType": "CLUSTERING", "title": "t", "outputDimensionality": 8}
CONFIG = {**SETTINGS, "autoTruncate": False}


def vertex(model: str, texts: list[str], settings: Any) -> tuple[str, Any]:
    [call] = embeddings.calls(model, texts, settings, Notes())
    return embeddings.vertex_method(call), json.loads(call.encoded("vertex", embeddings.vertex) or b"")


def content(text: str) -> Any:
    return {"role": "user", "parts": [{"text": text}]}


FORMS = [
    # the model, texts, settings, the method of Vertex AI, its body
    (
        "gemini-embedding-2",
        ["a"],
        SETTINGS,
        "embedContent",
        {"content": content("a"), "embedContentConfig": CONFIG},
    ),
    (
        "gemini-embedding-001",
        ["a", "b"],
        {},
        "batchEmbedContents",
        {"requests": [{"content": content(t), "embedContentConfig": {"autoTruncate": False}} for t in ("a", "b")]},
    ),
    (
        "text-embedding-005",
        ["a"],
        {},
        "predict",
        {"instances": [{"content": "a"}], "parameters": {"autoTruncate": False}},
    ),
    (
        "text-multilingual-embedding-002",
        ["a", "b"],
        SETTINGS,
        "predict",
        {
            "instances": [{"content": t, "task_type": "CLUSTERING", "title": "t"} for t in ("a", "b")],
            "parameters": {"outputDimensionality": 8, "autoTruncate": False},
        },
    ),
]


@pytest.mark.parametrize(("model", "texts", "settings", "method", "body"), FORMS)
def test_forms(model: str, texts: list[str], settings: Any, method: str, body: Any) -> None:
    assert vertex(model, texts, settings) == (method, body)


def test_a_batch_of_nothing_is_for_google_to_refuse() -> None:
    assert embeddings.vertex({"requests": []}, Notes()) == {"requests": []}


def test_other_calls_keep_their_method() -> None:
    assert embeddings.vertex_method(GeminiCall("text-embedding-005", "countTokens", {})) == "countTokens"


@pytest.mark.parametrize(
    ("model", "texts", "sizes"),
    [
        ("gemini-embedding-2", ["x" * 30_000] * 3, [3]),
        ("text-embedding-005", ["x" * 30_000] * 3, [1, 1, 1]),
        ("text-embedding-005", ["x" * 10_000] * 9, [4, 4, 1]),
        ("text-embedding-005", ["語" * 10_000] * 2, [1, 1]),
        ("text-embedding-005", ["x" * 50_000, "y"], [1, 1]),
        ("text-embedding-005", ["x"] * 201, [100, 100, 1]),
    ],
)
def test_calls_of_predict_hold_no_more_than_it_takes(model: str, texts: list[str], sizes: list[int]) -> None:
    calls = embeddings.calls(model, texts, {}, Notes())
    assert [embeddings.size(call) for call in calls] == sizes


@pytest.mark.parametrize(
    ("answer", "tokens", "cut"),
    [
        ({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 3}}, 3, False),
        ({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 3}, "truncated": True}, 3, True),
        ({"embedding": {"values": [1]}}, None, False),
        ({"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": "3"}}, None, False),
        ({"embeddings": [{"values": [1], "statistics": {"tokenCount": 2}}] * 2}, 4, False),
        ({"embeddings": [{"values": [1], "statistics": {"tokenCount": 2}}, {"values": [1]}]}, None, False),
        ({"predictions": [{"embeddings": {"values": [1], "statistics": {"token_count": 5.0}}}]}, 5, False),
        ({"predictions": [{"embeddings": {"values": [1], "statistics": {"truncated": True}}}]}, None, True),
    ],
)
def test_what_is_told_beside_the_vectors(answer: Any, tokens: int | None, cut: bool) -> None:
    found = embeddings.read(answer)
    assert (found.tokens, found.cut) == (tokens, cut)
