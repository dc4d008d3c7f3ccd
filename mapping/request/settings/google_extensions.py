"""Google's extensions inside OpenAI requests: `extra_body.google`, or `google` at the top level.

Google documents the first as it stands in the JSON (the OpenAI SDKs merge their own `extra_body` into the top level, so
people nest it twice); clients of Vertex AI send the second. Both are taken, `extra_body.google` wins, and every
member may be in snake_case or camelCase. A member that is none of Google's is noted. `safety_settings` and
`cached_content` are also taken from the top level itself, where some routers put them.

Source: the pages on OpenAI compatibility of the Gemini API and of Vertex AI.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.request.settings import parameters
from mapping.values import JSON, Options


@dataclass(slots=True)
class GoogleExtensions:
    """What the extensions of one request say."""

    request: JSON = field(default_factory=dict)
    """Members of the Gemini request: `safetySettings`, `cachedContent`."""
    config: JSON = field(default_factory=dict)
    """Members of its `generationConfig`: `mediaResolution`, `imageConfig`, `speechConfig`."""
    thinking: JSON | None = None
    """`thinking_config` as it came, for `mapping.request.settings.thinking`."""
    thinking_path: str = "extra_body.google.thinking_config"
    tools: list[Any] | None = None
    """Tools in Gemini's own shape, for `mapping.request.tools.tools.ToolSet.add_google_tools`."""
    tools_path: str = "extra_body.google.tools"
    thought_tag: str | None = None
    """`thought_tag_marker`: the name of the tag to put thoughts in."""


_TOP_LEVEL = ("safety_settings", "cached_content")
_PLACES = frozenset({"extra_body", "google", *_TOP_LEVEL})
_RESOLUTIONS = ("LOW", "MEDIUM", "HIGH", "ULTRA_HIGH", "UNSPECIFIED")
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_UPPER = re.compile(r"(?<!^)([A-Z])")

# Vertex AI streams the arguments of calls with this; the gateway hands out whole calls either way.
_HINTS = frozenset({"stream_function_call_arguments"})


def read_google(body: JSON, notes: Notes, options: Options) -> GoogleExtensions:
    """Read the extensions of a request. Raises 400 for wrong types and values."""
    found = GoogleExtensions()
    if _PLACES.isdisjoint(body):
        return found
    for name, (value, path) in _members(body, notes, options).items():
        if name in _HINTS:
            continue
        match name:
            case "thinking_config":
                found.thinking, found.thinking_path = parameters.json_object(value, path), path
            case "tools":
                found.tools, found.tools_path = parameters.array(value, path), path
            case "thought_tag_marker":
                found.thought_tag = _tag(value, path)
            case "safety_settings":
                _put(found.request, "safetySettings", _safety_settings(value, path))
            case "cached_content":
                _put(found.request, "cachedContent", parameters.string(value, path))
            case "media_resolution":
                found.config["mediaResolution"] = _resolution(value, path)
            case "image_config":
                _put(found.config, "imageConfig", parameters.json_object(value, path))
            case "speech_config":
                _put(found.config, "speechConfig", parameters.json_object(value, path))
            case _:
                parameters.leave_out(path, notes, options)
    return found


def _put(target: JSON, name: str, value: Any) -> None:
    """Empty values say nothing."""
    if value:
        target[name] = value


def _members(body: JSON, notes: Notes, options: Options) -> dict[str, tuple[Any, str]]:
    """The members of all places by their name in snake_case, with their paths; the first place wins."""
    extra = parameters.json_object(body.get("extra_body"), "extra_body") or {}
    for name, value in extra.items():
        if name != "google" and value is not None:
            parameters.leave_out(f"extra_body.{name}", notes, options)
    members: dict[str, tuple[Any, str]] = {}
    for place, value in (("extra_body.google", extra.get("google")), ("google", body.get("google"))):
        for name, member in (parameters.json_object(value, place) or {}).items():
            snake = _UPPER.sub(r"_\1", name).lower()
            if member is not None:
                members.setdefault(snake, (member, f"{place}.{name}"))
    for name in _TOP_LEVEL:
        if body.get(name) is not None:
            members.setdefault(name, (body[name], name))
    return members


def _safety_settings(value: Any, path: str) -> list[JSON]:
    settings = parameters.array(value, path) or []
    for i, setting in enumerate(settings):
        if not isinstance(setting, dict):
            raise faults.wrong_type(f"{path}[{i}]", "an object", setting)
    return settings


def _resolution(value: Any, path: str) -> str:
    """`low`, `LOW` or `MEDIA_RESOLUTION_LOW`."""
    text = parameters.string(value, path) or ""
    level = text.upper().removeprefix("MEDIA_RESOLUTION_")
    if level not in _RESOLUTIONS:
        raise faults.bad_value(
            path, f"Invalid value: '{text}'. Supported values are: {parameters.quoted(_RESOLUTIONS)}."
        )
    return f"MEDIA_RESOLUTION_{level}"


def _tag(value: Any, path: str) -> str | None:
    text = parameters.string(value, path)
    if text and not _TAG.fullmatch(text):
        raise faults.bad_value(path, f"Invalid '{path}': a tag is a letter and up to 31 letters, digits, '_' or '-'.")
    return text or None
