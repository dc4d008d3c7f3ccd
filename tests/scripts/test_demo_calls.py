"""What the demo upstream calls: by lines of the user's text, one step after the other."""

from __future__ import annotations

from typing import Any

import pytest

from addons.demo import calls, models

FUNCTIONS = [
    {"name": "run", "parametersJsonSchema": {"type": "object", "properties": {"cmd": {"type": "string"}}}},
    {"name": "ns__look", "parametersJsonSchema": {"type": "object"}},
]
NEW, OLD = models.find("gemini-3.8-flash"), models.find("gemini-2.5-flash")


def user(text: str) -> Any:
    return {"role": "user", "parts": [{"text": text}]}


def step(name: str = "run") -> list[Any]:
    """A call and its result."""
    return [
        {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {}}}]},
    ]


def chosen(*contents: Any, model: Any = NEW, **calling: Any) -> list[Any]:
    """Names and arguments of the calls that are made."""
    request = {
        "contents": list(contents),
        "tools": [{"functionDeclarations": FUNCTIONS}],
        "toolConfig": {"functionCallingConfig": calling},
    }
    return [(p["functionCall"]["name"], p["functionCall"].get("args")) for p in calls.choose(request, model)]


TWO = 'Do it.\ncall run {"cmd": "a \\"b\\" {c}"}\nand then\ncall ns__look\nThanks.'


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ([user(TWO)], [("run", {"cmd": 'a "b" {c}'})]),
        ([user(TWO), *step()], [("ns__look", {})]),
        ([user(TWO), *step(), *step("ns__look")], []),
        ([user(TWO), *step(), *step("ns__look"), user("call run")], [("run", {"cmd": "demo cmd"})]),
        ([user('call gone {"x": 1}\ncall run {"cmd": "b"}')], [("run", {"cmd": "b"})]),
        ([user('call run {"cmd": no JSON}')], [("run", {"cmd": "demo cmd"})]),
        ([user('Please call run {"cmd": "in a sentence"}')], [("run", {"cmd": "demo cmd"})]),
        ([user("Hello")], [("run", {"cmd": "demo cmd"})]),
        ([user("Hello"), *step()], []),
        ([user("ns__look and run in parallel")], [("run", {"cmd": "demo cmd"}), ("ns__look", {})]),
    ],
    ids=[
        "the first line",
        "the second after a result",
        "none is left",
        "a new turn has lines of its own",
        "not offered",
        "not JSON",
        "not a line of its own",
        "no line",
        "no line and a result",
        "parallel",
    ],
)
def test_calls(contents: list[Any], expected: list[Any]) -> None:
    assert chosen(*contents) == expected


def test_a_choice_binds_lines_too() -> None:
    assert chosen(user(TWO), mode="NONE") == []
    assert chosen(user(TWO), mode="ANY", allowedFunctionNames=["ns__look"]) == [("ns__look", {})]
    assert chosen(user("Hello"), *step(), mode="ANY") == [("run", {"cmd": "demo cmd"})]


def test_gemini_2_5_leaves_empty_arguments_away() -> None:
    assert chosen(user("call ns__look {}"), model=OLD) == [("ns__look", None)]
