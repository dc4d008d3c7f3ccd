"""mapping.inspect.compare: values by structure, schemas by meaning, texts by words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapping.inspect.compare import words
from mapping.inspect.compare.report import ComparedSection, Comparison, FactRow
from mapping.inspect.compare.values import ABSENT, changes
from mapping.inspect.explain_diff import dotted

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
LONG = "".join(f"word{number} " for number in range(5000))


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def found(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    return [(dotted(one.path), one.before, one.after) for one in changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": 1}, {"a": 1.0}, [("a", 1, 1.0)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ([1, 2, 3], [1, 3], [("[1]", 2, ABSENT)]),
        ([1, 3], [1, 2, 3], [("[1]", ABSENT, 2)]),
        ([1, {"role": "user"}], [{"role": "user"}], [("[0]", 1, ABSENT)]),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, [("a.b[0].c", 1, 2)]),
        ("x", "x", []),
        ("x", "y", [("", "x", "y")]),
        # a turn more, before others
        (
            [{"role": "user", "content": "b"}],
            [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}],
            [("[0]", ABSENT, {"role": "system", "content": "a"})],
        ),
        # a turn changed, and one more behind it
        (
            [{"role": "user", "content": "a"}],
            [{"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}],
            [("[0].content", "a", "b"), ("[1]", ABSENT, {"role": "assistant", "content": "c"})],
        ),
        # tools go by name
        (
            [tool("a"), tool("b", x=1)],
            [tool("b", x=2), tool("a")],
            [("b.function.x", 1, 2), ("order", ["a", "b"], ["b", "a"])],
        ),
        ([tool("a")], [tool("a"), tool("b")], [("b", ABSENT, tool("b"))]),
        # two of one name do not
        ([tool("a"), tool("a", x=1)], [tool("a"), tool("a", x=2)], [("[1].function.x", 1, 2)]),
        # messages have names, too, and are no tools
        (
            [{"role": "user", "name": "eve", "content": "x"}],
            [{"role": "user", "name": "eve", "content": "y"}],
            [("[0].content", "x", "y")],
        ),
    ],
)
def test_values(before: Any, after: Any, differs: list[tuple[str, Any, Any]]) -> None:
    assert found(before, after) == differs


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ({**CITY, "required": ["city", "days"]}, {"required": ["days", "city"], **CITY}, []),
        (CITY, {**CITY, "required": [], "additionalProperties": True}, []),
        ({"type": "STRING", "enum": ["a", "b"]}, {"enum": ["b", "a"], "type": "string"}, []),
        ({"type": ["string", "null"]}, {"type": ["NULL", "STRING"]}, []),
        ({"type": ["string"]}, {"type": "string"}, []),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "null"}, {"type": "string"}]}, []),
        ({"required": ["city"]}, {"required": ["city", "days"]}, [("parameters.required", ABSENT, ["days"])]),
        ({"type": "string", "enum": ["A"]}, {"type": "string", "enum": ["a"]}, [("parameters.enum", ["A"], ["a"])]),
        ({"properties": {"required": {}}}, {"properties": {}}, [("parameters.properties.required", {}, ABSENT)]),
        ({"default": {"required": []}}, {"default": {}}, [("parameters.default.required", [], ABSENT)]),
        ({"additionalProperties": False}, {}, [("parameters.additionalProperties", False, ABSENT)]),
    ],
)  # fmt: skip
def test_schemas(before: Any, after: Any, differs: list[tuple[str, Any, Any]]) -> None:
    assert found({"parameters": before}, {"parameters": after}) == differs


def test_passing_members_are_told_apart() -> None:
    [one, other] = changes({"id": "a", "text": "x"}, {"id": "b", "text": "y"}, frozenset({"id"}))
    assert (one.passing, other.passing) == (True, False)


def test_no_value_is_too_deep() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    [one] = changes(deep, [1])
    assert one.path == ()


# --- texts


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("the red car", "the blue car", "the [-red-]{+blue+} car"),
        ("a b c", "a c", "a [-b -]c"),
        ("a c", "a b c", "a {+b +}c"),
        ("one two", "three four", "[-one two-]{+three four+}"),
        ("first\nsecond\n", "first\n2nd\n", "first\n[-second-]{+2nd+}\n"),
        ("你好 🇨🇭", "你好 🇩🇪", "你好 [-🇨🇭-]{+🇩🇪+}"),
        ("", "x", "{+x+}"),
    ],
)
def test_words(before: str, after: str, told: str) -> None:
    marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    shown = "".join(marks[op].format(text) for op, text in words.pieces(before, after))
    assert shown == told


@given(st.text("ab \n.", max_size=40), st.text("ab \n.", max_size=40))
def test_pieces_are_the_two_texts(before: str, after: str) -> None:
    found = words.pieces(before, after)
    assert "".join(text for op, text in found if op in "=-") == before
    assert "".join(text for op, text in found if op in "=+") == after
    assert all(text for _, text in found)


def test_long_texts_are_told_too() -> None:
    found = words.pieces(LONG, LONG.replace("word2500 ", "other "))
    assert [piece for piece in found if piece[0] != "="] == [("-", "word2500"), ("+", "other")]
    backwards = " ".join(reversed(LONG.split()))
    assert {op for op, _ in words.pieces(LONG, backwards)} >= {"-", "+"}


# --- what is told


def test_lines_and_json_say_the_same() -> None:
    before = {"content": "Be brief, please. " + "x " * 200, "seed": 1, "data": "QUJD" * 40, "gone": "", "id": "1"}
    after = {"content": "Be long, please. " + "x " * 200, "seed": 2, "data": "QUJE" * 40, "id": "2"}
    made = Comparison(
        "one",
        "two",
        [
            ComparedSection("times", rows=[FactRow("total", "1.00 s", "", "differs")]),
            ComparedSection("request", changes=changes(before, after, frozenset({"id"}))),
            ComparedSection("same"),
        ],
    )
    lines = made.lines()
    assert lines[:2] == ["- one", "+ two"]
    text = "\n".join(lines)
    assert "total  1.00 s  -  differs" in text
    assert "Be [-brief-]{+long+}, please. x x" in text
    assert "…\n" in text
    assert "seed\n- 1\n+ 2\n" in text
    assert f"- {'QUJD' * 5}… (160 characters, sha256 " in text
    assert 'gone\n- ""\n' in text
    assert "(1 ids, times or signatures" in text
    assert text.endswith("── same ──\nthe same")
    plain = made.plain()
    assert plain["differs"] is True
    [times, request, same] = plain["sections"]
    assert times["facts"] == [{"name": "total", "before": "1.00 s", "after": None, "about": "differs"}]
    assert {change["path"] for change in request["changes"]} == {"content", "seed", "data", "gone", "id"}
    assert request["changes"][0]["words"][:3] == [["=", "Be "], ["-", "brief"], ["+", "long"]]
    assert (same["differs"], same["changes"]) == (False, [])


def test_nothing_steers_a_terminal() -> None:
    made = Comparison("one\x1b[31m", "two", [ComparedSection("x", changes=changes({"a": "\x1b[2J"}, {"a": "b\x07"}))])
    assert not [line for line in made.lines() if not line.isprintable()]


def test_only_so_many_places_are_told_to_a_person() -> None:
    found = changes(list(range(1000)), [0.5] * 1000)
    made = Comparison("one", "two", [ComparedSection("x", changes=found)])
    assert len(found) >= 1000
    assert len(made.lines()) < 700
    assert made.lines()[-1] == f"({len(found) - 200} more places differ; as JSON all are told)"
    assert len(made.plain()["sections"][0]["changes"]) == len(found)


def test_long_conversations_are_compared_by_words_at_once() -> None:
    """Spaces, of which there are as many as words, are not set against each other; this would take minutes."""
    before = [{"role": "user", "content": " ".join(f"w{(7 * i + n) % 997}" for i in range(400))} for n in range(300)]
    after = [{"role": "user", "content": " ".join(f"w{(11 * i + n) % 997}" for i in range(400))} for n in range(300)]
    made = Comparison("one", "two", [ComparedSection("x", changes=changes(before, after))])
    assert made.differs
    assert "[-" in "\n".join(made.lines())
