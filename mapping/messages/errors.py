"""Faults as Anthropic's API tells them, whole or as the `error` event of a stream.

    {"type": "error", "error": {"type", "message", "details"?: {"error_code", "param"}}, "request_id"}

Rules of this module (Anthropic's API reference, "Errors"; what clients do was tried with the SDKs and Claude Code):

* Statuses are those of Anthropic's table: Claude Code knows 529 for overloaded, and few others.
* `retry-after` is at most a minute: Claude Code gives up at once when it is told more, and the Python SDK waits for
  however long it is told. Where waiting does not help, `x-should-retry: false` stands in its place.
* A bad key of an account is no 401, which would tell the client that its own is wrong, and which Claude Code asks
  eleven times for: it is a 403.
* A message names the member that is at fault, because there is no other place for it that people see.
* A failure that may pass says so in its message, in OpenAI's words: in a stream there is no field for it, and opencode
  1.18.33 goes by the words. It asks again after "retry your request", and ends after a bare `api_error`.
"""

from __future__ import annotations

import math
import re
from typing import Any

from mapping import jsonio
from mapping.dialect import ErrorAnswer, Fields
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import CONTEXT_LENGTH
from mapping.values import JSON

JSON_TYPE = (b"Content-Type", b"application/json")

ID_FIELD = b"request-id"

MAX_WAIT = 60
"""Seconds. Claude Code does not wait longer than this for a `retry-after`."""

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""HTTP status -> the type of the error. Any other below 500 has that of 400, above it that of 500."""

_STATUSES = {408: 504, 502: 500, 503: 500}
"""The gateway's status -> the one in Anthropic's table."""

_KINDS = {
    "api_error": FaultKind.SERVER,
    "overloaded_error": FaultKind.SERVER,
    "permission_error": FaultKind.PERMISSION,
    "rate_limit_error": FaultKind.REQUEST_LIMIT,
    "timeout_error": FaultKind.SERVER,
}
_QUOTA = "insufficient_quota"
_BAD_KEY = "invalid_api_key"
_BUSY = frozenset({None, "too_many_requests_in_flight"})
"""Codes of a 503 that passes by itself, because others are served."""

_MAY_PASS = frozenset({"api_error", "timeout_error"})
_AGAIN = " You can retry your request."
"""Ends the message of a failure of these types that may pass."""

_TOO_LONG = re.compile(r"maximum context length is (\d+) tokens\. However, your messages resulted in (\d+) tokens")


def status_of(fault: Fault) -> int:
    """The HTTP status."""
    if fault.status == 503 and fault.code in _BUSY:
        return 529
    if fault.status == 401 and fault.code == _BAD_KEY and fault.should_retry is False:
        return 403
    return _STATUSES.get(fault.status, fault.status)


def error_object(fault: Fault, request_id: str | None) -> JSON:
    """`{"type": "error", ...}`, without its type."""
    error: JSON = {"type": _type(status_of(fault)), "message": _message(fault)}
    details = {"error_code": fault.code, "param": fault.param}
    if told := {name: value for name, value in details.items() if value is not None}:
        error["details"] = told
    return {"error": error, "request_id": request_id}


def error_answer(fault: Fault) -> ErrorAnswer:
    """The whole answer to a request that failed."""
    body = jsonio.dumps({"type": "error", **error_object(fault, fault.request_id)})
    return ErrorAnswer(status_of(fault), (JSON_TYPE, *_retry_fields(fault), *_id_fields(fault)), body)


def read_error(status: int, answer: bytes) -> Fault | None:
    """The fault that an answer tells of, whole or as the last event; None: it tells of none.

    That of an event has the status that a whole answer would have had.
    """
    events = [line[6:] for line in answer.split(b"\n") if line.startswith(b"data: ")]
    try:
        value = jsonio.loads(events[-1] if events else answer)
    except ValueError:
        return None
    error = value.get("error") if isinstance(value, dict) else None
    return _fault(status, error) if isinstance(error, dict) else None


def _type(status: int) -> str:
    return TYPES.get(status, TYPES[500 if status >= 500 else 400])


def _message(fault: Fault) -> str:
    if fault.code == CONTEXT_LENGTH:
        counts = _TOO_LONG.search(fault.message)
        return f"prompt is too long: {counts[2]} tokens > {counts[1]} maximum" if counts else _long(fault.message)
    if fault.param and not _names(fault.message, fault.param):
        return _place(fault.param) + fault.message
    return fault.message + _AGAIN if _passes(fault) else fault.message


def _passes(fault: Fault) -> bool:
    """Whether only words can tell an event's reader that it may pass: the type of an overloaded model does."""
    return fault.should_retry is not False and _type(status_of(fault)) in _MAY_PASS


def _names(message: str, param: str) -> bool:
    """Whether a message names the member: Gemini's `thinkingConfig` is not the client's `thinking`."""
    return re.search(rf"(?<!\w){re.escape(param)}(?!\w)", message) is not None


def _place(param: str) -> str:
    """Stands before a message that does not name the member itself."""
    return f"In {param}: "


def _long(message: str) -> str:
    return f"prompt is too long. {message}"


def _retry_fields(fault: Fault) -> Fields:
    if fault.should_retry is False or status_of(fault) == 401:
        return ((b"x-should-retry", b"false"),)
    fields: Fields = ()
    if fault.retry_after is not None:
        fields = ((b"retry-after", b"%d" % min(MAX_WAIT, max(1, math.ceil(fault.retry_after)))),)
    return fields if fault.should_retry is None else (*fields, (b"x-should-retry", b"true"))


def _id_fields(fault: Fault) -> Fields:
    return ((ID_FIELD, fault.request_id.encode()),) if fault.request_id else ()


def _fault(status: int, error: dict[str, Any]) -> Fault:
    details = error.get("details")
    told = details if isinstance(details, dict) else {}
    code, param = (value if isinstance(value := told.get(name), str) else None for name in ("error_code", "param"))
    named = str(error.get("type"))
    kind = FaultKind.QUOTA if code == _QUOTA else _KINDS.get(named, FaultKind.REQUEST)
    if status < 400:
        status = next((status for status, type in TYPES.items() if type == named), 500)
    message = str(error.get("message", "")).removeprefix(_place(param) if param else "")
    final = False if named in _MAY_PASS and not message.endswith(_AGAIN) else None
    return Fault(status, message.removesuffix(_AGAIN), kind=kind, code=code, param=param, should_retry=final)
