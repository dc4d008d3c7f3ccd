"""Whole answers: images, usage, and what there is where Gemini made none."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from openai.types import ImagesResponse
from PIL import Image

from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError
from mapping.images import convert
from mapping.images.dialect import ImagesAnswering
from mapping.notes import Notes
from tests.mapping.images.samples import CREATED, GENERATE, answer, blob, opened, picture, understood

WIRE = Path(__file__).parents[2] / "data" / "wire"
PNG, BLUE = picture(), picture(colour="blue")


def whole(*answers: Any, notes: Notes | None = None, **members: Any) -> Any:
    """The client's answer, whose members are as OpenAI's types have them."""
    notes = Notes() if notes is None else notes
    translator = understood(members, notes=notes).whole(notes)
    for one in answers:
        translator.add(one)
        translator.close()
    body = translator.finish()
    ImagesResponse.model_validate_json(body, strict=True)
    return json.loads(body)


def test_an_image() -> None:
    notes = Notes()
    assert whole(answer(blob(PNG)), notes=notes) == {
        "created": CREATED,
        "data": [{"b64_json": PNG}],
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
    assert not list(notes)


def test_a_url_holds_the_data() -> None:
    jpeg = picture("JPEG")
    found = whole(answer(blob(jpeg, "image/png")), response_format="url")
    assert found["data"] == [{"url": f"data:image/jpeg;base64,{jpeg}"}]
    assert found["output_format"] == "jpeg"


def test_several_calls_make_one_answer() -> None:
    found = whole(answer(blob(PNG)), answer(blob(BLUE)), n=2)
    assert [one["b64_json"] for one in found["data"]] == [PNG, BLUE]
    usage = found["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (5, 14, 19)


def test_one_call_of_several_made_none() -> None:
    notes = Notes()
    found = whole(answer(finish="IMAGE_SAFETY"), answer(blob(BLUE)), answer({"text": "No."}), n=3, notes=notes)
    assert [one["b64_json"] for one in found["data"]] == [BLUE]
    assert ("choice-missing", "2 of 3 images") in list(notes)


def test_the_wire_sample() -> None:
    """Thoughts and interim images are none of the answer; their tokens are."""
    notes = Notes()
    sample = json.loads((WIRE / "image_inline_text_and_image.json").read_bytes())
    found = whole(sample, notes=notes)
    assert len(found["data"]) == 1
    assert found["usage"]["output_tokens_details"] == {"image_tokens": 1290, "text_tokens": 220}
    assert {("image-thought", ""), ("part-unknown", "text")} <= set(notes)


def test_image_tokens_of_the_prompt() -> None:
    details = [{"modality": "IMAGE", "tokenCount": 3}, {"modality": "TEXT", "tokenCount": 2}]
    sample = answer(blob(PNG))
    sample["usageMetadata"] |= {"promptTokensDetails": details, "thoughtsTokenCount": 4, "totalTokenCount": 16}
    usage = whole(sample)["usage"]
    assert usage["input_tokens_details"] == {"image_tokens": 3, "text_tokens": 2}
    assert (usage["output_tokens"], usage["output_tokens_details"]) == (11, {"image_tokens": 7, "text_tokens": 4})


# formats


@pytest.mark.parametrize(
    ("given", "members", "told"),
    [
        ("PNG", {"output_format": "jpeg"}, "jpeg"),
        ("PNG", {"output_format": "webp", "output_compression": 20}, "webp"),
        ("JPEG", {"output_format": "png"}, "png"),
        ("JPEG", {}, "jpeg"),
        ("WEBP", {"output_format": "webp"}, "webp"),
    ],
)
def test_formats(given: str, members: dict[str, Any], told: str) -> None:
    notes = Notes()
    data = picture(given, 40, 30)
    found = whole(answer(blob(data, f"image/{given.lower()}")), notes=notes, **members)
    assert opened(found["data"][0]["b64_json"]) == (told.upper(), (40, 30))
    assert (found["output_format"], found["size"]) == (told, "40x30")
    assert (found["data"][0]["b64_json"] == data) == (given.lower() == told)
    assert not list(notes)


def test_compression_makes_it_smaller() -> None:
    sizes = [
        len(
            whole(answer(blob(picture("JPEG", 300, 300))), output_format="jpeg", output_compression=quality)["data"][0][
                "b64_json"
            ]
        )
        for quality in (1, 90)
    ]
    assert sizes[0] < sizes[1]


def test_transparency_is_lost_in_a_jpeg() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(out, "PNG")
    found = whole(answer(blob(base64.b64encode(out.getvalue()).decode())), output_format="jpeg")
    assert opened(found["data"][0]["b64_json"]) == ("JPEG", (4, 4))


@pytest.mark.parametrize("broken", [PNG[:60], "AAAA", "AAAAA", "?"])
def test_what_can_not_be_read_stays(broken: str) -> None:
    notes = Notes()
    found = whole(answer(blob(broken)), output_format="webp", notes=notes)
    assert (found["data"], found["output_format"]) == ([{"b64_json": broken}], "png")
    assert list(notes) == [("ignored", "output_format")]


def test_without_pillow_the_format_is_the_true_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "possible", lambda: False)
    notes = Notes()
    found = whole(answer(blob(PNG)), output_format="webp", notes=notes)
    assert (found["data"], found["output_format"]) == ([{"b64_json": PNG}], "png")
    assert list(notes) == [("ignored", "output_format")]
    assert whole(answer(blob(PNG)), output_format="png", notes=(calm := Notes()))["output_format"] == "png"
    assert not list(calm)


def test_images_are_converted_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done in a thread is not done again."""
    answering = understood({"output_format": "webp", "n": 3})
    whole, others = answering.whole(Notes()), [json.dumps(answer(blob(BLUE))).encode(), b"{}"]
    whole.add(answer(blob(PNG)))
    assert isinstance(answering, ImagesAnswering)
    work = answering.ahead(whole, others)
    assert work is not None
    work()
    monkeypatch.setattr(convert, "converted", lambda *args: pytest.fail("converted once more"))
    whole.close()
    whole.add(others[0])
    images = json.loads(whole.finish())["data"]
    assert [opened(one["b64_json"])[0] for one in images] == ["WEBP", "WEBP"]


@pytest.mark.parametrize(("members", "possible"), [({}, True), ({"output_format": "webp"}, False)])
def test_nothing_is_to_be_done_ahead(monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], possible: bool) -> None:
    monkeypatch.setattr(convert, "possible", lambda: possible)
    answering = understood(members)
    assert isinstance(answering, ImagesAnswering)
    assert answering.ahead(answering.whole(Notes()), []) is None


# no image

BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 5}}
NO_IMAGE = json.loads((WIRE / "image_no_image.json").read_bytes())
SAFETY = json.loads((WIRE / "image_safety.json").read_bytes())


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (SAFETY, "finishReason IMAGE_SAFETY. Unable to show the generated image."),
        (BLOCKED, "blocked by Gemini (blockReason=PROHIBITED_CONTENT)"),
        (answer(finish="PROHIBITED_CONTENT"), "finishReason PROHIBITED_CONTENT."),
        (answer({"text": "I must not."}, finish="SAFETY"), 'It said: "I must not."'),
    ],
)
@pytest.mark.parametrize("needs_content", [False, True])
@pytest.mark.parametrize("blocked_prompt", ["answer", "error"])
def test_what_the_filter_holds_back(sample: Any, said: str, needs_content: bool, blocked_prompt: str) -> None:
    """It is told at once: asking again would not help."""
    translator = understood({}, blocked_prompt=blocked_prompt).whole(Notes())
    translator.add(sample, needs_content=needs_content)
    with pytest.raises(UpstreamError) as e:
        translator.finish()
    fault = e.value.error
    assert (fault.status, fault.code, fault.should_retry, e.value.kind) == (
        400,
        "moderation_blocked",
        False,
        Kind.REQUEST,
    )
    assert fault.message.startswith("Your request was rejected as a result of our safety system.")
    assert said in fault.message
    body = json.loads(GENERATE.error(fault).body)["error"]
    assert (body["type"], body["param"]) == ("image_generation_user_error", None)
    read = GENERATE.read_error(400, GENERATE.error(fault).body)
    assert read is not None
    assert (read.code, read.message) == (fault.code, fault.message)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (NO_IMAGE, 'finishReason NO_IMAGE. It said: "I can describe the scene instead."'),
        (answer({"text": "A tree."}), 'It said: "A tree."'),
        (answer(blob("AAAA", "image/png", thought=True)), "finishReason STOP."),
        (answer({"functionCall": {"name": "f"}}), "Gemini made no image"),
    ],
)
def test_a_model_that_only_talks_is_asked_once_more(sample: Any, said: str) -> None:
    translator = understood({}).whole(Notes())
    with pytest.raises(UpstreamError) as e:
        translator.add(sample, needs_content=True)
    assert e.value.kind is Kind.EMPTY
    translator.add(sample)
    with pytest.raises(UpstreamError) as e:
        translator.finish()
    fault = e.value.error
    assert (fault.status, fault.code, fault.should_retry, e.value.kind) == (500, "no_image", False, Kind.REQUEST)
    assert said in fault.message
    assert json.loads(GENERATE.error(fault).body)["error"]["type"] == "server_error"
    translator.add(answer(blob(PNG)))
    assert len(json.loads(translator.finish())["data"]) == 1


@pytest.mark.parametrize("broken", [b"{", {}, {"candidates": []}, answer(finish=None), answer(finish="IMAGE_OTHER")])
def test_no_answer(broken: Any) -> None:
    with pytest.raises(UpstreamError) as e:
        understood({}).whole(Notes()).add(broken)
    assert e.value.kind is Kind.ANSWER


def test_nothing_was_added() -> None:
    with pytest.raises(UpstreamError, match="no answer"):
        understood({}).whole(Notes()).finish()


def test_other_parts_are_noted() -> None:
    notes = Notes()
    parts = [
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
        {"fileData": {"fileUri": "https://example.com/x"}},
        blob("AAAA", "audio/wav"),
        {"functionCall": {"name": "f", "args": {}}},
    ]
    whole(answer(*parts, blob(PNG)), notes=notes)
    kinds = ["executableCode", "codeExecutionResult", "fileData", "inlineData audio", "functionCall"]
    assert {detail for code, detail in notes if code == "part-unknown"} == set(kinds)
