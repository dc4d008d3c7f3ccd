"""How programs make chat requests. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words(
    "messages model audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens "
    "max_tokens metadata modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key "
    "reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options "
    "temperature tool_choice tools top_logprobs top_p user verbosity web_search_options"
)

SDKS = {"chat": OpenAISdk("client.chat.completions.create", _KNOWN, ("model", "messages"))}
