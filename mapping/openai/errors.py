"""Faults as the OpenAI API tells them, on every path of it.

The body is `{"error": {"message", "type", "param", "code"}}`, all four members always present (OpenAI's OpenAPI
`Error`). The SDKs retry 408, 409, 429 and 5xx unless `x-should-retry` says otherwise, and give up on a `Retry-After`
above two minutes (tried with them).
"""

from __future__ import annotations

import math
from typing import Any

from mapping import jsonio
from mapping.dialect import ErrorAnswer, Fields
from mapping.faults import Fault, FaultKind

TYPES = {
    FaultKind.REQUEST: "invalid_request_error",
    FaultKind.SERVER: "server_error",
    FaultKind.REQUEST_LIMIT: "requests",
    FaultKind.TOKEN_LIMIT: "tokens",
    FaultKind.QUOTA: "insufficient_quota",
    FaultKind.PERMISSION: "permission_error",
}

MAX_WAIT = 120
"""Seconds. The SDKs do not wait longer than this for a Retry-After."""

JSON_TYPE = (b"Content-Type", b"application/json")


def error_object(fault: Fault) -> dict[str, Any]:
    """`{"error": {...}}`."""
    members = {"message": fault.message, "type": TYPES[fault.kind], "param": fault.param, "code": fault.code}
    return {"error": members}


def error_body(fault: Fault) -> bytes:
    """The bytes of `error_object`."""
    return jsonio.dumps(error_object(fault))


def read_error(status: int, answer: bytes) -> Fault | None:
    """The error that an answer holds, whole or as the last event that tells of one; None: it holds none.

    A failed response names only what kind of error it was; the event `error` before it tells more.
    """
    values = []
    for text in (answer, *reversed([line[5:] for line in answer.split(b"\n") if line.startswith(b"data:")])):
        try:
            value = jsonio.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            values.append(value)
    for value in [*values, *(value.get("response") for value in values)]:
        error = value.get("error") if isinstance(value, dict) else None
        if isinstance(error, dict):
            return _fault(status, error)
    return None


def _fault(status: int, error: dict[str, Any]) -> Fault:
    named = error.get("type", TYPES[FaultKind.SERVER])
    kind = next((kind for kind, name in TYPES.items() if name == named), FaultKind.REQUEST)
    code, param = (value if isinstance(value := error.get(name), str) else None for name in ("code", "param"))
    return Fault(status, str(error.get("message", "")), kind=kind, code=code, param=param)


def error_answer(fault: Fault) -> ErrorAnswer:
    """The whole answer to a request that failed."""
    return ErrorAnswer(fault.status, (JSON_TYPE, *retry_fields(fault)), error_body(fault))


def retry_fields(fault: Fault) -> Fields:
    """`Retry-After` (whole seconds), `retry-after-ms` and `x-should-retry`."""
    fields: list[tuple[bytes, bytes]] = []
    should_retry = fault.should_retry
    if fault.retry_after is not None:
        seconds = max(1, math.ceil(fault.retry_after))
        fields.append((b"Retry-After", b"%d" % seconds))
        if seconds <= MAX_WAIT:
            fields.append((b"retry-after-ms", b"%d" % max(1, math.ceil(fault.retry_after * 1000))))
        elif should_retry is None:
            should_retry = False
    if should_retry is not None:
        fields.append((b"x-should-retry", b"true" if should_retry else b"false"))
    return tuple(fields)
