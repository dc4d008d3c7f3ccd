"""What a recorder keeps in memory: the last exchanges, no more than there is room for."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import taddons, tflow

from addons.gateway.exchange.seeds import Seeds
from addons.gateway.exchange.summary import Summary
from addons.gateway.record.flow_record import KEY, record_of
from addons.gateway.record.trace import Recorder, Trace, in_memory


def summary(id: str) -> Summary:
    return Summary(
        id=id, flow_id="f", time=0.0, method="POST", path="/v1/chat/completions", endpoint="chat", client_model="m",
        model="m", account="a", status=200, error=None, streamed=False, first=None, total=1.0, tokens=None,
        attempts=(), notes=(),
    )  # fmt: skip


def over(recorder: Recorder, id: str, size: int) -> http.HTTPFlow:
    """An exchange has ended whose answer has this size."""
    flow = tflow.tflow(resp=True)
    flow.request.content = b""
    flow.response = http.Response.make(200, b"x" * size)
    trace = Trace(recorder, client=flow.request)
    trace.over(flow, summary(id), Seeds({}), inner=False)
    return flow


def recorder(most: int, most_bytes: int, *, at_once: bool = True) -> Recorder:
    made = Recorder(most, most_bytes)
    made.keeps, made.at_once = True, at_once
    return made


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("most", "most_bytes", "sizes", "kept"),
    [
        (2, 1000, [1, 1, 1], ["b", "c"]),
        (9, 100, [40, 40, 40], ["b", "c"]),
        (9, 100, [40, 40, 500], ["c"]),
        (9, 100, [500], ["a"]),
    ],
    ids=["number", "bytes", "one is larger than all", "alone"],
)
def test_the_oldest_go(most: int, most_bytes: int, sizes: list[int], kept: list[str], at_once: bool) -> None:
    with taddons.context():
        made = recorder(most, most_bytes, at_once=at_once)
        flows = {id: over(made, id, size) for id, size in zip("abc", sizes, strict=False)}
    assert made.ids() == kept
    assert {id: made.kept(id) for id in kept} == {id: [flows[id]] for id in kept}
    assert made.kept("unknown") == []


def test_what_nobody_has_looked_at_is_made_for_who_does() -> None:
    with taddons.context():
        made = recorder(9, 1000, at_once=False)
        flow = over(made, "a", 1)
        assert KEY not in flow.metadata
        (kept,) = made.kept("a")
    assert kept is flow
    assert record_of(kept)["id"] == "a"
    assert "[a]" in kept.comment
    assert made.kept("a") == [flow], "it is made once"


def test_what_is_only_saved_is_not_kept() -> None:
    with taddons.context():
        made = Recorder(9, 1000)
        over(made, "a", 1)
    assert made.ids() == []


@pytest.mark.parametrize(
    ("trace", "pages", "wanted"), [("auto", False, False), ("auto", True, True), ("on", False, True)]
)
def test_who_looks_at_it(trace: str, pages: bool, wanted: bool) -> None:
    with taddons.context() as context:
        options: Any = context.options
        options.add_option("antigravity_trace", str, trace, "")
        options.add_option("antigravity_pages", bool, pages, "")
        assert in_memory() is wanted
        assert Recorder.wanted() is wanted
