"""The names of functions, there and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.gemini.models import model_info
from mapping.notes import Notes
from mapping.request.tools.tools import ToolSet
from mapping.values import JSON, Options

NEW = "gemini-3.8-flash"
GEMINI_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")


def tool_set(model: str = NEW, *, strict: bool = False) -> tuple[ToolSet, Notes]:
    notes = Notes()
    return ToolSet(model_info(model), notes, Options(strict=strict)), notes


def function(name: Any = "f", **members: Any) -> JSON:
    return {"type": "function", "function": {"name": name, **members}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("f", "f"),
        ("mcp__a.b:c-d", "mcp__a.b:c-d"),
        ("_x", "_x"),
        ("1f", "_1f"),
        ("-f", "_-f"),
        ("a b", "a_b"),
        ("größe", "gr__e"),
        ("x" * 128, "x" * 128),
        ("x" * 130, "x" * 128),
    ],
)
def test_names(name: str, expected: str) -> None:
    tools, notes = tool_set()
    tools.add_chat_tools([function(name)])
    assert tools.names == {expected: name}
    assert tools.gemini_name(name) == expected
    assert list(notes) == ([] if name == expected else [("renamed", name)])


def test_names_that_collide_stay_apart() -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function("a_b"), function("a b"), function("a/b")])
    first, second, third = tools.names
    assert first == "a_b"
    assert re.fullmatch("a_b_[0-9a-f]{8}", second)
    assert second != third
    assert list(tools.names.values()) == ["a_b", "a b", "a/b"]
    again, _ = tool_set()
    again.add_chat_tools([function("a_b"), function("a/b"), function("a b")])
    assert again.gemini_name("a b") == second


def test_a_hashed_name_that_the_client_took_itself() -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function("a_b"), function("a b")])
    taken = tools.gemini_name("a b")
    again, _ = tool_set()
    again.add_chat_tools([function("a_b"), function(taken), function("a b")])
    assert len(again.names) == 3


def test_a_name_of_the_history_that_is_not_declared() -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function("a_b")])
    assert tools.gemini_name("old") == "old"
    assert tools.gemini_name("a b") != "a_b"
    assert not tools.declares("old")
    assert tools.declares("a_b")
    assert tools.build()[0] == [{"functionDeclarations": [{"name": "a_b"}]}]


@given(st.lists(st.text(min_size=1, max_size=140) | st.text("ab _-1", min_size=1, max_size=4), unique=True, max_size=8))
def test_names_are_valid_and_reversible(names: list[str]) -> None:
    tools, _ = tool_set()
    tools.add_chat_tools([function(name) for name in names])
    assert [tools.names[tools.gemini_name(name)] for name in names] == names
    assert all(GEMINI_NAME.fullmatch(name) for name in tools.names)
