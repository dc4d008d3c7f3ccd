"""How programs make requests of the Messages API, with Anthropic's SDKs. See `mapping.inspect.code.calls`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from mapping.inspect.code.calls import EVENTS, WHOLE, Kit, Sdk, SdkCall
from mapping.values import JSON

_KIT = Kit(
    python="anthropic",
    python_import="from anthropic import Anthropic",
    # With a timeout of its own the SDK does not refuse answers that may be long.
    python_client='Anthropic(base_url="{url}", api_key={key}, timeout=600)',
    javascript="@anthropic-ai/sdk",
    javascript_import='import Anthropic from "@anthropic-ai/sdk";',
    javascript_client='new Anthropic({{ baseURL: "{url}", apiKey: {key}, timeout: 600_000 }})',
)
_BETA = "anthropic-beta"
"""The one header field that the SDKs don't send by themselves."""
_COUNTED = frozenset(("messages", "model", "system", "thinking", "tool_choice", "tools"))
_KNOWN = _COUNTED | frozenset(("max_tokens", "metadata", "service_tier", "stop_sequences", "stream"))


@dataclass(frozen=True, slots=True)
class AnthropicSdk(Sdk):
    """One method of Anthropic's SDKs."""

    method: str
    javascript: str
    known: frozenset[str]
    """The arguments of the method in Python. Others go by `extra_body`."""
    needed: tuple[str, ...]

    key_field = ("x-api-key", "")

    @override
    def call(self, request: JSON, fields: Mapping[str, str], /) -> SdkCall | None:
        if any(request.get(name) is None for name in self.needed):
            return None
        keywords: dict[str, Any] = {name: value for name, value in request.items() if name in self.known}
        if further := {name: value for name, value in request.items() if name not in self.known}:
            keywords["extra_body"] = further
        headers = {_BETA: fields[_BETA]} if _BETA in fields else {}
        if headers:
            keywords["extra_headers"] = headers
        return SdkCall(
            kit=_KIT,
            python=self.method,
            javascript=self.javascript,
            keywords=keywords,
            argument=request,
            result=EVENTS if keywords.get("stream") is True else WHOLE,
            options={"headers": headers} if headers else {},
        )


SDKS = {
    "messages": AnthropicSdk(
        "client.messages.create", "client.messages.create", _KNOWN, ("model", "messages", "max_tokens")
    ),
    "count_tokens": AnthropicSdk(
        "client.messages.count_tokens", "client.messages.countTokens", _COUNTED, ("model", "messages")
    ),
}
