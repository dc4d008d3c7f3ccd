"""addons.gateway.grouping: which exchanges belong together, and what clients tell of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.accounts.affinity import SESSION_HEADERS
from addons.gateway.grouping.introduction import Introduction, introduced, product
from addons.gateway.grouping.known import LENGTH, KnownConversations, name
from mapping.values import JSON


def fields(**told: str) -> list[tuple[bytes, bytes]]:
    """Fields by their names; a name in which Python would not take `-` has `_`."""
    names = (key if key in SESSION_HEADERS else key.replace("_", "-") for key in told)
    return [(key.encode(), value.encode()) for key, value in zip(names, told.values(), strict=True)]


PRODUCTS = [
    ("OpenAI/Python 2.3.0", "openai-python 2.3.0"),
    ("AsyncOpenAI/Python 3.57.0", "openai-python 3.57.0"),
    ("OpenAI/JS 6.49.0", "openai-js 6.49.0"),
    ("Anthropic/Python 1.2.3", "anthropic-python 1.2.3"),
    ("claude-cli/2.1.332 (external, sdk-cli)", "claude-cli 2.1.332"),
    ("codex_exec/0.148.0 (Ubuntu 24.04; x86_64)", "codex_exec 0.148.0"),
    ("google-genai-sdk/3.6.1 gl-python/3.11.7", "google-genai-sdk 3.6.1"),
    ("GeminiCLI-tui/0.61.0/gemini-3-pro (linux; x64)", "geminicli-tui 0.61.0"),
    ("curl/8.5.0", "curl 8.5.0"),
    ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140", "browser"),
    ("node", "node"),
    ("", None),
    ("sk-proj-0123456789abcdef", None),
    ("AIzaSyB0123456789abcdefghijklmnopqrstuv", None),
    ("0b5c7a52-3c0f-4f0e-9d55-5f9d6f0c1a11", None),
    ("name/sk-0123456789abcdef", "name"),
    ("x" * 200, None),
]


@pytest.mark.parametrize(("agent", "client"), PRODUCTS)
def test_a_client_is_known_by_its_product(agent: str, client: str | None) -> None:
    assert product(agent) == client


CLAUDE = {"x_claude_code_session_id": "s", "user_agent": "claude-cli/2.1.332 (external, cli)"}
AGENTS: list[tuple[dict[str, str], str | None]] = [
    (CLAUDE, None),
    ({**CLAUDE, "x_claude_code_request_class": "main"}, None),
    ({**CLAUDE, "x_claude_code_request_class": "compaction"}, "compaction"),
    ({**CLAUDE, "x_claude_code_agent_id": "a1"}, "agent 34f9"),
    ({**CLAUDE, "x_claude_code_agent_id": "a1", "x_claude_code_agent_type": "builtin:Explore"}, "Explore 34f9"),
    ({"session-id": "s", "thread_id": "s"}, None),
    ({"session-id": "s", "x_openai_subagent": "review"}, "review"),
    ({"thread_id": "t", "x_codex_parent_thread_id": "s", "x_openai_subagent": "collab_spawn"}, "collab_spawn aef8"),
    ({"x_openai_subagent": "\x1b[31m" + "x" * 100}, "31m" + "x" * 21),
]


@pytest.mark.parametrize(("told", "agent"), AGENTS)
def test_helpers_are_told_apart(told: dict[str, str], agent: str | None) -> None:
    assert introduced(fields(**told)).agent == agent


def test_a_helper_is_in_the_conversation_of_the_main_thread() -> None:
    main, helper = {"thread_id": "s"}, {"thread_id": "t", "x_codex_parent_thread_id": "s"}
    known = KnownConversations()
    found = {known.of("t", introduced(fields(**told)), "responses", None) for told in (main, helper)}
    assert len(found) == 1


@given(st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=30)), max_size=10))
def test_any_fields_can_be_heard(told: list[tuple[bytes, bytes]]) -> None:
    introduced(told)


def said(role: str, text: str) -> JSON:
    return {"role": role, "parts": [{"text": text}]}


def gemini(*texts: str) -> JSON:
    return {"contents": [said("model" if at % 2 else "user", text) for at, text in enumerate(texts)]}


def find(
    known: KnownConversations,
    body: JSON | None = None,
    *texts: str,
    tenant: str = "t",
    endpoint: str = "chat",
    made: str = "",
    **told: str,
) -> str | None:
    """As the gateway looks."""
    hears = introduced(fields(**told))
    name(hears, body or {})
    if made:
        hears.responses.append(made)
    return known.of(tenant, hears, endpoint, gemini(*texts) if texts else None)


NAMES: list[tuple[JSON, dict[str, str]]] = [
    *(({}, {header: "a"}) for header in SESSION_HEADERS),
    ({"metadata": {"user_id": '{"session_id":"a"}'}}, {}),
    ({"conversation": "a"}, {}),
    ({"conversation": {"id": "b"}}, {}),
    ({"prompt_cache_key": "a"}, {}),
]


@pytest.mark.parametrize(("body", "told"), NAMES)
def test_what_names_a_conversation(body: JSON, told: dict[str, str]) -> None:
    """The same whatever is said, in another process too, and another one for another tenant."""
    first = find(KnownConversations(), body, "Hello!", **told)
    assert first
    assert len(first) == LENGTH
    assert find(KnownConversations(), body, "And?", **told) == first
    assert find(KnownConversations(), body, "Hello!", tenant="other", **told) != first


def test_the_first_name_counts() -> None:
    known = KnownConversations()
    body: JSON = {"prompt_cache_key": "k"}
    by_key, by_session = find(known, body), find(known, {}, x_session_id="s")
    assert by_key != by_session
    assert find(known, body, x_session_id="s") == by_session
    made = find(known, {}, x_session_id="s", made="resp_1")
    assert find(known, {**body, "previous_response_id": "resp_1"}) == made == by_session
    assert find(known, {**body, "previous_response_id": "resp_2"}) == by_key
    assert find(known, {**body, "previous_response_id": "resp_1"}, tenant="other") != made


def test_turns_that_begin_alike_are_of_one_conversation() -> None:
    known = KnownConversations()
    first = find(known, {}, "Hello!")
    assert first
    assert find(known, {}, "Hello!", "Hi.", "And?") == first
    assert find(known, {}, "Hello!", "Hi, edited.", "And?", "So.", "Then?") == first
    assert find(known, {}, "Hello!") == first, "asked again"
    assert find(known, {}, "Goodbye!") != first
    assert find(known, {}, "Hello!", tenant="other") != first
    assert find(known, {}, "Hello!", user_agent="curl/8.5.0") != first


def test_examples_in_front_make_no_conversation() -> None:
    """Requests that begin alike, none of which is the beginning of another one."""
    known = KnownConversations()
    found = {find(known, {}, "Example.", "Yes.", question) for question in ("One?", "Two?", "Three?")}
    assert len(found) == 3


@pytest.mark.parametrize(
    ("endpoint", "texts"), [("images", ("A cat.",)), ("embeddings", ("A cat.",)), ("chat", ()), ("models", ())]
)
def test_what_is_no_turn_is_in_no_conversation(endpoint: str, texts: tuple[str, ...]) -> None:
    assert find(KnownConversations(), {}, *texts, endpoint=endpoint) is None


WRONG: list[JSON] = [
    {"prompt_cache_key": 5},
    {"previous_response_id": ["x"]},
    {"conversation": 5},
    {"conversation": {"id": 5}},
    {"metadata": "m"},
    {"user": "u", "safety_identifier": "s"},
]


@pytest.mark.parametrize("body", WRONG)
def test_what_names_nothing(body: JSON) -> None:
    assert find(KnownConversations(), body) is None


def test_what_is_remembered_is_bounded() -> None:
    now = 0.0
    known = KnownConversations(max_keys=3, max_idle=10, clock=lambda: now)
    for number in range(9):
        find(known, {}, f"Hello {number}!")
    assert len(known) == 3
    first = find(known, {}, "Hello 8!", "Hi.", "And?")
    now = 11
    assert find(known, {}, "Hello 8!", "Hi.", "And?", "So.", "Then?") != first


@given(st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_any_request_may_have_been_sent(value: Any) -> None:
    for request in (value, {"contents": value}, {"contents": [value]}):
        KnownConversations().of("t", Introduction(), "chat", request)
