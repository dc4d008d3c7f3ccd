"""How programs make requests of the legacy Completions API. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words(
    "model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop stream "
    "stream_options suffix temperature top_p user"
)

SDKS = {"completions": OpenAISdk("client.completions.create", _KNOWN, ("model", "prompt"))}
