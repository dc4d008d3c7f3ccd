"""Which parameters a completions request has.

Source: the OpenAI API reference (`CreateCompletionRequest`).
"""

from __future__ import annotations

from collections.abc import Mapping

from mapping.openai.settings import HINTS, NUMBERS
from mapping.request.settings.generation import Shared
from mapping.request.settings.parameters import Unused

SHARED = Shared(NUMBERS, ("max_tokens",), stop="stop", n="n")
"""Those that `mapping.request.settings.generation` reads."""

_TRANSLATED = """
    best_of cached_content echo extra_body frequency_penalty google logprobs max_tokens model n presence_penalty prompt
    reasoning reasoning_effort safety_settings seed stop stream stream_options suffix temperature thinking
    thinking_budget top_k top_p
"""

PARAMETERS: Mapping[str, Unused | None] = {
    **dict.fromkeys((_TRANSLATED + HINTS).split()),
    "logit_bias": Unused(dict, harmless=({},)),
    "user": Unused(str),
}
"""The parameters of `POST /v1/completions`, for `mapping.request.settings.parameters.check_unused`."""
