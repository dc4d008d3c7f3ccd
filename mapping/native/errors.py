"""Faults as Google's APIs tell them: `google.rpc.Status` as JSON, whole or as the last chunk of a stream.

    {"error": {"code": 429, "message", "status": "RESOURCE_EXHAUSTED", "details": [{"@type", ...}]}}

Of the details, `ErrorInfo` has the gateway's own code, `BadRequest` the member that is at fault, `RetryInfo` when to
come back, and `QuotaFailure` says that a quota of the day is used up: Gemini CLI gives up at once then, where it would
ask ten times (tried with 0.61). Google's SDKs read code, message and status.

Source: Google's API design guide (AIP-193), google/rpc/error_details.proto.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mapping import durations, jsonio
from mapping.dialect import ErrorAnswer, Fields
from mapping.faults import Fault, FaultKind
from mapping.values import JSON

DOMAIN = "openai-gemini-gateway"
"""Of the codes that are the gateway's own."""
JSON_TYPE = b"application/json; charset=UTF-8"

_TYPE = "type.googleapis.com/google.rpc."
_QUOTA = "insufficient_quota"
_PER_DAY = "GenerateRequestsPerDay"
"""In the place of the quota's id, whose words are what clients look at."""

_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    426: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    431: "INVALID_ARGUMENT",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
"""HTTP status -> the word beside it. Any other below 500 is an INVALID_ARGUMENT, above it an INTERNAL."""


def error_object(fault: Fault) -> JSON:
    """`{"error": {...}}`."""
    error: JSON = {"code": fault.status, "message": fault.message, "status": _word(fault.status)}
    if details := [_detail(name, made) for name, make in _DETAILS.items() if (made := make(fault))]:
        error["details"] = details
    return {"error": error}


def error_body(fault: Fault) -> bytes:
    """The bytes of `error_object`, on one line."""
    return jsonio.dumps(error_object(fault))


def error_answer(fault: Fault) -> ErrorAnswer:
    """The whole answer to a request that failed."""
    fields: Fields = ((b"Content-Type", JSON_TYPE),)
    if fault.retry_after is not None:
        fields += ((b"Retry-After", b"%d" % max(1, math.ceil(fault.retry_after))),)
    return ErrorAnswer(fault.status, fields, error_body(fault))


def read_error(answer: bytes) -> Fault | None:
    """The fault that an answer tells of, whole, as the last event or as the last element of an array; None: it tells of
    none."""
    events = [line[6:] for line in answer.split(b"\n") if line.startswith(b"data: ")]
    try:
        value = jsonio.loads(events[-1] if events else answer)
    except ValueError:
        return None
    if isinstance(value, list) and value:
        value = value[-1]
    error = value.get("error") if isinstance(value, dict) else None
    return _fault(error) if isinstance(error, dict) and error else None


def _word(status: int) -> str:
    return _STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


# --- details


def _detail(name: str, members: JSON) -> JSON:
    return {"@type": _TYPE + name, **members}


def _error_info(fault: Fault) -> JSON | None:
    return {"reason": fault.code.upper(), "domain": DOMAIN} if fault.code else None


def _bad_request(fault: Fault) -> JSON | None:
    return {"fieldViolations": [{"field": fault.param, "description": fault.message}]} if fault.param else None


def _quota_failure(fault: Fault) -> JSON | None:
    if not fault.per_day:
        return None
    return {"violations": [{"quotaId": _PER_DAY, "description": fault.message}]}


def _retry_info(fault: Fault) -> JSON | None:
    return None if fault.retry_after is None else {"retryDelay": f"{max(0.001, round(fault.retry_after, 3)):.12g}s"}


_DETAILS: dict[str, Callable[[Fault], JSON | None]] = {
    "ErrorInfo": _error_info,
    "BadRequest": _bad_request,
    "QuotaFailure": _quota_failure,
    "RetryInfo": _retry_info,
}
"""The last word of a detail's type -> what is in it; None: it is left out."""


# --- reading them


def _fault(error: JSON) -> Fault:
    details: dict[str, JSON] = {}
    for detail in error.get("details") or ():
        if isinstance(detail, dict):
            details[str(detail.get("@type")).removeprefix(_TYPE)] = detail
    status = error.get("code")
    info, retry = details.get("ErrorInfo", {}), details.get("RetryInfo", {}).get("retryDelay")
    code = str(info.get("reason")).lower() if info.get("domain") == DOMAIN else None
    return Fault(
        status if isinstance(status, int) else 500,
        str(error.get("message", "")),
        kind=_kind(status, code),
        code=code,
        param=_field(details.get("BadRequest", {})),
        retry_after=durations.seconds(retry) if isinstance(retry, str) else None,
        per_day="QuotaFailure" in details,
    )


def _field(bad_request: JSON) -> str | None:
    violations: Any = bad_request.get("fieldViolations")
    first = violations[0] if isinstance(violations, list) and violations else None
    found = first.get("field") if isinstance(first, dict) else None
    return found if isinstance(found, str) else None


def _kind(status: Any, code: str | None) -> FaultKind:
    if code == _QUOTA:
        return FaultKind.QUOTA
    if not isinstance(status, int) or status >= 500:
        return FaultKind.SERVER
    return {403: FaultKind.PERMISSION, 429: FaultKind.REQUEST_LIMIT}.get(status, FaultKind.REQUEST)
