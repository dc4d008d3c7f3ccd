"""Which request meets which fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from addons.gateway.fault_injection.grammar import OrderError
from addons.gateway.fault_injection.sources import MOST_LISTS, AskedFor, Commanded, Sources
from addons.gateway.settings.settings import FaultRuleSettings, section

CHAT = AskedFor("/v1/chat/completions", ("gpt-4o", "gemini-3.8-flash"))
MESSAGES = AskedFor("/v1/messages", ("claude", "gemini-3.1-pro"))


def rules(*settings: dict[str, object], seed: int = 0) -> Sources:
    return Sources([section(FaultRuleSettings, one) for one in settings], seed)


def met(sources: Sources, asked: AskedFor, count: int) -> list[str]:
    """What so many requests meet."""
    return [order.text if (order := sources.for_model_call(asked)) else "-" for _ in range(count)]


def test_a_header_of_one_turn_stays() -> None:
    sources = rules()
    assert [sources.by_header("", "429").text for _ in range(3)] == ["429"] * 3


def test_turns_of_a_header_are_of_one_caller_and_one_text() -> None:
    sources = rules()
    assert [sources.by_header("a", "429, ok").text for _ in range(3)] == ["429", "ok", "ok"]
    assert sources.by_header("b", "429, ok").text == "429"
    assert sources.by_header("a", "429;id=2, ok").text == "429"
    with pytest.raises(OrderError):
        sources.by_header("a", "?")


def test_lists_of_headers_are_bounded() -> None:
    sources = rules()
    assert sources.by_header("", "429, ok").text == "429"
    for number in range(MOST_LISTS):
        sources.by_header("", f"429, ok;id={number}")
    assert sources.by_header("", "429, ok").text == "429"


def test_what_found_nothing_is_the_next_ones() -> None:
    sources = rules()
    sources.by_header("", "cut-call, ok").give_back()
    assert [sources.by_header("", "cut-call, ok").text for _ in range(2)] == ["cut-call", "ok"]
    sources.commanded = commanded = Commanded("cut-call, ok", 2)
    commanded.next().give_back()
    assert commanded.left == 2
    assert met(sources, CHAT, 3) == ["cut-call", "ok", "-"]


@pytest.mark.parametrize(
    ("rule", "of_chat"),
    [
        ({}, ["503"] * 4),
        ({"fault": "503, ok"}, ["503", "ok", "ok", "ok"]),
        ({"nth": 2}, ["-", "503", "-", "-"]),
        ({"nth": [1, 3]}, ["503", "-", "503", "-"]),
        ({"path": "/v1/chat/*"}, ["503"] * 4),
        ({"path": "/v1/messages"}, ["-"] * 4),
        ({"model": "gpt-*"}, ["503"] * 4),
        ({"model": "gemini-3.8-*"}, ["503"] * 4),
        ({"model": "claude*"}, ["-"] * 4),
        ({"probability": 0}, ["-"] * 4),
    ],
)
def test_a_rule_says_whom_it_concerns(rule: dict[str, object], of_chat: list[str]) -> None:
    assert met(rules({"fault": "503", **rule}), CHAT, 4) == of_chat


@pytest.mark.parametrize(
    ("rule", "of_both"),
    [
        ({"nth": [2, 5]}, ["-", "503", "-", "-", "503", "-"]),
        ({"fault": "503, 429, ok"}, ["503", "429", "ok", "ok", "ok", "ok"]),
    ],
)
def test_workers_count_together(rule: dict[str, object], of_both: list[str], tmp_path: Path) -> None:
    given = [section(FaultRuleSettings, {"fault": "503", **rule})]
    first, second = (Sources(given, 0, tmp_path / "faults.json") for _ in range(2))
    assert [met(one, CHAT, 1)[0] for one in (first, second, second, first, second, first)] == of_both


def test_workers_draw_the_same_share_together(tmp_path: Path) -> None:
    given = [section(FaultRuleSettings, {"fault": "429", "probability": 0.5})]
    workers = [Sources(given, 7, tmp_path / "faults.json") for _ in range(2)]
    both = [met(workers[number % 2], CHAT, 1)[0] for number in range(40)]
    assert both == met(Sources(given, 7), CHAT, 40)


def test_turns_of_a_header_go_round_among_workers(tmp_path: Path) -> None:
    first, second = (Sources([], 0, tmp_path / "faults.json") for _ in range(2))
    assert first.by_header("a", "429, 503, ok").text == "429"
    second.by_header("a", "429, 503, ok").give_back()
    assert [one.by_header("a", "429, 503, ok").text for one in (first, second)] == ["503", "ok"]
    assert second.by_header("b", "429, 503, ok").text == "429"


def test_the_first_rule_that_is_due_decides() -> None:
    sources = rules({"fault": "ok", "model": "claude"}, {"fault": "500", "nth": 2}, {"fault": "429"})
    assert met(sources, CHAT, 3) == ["429", "500", "429"]
    assert met(sources, MESSAGES, 2) == ["ok", "ok"]


def test_a_share_is_the_same_with_the_same_seed() -> None:
    some = met(rules({"fault": "429", "probability": 0.3}, seed=7), CHAT, 1000)
    assert met(rules({"fault": "429", "probability": 0.3}, seed=7), CHAT, 1000) == some
    assert met(rules({"fault": "429", "probability": 0.3}, seed=8), CHAT, 1000) != some
    assert 230 < some.count("429") < 370


def test_a_command_goes_before_rules_until_it_is_over() -> None:
    sources = rules({"fault": "429"})
    assert not sources.are_idle
    sources.commanded = Commanded("cut", 2)
    assert met(sources, CHAT, 3) == ["cut;after=3", "cut;after=3", "429"]
    sources.commanded = Commanded("cut", 0)
    assert met(sources, CHAT, 3) == ["cut;after=3"] * 3
    assert rules().are_idle
