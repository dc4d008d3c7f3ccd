"""OpenAI's Python SDK: images, files and sound in both directions, web search, log probabilities."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI

from tests.e2e.checked_sdk import BOTH_WAYS, checked_client, complete, config, sent, user

if TYPE_CHECKING:
    from tests.e2e.conftest import Gateway, Upstream

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
SOUND = base64.b64encode(b"RIFF....WAVEfmt ").decode()


@pytest.fixture
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with checked_client(gateway) as client:
        yield client


def user_with(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}]


PARTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "image data URL",
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
    ),
    (
        "image with detail",
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
        {
            "inlineData": {"mimeType": "image/png", "data": PIXEL},
            "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
        },
    ),
    (
        "image address",
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "auto"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/cat.png"}},
    ),
    (
        "PDF",
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    ),
    (
        "PDF without a data URL",
        {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
        {"inlineData": {"mimeType": "application/pdf", "data": PDF}},
    ),
    (
        "sound",
        {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
        {"inlineData": {"mimeType": "audio/wav", "data": SOUND}},
    ),
]


@pytest.mark.parametrize(("part", "expected"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_what_the_user_shows(
    client: OpenAI, upstream: Upstream, part: dict[str, Any], expected: dict[str, Any]
) -> None:
    completion = client.chat.completions.create(model="gemini-3-flash", messages=user_with(part))
    assert " I see 1 " in (completion.choices[0].message.content or "")
    assert sent(upstream)["contents"] == [{"role": "user", "parts": [{"text": "What is this?"}, expected]}]


def test_detail_of_images_for_an_older_model(client: OpenAI, upstream: Upstream) -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "high"}}
    client.chat.completions.create(model="gemini-2.5-flash", messages=user_with(part))
    assert config(upstream) == {"mediaResolution": "MEDIA_RESOLUTION_HIGH"}


@BOTH_WAYS
def test_an_image_as_answer_and_its_way_back(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    modalities: Any = ["text", "image"]
    messages = user("Draw a cat.")
    body: Any = {"model": "gemini-3.1-flash-image", "modalities": modalities}
    message: Any = complete(client, stream, **body, messages=messages).choices[0].message
    assert config(upstream) == {"responseModalities": ["TEXT", "IMAGE"]}
    assert message.content == "Here is a picture from the demo upstream."
    (image,) = message.images
    assert image["type"] == "image_url"
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(b"\x89PNG")
    messages = [*messages, message.to_dict(), *user("Now a dog.")]
    complete(client, stream, **body, messages=messages)
    shown = [part for part in sent(upstream)["contents"][1]["parts"] if "inlineData" in part]
    assert [part["inlineData"] for part in shown] == [{"mimeType": "image/png", "data": data}]
    assert all("thoughtSignature" in part for part in shown)


@BOTH_WAYS
def test_speech(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    completion: Any = complete(
        client,
        stream,
        model="gemini-3.8-flash-tts",
        messages=user("Say hello."),
        modalities=["text", "audio"],
        audio={"voice": "Kore", "format": "wav"},
    )
    audio = completion.choices[0].message.audio
    assert base64.b64decode(audio.data).startswith(b"RIFF")
    assert audio.transcript == ""
    assert audio.expires_at > completion.created
    voice = config(upstream)["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"]
    assert voice == "Kore"


@BOTH_WAYS
def test_web_search(client: OpenAI, upstream: Upstream, stream: bool) -> None:
    completion = complete(
        client, stream, model="gemini-3-flash", messages=user("Where is Zürich?"), web_search_options={}
    )
    assert sent(upstream)["tools"] == [{"googleSearch": {}}]
    message: Any = completion.choices[0].message
    annotations = [a if isinstance(a, dict) else a.to_dict() for a in message.annotations]
    assert {a["type"] for a in annotations} == {"url_citation"}
    cited = [a["url_citation"] for a in annotations]
    assert [(c["url"], message.content[c["start_index"] : c["end_index"]]) for c in cited] == [
        ("https://example.com/zurich", "Zürich lies in Switzerland 🇨🇭."),
        ("https://example.org/lake", "Zürich lies in Switzerland 🇨🇭."),
        ("https://example.org/lake", "It has a lake."),
    ]


def test_logprobs_are_asked_for(client: OpenAI, upstream: Upstream) -> None:
    """The demo refuses them, as most models of Gemini do; the answer comes without them then, and a note says so."""
    asked = {"model": "gemini-2.5-flash", "messages": user(), "logprobs": True, "top_logprobs": 2}
    raw = client.chat.completions.with_raw_response.create(**asked)  # type: ignore[call-overload]
    assert upstream.requests[0].body["generationConfig"] == {"responseLogprobs": True, "logprobs": 2}
    assert raw.parse().choices[0].logprobs is None
    assert "upstream-refuses=generationConfig.responseLogprobs" in raw.headers["x-antigravity-notes"]


def test_logprobs_that_are_not_wanted(client: OpenAI, upstream: Upstream) -> None:
    completion = client.chat.completions.create(model="gemini-2.5-flash", messages=user(), logprobs=False)
    assert completion.choices[0].logprobs is None
    assert "generationConfig" not in sent(upstream)
