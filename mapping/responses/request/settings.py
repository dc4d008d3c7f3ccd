"""The parameters of a Responses request that are neither input nor tools nor sampling.

Rules that this module keeps:

* What OpenAI keeps for the client and Gemini cannot have (`prompt`, `conversation`) is refused. What only makes an
  answer quicker, cheaper or easier to find is taken without a word.
* Whatever the Response object repeats has the type it has at OpenAI.

Source: the OpenAI API reference (`CreateResponse`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mapping import faults
from mapping.notes import Notes
from mapping.openai.chat_shape import settings as chat
from mapping.openai.settings import include_usage
from mapping.request.settings import parameters
from mapping.request.settings.generation import TEMPERATURE, TOP_K, TOP_P, Shared
from mapping.request.settings.parameters import Unused
from mapping.values import JSON, Options

ENCRYPTED_CONTENT = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"

_INCLUDABLE = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    LOGPROBS,
    "message.input_image.image_url",
    ENCRYPTED_CONTENT,
    "web_search_call.action.sources",
    "web_search_call.results",
)
_SUMMARIES = ("auto", "concise", "detailed")
_REPEATED_TEXTS = (
    *("instructions", "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
    "user",
)

_TRANSLATED = """
    audio background cached_content conversation extra_body generate google include input instructions
    max_completion_tokens max_output_tokens max_tokens modalities model previous_response_id prompt reasoning
    reasoning_effort response_format safety_settings service_tier store stream stream_options temperature text
    thinking thinking_budget tool_choice tools top_k top_logprobs top_p
"""

# Hints about speed, cost and abuse: the answer is the same without them. `client_metadata` is Codex's.
_HINTS = """
    access_programs background_options client_metadata image metadata prompt_cache_key prompt_cache_options
    prompt_cache_retention safety_identifier truncation
"""

RESPONSES: Mapping[str, Unused | None] = {
    **dict.fromkeys((_TRANSLATED + _HINTS).split()),
    "context_management": Unused(list, harmless=([],)),
    "max_tool_calls": Unused(int),
    "moderation": Unused(dict, harmless=({},)),
    "parallel_tool_calls": Unused(bool, harmless=(True,)),
    "user": Unused(str),
}
"""The parameters of `POST /v1/responses`, for `mapping.request.settings.parameters.check_unused`."""

_MAX_TOKENS = ("max_output_tokens", "max_completion_tokens", "max_tokens")

SHARED = Shared((TEMPERATURE, TOP_P, TOP_K), _MAX_TOKENS)
"""Those that `mapping.request.settings.generation` reads."""
CHAT_SHARED = replace(chat.SHARED, max_tokens=_MAX_TOKENS, n="")
"""Those of a request that has `messages` in place of `input`."""

CHAT_SHAPED: Mapping[str, Unused | None] = {**chat.PARAMETERS, **RESPONSES}
"""Those of a request that has `messages` in place of `input`."""


@dataclass(slots=True)
class ResponsesOptions:
    """What the parameters say."""

    stream: bool
    include_usage: bool
    """Of a request that came by chat's path."""
    include: frozenset[str]
    store: bool
    instructions: str | None
    summary: bool
    """The client asked for reasoning summaries."""


def read_settings(body: JSON, reasoning: JSON, text: JSON, notes: Notes, options: Options) -> ResponsesOptions:
    """Read the parameters; `reasoning` and `text` are those that hold. Raises 400 for wrong types and values."""
    _check_unavailable(body)
    for name in _REPEATED_TEXTS:
        parameters.string(body.get(name), name)
    parameters.json_object(body.get("metadata"), "metadata")
    if parameters.one_of(body.get("truncation"), "truncation", ("auto", "disabled")) == "auto":
        notes.add("ignored", "truncation")
    verbosity = parameters.one_of(text.get("verbosity"), "text.verbosity", ("low", "medium", "high"))
    if verbosity not in (None, "medium"):
        parameters.leave_out("text.verbosity", notes, options)
    stream = parameters.boolean(body.get("stream"), "stream") or False
    store = parameters.boolean(body.get("store"), "store") is not False
    if parameters.boolean(body.get("background"), "background") and not store:
        raise faults.bad_value("background", "A response in the background has to be stored: 'store' must be true.")
    return ResponsesOptions(
        stream=stream,
        include_usage=include_usage(body, stream, notes),
        include=_include(body.get("include")),
        store=store,
        instructions=body.get("instructions"),
        summary=_summary(reasoning),
    )


def _check_unavailable(body: JSON) -> None:
    if body.get("prompt") is not None:
        raise faults.unsupported_parameter(
            "prompt", "Unsupported parameter: 'prompt'. Prompts kept at OpenAI are not known here."
        )
    if body.get("conversation") is None:
        return
    if body.get("previous_response_id") is not None:
        raise faults.bad_value("conversation", "Only one of 'conversation' and 'previous_response_id' may be given.")
    raise faults.unsupported_parameter(
        "conversation", "Unsupported parameter: 'conversation'. Use 'previous_response_id', or send the whole input."
    )


def _include(value: Any) -> frozenset[str]:
    wanted = set()
    for i, name in enumerate(parameters.array(value, "include") or ()):
        path = f"include[{i}]"
        known = parameters.one_of(name, path, _INCLUDABLE)
        if known is None:
            raise faults.wrong_type(path, "a string", name)
        wanted.add(known)
    return frozenset(wanted)


def _summary(reasoning: JSON) -> bool:
    asked = False
    for name in ("summary", "generate_summary"):
        asked |= parameters.one_of(reasoning.get(name), f"reasoning.{name}", _SUMMARIES) is not None
    return asked
