"""Every top-level member of a Messages request: mapped, emulated, left out with a note or without, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from mapping.faults import Fault
from mapping.messages.request.request import translate
from mapping.notes import Notes
from mapping.values import JSON, Options, nothing_remembered
from tests.mapping.messages.request.ask import G3, G25, HI, SAID, SCHEMA, TOOL, Asked, text

FORM: JSON = {"type": "json_schema", "schema": SCHEMA}


def test_a_request() -> None:
    asked = Asked({"system": "Be brief.", "stream": True, "temperature": 0.5, "top_p": 0.9, "top_k": 40})
    assert asked.method == "streamGenerateContent"
    assert asked.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [SAID],
        "generationConfig": {"temperature": 0.5, "topP": 0.9, "topK": 40, "maxOutputTokens": 60_000},
    }
    assert (asked.plan.stream, asked.plan.max_tokens, asked.plan.client_model, asked.plan.model) == (
        True,
        60_000,
        "claude-x",
        G25,
    )
    assert not asked.notes


CONFIGS = [
    # member, model, generationConfig without the length, notes
    ({"stop_sequences": []}, G25, {}, []),
    ({"top_k": 0}, G25, {}, []),
    ({"temperature": 1}, "gemini-3.8-flash", {}, []),
    ({"temperature": 0.5}, "gemini-3.8-flash", {}, [("model-refuses", "temperature")]),
    ({"output_config": {}}, G25, {}, []),
    (
        {"output_config": {"format": FORM}},
        G25,
        {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        [],
    ),
    ({"output_format": FORM}, G25, {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}, []),
    (
        {"output_format": FORM, "output_config": {"format": FORM}},
        G25,
        {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        [("ignored", "output_format")],
    ),
    ({"output_config": {"task_budget": {"type": "tokens"}}}, G25, {}, [("ignored", "output_config.task_budget")]),
    # Dropped without noise: where, for whom and how fast it runs.
    ({"cache_control": {"type": "ephemeral"}}, G25, {}, []),
    ({"metadata": {"user_id": '{"session_id":"s"}'}}, G25, {}, []),
    ({"service_tier": "standard_only"}, G25, {}, []),
    ({"service_tier": "auto", "speed": "standard"}, G25, {}, []),
    ({"inference_geo": "eu", "betas": ["a"], "diagnostics": {}, "fallbacks": [], "user_profile_id": "u"}, G25, {}, []),
    ({"mcp_servers": [], "container": None, "thread": None, "compaction": None}, G25, {}, []),
    # With a note.
    ({"container": "container_1"}, G25, {}, [("ignored", "container")]),
    ({"container": {"skills": []}}, G25, {}, [("ignored", "container")]),
    ({"newest": 1}, G25, {}, [("ignored", "newest")]),
    # Google's own.
    ({"google": {"image_config": {"a": 1}}}, G25, {"imageConfig": {"a": 1}}, []),
]


@pytest.mark.parametrize(("members", "model", "config", "notes"), CONFIGS)
def test_members(members: JSON, model: str, config: JSON, notes: list[tuple[str, str]]) -> None:
    asked = Asked(members, model)
    assert asked.config == config
    assert asked.notes == notes


@pytest.mark.parametrize(
    ("given", "model", "sent", "notes"),
    [
        (64000, G25, 64000, []),
        (128_000, G25, 65_536, [("clamped", "max_tokens")]),
        (128_000, "gemini-2.0-flash", 8192, [("clamped", "max_tokens")]),
        (128_000, "gemini-flash-latest", 65_536, [("clamped", "max_tokens")]),
        (128_000, "gemini-4-pro", 128_000, []),
        (None, G25, None, []),
    ],
)
def test_the_length_is_cut_down_and_never_refused(
    given: int | None, model: str, sent: int | None, notes: list[tuple[str, str]]
) -> None:
    asked = Asked({"max_tokens": given}, model)
    assert asked.body.get("generationConfig", {}).get("maxOutputTokens") == sent
    assert asked.plan.max_tokens == sent
    assert asked.notes == notes


STOPS = [
    (["a", "", "b"], ["a", "b"], ["emulated"]),
    (["a"] * 101, ["a"] * 100, ["clamped", "emulated"]),
    (["a" * 1000, "a" * 1001], ["a" * 1000], ["clamped", "emulated"]),
    ([""], [], []),
]


@pytest.mark.parametrize(("given", "stops", "codes"), STOPS)
def test_stop_sequences_are_looked_for_here(given: list[str], stops: list[str], codes: list[str]) -> None:
    asked = Asked({"stop_sequences": given})
    assert asked.plan.stops == stops
    assert asked.config == {}
    assert asked.notes == [(code, "stop_sequences") for code in codes]


def test_no_tokens_at_all_warm_the_cache() -> None:
    asked = Asked({"max_tokens": 0})
    assert asked.plan.prewarm
    assert asked.notes == [("prewarm", "max_tokens")]


def test_speed() -> None:
    assert Asked({"speed": "fast"}).body["serviceTier"] == "priority"
    assert "serviceTier" not in Asked({"speed": "standard"}).body


def test_safety_settings_and_cached_content() -> None:
    asked = Asked({"safety_settings": [{"category": "c"}], "cached_content": "cachedContents/a"})
    assert asked.body["safetySettings"] == [{"category": "c"}]
    assert asked.body["cachedContent"] == "cachedContents/a"


def test_json_beside_tools_is_asked_for_by_a_sentence() -> None:
    asked = Asked({"output_config": {"format": FORM}, "tools": [TOOL]})
    assert asked.plan.json_by_sentence
    assert "JSON Schema" in asked.body["systemInstruction"]["parts"][0]["text"]
    assert asked.notes == [("json-by-prompt", "output_config.format")]


# system


SYSTEMS = [
    # system, messages, system instruction, contents, notes
    ("", [HI], None, [SAID], []),
    ([], [HI], None, [SAID], []),
    ([text("a"), text("b", cache_control={"type": "ephemeral"})], [HI], ["a", "b"], [SAID], []),
    (
        [text("x-anthropic-billing-header: cc_version=2.1.332.0b8; cc_entrypoint=sdk-cli;"), text("You are C.")],
        [HI],
        ["You are C."],
        [SAID],
        [("ignored", "system[0]")],
    ),
    ("a", [{"role": "system", "content": "b"}, HI], ["a", "b"], [SAID], []),
    (
        "a",
        [HI, {"role": "system", "content": [text("env", cache_control={"type": "ephemeral"})]}],
        ["a", "env"],
        [SAID],
        [("system-late", "messages[1].content[0]")],
    ),
    (
        None,
        [HI, {"role": "system", "content": "b", "clear_at": "next_user_message"}, HI],
        None,
        [{"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]}],
        [],
    ),
    (
        None,
        [HI, {"role": "system", "content": "b", "clear_at": "next_user_message"}],
        ["b"],
        [SAID],
        [("system-late", "messages[1].content")],
    ),
    (None, [HI, {"role": "system", "output_config": {}}], None, [SAID], []),
    (
        None,
        [HI, {"role": "system", "content": [{"type": "newest", "text": "b"}]}],
        ["b"],
        [SAID],
        [("system-late", "messages[1].content[0]"), ("unknown", "messages[1].content[0].type newest")],
    ),
]


@pytest.mark.parametrize(("system", "messages", "instruction", "contents", "notes"), SYSTEMS)
def test_system(
    system: Any, messages: list[JSON], instruction: list[str] | None, contents: list[JSON], notes: list[Any]
) -> None:
    asked = Asked({"system": system, "messages": messages})
    found = asked.body.get("systemInstruction")
    assert (found and [part["text"] for part in found["parts"]]) == instruction
    assert asked.contents == contents
    assert asked.notes == notes


def test_late_system_messages_keep_their_place_where_the_settings_say_so() -> None:
    asked = Asked({"messages": [HI, {"role": "system", "content": "b"}]}, late_system="inline")
    assert asked.contents == [{"role": "user", "parts": [{"text": "hi"}, {"text": "<system>b</system>"}]}]


# refused

REFUSED = [
    # member, param, code
    ({"thread": {"type": "create"}}, "thread", "thread_unsupported_request"),
    (
        {"thread": {"type": "continue", "previous_message_id": "msg_1"}, "messages": None},
        "thread",
        "thread_unsupported_request",
    ),
    ({"mcp_servers": [{"type": "url"}]}, "mcp_servers", "unsupported_parameter"),
    ({"max_tokens": "5"}, "max_tokens", "invalid_type"),
    ({"max_tokens": False}, "max_tokens", "invalid_type"),
    ({"max_tokens": -1}, "max_tokens", "invalid_value"),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "system"}]}, "messages[0].content", "missing_required_parameter"),
    (
        {"messages": [HI, {"role": "system", "content": "a", "clear_at": "x"}]},
        "messages[1].clear_at",
        "invalid_value",
    ),
    ({"system": 5}, "system", "invalid_type"),
    ({"system": [{"type": "text"}]}, "system[0].text", "missing_required_parameter"),
    ({"stop_sequences": [5]}, "stop_sequences[0]", "invalid_type"),
    ({"stop_sequences": "a"}, "stop_sequences", "invalid_type"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"temperature": 3}, "temperature", "invalid_value"),
    ({"top_k": -5}, "top_k", "invalid_value"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"metadata": []}, "metadata", "invalid_type"),
    ({"metadata": {"user_id": 5}}, "metadata.user_id", "invalid_type"),
    ({"service_tier": "flex"}, "service_tier", "invalid_value"),
    ({"speed": "slow"}, "speed", "invalid_value"),
    ({"output_config": []}, "output_config", "invalid_type"),
    (
        {"output_config": {"format": {"type": "json_schema"}}},
        "output_config.format.schema",
        "missing_required_parameter",
    ),
    ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type", "invalid_value"),
]


@pytest.mark.parametrize(("members", "param", "code"), REFUSED)
def test_refused(members: JSON, param: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        Asked(members)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


@pytest.mark.parametrize(
    "members",
    [
        {"newest": 1},
        {"container": "c"},
        {"safeguards": [{"type": "dangerous_tool_use"}]},
        {"messages": [{"role": "tool", "content": "a"}]},
    ],
)
def test_strict_settings_refuse_what_else_is_left_out(members: JSON) -> None:
    Asked(members)
    with pytest.raises(Fault):
        Asked(members, strict=True)


def test_an_unknown_role_is_the_users() -> None:
    asked = Asked({"messages": [{"role": "critic", "content": "hi"}]})
    assert asked.contents == [SAID]
    assert asked.notes == [("unknown", "messages[0].role critic")]


def test_a_body_that_is_no_object() -> None:
    with pytest.raises(Fault):
        translate(
            [],
            model=G3,
            client_model="c",
            options=Options(),
            recall=nothing_remembered,
            notes=Notes(),
            unseal=lambda text: None,
        )
