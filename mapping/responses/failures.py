"""Errors within a response: the `error` of a failed one, and the event that ends a broken stream.

Rules of this module:

* `error.code` is one of those that clients act on. Codex gives up at once on some of them and tries again on all others
  (seen in its source), so only what will fail again gets one of the former.
* Credentials are the gateway's own, so an upstream's 401 or 403 is a fault of the server, as a response knows it.
"""

from __future__ import annotations

import re

from mapping.faults import Fault
from mapping.openai.errors import error_object
from mapping.values import JSON

SERVER_ERROR = "server_error"
INVALID_PROMPT = "invalid_prompt"
RATE_LIMIT = "rate_limit_exceeded"

_KEPT = frozenset({"context_length_exceeded", "insufficient_quota", INVALID_PROMPT, RATE_LIMIT})
"""Codes that mean the same in a response. The first two are not in OpenAI's list, but Codex knows them."""

_CODES = dict.fromkeys((400, 404, 405, 413, 415, 422), INVALID_PROMPT) | {429: RATE_LIMIT}
"""HTTP status -> code. All others are `server_error`."""

_TRY_AGAIN = re.compile(r"try again in\s*\d+(\.\d+)?\s*(s|ms|seconds?)\b", re.IGNORECASE)


def failure(error: Fault) -> JSON:
    """The `error` of a failed response."""
    code = _code(error)
    return {"code": code, "message": _message(error, code)}


def error_event(error: Fault) -> JSON:
    """The members of the `error` event: flat, as OpenAI documents them, and nested, as OpenAI sends them.

    Python's SDK raises the nested error; it hands a flat one on as an event that nobody looks at.
    """
    told = {**error_object(error)["error"], "message": _message(error, _code(error))}
    return {"code": error.code, "message": told["message"], "param": error.param, "error": told}


def _code(error: Fault) -> str:
    if error.code in _KEPT:
        return error.code
    return _CODES.get(error.status, SERVER_ERROR)


def _message(error: Fault, code: str) -> str:
    """Codex reads from the message how long it has to wait."""
    if (
        code != RATE_LIMIT
        or error.retry_after is None
        or error.should_retry is False
        or _TRY_AGAIN.search(error.message)
    ):
        return error.message
    seconds = f"{error.retry_after:.3f}".rstrip("0").rstrip(".")
    return f"{error.message} Please try again in {seconds}s."
