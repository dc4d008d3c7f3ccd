"""Single values of a JSON text are changed, and every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.inspect.json_text import Leaf, rewrite


@given(st.text() | st.text(alphabet='{}[]:,"\\ \r\n1a-.data', max_size=60))
def test_nothing_is_lost_whatever_the_text(text: str) -> None:
    assert rewrite(text, lambda leaf: None) == text
    assert rewrite("data: " + text, lambda leaf: leaf.raw) == "data: " + text


def paths(text: str) -> list[tuple[str, ...]]:
    found: list[Leaf] = []
    rewrite(text, lambda leaf: found.append(leaf))
    return [(*leaf.path, leaf.raw) for leaf in found]


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ('{"a": {"b": ["x", 1]}, "c": "y"}', [("a", "b", "x"), ("a", "b", "1"), ("c", "y")]),
        ('[{"a": "x"}, "y"]', [("a", "x"), ("y",)]),
        ('{"a": true, "b": null, "c": -1.5e3}', [("c", "-1.5e3")]),
        ('{"a\\"b": "c"}', [('a"b', "c")]),
        ('data: {"a": "x"}\n\ndata: {"b": "y"}\n\n', [("a", "x"), ("b", "y")]),
        ('data: {"a": {"b": "cut\n\ndata: {"c": "y"}\n\n', [("a", "b", "cut"), ("c", "y")]),
        ('event: x\r\ndata: {"a":\r\ndata: "x"}\r\n\r\n', [("a", "x")]),
        ("words 5", [("words",), ("5",)]),
    ],
)
def test_paths(text: str, leaves: list[tuple[str, ...]]) -> None:
    assert paths(text) == leaves


def test_what_stands_beside() -> None:
    found: dict[str, str] = {}

    def look(leaf: Leaf) -> None:
        found[leaf.raw] = leaf.beside("kind")

    rewrite('{"kind": "k", "a": "x", "b": {"c": "y"}}', look)
    assert found == {"k": "k", "x": "k", "y": ""}


@given(st.dictionaries(st.text(), st.text() | st.integers(), max_size=5))
def test_values_are_changed_and_names_are_not(value: dict[str, Any]) -> None:
    made = json.loads(rewrite(json.dumps(value), lambda leaf: "z" if leaf.is_text else "7"))
    assert made == {name: "z" if isinstance(member, str) else 7 for name, member in value.items()}
