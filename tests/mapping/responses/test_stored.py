"""mapping.responses.stored: pages, streams again, and what a request refers to."""

from __future__ import annotations

import pytest

from mapping import jsonio
from mapping.faults import Fault
from mapping.responses import stored
from mapping.values import JSON

ITEMS: list[JSON] = [{"id": f"i{n}"} for n in range(5)]


@pytest.mark.parametrize(
    ("limit", "order", "after", "ids", "more"),
    [
        (20, "asc", None, [0, 1, 2, 3, 4], False),
        (20, "desc", None, [4, 3, 2, 1, 0], False),
        (2, "asc", None, [0, 1], True),
        (2, "asc", "i1", [2, 3], True),
        (2, "desc", "i2", [1, 0], False),
        (2, "asc", "i4", [], False),
    ],
)
def test_page(limit: int, order: str, after: str | None, ids: list[int], more: bool) -> None:
    page = stored.page(ITEMS, limit=limit, order=order, after=after)
    assert [item["id"] for item in page["data"]] == [f"i{n}" for n in ids]
    assert page["has_more"] is more
    assert page["first_id"] == (f"i{ids[0]}" if ids else None)
    assert page["last_id"] == (f"i{ids[-1]}" if ids else None)


def test_after_what_is_not_there() -> None:
    with pytest.raises(Fault) as e:
        stored.page(ITEMS, limit=5, order="asc", after="nope")
    assert e.value.param == "after"


def events(count: int) -> bytes:
    return b"".join(b'event: e\ndata: {"sequence_number":%d}\n\n' % n for n in range(count))


@pytest.mark.parametrize(("after", "left"), [(-1, 5), (0, 4), (2, 2), (4, 0), (99, 0)])
def test_replay_from_a_sequence_number(after: int, left: int) -> None:
    again = stored.replay({}, events(5), after)
    assert again.count(b"event: ") == left
    assert events(5).endswith(again)


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_replay_of_what_was_no_stream(status: str) -> None:
    response = {"id": "resp_1", "status": status, "output": [{"id": "msg_1", "type": "message"}], "usage": {}}
    told = [jsonio.loads(line[6:]) for line in stored.replay(response, None, -1).split(b"\n") if line[:5] == b"data:"]
    assert [event["type"] for event in told] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        f"response.{status}",
    ]
    assert [event["sequence_number"] for event in told] == list(range(5))
    assert told[-1]["response"] == response


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({}, []),
        ({"input": "text"}, []),
        ({"input": [{"type": "item_reference", "id": "a"}, {"type": "message"}, "x"]}, ["a"]),
        ({"input": [{"type": "item_reference", "id": 5}]}, []),
        ({"input": [{"id": "a"}, {"type": None, "id": "b"}, {"role": "user", "content": "x", "id": "c"}]}, ["a", "b"]),
    ],
)
def test_referenced(body: JSON, ids: list[str]) -> None:
    assert stored.referenced(body) == ids


@pytest.mark.parametrize(
    ("given", "items"),
    [
        ({"input": "hi"}, [{"role": "user", "content": "hi"}, stored.TRIGGER]),
        ({"input": [{"role": "user", "content": "hi"}]}, [{"role": "user", "content": "hi"}, stored.TRIGGER]),
        ({"previous_response_id": "resp_1"}, [stored.TRIGGER]),
    ],
)
def test_with_trigger(given: JSON, items: list[JSON]) -> None:
    before = jsonio.dumps(given)
    assert stored.with_trigger(given)["input"] == items
    assert jsonio.dumps(given) == before


@pytest.mark.parametrize("body", [{}, {"input": None}, {"input": []}, {"input": ""}, {"messages": []}])
def test_nothing_to_compact(body: JSON) -> None:
    with pytest.raises(Fault) as e:
        stored.with_trigger(body)
    assert e.value.param == "input"
