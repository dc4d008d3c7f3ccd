"""addons.gateway.pages.trees: any JSON as HTML, foreign texts as texts, not more than a browser bears."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.pages.trees import Mark, Room, tree
from tests.gateway.status.test_page import HOSTILE, Page

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
    max_leaves=20,
)


def shown(value: Any, marks: dict[Any, Mark] | None = None, room: Room | None = None) -> Page:
    return Page(str(tree(value, marks or {}, room or Room())))


@given(JSON)
def test_any_value_can_be_shown(value: Any) -> None:
    page = shown(value)
    assert {tag for tag, _ in page.tags} <= {"ul", "li", "span", "details", "summary", "pre", "p"}


@pytest.mark.parametrize(
    "value",
    [
        HOSTILE,
        HOSTILE * 20,
        HOSTILE + "\n" * 20,
        {HOSTILE: HOSTILE},
        [{HOSTILE: [HOSTILE]}],
        {"data": HOSTILE, "mimeType": "image/png"},
        {"data": "aGk=", "mimeType": HOSTILE},
        {"url": f"data:image/png{HOSTILE};base64,aGk="},
        {"url": f"data:image/png;base64,{HOSTILE}"},
    ],
    ids=str,
)
def test_a_foreign_text_is_a_text(value: Any) -> None:
    page = shown(value, {(): Mark("moved", [HOSTILE], [HOSTILE], HOSTILE)}, Room(everything=HOSTILE))
    assert not page.all("script")
    assert not page.all("img")
    assert not any(name.startswith("on") or name == "style" for _, found in page.tags for name in found)


@pytest.mark.parametrize(
    ("value", "tag", "begins"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": PNG}}, "img", f"data:image/png;base64,{PNG}"),
        ({"image_url": {"url": f"data:image/png;base64,{PNG}"}}, "img", f"data:image/png;base64,{PNG}"),
        ({"type": "base64", "media_type": "image/webp", "data": "aGk="}, "img", "data:image/webp;base64,aGk="),
        ({"b64_json": PNG}, "img", "data:image/png;base64,"),
        ({"type": "image_generation_call", "result": PNG, "output_format": "jpeg"}, "img", "data:image/jpeg;base64,"),
        ({"input_audio": {"data": "aGk=", "format": "mp3"}}, "audio", "data:audio/mp3;base64,aGk="),
        ({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "AAAA"}}, "audio", "data:audio/wav;base64,UklGR"),
        ({"result": PNG}, "", ""),
        ({"data": "aGk=", "mimeType": "text/html"}, "", ""),
        ({"data": "no base64!", "mimeType": "image/png"}, "", ""),
        ({"url": "https://example.com/x.png"}, "", ""),
    ],
)  # fmt: skip
def test_pictures_and_sounds(value: Any, tag: str, begins: str) -> None:
    page = shown(value)
    found = [(name, attributes["src"]) for name, attributes in page.tags if "src" in attributes]
    assert [name for name, _ in found] == ([tag] if tag else [])
    assert all(source.startswith(begins) for _, source in found)


def test_ways() -> None:
    marks = {
        ("a",): Mark("moved", ["→ b.c", "! note"], ["x1", "x2"], "y1"),
        ("l",): Mark("lost", ["✗ left out"]),
    }
    page = shown({"a": {"in": 1}, "l": 2}, marks)
    assert [one["href"] for one in page.all("a")] == ["#x1"]
    assert page.having("data-to") == [{"id": "y1", "class": "moved", "data-to": "x1 x2"}]
    for said in ("→ b.c; ! note", "✗ left out"):
        assert said in page.text


def test_what_is_long_is_folded() -> None:
    page = shown({"short": "hi", "middle": "two\nlines", "long": "word " * 1000})
    assert len(page.all("details")) == 2  # the whole, and the long text
    assert [("open" in one) for one in page.all("details")] == [True, False]
    assert "5,000 characters" in page.text
    assert "".join(page.words).count("word ") >= 1000


def test_of_a_long_list_the_last_are_open_and_the_others_say_what_they_are() -> None:
    turns = [{"role": "user", "content": [{"type": "text", "text": f"turn {number}"}]} for number in range(20)]
    page = shown({"messages": turns})
    assert 'user "turn 3" · 2 members' in page.text
    assert 'user "turn 18" · 2 members' not in page.text


def test_what_is_too_much_is_cut_and_all_of_it_can_be_had() -> None:
    value = {
        "messages": [{"role": "user", "content": f"turn {number} " + "x" * 3000} for number in range(400)],
        "text": "y" * 1_000_000,
    }
    page = shown(value, room=Room("/exchanges/req_1?all=1"))
    assert len(page.text) < 400_000, "of 2.2 MB"
    assert "340 more are not shown here." in page.text
    assert "turn 0 " in page.text
    assert "turn 399 " in page.text
    assert "turn 200 " not in page.text
    assert {one["href"] for one in page.all("a")} == {"/exchanges/req_1?all=1"}
    assert len(page.text) < 600_000
    everything = shown(value, room=Room.for_all())
    assert "".join(everything.words).count("y") >= 1_000_000
    assert "turn 200 " in everything.text


def test_a_request_of_many_values_is_cut_too() -> None:
    value = [[{"k": list(range(20))} for _ in range(40)] for _ in range(40)]
    page = shown(value, room=Room("/all"))
    assert len(page.tags) < 40_000
    assert "not shown here." in page.text


def test_what_is_nested_too_deeply_is_text() -> None:
    value: Any = "the end"
    for _ in range(200):
        value = {"in": value}
    assert "the end" in shown(value).text
    assert json.dumps(value)
