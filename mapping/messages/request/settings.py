"""The members of a Messages request that are neither tools, thinking nor conversation.

Rules that this module keeps:

* What would give a wrong answer if it were ignored is a 400 that names the member: MCP servers, a thread kept by the
  server.
* Gemini does not tell which stop sequence ended an answer. So it is not told of them: the gateway looks for them.
* What only says where, for whom and how fast the request runs is dropped without a word.

Source: Anthropic's API reference (`MessageCreateParams`, and the beta one), and what Claude Code sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mapping import faults
from mapping.faults import Fault
from mapping.gemini.models import Model
from mapping.notes import Notes
from mapping.request import members
from mapping.request.settings import parameters
from mapping.request.settings.generation import (
    INT32_MAX,
    TEMPERATURE,
    TOP_P,
    Generation,
    Number,
    Shared,
    read_generation,
)
from mapping.request.settings.parameters import Unused
from mapping.request.settings.response_format import ResponseFormat, read_text_format
from mapping.values import JSON, Options

_TOP_K = Number("top_k", "topK", 0, INT32_MAX, whole=True, sampling=True, neutral=(0,))
_SHARED = Shared((TEMPERATURE, TOP_P, _TOP_K), ("max_tokens",))
_MAX_STOPS, _LONGEST_STOP = 100, 1000
"""So many, of so many characters, are looked for in every piece of the answer: it takes the time of both."""
_USUAL_LIMIT = 65_536
"""Tokens. The longest answer of most models; for those of which nothing is known."""

_TRANSLATED = """
    cached_content compaction context_management extra_body google max_tokens messages metadata model output_config
    output_format safety_settings service_tier speed stop_sequences stream system temperature thinking tool_choice tools
    top_k top_p
"""
_REFUSED: Mapping[str, str] = {
    "mcp_servers": "MCP servers are not asked from here. Run them in the client, and declare their tools.",
}
"""Members that can't be ignored -> what to do instead."""
_HINTS = """
    betas billing_policy cache_control diagnostics fallback_credit_token fallbacks inference_geo user_profile_id
    workspace_id
"""
"""Where and for whom the request runs, what is cached, who else may answer: the answer is the same without them."""

_PARAMETERS: Mapping[str, Unused | None] = {
    **dict.fromkeys((_TRANSLATED + _HINTS).split()),
    **dict.fromkeys(_REFUSED),
    "thread": None,
    "container": None,
}
"""The members of `POST /v1/messages`, for `mapping.request.settings.parameters.check_unused`."""

_SERVICE_TIERS = ("auto", "standard_only")
_SPEEDS = {"standard": None, "fast": "priority"}


def check_members(body: JSON, notes: Notes, options: Options) -> None:
    """Refuse what can't be had, and note what is left out. Raises Fault (400)."""
    if body.get("thread") is not None:
        raise Fault(
            400,
            "thread: conversations are not kept here. Send the whole history in 'messages'.",
            code="thread_unsupported_request",
            param="thread",
        )
    for name, instead in _REFUSED.items():
        if body.get(name):
            raise faults.unsupported_parameter(name, f"{name}: {instead}")
    parameters.check_unused(body, _PARAMETERS, notes, options)
    if body.get("container"):  # an id, or an object with skills
        parameters.leave_out("container", notes, options)
    metadata = parameters.json_object(body.get("metadata"), "metadata") or {}
    parameters.string(metadata.get("user_id"), "metadata.user_id")


def read_length_and_sampling(body: JSON, model: Model, notes: Notes, options: Options) -> Generation:
    """`max_tokens`, `temperature`, `top_p` and `top_k`. Raises Fault (400)."""
    if not model.output_limit:
        model = replace(model, output_limit=_USUAL_LIMIT)
    body = {**body, "max_tokens": None} if is_prewarm(body) else body
    return read_generation(body, model, notes, options, _SHARED)


def read_stops(body: JSON, notes: Notes) -> list[str]:
    """`stop_sequences`, without the empty ones, and those that are too many or too long. Raises Fault (400)."""
    path = "stop_sequences"
    stops = parameters.array(body.get(path), path) or []
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise faults.wrong_type(f"{path}[{index}]", "a string", stop)
    asked = [stop for stop in stops if stop]
    found = [stop for stop in asked if len(stop) <= _LONGEST_STOP][:_MAX_STOPS]
    if asked:
        notes.add("emulated", path)
    if len(found) < len(asked):
        notes.add("clamped", path)
    return found


def is_prewarm(body: JSON) -> bool:
    """Whether a request wants nothing but a warm cache: an answer of no tokens."""
    return body.get("max_tokens") == 0 and body["max_tokens"] is not False


def read_tier(body: JSON) -> str | None:
    """`service_tier` and `speed` as Gemini's `serviceTier`; None: not sent. Raises Fault (400)."""
    parameters.one_of(body.get("service_tier"), "service_tier", _SERVICE_TIERS)
    speed = parameters.one_of(body.get("speed"), "speed", _SPEEDS)
    return None if speed is None else _SPEEDS[speed]


def read_format(body: JSON, notes: Notes) -> ResponseFormat | None:
    """`output_config.format`, or `output_format` as it was called before. Raises Fault (400)."""
    config = parameters.json_object(body.get("output_config"), "output_config") or {}
    parameters.note_unknown(config, "output_config", ("effort", "format"), notes)
    older = body.get("output_format")
    given: Any = config.get("format")
    path = "output_config.format"
    if given is None:
        given, path = older, "output_format"
    elif older is not None:
        notes.add("ignored", "output_format")
    form = parameters.json_object(given, path)
    if form is None:
        return None
    if form.get("type") == "json_schema":
        members.json_object(form, "schema", path)
    return read_text_format({"name": "answer", **form}, notes, path)
