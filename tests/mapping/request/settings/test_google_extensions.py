"""extra_body.google and google -> members of the Gemini request."""

from __future__ import annotations

import pytest

from mapping.faults import Fault
from mapping.notes import Notes
from mapping.request.settings.google_extensions import GoogleExtensions, read_google
from mapping.values import JSON, Options

SAFETY = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]


@pytest.mark.parametrize(
    ("google", "expected"),
    [
        pytest.param({}, GoogleExtensions(), id="empty"),
        pytest.param({"cached_content": None, "tools": None}, GoogleExtensions(), id="nulls"),
        pytest.param(
            {"cached_content": "cachedContents/1"},
            GoogleExtensions(request={"cachedContent": "cachedContents/1"}),
            id="cached_content",
        ),
        pytest.param(
            {"safetySettings": SAFETY}, GoogleExtensions(request={"safetySettings": SAFETY}), id="safety-camel"
        ),
        pytest.param({"safety_settings": []}, GoogleExtensions(), id="no-safety"),
        pytest.param(
            {"thinking_config": {"thinking_budget": 5}},
            GoogleExtensions(thinking={"thinking_budget": 5}, thinking_path="google.thinking_config"),
            id="thinking",
        ),
        pytest.param(
            {"media_resolution": "low"},
            GoogleExtensions(config={"mediaResolution": "MEDIA_RESOLUTION_LOW"}),
            id="resolution",
        ),
        pytest.param(
            {"mediaResolution": "MEDIA_RESOLUTION_HIGH"},
            GoogleExtensions(config={"mediaResolution": "MEDIA_RESOLUTION_HIGH"}),
            id="full-resolution",
        ),
        pytest.param(
            {"image_config": {"aspect_ratio": "16:9"}},
            GoogleExtensions(config={"imageConfig": {"aspect_ratio": "16:9"}}),
            id="image_config",
        ),
        pytest.param({"thought_tag_marker": "think"}, GoogleExtensions(thought_tag="think"), id="tag"),
        pytest.param({"stream_function_call_arguments": True}, GoogleExtensions(), id="hint"),
        pytest.param(
            {"tools": [{"google_search": {}}]},
            GoogleExtensions(tools=[{"google_search": {}}], tools_path="google.tools"),
            id="tools",
        ),
    ],
)
def test_members(google: JSON, expected: GoogleExtensions) -> None:
    notes = Notes()
    assert read_google({"google": google}, notes, Options()) == expected
    assert not list(notes)
    nested = read_google({"extra_body": {"google": google}}, notes, Options())
    assert (nested.request, nested.config, nested.thinking) == (expected.request, expected.config, expected.thinking)


def test_both_places() -> None:
    body = {
        "extra_body": {"google": {"cached_content": "a"}},
        "google": {"cachedContent": "b", "thinking_config": {"thinking_level": "LOW"}},
    }
    found = read_google(body, Notes(), Options())
    assert found.request == {"cachedContent": "a"}
    assert found.thinking_path == "google.thinking_config"


def test_top_level_members() -> None:
    body = {"safety_settings": SAFETY, "cached_content": "a", "google": {"cached_content": "b"}}
    assert read_google(body, Notes(), Options()).request == {"safetySettings": SAFETY, "cachedContent": "b"}
    with pytest.raises(Fault) as caught:
        read_google({"cached_content": 1}, Notes(), Options())
    assert caught.value.param == "cached_content"


def test_unknown_members_are_noted() -> None:
    notes = Notes()
    body = {"extra_body": {"other": 1, "google": {"magic": 1, "nothing": None}}}
    assert read_google(body, notes, Options()) == GoogleExtensions()
    assert list(notes) == [("ignored", "extra_body.other"), ("ignored", "extra_body.google.magic")]
    with pytest.raises(Fault) as caught:
        read_google(body, Notes(), Options(strict=True))
    assert (caught.value.param, caught.value.code) == ("extra_body.other", "unsupported_parameter")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"extra_body": 1}, "extra_body"),
        ({"google": []}, "google"),
        ({"extra_body": {"google": "x"}}, "extra_body.google"),
        ({"google": {"thinkingConfig": 1}}, "google.thinkingConfig"),
        ({"google": {"tools": {}}}, "google.tools"),
        ({"google": {"safety_settings": [1]}}, "google.safety_settings[0]"),
        ({"google": {"cached_content": 1}}, "google.cached_content"),
        ({"google": {"media_resolution": "tiny"}}, "google.media_resolution"),
        ({"google": {"thought_tag_marker": "a b"}}, "google.thought_tag_marker"),
    ],
    ids=str,
)
def test_errors(body: JSON, param: str) -> None:
    with pytest.raises(Fault) as caught:
        read_google(body, Notes(), Options())
    assert (caught.value.status, caught.value.param) == (400, param)
