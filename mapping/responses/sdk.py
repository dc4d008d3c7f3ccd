"""How programs make requests of the Responses API. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from mapping.openai.sdk import OpenAISdk, words

_KNOWN = words(
    "background conversation include input instructions max_output_tokens max_tool_calls metadata model "
    "parallel_tool_calls previous_response_id prompt prompt_cache_key reasoning safety_identifier service_tier store "
    "stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user"
)
_COMPACT = words("model input instructions previous_response_id")
_COUNT = words(
    "conversation input instructions model parallel_tool_calls previous_response_id reasoning text tool_choice tools "
    "truncation"
)

SDKS = {
    "responses": OpenAISdk("client.responses.create", _KNOWN, ()),
    "compact": OpenAISdk("client.responses.compact", _COMPACT),
    "input_tokens": OpenAISdk(
        "client.responses.input_tokens.count", _COUNT, (), javascript="client.responses.inputTokens.count"
    ),
}
