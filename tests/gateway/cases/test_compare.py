"""addons.gateway.cases.compare: two recorded exchanges side by side, in whatever dialect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.test import tflow

from addons.gateway.cases import compare, exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.cases.exchanges import TakenExchange
from addons.gateway.cases.files import CaseError
from addons.gateway.record.flow_record import KEY
from mapping.inspect.compare.report import ComparedSection, Comparison
from mapping.inspect.explain_diff import dotted
from tests.gateway.cases.case_flows import flows_of

GOLDEN = Path(__file__).parents[2] / "cases"
ALL = sorted(path.parent.name for path in GOLDEN.glob("*/case.json"))


def case(name: str) -> case_files.Case:
    return case_files.read(GOLDEN / name)


def taken(name: str, change: Callable[[Any], Any] = lambda request: request) -> TakenExchange:
    one = case(name)
    return exchanges.from_flows(flows_of(replace(one, request=change(one.request))))


def section(made: Comparison, name: str) -> ComparedSection:
    return next(one for one in made.sections if one.name == name)


def paths(made: Comparison, name: str) -> list[str]:
    return [dotted(change.path) for change in section(made, name).changes if not change.passing]


@pytest.mark.parametrize("name", ALL)
def test_an_exchange_is_the_same_as_itself(name: str) -> None:
    """Of flows and of a case, in every dialect, failed ones too."""
    for one in (taken(name), exchanges.from_case(case(name))):
        made = compare.exchanges(one, one)
        assert not made.differs
        assert {row.about for part in made.sections for row in part.rows} == {""}
        assert section(made, "the client's request").changes == []
        assert "the same" in made.lines()


@pytest.mark.parametrize("name", ALL)
def test_flows_and_a_case_say_the_same(name: str) -> None:
    made = compare.exchanges(exchanges.from_case(case(name)), taken(name))
    assert not made.differs


@pytest.mark.parametrize("other", ALL)
def test_any_two_exchanges_can_be_compared(other: str) -> None:
    """Whatever their dialects, and what is missing of them."""
    for one in ("chat-stream-parallel-calls", "speech-events", "messages-thread"):
        made = compare.exchanges(taken(one), taken(other))
        assert made.lines()
        assert made.differs == (one != other)
        assert made.plain()["sections"]


def test_what_was_asked_otherwise() -> None:
    def change(request: Any) -> Any:
        [tool] = request["tools"]
        function = tool["function"]
        schema = function["parameters"]
        same = {**schema, "required": schema["required"][::-1], "additionalProperties": True}
        now = {**tool, "function": {**function, "description": "The weather of a town.", "parameters": same}}
        return {**request, "seed": 7, "tools": [now, {"type": "function", "function": {"name": "more"}}]}

    name = "chat-stream-parallel-calls"
    made = compare.exchanges(taken(name), taken(name, change))
    assert paths(made, "the client's request") == ["seed"]
    assert paths(made, "the tools of the client's request") == ["get_weather.function.description", "more"]
    assert not section(made, "Gemini's request").differs, "the record is that of before"
    assert "The weather of a [-city-]{+town+}." in "\n".join(made.lines())


def test_tools_in_another_order() -> None:
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("a", "b", "b")]
    first, second = (
        taken("messages-thread", lambda request, tools=listed: {**request, "tools": tools})
        for listed in (tools, [tools[1], tools[0], tools[2]])
    )
    made = compare.exchanges(first, second)
    assert paths(made, "the tools of the client's request") == ["the order"]


def test_times_tokens_and_outcome() -> None:
    def recorded(**members: Any) -> TakenExchange:
        flows = flows_of(case("chat-grounding"))
        flows[0].metadata[KEY].update(members)
        return exchanges.from_flows(flows)

    attempt = {"outcome": "429 quota", "waited": 1.5, "seconds": 0.2}
    tokens = {"prompt": 10_000, "completion": 20, "cached": 0, "reasoning": 0}
    arrived = [[10, 0.5], [20, 0.75], [30, 2.0]]
    first = recorded(
        tokens=tokens, total=1.0, first=0.5, arrived=arrived, attempts=[attempt, {**attempt, "outcome": "200"}]
    )
    second = recorded(tokens={**tokens, "prompt": 15_000, "cached": 5}, total=4.0, first=None, status=500, error="oops")
    made = compare.exchanges(first, second)
    rows = {row.name: (row.before, row.after, row.about) for part in made.sections for row in part.rows}
    assert rows["total"] == ("1.00 s", "4.00 s", "+3.00 s (4.0 x)")
    assert rows["first chunk after"] == ("0.50 s", "", "differs")
    assert rows["longest pause"] == ("1.25 s", "", "differs")
    assert rows["waited in all"] == ("3.00 s", "", "differs")
    assert rows["attempts"] == ("429 quota, 200", "", "differs")
    assert rows["prompt"] == ("10,000", "15,000", "+5,000 (1.5 x)")
    assert rows["cached"] == ("0", "5", "+5")
    assert rows["completion"] == ("20", "20", "")
    assert rows["status"] == ("200", "500", "differs")
    assert rows["error"] == ("", "oops", "differs")


def test_attempts() -> None:
    flows = flows_of(case("chat-stream-retried"))
    flows[1].metadata[KEY].update(seconds=1.0, arrived=[[10, 0.25]])
    flows[2].metadata[KEY].update(seconds=1.5, arrived=[[10, 1.0], [20, 1.5]])
    first, second = (exchanges.of_attempt(flow) for flow in flows[1:])
    made = compare.attempts(first, second)
    assert made.before.startswith("attempt 1/2 of req_")
    assert [(row.name, row.about) for row in section(made, "times").rows] == [
        ("first bytes after", "+0.75 s (4.0 x)"),
        ("longest pause", "differs"),
        ("took", "+0.50 s (1.5 x)"),
    ]
    assert not section(made, "Gemini's request").differs
    assert "candidates" in paths(made, "Gemini's answer")
    assert "error" in paths(made, "Gemini's answer")


def test_further_calls_are_compared_each_with_its_own() -> None:
    """They run at the same time, and were saved as they ended: the order of their connections counts."""
    flows = flows_of(case("completions-stream-prompts"))
    for at, flow in enumerate(flows):
        flow.request.timestamp_start = 100.0 - at
    made = compare.exchanges(taken("completions-stream-prompts"), exchanges.from_flows([flows[0], *flows[:0:-1]]))
    assert not made.differs
    assert "Gemini's request (call 2)" in {one.name for one in made.sections}
    short = compare.exchanges(taken("completions-stream-prompts"), exchanges.from_flows(flows[:2]))
    assert section(short, "Gemini's side (call 2)").remark == "Only that of the first was sent."


def test_an_answer_that_was_made_in_the_background_has_its_call() -> None:
    flows = flows_of(case("chat-grounding"))
    flows[1].client_conn = tflow.tclient_conn()
    one = exchanges.from_flows(flows)
    assert [call.part for call in one.calls] == [0]
    assert compare.exchanges(one, taken("chat-grounding")).differs is False


def test_without_its_client_there_is_no_exchange() -> None:
    with pytest.raises(CaseError, match="the client's request is not among them"):
        exchanges.from_flows(flows_of(case("chat-grounding"))[1:])


def test_errors_of_google_name_no_key() -> None:
    flows = flows_of(case("chat-stream-retried"))
    key = "AIzaSy" + "A1b2C3d4" * 4 + "x"
    assert flows[1].response is not None
    flows[1].response.content = b'{"error": {"message": "API key not valid: %s"}}' % key.encode()
    call = exchanges.from_flows(flows).calls[0]
    assert key not in str(call.answer)
    assert "API key not valid" in str(call.answer)
