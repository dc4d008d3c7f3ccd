"""Which parameters a chat request has, and those that no other request has.

Source: the OpenAI API reference (`CreateChatCompletionRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping

from mapping import faults
from mapping.openai.settings import HINTS, NUMBERS
from mapping.request.settings import parameters
from mapping.request.settings.generation import MAX_TOP_LOGPROBS, Shared, logprobs_config
from mapping.request.settings.parameters import Unused
from mapping.values import JSON

SHARED = Shared(NUMBERS, ("max_completion_tokens", "max_tokens"), stop="stop", n="n")
"""Those that `mapping.request.settings.generation` reads."""

_TRANSLATED = """
    audio cached_content extra_body frequency_penalty function_call functions generate google logprobs
    max_completion_tokens max_tokens messages modalities model n presence_penalty reasoning reasoning_effort
    response_format safety_settings seed service_tier stop stream stream_options temperature thinking
    thinking_budget tool_choice tools top_k top_logprobs top_p web_search_options
"""

PARAMETERS: Mapping[str, Unused | None] = {
    **dict.fromkeys((_TRANSLATED + HINTS).split()),
    "logit_bias": Unused(dict, harmless=({},)),
    "moderation": Unused(dict, harmless=({},)),
    "parallel_tool_calls": Unused(bool, harmless=(True,)),
    "user": Unused(str),
    "verbosity": Unused(str, values=("low", "medium", "high"), harmless=("medium",)),
}
"""The parameters of `POST /v1/chat/completions`, for `mapping.request.settings.parameters.check_unused`."""


def read_logprobs(body: JSON) -> JSON:
    """Chat's `logprobs` and `top_logprobs` as members of `generationConfig`.

    Raises 400 for `top_logprobs` without `logprobs`, as OpenAI does. A `top_logprobs` of 0 asks for none.
    """
    wanted = parameters.boolean(body.get("logprobs"), "logprobs")
    top = parameters.integer(body.get("top_logprobs"), "top_logprobs", 0, MAX_TOP_LOGPROBS)
    if top and not wanted:
        raise faults.bad_value(
            "top_logprobs", "Invalid value for 'top_logprobs': it is allowed only when 'logprobs' is true."
        )
    return logprobs_config(top or 0) if wanted else {}
