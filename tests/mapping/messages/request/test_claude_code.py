"""A request as Claude Code 2.1.332 makes it for a model that it does not know, members and blocks as they came, with
shorter texts: the first one, and the one after a search for tools."""

from __future__ import annotations

from mapping.values import JSON
from tests.mapping.messages.request.ask import G3, G25, SCHEMA, Asked, assistant, result, text, use, user

EPHEMERAL: JSON = {"cache_control": {"type": "ephemeral"}}
NAMES = ("Agent", "Bash", "Edit", "Read", "ToolSearch", "Write")
SEARCHED = ("WebFetch", "WebSearch")


def tool(name: str, **more: bool) -> JSON:
    schema = {**SCHEMA, "$schema": "https://json-schema.org/draft/2020-12/schema", "additionalProperties": False}
    return {"name": name, "description": "Does.", "input_schema": schema, **more}


def request(messages: list[JSON], tools: list[JSON]) -> JSON:
    return {
        "model": G25,
        "messages": messages,
        "system": [
            text("x-anthropic-billing-header: cc_version=2.1.332.0b8; cc_entrypoint=sdk-cli;"),
            text("You are a Claude agent.", **EPHEMERAL),
            text("Be careful.", **EPHEMERAL),
        ],
        "tools": tools,
        "metadata": {"user_id": '{"device_id":"d","account_uuid":"","session_id":"s"}'},
        "max_tokens": 128000,
        "thinking": {"type": "adaptive", "display": "omitted"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "high"},
        "stream": True,
    }


PROMPT = [
    user(text("<system-reminder>\nToday.\n</system-reminder>\n"), text("say hi")),
    {"role": "system", "content": [text("# Environment", **EPHEMERAL)]},
]
TOOLS = [*map(tool, NAMES), tool("DeferredToolPlaceholder", defer_loading=True)]
FIRST = request(PROMPT, TOOLS)
SECOND = request(
    [
        PROMPT[0],
        {"role": "system", "content": "# Environment"},
        assistant(use(name="ToolSearch", query="select:WebFetch,WebSearch")),
        user({**result([{"type": "tool_reference", "tool_name": name} for name in SEARCHED]), **EPHEMERAL}),
    ],
    [*TOOLS, *(tool(name, defer_loading=True) for name in SEARCHED)],
)
SYSTEM = [{"text": "You are a Claude agent."}, {"text": "Be careful."}, {"text": "# Environment"}]
SAID = {"role": "user", "parts": [{"text": "<system-reminder>\nToday.\n</system-reminder>\n"}, {"text": "say hi"}]}


def test_the_first_request() -> None:
    asked = Asked(FIRST, G3)
    assert asked.body["systemInstruction"]["parts"] == SYSTEM
    assert asked.contents == [SAID]
    assert asked.functions == [*NAMES]
    assert asked.body["generationConfig"] == {"maxOutputTokens": 65536, "thinkingConfig": {"thinkingLevel": "HIGH"}}
    assert asked.notes == [
        ("clamped", "max_tokens"),
        ("ignored", "system[0]"),
        ("system-late", "messages[1].content[0]"),
    ]
    assert (asked.plan.thinking, asked.plan.display, asked.plan.applied_edits) == (True, "omitted", [])


def test_after_a_search_for_tools() -> None:
    asked = Asked(SECOND)
    assert asked.body["systemInstruction"]["parts"] == SYSTEM
    assert asked.functions == [*NAMES, *SEARCHED]
    found = {"output": "These tools can be called now: WebFetch, WebSearch"}
    assert asked.contents == [
        SAID,
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "ToolSearch", "args": {"query": "select:WebFetch,WebSearch"}}}],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "ToolSearch", "response": found}}]},
    ]


def test_its_search_of_the_web() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    asked = Asked(
        {
            "messages": [user(text("Perform a web search for the query: x"))],
            "tools": [search],
            "tool_choice": {"type": "auto"},
        }
    )
    assert asked.body["tools"] == [{"googleSearch": {}}]
    assert "toolConfig" not in asked.body
    assert asked.plan.server_tools == {"googleSearch": "web_search_20250305"}
