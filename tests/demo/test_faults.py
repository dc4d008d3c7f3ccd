"""Every fault that the demo upstream documents."""

from __future__ import annotations

import asyncio
import http.client
import json

import pytest

from scripts.demo_upstream import start
from tests.demo.asking import (
    Upstream,
    ask,
    check_usage,
    config,
    parts_of,
    text_of,
    tools,
)


def test_quota_of_the_first_key(upstream: Upstream) -> None:
    model = "demo-429-by-first-key"
    refused = upstream.whole(model, ask(), "one")
    assert refused.status == 429
    types = {d["@type"].rpartition(".")[2]: d for d in refused.json()["error"]["details"]}
    assert types["RetryInfo"]["retryDelay"] == "30s"
    assert "PerMinute" in types["QuotaFailure"]["violations"][0]["quotaId"]
    assert upstream.whole(model, ask(), "two").status == 200
    upstream.now[0] += 29
    assert upstream.whole(model, ask(), "one").json()["error"]["details"][1]["retryDelay"] == "1s"
    upstream.now[0] += 2
    assert upstream.whole(model, ask(), "one").status == 200


def test_quota_of_exhausted_keys() -> None:
    async def run() -> list[int]:
        demo = await start(pause=0)
        loop = asyncio.get_running_loop()
        there = Upstream(demo)
        try:
            keys = ("an-exhausted-key", "fresh", "an-exhausted-key")
            return [(await loop.run_in_executor(None, there.whole, "demo-429", ask(), key)).status for key in keys]
        finally:
            await demo.stop()

    assert asyncio.run(run()) == [429, 200, 429]


def test_other_quotas(upstream: Upstream) -> None:
    assert [upstream.whole("demo-429-all", ask(), key).status for key in ("one", "two")] == [429, 429]
    day = upstream.whole("demo-429-day-first", ask(), "one").json()["error"]
    assert "PerDay" in json.dumps(day)
    assert "RetryInfo" not in json.dumps(day)


@pytest.mark.parametrize(
    ("model", "statuses"),
    [
        ("demo-503", [503, 200, 503]),
        ("demo-503-all", [503, 503, 503]),
        ("demo-500", [500, 500, 500]),
        ("demo-500-first", [500, 200, 500]),
        ("demo-401", [401, 401, 401]),
        ("demo-400", [400, 400, 400]),
        ("demo-404", [404, 404, 404]),
        ("demo-html", [502, 502, 502]),
    ],
)
def test_statuses(upstream: Upstream, model: str, statuses: list[int]) -> None:
    for send, name in ((upstream.whole, model + "-whole"), (upstream.stream, model + "-stream")):
        assert [send(name, ask(), key).status for key in ("one", "two", "one")] == statuses


def test_html_and_garbage(upstream: Upstream) -> None:
    assert upstream.whole("demo-html", ask()).body.startswith(b"<!DOCTYPE html>")
    garbage = upstream.whole("demo-garbage", ask())
    assert garbage.status == 200
    with pytest.raises(ValueError):
        garbage.json()


def test_refused_connection(upstream: Upstream) -> None:
    with pytest.raises(ConnectionResetError):
        upstream.whole("demo-refuse", ask())


@pytest.mark.parametrize("model", ["demo-cut-first", "demo-cut-mid-stream"])
def test_cut_connections(upstream: Upstream, model: str) -> None:
    for send in (upstream.stream, upstream.whole):
        with pytest.raises(http.client.IncompleteRead) as caught:
            send(model, ask())
        assert bool(caught.value.partial) is (model == "demo-cut-mid-stream")
    with pytest.raises(http.client.IncompleteRead) as caught:
        upstream.stream("demo-cut-mid-stream", ask(tools=tools()))
    assert b"functionCall" in caught.value.partial


def test_streams_that_end_badly(upstream: Upstream) -> None:
    unfinished = upstream.stream("demo-end-without-finish", ask()).events
    assert not any("finishReason" in e["candidates"][0] for e in unfinished)
    assert [list(e) for e in upstream.stream("demo-error-first-event", ask()).events] == [["error"]]
    middle = upstream.stream("demo-error-mid-stream", ask()).events
    assert ["candidates" in e for e in middle] == [True, True, False]
    assert middle[-1]["error"]["code"] == 500
    assert upstream.whole("demo-error-first-event", ask()).status == 503
    assert upstream.whole("demo-error-mid-stream", ask()).status == 500


@pytest.mark.parametrize("model", ["demo-slow-0.01", "demo-silent-0.01"])
def test_late_answers_come(upstream: Upstream, model: str) -> None:
    assert model in upstream.whole(model, ask()).text
    assert "finishReason" in upstream.stream(model, ask()).events[-1]["candidates"][0]


@pytest.mark.parametrize(
    ("model", "finish"),
    [
        ("demo-safety", "SAFETY"),
        ("demo-malformed-call-all", "MALFORMED_FUNCTION_CALL"),
        ("demo-empty", "STOP"),
        ("demo-max-tokens", "MAX_TOKENS"),
        ("demo-recitation", "RECITATION"),
        ("demo-image", "STOP"),
        ("demo-thinking", "STOP"),
        ("demo-huge-chunk", "STOP"),
    ],
)
def test_odd_answers(upstream: Upstream, model: str, finish: str) -> None:
    whole = upstream.whole(model, ask()).json()
    events = upstream.stream(model, ask()).events
    assert whole["candidates"][0]["finishReason"] == finish
    assert events[-1]["candidates"][0]["finishReason"] == finish
    assert "".join(text_of(e) for e in events) == text_of(whole)
    assert bool(text_of(whole)) is (model not in ("demo-safety", "demo-malformed-call-all", "demo-empty"))
    assert events[-1]["usageMetadata"] == whole["usageMetadata"]
    check_usage(whole["usageMetadata"])


def test_odd_answers_in_detail(upstream: Upstream) -> None:
    assert "content" not in upstream.whole("demo-safety", ask()).json()["candidates"][0]
    assert max(len(text_of(e)) for e in upstream.stream("demo-huge-chunk", ask()).events) == 1_000_000
    assert "inlineData" in parts_of(upstream.whole("demo-image", ask()).json())[-1]
    thinking = upstream.stream("demo-thinking", config(thinkingConfig={"includeThoughts": True})).events
    assert sum(1 for e in thinking for p in parts_of(e) if p.get("thought")) > 20
    keys = [upstream.whole("demo-malformed-call", ask(), key).json()["candidates"][0] for key in ("one", "two")]
    assert [c["finishReason"] for c in keys] == ["MALFORMED_FUNCTION_CALL", "STOP"]


def test_blocked_prompts(upstream: Upstream) -> None:
    blocked = upstream.whole("demo-blocked", ask()).json()
    assert upstream.stream("demo-blocked", ask()).events[0].keys() == blocked.keys()
    assert blocked["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in blocked
    assert blocked["usageMetadata"]["totalTokenCount"] == blocked["usageMetadata"]["promptTokenCount"]
