"""The payload of an upstream answer or stream event -> the `GenerateContentResponse` objects in it.

Rules of this module:

* Errors that come in place of an answer, alone or in a list, are raised as such.
* The Cloud Code API wraps each response as `{"response": {...}, "traceId": ...}`; it is unwrapped here, once for all.
* What is neither is a broken answer. Raises nothing but UpstreamError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from mapping import jsonio
from mapping.gemini.errors.upstream_errors import broken, from_event
from mapping.values import JSON


def responses(data: bytes, *, last: bool = False) -> list[JSON]:
    """The responses in the bytes of a whole answer, or of one event of a stream. Nearly always one.

    `last`: the stream ended with this event and did not say that the event is complete. `[DONE]`, which proxies add to
    streams, is no response. Raises UpstreamError.
    """
    value = parsed(data, last=last)
    return [] if value is None else unwrap(value)


def parsed(data: bytes, *, last: bool = False) -> Any:
    """The JSON value of such bytes; None for `[DONE]`. Raises UpstreamError."""
    try:
        value = jsonio.loads(data)
    except ValueError:
        if data.strip() == b"[DONE]":
            return None
        if last:
            said = "The upstream's answer ended in the middle of an event."
            raise broken(said, code="upstream_incomplete") from None
        raise broken("The upstream's answer is not JSON.", code="upstream_not_json") from None
    return [] if value is None else value  # null is no answer either


def in_turn(events: Iterable[bytes]) -> Iterator[JSON]:
    """The responses in events of a stream, each as soon as it is read. Raises UpstreamError.

    Once for each event that comes, so what `responses` does with nearly all of them is done without a call.
    """
    for event in events:
        try:
            value = orjson.loads(event)
        except orjson.JSONDecodeError:
            yield from responses(event)
            continue
        if type(value) is dict and "candidates" in value and "error" not in value:
            yield value
        else:
            yield from unwrap(value)


def unwrap(value: Any) -> list[JSON]:
    """The responses in a parsed answer or event. Raises UpstreamError."""
    if type(value) is dict:
        if "candidates" in value and "error" not in value:
            return [value]
        return [_unwrap_object(value)]
    if type(value) is list and value:
        return [response for item in value for response in _unwrap_item(item)]
    raise broken("The upstream's answer is not a JSON object.", code="upstream_not_json")


def _unwrap_item(item: Any) -> list[JSON]:
    """An element of a list; lists within lists are no answer."""
    return unwrap(item if type(item) is dict else None)


def _unwrap_object(value: JSON) -> JSON:
    if value.get("error"):
        raise from_event(value)
    inner = value.get("response")
    if type(inner) is not dict:
        return value
    if inner.get("error"):
        raise from_event(inner)
    trace = value.get("traceId")
    return inner if inner.get("responseId") or not trace else {**inner, "responseId": trace}
