"""How what was kept of a response is given out again: pages of items, streams; and what a request refers to.

Source: the OpenAI API reference (`GET /responses/{id}`, `GET /responses/{id}/input_items`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mapping import faults, jsonio
from mapping.faults import Fault
from mapping.responses.request.inputs import is_reference
from mapping.responses.request.replay import events_of
from mapping.values import JSON

TRIGGER = {"type": "compaction_trigger"}


def referenced(body: JSON) -> list[str]:
    """The ids of the `item_reference` items of a request."""
    given = body.get("input")
    if not isinstance(given, list):
        return []
    return [
        item["id"]
        for item in given
        if isinstance(item, dict) and is_reference(item) and isinstance(item.get("id"), str)
    ]


def with_trigger(body: JSON) -> JSON:
    """The same request, asking for a compaction. Raises Fault when there is nothing to compact."""
    given = body.get("input") or []
    if not given and body.get("previous_response_id") is None:
        raise faults.missing("input")
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return {**body, "input": [*items, TRIGGER], "store": False} if isinstance(items, list) else body


def page(items: Sequence[JSON], *, limit: int, order: str, after: str | None) -> JSON:
    """One page of a list of items. Raises Fault when `after` is none of them."""
    listed = list(items) if order == "asc" else list(reversed(items))
    if after is not None:
        at = next((at for at, item in enumerate(listed) if item.get("id") == after), None)
        if at is None:
            raise Fault(400, f"There is no item with id '{after[:100]}'.", code="invalid_value", param="after")
        listed = listed[at + 1 :]
    data = listed[:limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0].get("id") if data else None,
        "last_id": data[-1].get("id") if data else None,
        "has_more": len(listed) > limit,
    }


def replay(response: JSON, events: bytes | None, after: int) -> bytes:
    """The stream of a response again, without the events up to the sequence number `after`.

    A response that was no stream becomes one.
    """
    stream = events if events is not None else events_of(response)
    if after < 0:
        return stream
    blocks = [block + b"\n\n" for block in stream.split(b"\n\n") if block]
    return b"".join(block for block in blocks if _number(block) > after)


def _number(block: bytes) -> int:
    data = next((line[5:] for line in block.split(b"\n") if line.startswith(b"data:")), b"{}")
    number = jsonio.loads(data).get("sequence_number", 0)
    return number if isinstance(number, int) else 0
