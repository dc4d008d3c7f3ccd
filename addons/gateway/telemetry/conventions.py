"""The names that OpenTelemetry has for what is told, in one place, with the version that they are of.

The conventions for generative AI are not stable. 1.41 is the last version that was published with all the others
(https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai), and what dashboards know. 0.1 is the
first one of a repository of their own (https://github.com/open-telemetry/semantic-conventions-genai, v0.1.0). They
differ in the names of metrics alone, of what is told here. Nothing of OpenTelemetry's packages is imported: what theirs
call these names changes with each release.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

type Version = Literal["1.41", "0.1"]

SCHEMAS: dict[Version, str] = {"1.41": "https://opentelemetry.io/schemas/1.41.0", "0.1": ""}
"""What is said of the version to who reads it; the younger one has no address yet."""

# --- attributes of spans, most of metrics too

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
STREAM = "gen_ai.request.stream"
OUTPUT_TYPE = "gen_ai.output.type"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
CONVERSATION = "gen_ai.conversation.id"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
INSTRUCTIONS = "gen_ai.system_instructions"
COUNTED = "gen_ai.token.type"
ERROR = "error.type"
METHOD = "http.request.method"
RESENT = "http.request.resend_count"
STATUS = "http.response.status_code"
PATH = "url.path"
SERVER = "server.address"
PORT = "server.port"
SERVICE = "service.name"
SERVICE_VERSION = "service.version"
INSTANCE = "service.instance.id"

PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "topP": "gen_ai.request.top_p",
    "topK": "gen_ai.request.top_k",
    "maxOutputTokens": "gen_ai.request.max_tokens",
    "frequencyPenalty": "gen_ai.request.frequency_penalty",
    "presencePenalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "candidateCount": "gen_ai.request.choice.count",
    "stopSequences": "gen_ai.request.stop_sequences",
}
"""Members of Gemini's `generationConfig` -> what they are called."""
WHOLE_NUMBERS = frozenset(("topK", "maxOutputTokens", "seed", "candidateCount"))

# No convention has these.
REQUEST_ID = "antigravity.request.id"
ENDPOINT = "antigravity.endpoint"
ACCOUNT = "antigravity.account"
NOTES = "antigravity.notes"
COST = "antigravity.cost"
"""US dollars, by list prices."""
FAULT = "antigravity.fault"
"""What was done to it on demand."""
WAITED = "antigravity.attempt.waited"
PART = "antigravity.part"
"""Which of the further calls of an answer an attempt is at, from 1 on."""
OVERFLOW = "otel.metric.overflow"

# --- values

OPERATIONS = {
    **dict.fromkeys(("chat", "responses", "responses_socket", "messages", "compact"), "chat"),
    "completions": "text_completion",
    **dict.fromkeys(("embeddings", "embedContent", "batchEmbedContents"), "embeddings"),
    **dict.fromkeys(
        (
            *("images", "image_edits", "speech", "transcriptions", "translations"),
            *("generateContent", "streamGenerateContent", "interactions"),
        ),
        "generate_content",
    ),
}
"""Endpoints -> the operation. What asks no model for an answer has none."""
OUTPUT_TYPES = {"images": "image", "image_edits": "image", "speech": "speech", "transcriptions": "text"}
"""Endpoints whose path says what is to come out."""
JSON_TYPE = "application/json"
"""`responseMimeType` of a request for JSON: the output type `json`."""
PROVIDERS = {"gemini": "gcp.gemini", "vertex": "gcp.vertex_ai", "code-assist": "gcp.gen_ai"}
"""Kinds of upstreams."""
RESPONSE_IDS = ("chatcmpl-", "cmpl-", "resp_", "msg_")
"""What the ids of answers begin with that are made here."""

# --- metrics

_SECONDS = tuple(0.01 * 2**power for power in range(14))
"""0.01 to 81.92."""
_TOKENS = tuple(float(4**power) for power in range(14))
"""1 to 67,108,864."""
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)


class Metric(NamedTuple):
    """A histogram, or a counter where it has no buckets."""

    value: str
    """What is measured: a name in `measures.Measures`."""
    name: str
    unit: str
    text: str
    buckets: tuple[float, ...] = ()
    """The upper ends."""
    errors: bool = False
    """It has the attribute `error.type`."""
    counted: str = ""
    """Which tokens, where several metrics have one name."""


_SERVER = (
    Metric("served", "gen_ai.server.request.duration", "s", "From a client's request to its end.", _SECONDS, True),
    Metric("served_first", "gen_ai.server.time_to_first_token", "s", "To the first bytes of a stream.", _FIRST),
    Metric("per_token", "gen_ai.server.time_per_output_token", "s", "Of each token after the first.", _PER_TOKEN),
)

METRICS: dict[Version, tuple[Metric, ...]] = {
    "1.41": (
        Metric("asked", "gen_ai.client.operation.duration", "s", "Of calls, with all attempts.", _SECONDS, True),
        Metric("first", "gen_ai.client.operation.time_to_first_chunk", "s", "From the call to it.", _SECONDS),
        Metric("per_chunk", "gen_ai.client.operation.time_per_output_chunk", "s", "The mean of a stream.", _SECONDS),
        Metric("input", "gen_ai.client.token.usage", "{token}", "Tokens of a call.", _TOKENS, counted="input"),
        Metric("output", "gen_ai.client.token.usage", "{token}", "Tokens of a call.", _TOKENS, counted="output"),
        *_SERVER,
    ),
    "0.1": (
        Metric("asked", "gen_ai.client.inference.duration", "s", "Of calls, with all attempts.", _SECONDS, True),
        Metric("first", "gen_ai.client.inference.time_to_first_chunk", "s", "From the call to it.", _SECONDS),
        Metric("per_chunk", "gen_ai.client.inference.time_per_output_chunk", "s", "The mean of a stream.", _SECONDS),
        Metric("input", "gen_ai.client.inference.usage.input_tokens", "{token}", "Tokens of prompts."),
        Metric("output", "gen_ai.client.inference.usage.output_tokens", "{token}", "Tokens of answers."),
        Metric("cached", "gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", "From a cache."),
        Metric("reasoning", "gen_ai.client.inference.usage.reasoning.output_tokens", "{token}", "Of thoughts."),
        Metric("input", "gen_ai.client.inference.operation.input_tokens", "{token}", "Of a call.", _TOKENS),
        Metric("output", "gen_ai.client.inference.operation.output_tokens", "{token}", "Of a call.", _TOKENS),
        *_SERVER,
    ),
}
