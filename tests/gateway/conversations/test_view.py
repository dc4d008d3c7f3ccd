"""addons.gateway.conversations: recorded exchanges sorted into conversations, and what is told of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from addons.gateway.cases import exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenCall, TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.conversations import finding
from addons.gateway.conversations.prompts import told_cache
from addons.gateway.conversations.view import conversation
from mapping.values import JSON

GOLDEN = Path(__file__).parents[2] / "cases"
PROMPT = 8000


def said(role: str, *parts: Any) -> JSON:
    return {"role": role, "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


READ = {"functionCall": {"name": "read", "args": {"path": "a"}}}
RESULT = {"functionResponse": {"name": "read", "response": {"output": "abc"}}}
CONTENTS = [
    said("user", "What is in a?"),
    said("model", READ),
    said("user", RESULT),
    said("model", {"text": "Hm.", "thought": True}, "It says abc."),
    said("user", "Thanks."),
    said("model", "Bye."),
]


def exchange(number: int, contents: list[JSON] = CONTENTS, *, cached: int = 0, **record: Any) -> TakenExchange:
    """The exchange that asks for what comes after some contents."""
    usage = {"promptTokenCount": PROMPT, "cachedContentTokenCount": cached}
    told: JSON = {
        "id": f"req_{number}", "time": 1000.0 * number, "total": 2.0, "endpoint": "chat", "status": 200,
        "model": "gemini-3.8-flash", "client_model": "gpt-4o", "conversation": "k3f9qa",
        "client": "openai-python 2.3.0", "cost": 0.0125,
        "tokens": {"prompt": PROMPT, "completion": 10, "cached": cached, "reasoning": 3}, **record,
    }  # fmt: skip
    answer = {"candidates": [{"content": contents[-1], "finishReason": "STOP"}], "usageMetadata": usage}
    call = TakenCall({"account": "one"}, {"contents": contents[:-1]}, answer)
    return TakenExchange(told, "POST", "/v1/chat/completions", {}, b"{}", None, "", [call])


THREE = [exchange(1, CONTENTS[:2]), exchange(2, CONTENTS[:4], cached=7900), exchange(3)]


def test_all_turns_are_shown_with_what_is_new_in_each() -> None:
    made = conversation("k3f9qa", THREE)
    assert made.lines() == [
        "conversation k3f9qa · openai-python 2.3.0 · 3 turns · from 1970-01-01 00:16:40 UTC · gemini-3.8-flash · "
        "24,000 (7,900 cached) + 30 tokens · $0.0375",
        "tools: read 1 x",
        "",
        "turn 1 · req_1 · gemini-3.8-flash · 2.00 s · 8,000 + 10 tokens · $0.0125",
        "    > What is in a?",
        '    → read({"path":"a"})',
        "turn 2 · req_2 · gemini-3.8-flash · 2.00 s · 8,000 (7,900 cached) + 10 tokens · $0.0125",
        "    ← read: abc",
        "    < It says abc.",
        "turn 3 · req_3 · gemini-3.8-flash · 2.00 s · 8,000 + 10 tokens · $0.0125",
        "    > Thanks.",
        "    < Bye.",
    ]
    plain = made.plain()
    assert plain["tools"] == {"read": 1}
    assert plain["cost"] == pytest.approx(0.0375)
    assert plain["turns"][1]["asked"] == [{"kind": "result", "text": "abc", "name": "read"}]
    assert plain["turns"][1]["cache"] == {"outcome": "hit", "why": []}
    assert plain["turns"][2]["cache"]["outcome"] == "missed"


def test_a_turn_whose_cost_is_unknown_makes_that_of_all_unknown() -> None:
    made = conversation("k3f9qa", [*THREE, exchange(4, cost=None)]).plain()
    assert made["cost"] is None
    assert made["turns"][0]["cost"] == 0.0125


def test_helpers_are_threads_of_their_own() -> None:
    """Each is set against its own turns, so that none of them breaks the beginning of another."""
    helper = [said("user", "Look."), said("model", "Seen."), said("user", "Again."), said("model", "Yes.")]
    all = [
        exchange(1, CONTENTS[:2]),
        exchange(2, helper[:2], agent="Explore 3f2a"),
        exchange(3, CONTENTS[:4], cached=7900),
        exchange(4, helper, agent="Explore 3f2a", cached=7900),
    ]
    made = conversation("k3f9qa", all)
    assert [(turn.agent, turn.number, turn.taken.id) for turn in made.turns] == [
        ("", 1, "req_1"), ("", 2, "req_3"), ("Explore 3f2a", 1, "req_2"), ("Explore 3f2a", 2, "req_4"),
    ]  # fmt: skip
    assert made.plain()["agents"] == ["Explore 3f2a"]
    assert "── main thread ──" in made.lines()
    assert "── Explore 3f2a ──" in made.lines()
    plain, lines = told_cache("k3f9qa", all)
    assert [[turn["outcome"] for turn in thread["turns"]] for thread in plain["threads"]] == [["first", "hit"]] * 2
    assert lines[2].startswith("main thread · 2 turns · 16,000 tokens asked · 7,900 of them cached")


def test_what_broke_the_prompt_stands_at_its_turn() -> None:
    other = [said("user", "What is in b?"), *CONTENTS[1:]]
    made = conversation("k3f9qa", [*THREE, exchange(4, other)])
    words = "message 1 was rewritten at byte 11: 'a?' -> 'b?'"
    assert f"    cache: missed, {words}" in made.lines()
    assert made.plain()["turns"][3]["cache"]["why"] == [words]
    assert f"    why: {words}" in told_cache("k3f9qa", [*THREE, exchange(4, other)])[1]


def test_a_failed_turn_says_so() -> None:
    failed = exchange(1, status=429, error="rate_limit_exceeded", tokens=None)
    assert conversation("k3f9qa", [failed]).lines()[2].startswith("turn 1 · req_1 · gemini-3.8-flash · 429 rate_limit")


def test_exchanges_of_an_older_record_are_sorted_anew() -> None:
    all = [exchange(number, CONTENTS[: 2 * number], conversation=None) for number in (3, 1, 2)]
    other = exchange(4, [said("user", "Else?"), said("model", "No.")], conversation=None)
    found = finding.by_conversation([*all, other, exchange(5)])
    assert [[taken.id for taken in each] for each in found.values()] == [
        ["req_1", "req_2", "req_3"], ["req_4"], ["req_5"],
    ]  # fmt: skip


def test_a_conversation_is_chosen_by_its_id_or_an_exchange() -> None:
    found = finding.by_conversation([exchange(1), exchange(2, conversation="abcdef")])
    assert list(finding.chosen(found, "k3f")) == ["k3f9qa"]
    assert list(finding.chosen(found, "req_2")) == ["abcdef"]
    assert len(finding.chosen(found, "")) == 2
    with pytest.raises(CaseError):
        finding.chosen(found, "req_3")


@pytest.mark.parametrize("name", sorted(path.parent.name for path in GOLDEN.glob("*/case.json")))
def test_every_case_can_be_told(name: str) -> None:
    """Of every dialect, failed ones too."""
    taken = exchanges.from_case(case_files.read(GOLDEN / name))
    for id, all in finding.by_conversation([taken]).items():
        made = conversation(id, all)
        assert made.plain()["turns"]
        assert made.lines()
        told_cache(id, all)
