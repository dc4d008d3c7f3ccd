"""What the way back has to know of a Messages request, beside what is known of every conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar, Literal

from mapping.request.plan import Plan
from mapping.values import JSON

type Display = Literal["summarized", "omitted"]
"""How thoughts are shown: as texts, or as blocks that only carry a signature."""


@dataclass(slots=True)
class MessagesPlan(Plan):
    """The plan of a Messages request."""

    schema_name: ClassVar[str] = "input_schema"
    call_prefix: ClassVar[str] = "toolu_"
    own_ids: ClassVar[bool] = False
    words: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "contents": "messages",
            "systemInstruction": "system",
            "tools": "tools",
            "toolConfig": "tool_choice",
            "serviceTier": "service_tier",
            "generationConfig.responseMimeType": "output_config.format",
            "generationConfig.responseJsonSchema": "output_config.format.schema",
            "generationConfig.responseSchema": "output_config.format.schema",
            "generationConfig.temperature": "temperature",
            "generationConfig.thinkingConfig": "thinking",
            "generationConfig.topK": "top_k",
            "generationConfig.topP": "top_p",
        }
    )
    max_tokens: int | None = None
    """The length of the answer that Gemini was allowed, thoughts included."""
    stops: list[str] = field(default_factory=list)
    """`stop_sequences`, without the empty ones. Gemini is not told of them: the gateway looks for them."""
    thinking: bool = False
    """The client takes thinking blocks: it asked for thinking, and did not disable it."""
    display: Display = "summarized"
    """How it wants to see them."""
    server_tools: dict[str, str] = field(default_factory=dict)
    """Gemini's own tools that this request may use -> the `type` of Anthropic's tool that asked for it:
    `googleSearch` -> `web_search_20250305`, `urlContext` -> `web_fetch_20250910`, `codeExecution` ->
    `code_execution_20250825`."""
    citations: bool = False
    """A document of the request has citations switched on."""
    one_call: bool = False
    """`disable_parallel_tool_use`: the answer has at most one call."""
    applied_edits: list[JSON] | None = None
    """What `context_management` has cleared: the `applied_edits` of the answer. None: it was not asked for."""
    tool_changes: list[JSON] | None = None
    """A summary is asked for, and this is what its block tells of the tools: `tool_addition` and `tool_removal` blocks.
    None: an answer is."""
    goes_on: bool = False
    """The answer goes on behind the summary, by a call of its own."""

    @property
    def signs_ids(self) -> bool:
        """Also where no thinking block may carry them."""
        return self.options.signature_in_call_id or not self.thinking
