"""Requests for images: what Gemini is asked, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mapping.dialect import Received
from mapping.faults import Fault
from mapping.images import convert
from mapping.notes import Notes
from tests.mapping.images.samples import EDIT, GENERATE, IMAGE, picture, understood

PRO, OLD, LITE, CHAT = "gemini-3-pro-image", "gemini-2.5-flash-image", "gemini-3.1-flash-lite-image", "gemini-3.8-flash"
PNG = picture()
FILE = {"filename": "upload", "content_type": "application/octet-stream", "data": PNG}


def body_of(members: dict[str, Any], **more: Any) -> Any:
    return understood(members, **more).calls[0].body


def test_a_prompt_is_one_call_for_an_image() -> None:
    notes = Notes()
    (call,) = understood({}, notes=notes).calls
    assert (call.model, call.method, call.query) == (IMAGE, "generateContent", "")
    assert call.body == {
        "contents": [{"role": "user", "parts": [{"text": "A tree"}]}],
        "generationConfig": {"responseModalities": ["IMAGE"]},
    }
    assert not list(notes)


def test_several_images_are_several_calls() -> None:
    notes = Notes()
    first, *others = understood({"n": 3, "stream": True}, notes=notes).calls
    assert (first.method, first.query) == ("streamGenerateContent", "?alt=sse")
    assert [(call.method, call.body == first.body) for call in others] == [("generateContent", True)] * 2
    assert list(notes) == [("emulated", "n")]


@pytest.mark.parametrize(
    ("model", "members", "config", "quality", "noted"),
    [
        (IMAGE, {"size": "auto", "quality": "auto"}, {}, "medium", []),
        (IMAGE, {"size": None, "quality": "standard"}, {}, "medium", []),
        (IMAGE, {"size": "1024x1024"}, {"aspectRatio": "1:1", "imageSize": "1K"}, "medium", []),
        (IMAGE, {"size": "512x512"}, {"aspectRatio": "1:1", "imageSize": "512"}, "low", []),
        (IMAGE, {"size": "256x256"}, {"aspectRatio": "1:1", "imageSize": "512"}, "low", ["clamped=size"]),
        (IMAGE, {"size": "1536x1024"}, {"aspectRatio": "3:2", "imageSize": "2K"}, "high", ["clamped=size"]),
        (IMAGE, {"size": "1024x1536"}, {"aspectRatio": "2:3", "imageSize": "2K"}, "high", ["clamped=size"]),
        (IMAGE, {"size": "1792x1024"}, {"aspectRatio": "16:9", "imageSize": "2K"}, "high", ["clamped=size"]),
        (IMAGE, {"size": "3840x2160"}, {"aspectRatio": "16:9", "imageSize": "4K"}, "xhigh", ["clamped=size"]),
        (IMAGE, {"size": "99999x1"}, {"aspectRatio": "8:1", "imageSize": "4K"}, "xhigh", ["clamped=size"]),
        (PRO, {"size": "99999x1"}, {"aspectRatio": "21:9", "imageSize": "4K"}, "xhigh", ["clamped=size"]),
        (PRO, {"size": "512x512"}, {"aspectRatio": "1:1", "imageSize": "1K"}, "medium", ["clamped=size"]),
        (OLD, {"size": "1024x1024"}, {"aspectRatio": "1:1"}, "medium", []),
        (OLD, {"size": "2048x2048"}, {"aspectRatio": "1:1"}, "medium", ["clamped=size"]),
        (LITE, {"size": "100x400"}, {"aspectRatio": "1:4"}, "medium", ["clamped=size"]),
        (IMAGE, {"quality": "low"}, {"imageSize": "512"}, "low", []),
        (IMAGE, {"quality": "medium"}, {"imageSize": "1K"}, "medium", []),
        (IMAGE, {"quality": "hd"}, {"imageSize": "2K"}, "high", []),
        (IMAGE, {"quality": "max"}, {"imageSize": "4K"}, "xhigh", []),
        (PRO, {"quality": "low"}, {"imageSize": "1K"}, "medium", ["ignored=quality"]),
        (OLD, {"quality": "high"}, {}, "medium", ["ignored=quality"]),
        (OLD, {"quality": "medium"}, {}, "medium", []),
        (
            IMAGE,
            {"size": "1024x1024", "quality": "high"},
            {"aspectRatio": "1:1", "imageSize": "1K"},
            "medium",
            ["ignored=quality"],
        ),
        (IMAGE, {"size": "2048x2048", "quality": "high"}, {"aspectRatio": "1:1", "imageSize": "2K"}, "high", []),
        (
            IMAGE,
            {"size": "1024x1024", "google": {"image_config": {"aspectRatio": "21:9"}}},
            {"aspectRatio": "21:9", "imageSize": "1K"},
            "medium",
            [],
        ),
    ],
)
def test_size_and_quality(
    model: str, members: dict[str, Any], config: dict[str, str], quality: str, noted: list[str]
) -> None:
    notes = Notes()
    answering = understood(members, model=model, notes=notes)
    assert answering.calls[0].body is not None
    assert answering.calls[0].body["generationConfig"].get("imageConfig", {}) == config
    assert answering.facts()["quality"] == quality
    assert [f"{code}={detail}" for code, detail in notes] == noted


def test_googles_own_members() -> None:
    setting = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}
    assert body_of({"safety_settings": [setting]})["safetySettings"] == [setting]


@pytest.mark.parametrize(
    ("members", "note"),
    [
        ({"style": "vivid"}, "ignored=style"),
        ({"moderation": "low"}, "ignored=moderation"),
        ({"moderation": "auto"}, None),
        ({"user": "u"}, "ignored=user"),
        ({"safety_identifier": "u"}, None),
        ({"frame_count": 3}, "ignored=frame_count"),
        ({"nonsense": 1}, "ignored=nonsense"),
        ({"partial_images": 2}, "ignored=partial_images"),
        ({"partial_images": 2, "stream": True}, None),
        ({"output_compression": 100}, None),
        ({"output_compression": 50}, "ignored=output_compression"),
        ({"output_compression": 50, "output_format": "png"}, "ignored=output_compression"),
        ({"output_compression": 50, "output_format": "webp"}, None),
        ({"background": "opaque"}, None),
        ({"google": {"thinking_config": {"thinkingLevel": "HIGH"}}}, "ignored=google.thinking_config"),
        ({"google": {"tools": [{"googleSearch": {}}]}}, "ignored=google.tools"),
        ({"google": {"thought_tag_marker": "t"}}, "ignored=thought_tag_marker"),
    ],
)
def test_what_has_no_equivalent_is_noted(members: dict[str, Any], note: str | None) -> None:
    notes = Notes()
    understood(members, notes=notes)
    assert [f"{code}={detail}" for code, detail in notes] == ([note] if note else [])


BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"prompt": None}, "prompt", "missing_required_parameter", ""),
    ({"prompt": " "}, "prompt", "invalid_value", "empty"),
    ({"prompt": ["x"]}, "prompt", "invalid_type", ""),
    ({"n": 0}, "n", "invalid_value", ""),
    ({"n": 11}, "n", "invalid_value", "<= 10"),
    ({"n": "two"}, "n", "invalid_type", ""),
    ({"size": "large"}, "size", "invalid_value", "1024x1024"),
    ({"size": "0x10"}, "size", "invalid_value", ""),
    ({"size": 1024}, "size", "invalid_type", ""),
    ({"quality": "best"}, "quality", "invalid_value", "'low'"),
    ({"background": "transparent"}, "background", "unsupported_value", "no transparency"),
    ({"background": "blue"}, "background", "invalid_value", ""),
    ({"output_format": "gif"}, "output_format", "unsupported_value", "'png', 'jpeg' and 'webp'"),
    ({"output_format": "bmp"}, "output_format", "invalid_value", ""),
    ({"output_compression": 101}, "output_compression", "invalid_value", ""),
    ({"response_format": "json"}, "response_format", "invalid_value", ""),
    ({"stream": "true"}, "stream", "invalid_type", ""),
    ({"partial_images": 4}, "partial_images", "invalid_value", ""),
    ({"moderation": "none"}, "moderation", "invalid_value", ""),
]


@pytest.mark.parametrize("edit", [False, True], ids=["generations", "edits"])
@pytest.mark.parametrize(("members", "param", "code", "said"), BAD)
def test_refused(members: dict[str, Any], param: str, code: str, said: str, edit: bool) -> None:
    with pytest.raises(Fault) as e:
        understood({"image": FILE, **members} if edit else members, edit=edit)
    assert (e.value.status, e.value.param, e.value.code) == (400, param, code)
    assert said in e.value.message


@pytest.mark.parametrize("model", [CHAT, "imagen-4.0-generate-001", "gemini-embedding-001", "gemini-3.8-flash-tts"])
def test_other_models_make_no_images(model: str) -> None:
    with pytest.raises(Fault) as e:
        understood({}, model=model)
    assert (e.value.status, e.value.param, e.value.code) == (400, "model", "unsupported_value")
    assert f"'gpt-image-1' ({model}) makes no images" in e.value.message
    assert "Use one that does, such as 'gemini-3.1-flash-image'" in e.value.message


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"style": "vivid"}, "style"),
        ({"size": "1024x1024", "quality": "low"}, "quality"),
        ({"nonsense": 1}, "nonsense"),
        ({"output_compression": 50}, "output_compression"),
    ],
)
def test_strict(members: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault) as e:
        understood(members, strict=True)
    assert (e.value.status, e.value.param, e.value.code) == (400, param, "unsupported_parameter")


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "possible", lambda: False)
    notes = Notes()
    understood({"output_format": "webp", "output_compression": 10}, notes=notes)
    assert list(notes) == [("ignored", "output_compression")]
    with pytest.raises(Fault, match="pip install pillow"):
        understood({"output_format": "webp"}, strict=True)


# edits


def inline(data: str, mime: str = "image/png") -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime, "data": data}}


JPEG = picture("JPEG")
HEIC = base64.b64encode(b"\0\0\0\x18ftypheic" + bytes(8)).decode()


@pytest.mark.parametrize(
    ("members", "parts", "noted"),
    [
        ({"image": FILE}, [inline(PNG)], []),
        ({"image": [FILE, {**FILE, "data": JPEG}]}, [inline(PNG), inline(JPEG, "image/jpeg")], []),
        ({"image": {**FILE, "content_type": "image/jpeg"}}, [inline(PNG)], []),
        ({"image": {**FILE, "data": HEIC}}, [inline(HEIC, "image/heic")], []),
        ({"image": {"data": "AAAA", "content_type": "image/webp"}}, [inline("AAAA", "image/webp")], []),
        ({"image": f"data:image/png;base64,{PNG}"}, [inline(PNG)], []),
        ({"images": [{"image_url": f"data:image/jpeg;base64,{PNG}"}]}, [inline(PNG)], ["media-type"]),
        (
            {"images": [{"image_url": "https://example.com/a.png"}, {"image_url": f"data:;base64,{JPEG}"}]},
            [
                {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}},
                inline(JPEG, "image/jpeg"),
            ],
            [],
        ),
        ({"image": FILE, "input_fidelity": "high"}, [inline(PNG)], ["ignored"]),
    ],
)
def test_images_of_an_edit(members: dict[str, Any], parts: list[Any], noted: list[str]) -> None:
    notes = Notes()
    body = body_of(members, edit=True, notes=notes)
    assert body["contents"] == [{"role": "user", "parts": [{"text": "A tree"}, *parts]}]
    assert [code for code, _ in notes] == noted


PDF = base64.b64encode(b"%PDF-1.7 and more of it").decode()


@pytest.mark.parametrize(
    ("members", "param", "code", "said"),
    [
        ({}, "image", "missing_required_parameter", ""),
        ({"image": []}, "image", "missing_required_parameter", ""),
        ({"image": [FILE, 7]}, "image[1]", "invalid_type", "a file"),
        ({"image": {**FILE, "data": PDF}}, "image", "invalid_value", "application/pdf"),
        ({"image": {**FILE, "data": "AAAA"}}, "image", "invalid_value", "of no known type"),
        ({"image": {**FILE, "data": ""}}, "image", "invalid_value", "empty"),
        ({"image": {**FILE, "data": "?!"}}, "image", "invalid_value", "base64"),
        ({"image": {**FILE, "data": 5}}, "image", "invalid_type", ""),
        ({"image": "a tree"}, "image", "invalid_value", "data URL"),
        ({"images": [{}]}, "images[0].image_url", "missing_required_parameter", ""),
        ({"images": [{"file_id": "file-1"}]}, "images[0].file_id", "unsupported_value", "data URL"),
        ({"images": {"image_url": 3}}, "images.image_url", "invalid_type", ""),
        ({"image": [FILE] * 17}, "image", "invalid_value", "at most 16"),
        ({"image": FILE, "mask": FILE}, "mask", "unsupported_parameter", "say in the prompt what is to change"),
        ({"image": FILE, "markup": FILE}, "markup", "unsupported_parameter", "draw it into the image"),
        ({"image": FILE, "input_fidelity": "max"}, "input_fidelity", "invalid_value", ""),
    ],
)
def test_refused_edits(members: dict[str, Any], param: str, code: str, said: str) -> None:
    with pytest.raises(Fault) as e:
        understood(members, edit=True)
    assert (e.value.status, e.value.param, e.value.code) == (400, param, code)
    assert said in e.value.message


def test_a_generation_is_made_of_no_image() -> None:
    notes = Notes()
    assert len(body_of({"image": FILE}, notes=notes)["contents"][0]["parts"]) == 1
    assert list(notes) == [("ignored", "image")]


# reading


def test_the_model_may_be_missing() -> None:
    assert GENERATE.read(Received(b'{"prompt": "x"}')) == {"prompt": "x", "model": "gpt-image-1"}
    assert GENERATE.read(Received(b'{"prompt": "x", "model": "m"}'))["model"] == "m"


def test_a_form() -> None:
    form = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % part
        for part in ((b"prompt", b"a\r\nb"), (b"n", b"2"), (b"stream", b"true"))
    )
    form += b"".join(
        b'--x\r\nContent-Disposition: form-data; name="image[]"; filename="a"\r\n\r\n\r\n%d\n\r\n' % i for i in range(2)
    )
    read = EDIT.read(Received(form + b"--x--\r\n", "multipart/form-data; boundary=x"))
    assert (read["prompt"], read["n"], read["stream"], read["model"]) == ("a\r\nb", 2, True, "gpt-image-1")
    assert [base64.b64decode(file["data"]) for file in read["image"]] == [b"\r\n0\n", b"\r\n1\n"]


def test_files_say_what_they_are() -> None:
    """So that one whose bytes are masked is still an image."""
    files = [FILE, {"data": "?"}, {"data": 5}, {"data": "AAAA", "content_type": "x"}, 7]
    read = EDIT.read(Received(json.dumps({"image": files, "images": FILE}).encode()))
    assert read["image"] == [{**FILE, "content_type": "image/png"}, *files[1:]]
    assert read["images"]["content_type"] == "image/png"


@pytest.mark.parametrize(
    ("body", "generate", "edit"),
    [
        ({"prompt": "x", "size": "auto"}, True, False),
        ({"prompt": "x", "model": "openai/gpt-image-1"}, True, False),
        ({"prompt": "x", "model": "dall-e-3"}, True, False),
        ({"prompt": "x", "model": "gpt-3.5-turbo-instruct"}, False, False),
        ({"prompt": "x", "image": FILE}, False, True),
        ({"messages": [], "size": "x"}, False, False),
        ({}, False, False),
    ],
)
def test_likeness(body: dict[str, Any], generate: bool, edit: bool) -> None:
    assert (GENERATE.likeness(body) > 0, EDIT.likeness(body) > 0) == (generate, edit)
