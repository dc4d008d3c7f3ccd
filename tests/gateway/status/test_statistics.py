"""addons.gateway.status.statistics: totals, the last hour, the last exchanges; bounded, and kept over restarts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.gateway.exchange.summary import AttemptSummary, LaterAnswer, Summary, Tokens
from addons.gateway.money.days import KEPT
from addons.gateway.status.statistics import LAST, MINUTES, Minute, Statistics, quantile

NOW = 1_800_000_000.0


class Clock:
    """Unix seconds that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def attempt(outcome: str = "200", status: int | None = 200, account: str = "alpha") -> AttemptSummary:
    return AttemptSummary(account, "gemini", outcome, status, 0.0, 0.5)


GOOD = Summary(
    id="req_1",
    flow_id="flow-1",
    time=NOW,
    method="POST",
    path="/v1/chat/completions",
    endpoint="chat",
    client_model="gpt-4o",
    model="gemini-2.5-flash",
    account="alpha",
    status=200,
    error=None,
    streamed=False,
    first=None,
    total=1.0,
    tokens=Tokens(10, 5, 0, 2),
    attempts=(attempt(),),
    notes=(("ignored", "seed"),),
)
FAILED = replace(
    GOOD, status=429, error="rate_limit_exceeded", outcome="rate_limit_exceeded", message="Rate limit reached.",
    tokens=None, attempts=(attempt("429 quota", 429),),
)  # fmt: skip
LEFT = replace(GOOD, status=None, outcome="client_left", tokens=None, attempts=(attempt("client left", None),))
REFUSED = replace(
    GOOD, endpoint="unknown", status=401, error="invalid_api_key", outcome="invalid_api_key",
    client_model=None, model=None, attempts=(), tokens=None,
)  # fmt: skip
UNMAPPED = replace(
    GOOD, status=404, error="model_not_found", outcome="model_not_found",
    client_model="gpt-9", model=None, attempts=(), tokens=None,
)  # fmt: skip


def counted(*summaries: Summary, clock: Clock | None = None) -> Statistics:
    statistics = Statistics(clock or Clock())
    for summary in summaries:
        statistics.count(summary)
    return statistics


def test_totals_of_models() -> None:
    found = counted(GOOD, GOOD, FAILED, LEFT)
    totals = found.models["gemini-2.5-flash"]
    assert (totals.requests, totals.errors, totals.left, totals.prompt, totals.completion) == (4, 1, 1, 20, 10)
    assert found.others.requests == 0


@pytest.mark.parametrize(
    ("summary", "name"), [(FAILED, "gemini-2.5-flash"), (LEFT, "gemini-2.5-flash"), (UNMAPPED, "gpt-9")]
)
def test_what_was_asked_for_is_named(summary: Summary, name: str) -> None:
    found = counted(summary)
    assert found.models[name].requests == 1
    assert found.others.requests == 0


@pytest.mark.parametrize("summary", [replace(UNMAPPED, client_model=None), replace(GOOD, model="m" * 1000)])
def test_what_has_no_name_of_a_sane_length_is_no_key(summary: Summary) -> None:
    found = counted(summary)
    assert found.models == {}
    assert found.others.requests == 1


def test_names_that_were_only_asked_for_leave_places() -> None:
    found = counted(
        *(replace(UNMAPPED, client_model=f"gpt-{n}") for n in range(1000)),
        *(replace(GOOD, model=f"gemini-{n}") for n in range(150)),
    )
    assert len(found.models) == 200
    assert found.others.requests == 950


def test_a_client_that_left_is_no_failure_of_an_account() -> None:
    assert counted(LEFT, FAILED).accounts["alpha"].failures == 1


def test_totals_of_accounts() -> None:
    two = replace(GOOD, time=NOW + 5, attempts=(attempt("429 quota", 429), attempt(account="bravo")))
    found = counted(GOOD, two)
    alpha, bravo = found.accounts["alpha"], found.accounts["bravo"]
    assert (alpha.attempts, alpha.failures, alpha.last_outcome, alpha.last_time) == (2, 1, "429 quota", NOW + 5)
    assert (bravo.attempts, bravo.failures, bravo.last_outcome) == (1, 0, "200")


@pytest.mark.parametrize(
    ("summary", "requests", "errors"),
    [
        (GOOD, 1, 0),
        (FAILED, 1, 1),
        (LEFT, 1, 0),
        (UNMAPPED, 1, 1),
        (replace(GOOD, error="upstream_broke_off", outcome="upstream_broke_off", streamed=True), 1, 1),
        (REFUSED, 0, 0),
        (replace(GOOD, method="GET", endpoint="models", path="/v1/models", model=None), 0, 0),
        (replace(GOOD, method="GET", endpoint="health", path="/healthz", model=None), 0, 0),
        (replace(GOOD, method="OPTIONS", endpoint="unknown", status=204, model=None), 0, 0),
        (replace(GOOD, endpoint="cancel", path="/v1/responses/resp_1/cancel", model=None), 0, 0),
    ],
    ids=str,
)
def test_the_charts_are_of_model_calls(summary: Summary, requests: int, errors: int) -> None:
    minutes = counted(summary).minutes()
    assert (minutes[-1].requests, minutes[-1].errors) == (requests, errors)
    assert sum(minute.requests for minute in minutes) == requests


@pytest.mark.parametrize(
    ("summary", "listed"),
    [
        (GOOD, True),
        (FAILED, True),
        (LEFT, True),
        (REFUSED, True),
        (replace(GOOD, method="GET", endpoint="response", path="/v1/responses/resp_1"), True),
        *((replace(GOOD, method="GET", endpoint=name), False) for name in ("health", "metrics", "status", "models")),
        (replace(FAILED, method="GET", endpoint="models"), True),
        (replace(GOOD, method="OPTIONS", endpoint="unknown", status=204), False),
    ],
    ids=str,
)
def test_what_is_listed(summary: Summary, listed: bool) -> None:
    assert counted(summary).last() == ([summary] if listed else [])


def test_the_newest_is_first_and_the_oldest_goes() -> None:
    found = counted(*(replace(GOOD, id=f"req_{n}") for n in range(LAST + 3)))
    assert [one.id for one in found.last()] == [f"req_{n}" for n in range(LAST + 2, 2, -1)]


def test_what_a_client_made_long_is_cut() -> None:
    long = "x" * 1_000_000
    huge = replace(GOOD, path=long, client_model=long, model=long, notes=((("ignored", long),) * 5000))
    assert len(json.dumps(counted(huge).plain())) < 20_000


@pytest.mark.parametrize("model", ["", "x" * 1_000_000])
def test_an_answer_in_the_background_has_no_name_that_is_none(model: str) -> None:
    found = Statistics(Clock())
    found.count_later(LaterAnswer(model, "alpha", NOW, (attempt(),), Tokens(10, 5, 0, 2), 0.5))
    assert found.models == {}
    assert (found.others.prompt, found.others.completion, found.others.cost) == (10, 5, 0.5)


def test_keys_are_bounded() -> None:
    found = counted(*(replace(GOOD, model=f"gemini-{n}", attempts=(attempt(account=f"a{n}"),)) for n in range(1000)))
    assert len(found.models) == len(found.accounts) == 200
    assert found.others.requests == 800


def test_an_hour_goes_by() -> None:
    clock = Clock()
    found = counted(GOOD, clock=clock)
    clock.now += 60
    found.count(FAILED)
    assert [minute.requests for minute in found.minutes()] == [0] * (MINUTES - 2) + [1, 1]
    clock.now += 58 * 60
    assert [minute.requests for minute in found.minutes()] == [1, 1] + [0] * (MINUTES - 2)
    clock.now += 60
    assert [minute.requests for minute in found.minutes()] == [1] + [0] * (MINUTES - 1)
    found.count(GOOD)
    clock.now += 60 * 60 - 1
    found.count(GOOD)
    assert sum(minute.requests for minute in found.minutes()) == 2
    clock.now += 24 * 3600
    assert sum(minute.requests for minute in found.minutes()) == 0
    clock.now -= 48 * 3600  # somebody sets the clock back
    found.count(GOOD)
    assert sum(minute.requests for minute in found.minutes()) == 1


@given(st.lists(st.floats(0.03, 600), min_size=1, max_size=60), st.floats(0.01, 1))
def test_quantiles_are_right_to_a_fifth(times: list[float], share: float) -> None:
    found = counted(*(replace(GOOD, total=seconds) for seconds in times)).minutes()
    rank = next(seconds for n, seconds in enumerate(sorted(times), 1) if n >= share * len(times))
    for value in (found[-1].quantile(share), quantile(found, share)):
        assert value is not None
        assert rank * 0.999 <= value <= rank * 1.2


def test_no_quantile_without_answers() -> None:
    assert Minute(0).quantile(0.5) is None
    assert counted(FAILED).minutes()[-1].quantile(0.5) is None  # refusals are quick, and say nothing of models


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_times_out_of_range(seconds: float) -> None:
    assert counted(replace(GOOD, total=seconds)).minutes()[-1].quantile(0.5) is not None


def test_a_restart_changes_nothing() -> None:
    before = counted(GOOD, FAILED, LEFT, REFUSED, replace(GOOD, streamed=True, first=0.3, model=None))
    plain = before.plain()
    after = Statistics(Clock())
    after.restore(json.loads(json.dumps(plain)))
    assert after.plain() == plain
    assert (after.models, after.accounts, after.others) == (before.models, before.accounts, before.others)
    assert (after.minutes(), after.last(), after.since) == (before.minutes(), before.last(), before.since)
    after.count(GOOD)
    assert after.models["gemini-2.5-flash"].requests == before.models["gemini-2.5-flash"].requests + 1
    assert after.minutes()[-1].requests == before.minutes()[-1].requests + 1


def test_what_is_older_than_an_hour_is_not_written() -> None:
    clock = Clock()
    found = counted(GOOD, clock=clock)
    clock.now += 7200
    assert found.plain()["minutes"] == []


PLAIN = counted(GOOD, FAILED).plain()


@pytest.mark.parametrize(
    "garbage",
    [
        None,
        [],
        "text",
        {},
        {**PLAIN, "version": 2},
        {**PLAIN, "models": [1]},
        {**PLAIN, "models": {"m": {"requests": -1}}},
        {**PLAIN, "minutes": [{"number": 1, "latencies": [1, 2]}]},
        {**PLAIN, "since": float("nan")},
    ],
    ids=str,
)
def test_what_cannot_be_understood_is_left_alone(garbage: Any) -> None:
    found = counted(GOOD)
    before = found.plain()
    found.restore(garbage)
    assert found.plain() == before


def test_exchanges_of_another_version_are_no_reason_to_lose_the_rest() -> None:
    found = Statistics(Clock())
    found.restore({**PLAIN, "last": [{"id": "req_1"}], "further": 1})
    assert found.last() == []
    assert found.models["gemini-2.5-flash"].requests == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(PLAIN)), JSON)
def test_nothing_that_is_restored_does_harm(member: str, value: Any) -> None:
    found = Statistics(Clock())
    found.restore({**PLAIN, member: value})
    found.count(GOOD)
    assert found.minutes()
    assert found.last()
    json.dumps(found.plain())


DEAR = replace(GOOD, cost=0.25, account="beta", attempts=(attempt(account="beta"),))
UNPRICED = replace(GOOD, cost_note="no price for gemini-9", model="gemini-9")


def test_costs_by_model_account_and_day() -> None:
    clock = Clock()
    found = counted(replace(GOOD, cost=1.5), DEAR, UNPRICED, GOOD, clock=clock)
    assert (found.models["gemini-2.5-flash"].cost, found.models["gemini-2.5-flash"].unpriced) == (1.75, 0)
    assert (found.models["gemini-9"].cost, found.models["gemini-9"].unpriced) == (0.0, 1)
    assert (found.accounts["alpha"].cost, found.accounts["alpha"].unpriced) == (1.5, 1)
    assert found.accounts["beta"].cost == 0.25
    assert (found.today().cost, found.today().unpriced) == (1.75, 1)
    clock.now += 86400
    assert found.today().cost == 0
    found.count(replace(DEAR, time=clock.now))
    assert found.today().cost == 0.25
    assert [costs.cost for _, costs in sorted(found.days.items())] == [1.75, 0.25]


def test_costs_of_long_ago_are_dropped() -> None:
    found = counted(*(replace(DEAR, time=NOW + day * 86400) for day in range(-20, 20)))
    assert len(found.days) == KEPT
    found.count(replace(DEAR, time=NOW - 100 * 86400))
    assert len(found.days) == KEPT
    assert found.models["gemini-2.5-flash"].cost == 10.25


def test_costs_are_kept_and_added() -> None:
    found = counted(DEAR, UNPRICED)
    again = Statistics(Clock())
    again.restore(json.loads(json.dumps(found.plain())))
    again.add(json.loads(json.dumps(found.plain())))
    again.count(DEAR)
    assert (again.today().cost, again.today().unpriced) == (0.75, 2)
    assert again.models["gemini-2.5-flash"].cost == again.accounts["beta"].cost == 0.75
    assert again.last()[0].cost == 0.25
    assert again.since_start.costs[("gemini-2.5-flash", "beta")].value == 0.25
