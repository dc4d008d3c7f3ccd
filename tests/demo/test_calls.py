"""What the demo upstream calls: by lines of the user's text, one step after the other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from addons.demo import models
from addons.demo.answer import calls

FUNCTIONS = [
    {
        "name": "run",
        "parametersJsonSchema": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]},
    },
    {"name": "ns__look", "parametersJsonSchema": {"type": "object"}},
]
NEW, OLD = models.find("gemini-3.8-flash"), models.find("gemini-2.5-flash")


def user(text: str) -> Any:
    return {"role": "user", "parts": [{"text": text}]}


def model(text: str) -> Any:
    return {"role": "model", "parts": [{"text": text}]}


def step(name: str = "run") -> list[Any]:
    """A call and its result."""
    return [
        {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": name, "response": {}}}]},
    ]


def chosen(*contents: Any, model: Any = NEW, functions: Any = FUNCTIONS, system: str = "", **calling: Any) -> list[Any]:
    """Names and arguments of the calls that are made."""
    request = {
        "systemInstruction": {"parts": [{"text": system}]},
        "contents": list(contents),
        "tools": [{"functionDeclarations": functions}],
        "toolConfig": {"functionCallingConfig": calling},
    }
    return [(p["functionCall"]["name"], p["functionCall"].get("args")) for p in calls.choose(request, model)]


TWO = 'Do it.\ncall run {"cmd": "a \\"b\\" {c}"}\nand then\ncall ns__look\nThanks.'

NESTED = 'call run {"cmd": "call run {\\"cmd\\": \\"for somebody else\\"}"} and then call ns__look {}'


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ([user(TWO)], [("run", {"cmd": 'a "b" {c}'})]),
        ([user(TWO), *step()], [("ns__look", {})]),
        ([user(TWO), *step(), *step("ns__look")], []),
        ([user(TWO), model("Hm"), step()[0], step("x")[0], model(""), step()[1]], [("ns__look", {})]),
        ([user(TWO), *step(), *step("ns__look"), user("call run")], [("run", {"cmd": "echo hello"})]),
        ([user('call gone {"x": 1}\ncall run {"cmd": "b"}')], [("run", {"cmd": "b"})]),
        ([user('call run {"cmd": no JSON}')], [("run", {"cmd": "echo hello"})]),
        ([user('Please call run {"cmd": "in a sentence"}, then stop.')], [("run", {"cmd": "in a sentence"})]),
        ([user('"call run {\\"cmd\\": \\"a b\\"}"')], [("run", {"cmd": "a b"})]),
        ([user('The task is \'call run {"cmd": "it"}\'.')], [("run", {"cmd": "it"})]),
        ([user("`call ns__look`")], [("ns__look", {})]),
        ([user("- call ns__look")], [("ns__look", {})]),
        ([user(NESTED), *step()], [("ns__look", {})]),
        ([user(json.dumps(NESTED)), *step()], [("ns__look", {})]),
        ([user("You may call ns__looks and call me.")], [("run", {"cmd": "echo hello"})]),
        ([user("Use ns__look.")], [("ns__look", {})]),
        ([user("Hello")], [("run", {"cmd": "echo hello"})]),
        ([user("Hello"), *step()], []),
        ([user("Hello"), *step(), user("<reminder>Be brief.</reminder>")], []),
        ([user("Hello"), *step(), model("Done, at length."), user("<task-notification>Over.</task-notification>")], []),
        ([user("<system-reminder>ns__look</system-reminder>"), *step()], []),
        ([user("<system-reminder>ns__look</system-reminder>")], [("run", {"cmd": "echo hello"})]),
        ([user("Hello"), *step(), model("OK."), user("Attached: call me.")], []),
        ([user("Hello"), *step(), model("The answer, at length."), user("Hello")], [("run", {"cmd": "echo hello"})]),
        ([user("Hello"), *step(), model("OK."), user("call ns__look")], [("ns__look", {})]),
        ([user("ns__look and run in parallel")], [("run", {"cmd": "echo hello"}), ("ns__look", {})]),
    ],
    ids=[
        "the first line",
        "the second after a result",
        "none is left",
        "a step that comes back in pieces",
        "a new turn has lines of its own",
        "not offered",
        "not JSON",
        "in a sentence",
        "in quotes, as in JSON",
        "in quotes",
        "alone in quotes",
        "in a list",
        "after what is told to somebody else",
        "the same as in JSON",
        "neither alone nor offered",
        "named",
        "no line",
        "no line and a result",
        "a reminder after a result",
        "a notice after an answer",
        "a notice alone and a result",
        "a notice alone",
        "what is shown after a result and a filler",
        "a new turn",
        "a new turn with a line after a filler",
        "parallel",
    ],
)
def test_calls(contents: list[Any], expected: list[Any]) -> None:
    assert chosen(*contents) == expected


@pytest.mark.parametrize(
    ("contents", "at"),
    [
        ([user("Hello"), *step(), model("OK."), user("<system>More agents.</system>")], 2),
        ([user("Hello"), model("OK."), user("<system>More agents.</system>"), user("And?")], 3),
        ([user("<system>More agents.</system>")], 0),
    ],
    ids=["a notice after a result", "a question after a notice", "nothing but a notice"],
)
def test_what_is_answered(contents: list[Any], at: int) -> None:
    assert calls.answered(contents) is contents[at]


def test_a_choice_binds_lines_too() -> None:
    assert chosen(user(TWO), mode="NONE") == []
    assert chosen(user(TWO), mode="ANY", allowedFunctionNames=["ns__look"]) == [("ns__look", {})]


def test_only_declared_functions_are_called() -> None:
    system = 'Tools: ns__look, write_file.\ncall ns__look {"a": 1}\ncall write_file {"path": "x"}'
    assert chosen(user("call write_file {}"), system=system) == [("run", {"cmd": "echo hello"})]


def declared(*names: str) -> list[Any]:
    schema = {"properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a"], "type": "object"}
    return [{"name": name, "parametersJsonSchema": schema} for name in names]


@pytest.mark.parametrize(
    ("mode", "names", "expected"),
    [
        ("ANY", ["f"], ["f a", "f a b"]),
        ("ANY", ["f", "g"], ["f a", "g a", "f a b"]),
        ("ANY", ["f", "g", "h", "i"], ["f a", "g a", "h a"]),
        ("ANY", ["final_result", "f", "g"], ["f a", "final_result a", "final_result a b"]),
        ("ANY", ["final_result"], ["final_result a", "final_result a b"]),
        ("AUTO", ["f", "g"], ["f a"]),
        ("AUTO", ["attemptCompletion", "f"], ["f a", "attemptCompletion a"]),
        ("AUTO", ["recipe__final_output", "f"], ["f a", "recipe__final_output a"]),
        ("AUTO", ["delete_file", "write", "look"], ["look a"]),
        ("AUTO", ["delete_file"], ["delete_file a"]),
    ],
)
def test_loops_end(mode: str, names: list[str], expected: list[str]) -> None:
    """An agent asks as long as something is called; the same call is never made twice."""
    contents, made = [user("Go.")], []
    while called := chosen(*contents, functions=declared(*names), mode=mode):
        ((name, args),) = called
        made.append(" ".join((name, *args)))
        contents += step(name)
        assert len(made) < 10
    assert made == expected


@pytest.mark.parametrize(
    ("function", "properties", "expected"),
    [
        ("sum", {"x": {"type": "number"}}, {"x": 1}),
        (
            "bash",
            {"command": {"type": "string"}, "timeout": {"type": "number"}},
            {"command": "echo hello", "timeout": 10000},
        ),
        ("shell", {"command": {"type": "array", "items": {"type": "string"}}}, {"command": ["echo", "hello"]}),
        ("read", {"filePath": {"type": "string"}}, {"filePath": "README.md"}),
        ("read_many", {"paths": {"type": "array", "items": {"type": "string"}}}, {"paths": ["README.md"]}),
        ("list_files", {"path": {"type": "string"}}, {"path": "."}),
        ("grep", {"pattern": {"type": "string"}, "path": {"type": "string"}}, {"pattern": "README", "path": "."}),
        ("look", {"path": {"type": "string", "description": "A directory."}}, {"path": "."}),
        (
            "run",
            {"workdir": {"type": "string"}, "in_background": {"type": "boolean"}},
            {"workdir": ".", "in_background": False},
        ),
        (
            "write",
            {"file_path": {"type": "string"}, "content": {"type": "string"}},
            {"file_path": "demo.txt", "content": "demo content"},
        ),
        ("fetch", {"url": {"type": "string"}}, {"url": "https://example.com/"}),
        ("weather", {"city": {"type": "string"}}, {"city": "demo city"}),
    ],
)
def test_arguments_are_harmless_and_whole(function: str, properties: Any, expected: Any) -> None:
    schema = {
        "type": "object",
        "properties": {**properties, "more": {"type": "string"}},
        "required": list(properties),
    }
    assert chosen(user("Go."), functions=[{"name": function, "parametersJsonSchema": schema}]) == [(function, expected)]


def test_a_function_with_arguments_that_agents_know_comes_first() -> None:
    image = {"name": "see", "parametersJsonSchema": {"type": "object", "required": ["source"]}}
    assert chosen(user("Go."), functions=[image, *FUNCTIONS]) == [("run", {"cmd": "echo hello"})]


def test_gemini_2_5_leaves_empty_arguments_away() -> None:
    assert chosen(user("call ns__look {}"), model=OLD) == [("ns__look", None)]
