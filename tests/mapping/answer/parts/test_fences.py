"""JSON in Markdown fences, in pieces of any size."""

from __future__ import annotations

import pytest

from mapping.answer.parts.fences import Unfence

JSON_TEXT = '{"a": "```\\n", "b": [1]}'
CASES = [
    (f"```json\n{JSON_TEXT}\n```", JSON_TEXT),
    (f"```\n{JSON_TEXT}\n```\n", JSON_TEXT),
    (f"\n ```JSON  \r\n{JSON_TEXT}\r\n```  ", JSON_TEXT),
    (f"```json\n{JSON_TEXT}", JSON_TEXT),
    (JSON_TEXT, JSON_TEXT),
    (f" {JSON_TEXT}\n", f" {JSON_TEXT}\n"),
    ("``", "``"),
    ("```json", "```json"),
    ("`a` is it", "`a` is it"),
    (
        "```not a fence because of its many words and letters\nx```",
        "```not a fence because of its many words and letters\nx```",
    ),
    ("```json\n{}\n```\nThere.", "{}\n```\nThere."),
    ("", ""),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_unfence(text: str, expected: str, size: int) -> None:
    unfence = Unfence()
    pieces = [unfence.add(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join([*pieces, unfence.end()]) == expected
