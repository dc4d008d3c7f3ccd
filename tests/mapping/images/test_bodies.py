"""How bodies of the Images API are shown, whatever is in them."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.images.bodies import BODIES
from mapping.inspect.transcript import Transcript
from tests.mapping.images.samples import picture

SHOWN = BODIES["images"]
PNG = picture()
FILE = {"filename": "a.png", "content_type": "image/png", "data": PNG}


def lines(value: dict[str, Any]) -> list[str]:
    out = Transcript()
    SHOWN.show(out, value)
    return out.render().split("\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"prompt": "A tree", "n": 2}, ["n: 2", "── prompt ──", "A tree"]),
        ({"prompt": "x", "image": FILE}, [f"[image a.png image/png, {len(PNG) * 3 // 4 - PNG.count('=')} B]"]),
        ({"prompt": "x", "image": [FILE, FILE], "mask": FILE}, ["[mask a.png image/png, "]),
        ({"prompt": "x", "images": [{"image_url": "https://example.com/a"}]}, ["[images https://example.com/a]"]),
        ({"data": [{"b64_json": PNG}]}, ["── image ──", "[image png, "]),
        ({"data": [{"url": f"data:image/png;base64,{PNG}"}]}, ["[image image/png, "]),
        ({"error": {"message": "No.", "code": "moderation_blocked"}}, ["── error · moderation_blocked ──", "No."]),
    ],
)
def test_shown(value: dict[str, Any], expected: list[str]) -> None:
    found = lines(value)
    assert all(any(line.startswith(wanted) for line in found) for wanted in expected), found


ODD: list[Any] = [None, 0, "", "é", [], [None], [[]], {}, {"": {}}, {"data": 5}, {"b64_json": "é"}, {"url": []}]


@pytest.mark.parametrize("name", ["prompt", "image", "images", "data", "type", "error", "usage", "b64_json"])
@pytest.mark.parametrize("value", ODD)
def test_odd_values_are_shown(name: str, value: Any) -> None:
    for body in ({name: value}, {"prompt": "x", name: value}, {"data": [{name: value}]}):
        lines(body)
        out = Transcript()
        SHOWN.show_stream(out, [body, {**body, "type": "image_edit.completed"}])
        assert SHOWN.described(body) is not None
        assert SHOWN.is_last(body) in (True, False)


def test_a_stream_is_shown_as_the_images() -> None:
    events = [
        {"type": "image_generation.partial_image", "b64_json": PNG, "partial_image_index": 0},
        {"type": "image_generation.completed", "b64_json": PNG, "usage": {"total_tokens": 3}},
        {"type": "error", "error": {"message": "No more."}},
    ]
    out = Transcript()
    SHOWN.show_stream(out, events)
    shown = out.render()
    assert shown.count("[image png") == 1
    assert "4 x 3 pixels" in shown
    assert "total_tokens 3" in shown
    assert "No more." in shown
    assert [SHOWN.described(event) for event in events] == [
        ("partial image", 0),
        ("completed + usage", 0),
        ("error", 0),
    ]
    assert [SHOWN.is_last(event) for event in events] == [False, True, True]
