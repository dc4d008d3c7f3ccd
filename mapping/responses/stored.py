"""How what was kept of a response is given out again: pages of items, streams; and what a request refers to.

Source: the OpenAI API reference (`GET /responses/{id}`, `GET /responses/{id}/input_items`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mapping import faults, jsonio
from mapping.faults import Fault
from mapping.responses.replay import events_of
from mapping.responses.request.inputs import is_reference
from mapping.values import JSON

TRIGGER = {"type": "compaction_trigger"}
_UNFINISHED = ("queued", "in_progress")


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


def wants_stream(query: Mapping[str, str]) -> bool:
    """Whether the query of a path asks for the stream that a response was."""
    return query.get("stream") == "true"


def known_events(query: Mapping[str, str]) -> int:
    """The sequence number of the last event that the client has already; -1: it has none. Raises Fault."""
    return _integer(query, "starting_after", -1)


def not_found(id: str) -> Fault:
    """There is no such response, or it is somebody else's."""
    return Fault(404, f"Response with id '{id[:100]}' not found.", param="id")


def deleted(id: str) -> JSON:
    """What is answered when a response has been deleted."""
    return {"id": id, "object": "response", "deleted": True}


def settled(response: JSON) -> JSON:
    """A response that nobody makes any more: one that was under way when the gateway was restarted has failed."""
    if response.get("status") not in _UNFINISHED:
        return response
    error = {"code": "server_error", "message": "The gateway was restarted while this response was made."}
    return {**response, "status": "failed", "error": error}


def check_cancellable(response: JSON) -> None:
    """Raises Fault for a response that was not made in the background."""
    if response.get("background") is not True:
        raise Fault(400, "Only responses with background set to true can be cancelled.", param="id")


def cancelled(response: JSON) -> JSON:
    """The response, which will not be finished."""
    return {**response, "status": "cancelled"}


def asked_page(items: Sequence[JSON], query: Mapping[str, str]) -> JSON:
    """The page that the query of a path asks for. Raises Fault."""
    limit = _integer(query, "limit", 20)
    if not 1 <= limit <= 100:
        raise faults.bad_value("limit", "limit has to be from 1 to 100.")
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise faults.bad_value("order", "order has to be asc or desc.")
    return page(items, limit=limit, order=order, after=query.get("after"))


def _integer(query: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(query.get(name, default))
    except ValueError:
        raise faults.wrong_type(name, "an integer", query[name]) from None


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
