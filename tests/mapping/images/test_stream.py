"""Streams of images, as OpenAI's types have their events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openai.types import (
    ImageEditCompletedEvent,
    ImageEditPartialImageEvent,
    ImageGenCompletedEvent,
    ImageGenPartialImageEvent,
)

from mapping.faults import Fault
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.notes import Notes
from mapping.translators import StreamTranslator
from tests.mapping.images.samples import CREATED, EDIT, GENERATE, answer, blob, events, picture, sse, understood

WIRE = Path(__file__).parents[2] / "data" / "wire"
PNG, BLUE, GREEN = picture(), picture(colour="blue"), picture(colour="green")
TYPES: dict[str, Any] = {
    "image_generation.completed": ImageGenCompletedEvent,
    "image_generation.partial_image": ImageGenPartialImageEvent,
    "image_edit.completed": ImageEditCompletedEvent,
    "image_edit.partial_image": ImageEditPartialImageEvent,
}


def streaming(notes: Notes | None = None, *, edit: bool = False, **members: Any) -> StreamTranslator:
    more = {"image": f"data:image/png;base64,{PNG}"} if edit else {}
    return understood({"stream": True, **members, **more}, edit=edit, notes=notes).stream()


def checked(stream: bytes) -> list[Any]:
    found = events(stream)
    for event in found:
        if event["type"] != "error":
            TYPES[event["type"]].model_validate_json(json.dumps(event), strict=True)
    return found


def sketch(data: str) -> dict[str, Any]:
    return blob(data, thought=True)


@pytest.mark.parametrize(("edit", "family"), [(False, "image_generation"), (True, "image_edit")])
def test_an_image(edit: bool, family: str) -> None:
    stream = streaming(edit=edit)
    assert stream.feed(sse(answer(blob(PNG), finish=None), answer())) == b""
    (completed,) = checked(stream.end())
    assert completed == {
        "type": f"{family}.completed",
        "b64_json": PNG,
        "created_at": CREATED,
        "background": "opaque",
        "output_format": "png",
        "quality": "medium",
        "size": "4x3",
        "usage": {
            "input_tokens": 5,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 5},
            "output_tokens": 7,
            "output_tokens_details": {"image_tokens": 7, "text_tokens": 0},
            "total_tokens": 12,
        },
    }
    assert (stream.started, stream.fault, stream.finish_reasons()) == (True, None, ["stop"])
    assert (stream.end(), stream.feed(sse(answer(blob(PNG))))) == (b"", b"")


@pytest.mark.parametrize(("wanted", "shown"), [(0, []), (1, [BLUE]), (3, [BLUE, GREEN])])
def test_sketches_are_partial_images(wanted: int, shown: list[str]) -> None:
    notes = Notes()
    stream = streaming(notes, partial_images=wanted)
    begun = stream.feed(sse(answer(sketch(BLUE), finish=None)))
    out = begun + stream.feed(sse(answer(sketch(GREEN), blob(PNG))))
    assert bool(begun) == stream.started == bool(shown)
    *partial, completed = checked(out + stream.end())
    assert [(event["b64_json"], event["partial_image_index"]) for event in partial] == [
        (data, i) for i, data in enumerate(shown)
    ]
    assert completed["b64_json"] == PNG
    assert (("image-thought", "") in list(notes)) == (len(shown) < 2)


def test_the_wire_sample() -> None:
    stream = streaming()
    out = stream.feed((WIRE / "stream_image_inline.sse").read_bytes()) + stream.end()
    (completed,) = checked(out)
    assert completed["usage"]["total_tokens"] == 1305


def test_several_images() -> None:
    stream = streaming(n=3)
    stream.feed(sse(answer(blob(PNG))))
    for data in (BLUE, GREEN):
        stream.add_answer(json.dumps(answer(blob(data))).encode())
    completed = checked(stream.end())
    assert [event["b64_json"] for event in completed] == [PNG, BLUE, GREEN]
    assert [event["usage"]["total_tokens"] for event in completed] == [12, 12, 12]
    assert (stream.totals().prompt, stream.totals().completion) == (5, 21)


def test_one_of_several_was_held_back() -> None:
    notes = Notes()
    stream = streaming(notes, n=2)
    stream.feed(sse(answer(finish="IMAGE_SAFETY")))
    stream.add_answer(json.dumps(answer(blob(BLUE))).encode())
    assert [event["b64_json"] for event in checked(stream.end())] == [BLUE]
    assert ("choice-missing", "1 of 2 images") in list(notes)


def test_held_back_before_anything_was_sent() -> None:
    stream = streaming()
    stream.feed(sse(answer(finish="IMAGE_SAFETY")))
    with pytest.raises(UpstreamError) as e:
        stream.end(needs_content=True)
    assert (e.value.error.code, e.value.kind) == ("moderation_blocked", Kind.REQUEST)


def test_only_talk_is_asked_for_once_more() -> None:
    stream = streaming()
    stream.feed(sse(answer({"text": "No."})))
    with pytest.raises(UpstreamError) as e:
        stream.end(needs_content=True)
    assert e.value.kind is Kind.EMPTY
    again = stream.again()
    assert again.feed(sse(answer(blob(PNG)))) == b""
    assert len(checked(again.end())) == 1


def test_held_back_after_a_sketch() -> None:
    """An HTTP status is no more to be had: the error is the last event."""
    stream = streaming(partial_images=1)
    out = stream.feed(sse(answer(sketch(BLUE), finish=None), answer(finish="IMAGE_SAFETY"))) + stream.end()
    partial, error = checked(out)
    assert partial["type"] == "image_generation.partial_image"
    assert error["type"] == "error"
    assert (error["error"]["code"], error["error"]["type"]) == ("moderation_blocked", "image_generation_user_error")
    assert stream.fault is not None
    read = GENERATE.read_error(200, out)
    assert read is not None
    assert read.code == "moderation_blocked"


def test_broken_off() -> None:
    first = streaming(partial_images=1)
    first.feed(sse(answer(sketch(BLUE), finish=None)))
    *_, error = checked(first.end())
    assert error["error"]["code"] == "upstream_incomplete"
    with pytest.raises(UpstreamError):
        streaming().feed(b"data: {]\r\n\r\n")
    stream = streaming(partial_images=1)
    out = stream.feed(sse(answer(sketch(BLUE), finish=None)) + b"data: {]\r\n\r\n")
    assert [event["type"] for event in checked(out)] == ["image_generation.partial_image", "error"]
    assert stream.feed(b"x") == stream.end() == b""


def test_silence_and_the_end_by_the_gateway() -> None:
    stream = streaming(edit=True)
    assert stream.open() == b""
    kept = stream.keep_alive()
    cut = stream.cut(Fault(504, "Too late.", code="upstream_timeout"))
    assert EDIT.without_keep_alives(kept + cut) == cut
    (error,) = checked(cut)
    assert error["error"] == {
        "message": "Too late.",
        "type": "invalid_request_error",
        "param": None,
        "code": "upstream_timeout",
    }
