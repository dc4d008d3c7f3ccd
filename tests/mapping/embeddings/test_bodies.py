"""How embeddings are shown: the texts, and of each vector how long it is."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from mapping import dialects
from mapping.inspect.transcript import Transcript, vector

FLOATS = base64.b64encode(struct.pack("<2f", 0.6, 0.8)).decode()


def shown(value: Any) -> str:
    out = Transcript()
    dialects.bodies("embeddings", value).show(out, value)
    return out.render().replace("\N{NO-BREAK SPACE}", "")


def test_requests() -> None:
    assert shown({"model": "m", "input": "Hi", "dimensions": 8}) == "model: m\ndimensions: 8\n\n── input ──\nHi"
    assert "── input · 2 of 2 ──\nb" in shown({"model": "m", "input": ["a", "b"]})
    assert "[3 tokens]" in shown({"model": "m", "input": [[1, 2, 3]]})


def test_answers() -> None:
    data = [
        {"object": "embedding", "index": 0, "embedding": [3, 4]},
        {"object": "embedding", "index": 1, "embedding": FLOATS},
    ]
    text = shown({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}})
    assert "0: [vector of 2 numbers, length 5.000]\n1: [vector of 2 numbers, length 1.000]" in text
    assert "usage: prompt_tokens 3, total_tokens 3" in text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "[vector of 0 numbers, length 0.000]"),
        ("no base64!", "no base64!"),
        ("AAA=", "AAA="),
        (None, ""),
        (["a"], '["a"]'),
        (7, "7"),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_whatever_stands_in_the_place_of_a_vector(value: Any, expected: str) -> None:
    assert vector(value) == expected


@pytest.mark.parametrize("value", [{"data": 7}, {"data": [None]}, {"input": {}}, {"input": None}, {"error": "x"}])
def test_anything_is_shown(value: Any) -> None:
    assert isinstance(shown(value), str)
