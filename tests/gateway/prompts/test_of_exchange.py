"""addons.gateway.prompts: the tokens of recorded exchanges."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from mitmproxy.contentviews import Metadata
from mitmproxy.test import tflow

from addons.gateway.cases import exchanges
from addons.gateway.cases import files as case_files
from addons.gateway.models.model_lists import ModelLists
from addons.gateway.prompts import TOKENS
from addons.gateway.prompts.of_exchange import asked_call, tokens_of
from addons.gateway.record.flow_record import CLIENT, KEY
from mapping.inspect.prompt_tokens.counts import WHOLE
from mapping.inspect.prompt_tokens.report import COUNTED
from tests.gateway.cases.case_flows import flows_of

GOLDEN = Path(__file__).parents[2] / "cases"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in GOLDEN.glob("*/case.json")))
def test_every_case_is_told_of_or_says_that_it_is_not(name: str) -> None:
    """Of a case and of flows the same."""
    case = case_files.read(GOLDEN / name)
    found = tokens_of(exchanges.from_case(case))
    again = tokens_of(exchanges.from_flows(flows_of(case, "")))
    assert (found is None) == (again is None)
    if found is not None and again is not None:
        assert found.plain() == again.plain()
        assert json.loads(json.dumps(found.plain()))["total"] == sum(found.sections().values())
        assert found.lines()


def test_the_first_call_that_tells_its_tokens_counts() -> None:
    """A continued answer has itself in its further prompts."""
    taken = exchanges.from_case(case_files.read(GOLDEN / "chat-stream-continued"))
    assert asked_call(taken) is taken.calls[0]
    assert len(taken.calls) > 1


def test_a_count_is_told_of_as_what_it_counted() -> None:
    found = tokens_of(exchanges.from_case(case_files.read(GOLDEN / "messages-tokens")))
    assert found is not None
    assert found.how == "shared"
    assert found.total > 0


def test_what_was_counted_is_in_the_record() -> None:
    flows = flows_of(case_files.read(GOLDEN / "chat-image-and-options"))
    flows[0].metadata[KEY]["counted"] = {"time": 1.0, "answers": [{"what": WHOLE, "tokens": 777, "error": ""}]}
    found = tokens_of(exchanges.from_flows(flows), lambda model: 7770)
    assert found is not None
    assert (found.how, found.total, found.full) == (COUNTED, 777, 0.1)


def test_the_window_is_what_the_accounts_list() -> None:
    lists = ModelLists(list, today=lambda: date(2026, 10, 1))
    assert lists.input_limit("gemini-2.5-flash") == 1_048_576, "of the catalogue"
    assert lists.input_limit("gemini-9") is None
    lists.take(
        "a", [{"name": "models/gemini-9", "inputTokenLimit": 5000}, {"name": "models/b", "inputTokenLimit": "x"}]
    )
    assert (lists.input_limit("gemini-9"), lists.input_limit("b")) == (5000, None)


def test_the_view_is_there_for_those_who_choose_it() -> None:
    flow = tflow.tflow(resp=True)
    assert TOKENS.render_priority(b"", Metadata(flow=flow)) < 0
    assert TOKENS.prettify(b"", Metadata(flow=flow)).startswith("This is no exchange")
    flow.metadata[KEY] = {"side": CLIENT, "id": "req_1"}
    assert TOKENS.prettify(b"", Metadata(flow=flow)).startswith("Gemini was asked nothing")
