"""What the way back has to know of a Responses request, beside what every dialect has to (`mapping.values.Plan`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal

from mapping.openai.settings import WORDS
from mapping.request.plan import Plan
from mapping.values import JSON

type CallType = Literal["function", "custom", "local_shell", "shell", "apply_patch", "tool_search"]
"""The type of a tool that the client runs itself."""


@dataclass(frozen=True, slots=True)
class ToolKind:
    """What the client calls a tool that Gemini knows as a function."""

    type: CallType
    """Says which item a call of it is: `function_call`, `custom_tool_call`, `local_shell_call`, ..."""
    name: str
    """The name within the namespace."""
    namespace: str | None = None
    """The member `namespace` of the call; None: left out."""


@dataclass(slots=True)
class ResponsesPlan(Plan):
    """The plan of a Responses request. It does for chat answers too, where such a request came by chat's path.

    In `names` the tools of a namespace have the client's name as `namespace__tool`.
    """

    limit_name: ClassVar[str] = "max_output_tokens"
    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **WORDS,
            "contents": "input",
            "systemInstruction": "instructions",
            "generationConfig.logprobs": "top_logprobs",
            "generationConfig.responseLogprobs": "include",
            "generationConfig.responseMimeType": "text.format",
            "generationConfig.responseJsonSchema": "text.format.schema",
            "generationConfig.responseSchema": "text.format.schema",
            "generationConfig.thinkingConfig": "reasoning.effort",
        }
    )
    echo: JSON = field(default_factory=dict)
    """The members of the request that the Response object repeats, as the client sent them or with OpenAI's defaults:
    background, instructions, max_output_tokens, max_tool_calls, metadata, parallel_tool_calls, previous_response_id,
    prompt_cache_key, prompt_cache_retention, reasoning, safety_identifier, service_tier, store, temperature, text,
    tool_choice, tools, top_logprobs, top_p, truncation, user."""
    compared: JSON | None = None
    """What the answer says of the prompt cache depends on this (`mapping.responses.comparison`); None: it says nothing.
    """
    kinds: dict[str, ToolKind] = field(default_factory=dict)
    """The client's name of a tool, as `names` and `mapping.answer.parts.calls.Call.name` have it -> what kind of tool
    that is. A name that is not here is a plain function's."""
    include: frozenset[str] = frozenset()
    """The values of `include`."""
    summary: bool = False
    """Thoughts are shown, as reasoning summaries."""
    carry: bool = False
    """The client wants `encrypted_content` on reasoning items; thought signatures travel in it."""
    store: bool = True
    """The response may be asked for later."""
    web_search: bool = False
    """Gemini may search the web in this exchange."""
    code_interpreter: bool = False
    """Gemini may run code in this exchange."""
    image_generation: bool = False
    """Gemini may make images in this exchange."""
    compaction: bool = False
    """The last input item was a compaction trigger: the text of the answer is the summary, and goes into exactly one
    `compaction` item (`mapping.request.conversation.carrier.pack_compaction`) that is the whole output."""
