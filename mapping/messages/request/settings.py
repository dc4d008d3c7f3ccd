"""Which members a Messages request has, and which of them have no equivalent at Gemini.

Source: Anthropic's API reference (`MessageCreateParams`, and the beta one), and what Claude Code sends.
"""

from __future__ import annotations

from collections.abc import Mapping

from mapping.request.settings.generation import INT32_MAX, TEMPERATURE, TOP_P, Number, Shared
from mapping.request.settings.parameters import Unused

TOP_K = Number("top_k", "topK", 0, INT32_MAX, whole=True, sampling=True, neutral=(0,))
"""0 is what clients send for "no limit"."""

SHARED = Shared((TEMPERATURE, TOP_P, TOP_K), ("max_tokens",), stop="stop_sequences")
"""Those that `mapping.request.settings.generation` reads."""

_TRANSLATED = """
    cached_content context_management extra_body google max_tokens messages metadata model output_config output_format
    safety_settings service_tier stop_sequences stream system temperature thinking tool_choice tools top_k top_p
"""

_HINTS = "cache_control inference_geo betas"
"""Where it runs and what is cached: the answer is the same without them."""

PARAMETERS: Mapping[str, Unused | None] = dict.fromkeys((_TRANSLATED + _HINTS).split())
"""The members of `POST /v1/messages`, for `mapping.request.settings.parameters.check_unused`."""
