"""Reading Google's error answers (`google.rpc.Status` as JSON) into one flat value, whatever form they came in.

Rules of this module:

* Nothing raises: a body that is HTML, half a JSON text or of a foreign shape gives a `Failure` with what could be read.
* Only words (letters, digits, underscores) are taken as names and reasons, since these go to logs and headers.
* Keys, tokens and project names and numbers are taken out by `redact`; callers apply it to what a client may see.

Shapes: `google.rpc.Status`, `google/rpc/error_details.proto`, and what was seen in recorded answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapping import durations, jsonio

MAX_DELAY = 7 * 86400.0
"""Seconds. A longer delay is taken for this one."""
NOT_JSON = "not JSON"
"""In the place of a status's name: the body was none of Google's errors."""
_MAX_MESSAGE = 4000

# google.rpc.Code in its order: number, name and HTTP status.
_GRPC = (
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
    ("UNAUTHENTICATED", 401),
)
_BY_NAME = dict(_GRPC)
_BY_NUMBER = {number: status for number, (_, status) in enumerate(_GRPC, 1)}


@dataclass(slots=True)
class Failure:
    """What an error answer holds, whatever its shape was."""

    status: int
    message: str
    name: str = ""
    """The gRPC name of the status."""
    reasons: list[str] = field(default_factory=list)
    quotas: list[str] = field(default_factory=list)
    """Quota ids and metrics of the violations."""
    param: str | None = None
    """The first place of Gemini's request that is complained of, in either spelling, as a detail or the message has
    it: `generation_config.temperature`, `tools[0].function_declarations[1].parameters.properties[tags]`."""
    link: str | None = None
    """Where the owner of the account can do something about it."""
    delay: float | None = None

    @property
    def hints(self) -> str:
        """Everything that tells one failure from another, a line each."""
        return "\n".join((*self.reasons, *self.quotas, self.param or "", self.message))


def read(status: int | None, obj: Any) -> Failure:
    """The failure in a parsed body. `status` None: the body has to say."""
    error = _error_object(obj)
    message = _string(error.get("message")) or _string(error.get("error_description"))
    inner = _nested(message)
    if inner is not None:
        error, message = inner, _string(inner.get("message"))
    name = _word(error.get("status"))
    failure = Failure(_status(error, name) if status is None else status, message, name=name)
    for item in _dicts(error.get("errors")):
        _add_reason(failure, item)
    for detail in _dicts(error.get("details")):
        kind = _string(detail.get("@type")).rpartition(".")[2]
        if reader := _DETAILS.get(kind):
            reader(failure, detail)
    if failure.delay is None and (match := _DELAY_IN_TEXT.search(message)):
        failure.delay = duration(match[1])
    failure.param = failure.param or place_in(message)
    return failure


_PATH = r"\w+(?:\[[^\]\n]{1,200}\])*(?:\.\w+(?:\[[^\]\n]{1,200}\])*)*"
_NAMED_PLACE = re.compile(rf"\b(?:GenerateContent|EmbedContent|BatchEmbedContents)Request\.({_PATH})", re.ASCII)
_UNKNOWN_NAME = re.compile(rf"Unknown name \"(\w{{1,100}})\"(?: at '({_PATH})')?", re.ASCII)
_AT_PLACE = re.compile(rf" at '({_PATH})'", re.ASCII)
_NAMED_TOOL = re.compile(r"`([\w.:-]{1,128})` functionDeclaration(?: `([^`\n]{1,300})`)?", re.ASCII)


def place_in(message: str) -> str | None:
    """The place of Gemini's request that a message names; None: it names none.

    Vertex AI names a function in place of its number: `tools[0].function_declarations[save].parameters.tags`.
    """
    if match := _NAMED_PLACE.search(message):
        return match[1]
    if match := _UNKNOWN_NAME.search(message):
        return f"{match[2]}.{match[1]}" if match[2] else match[1]
    if match := _AT_PLACE.search(message):
        return match[1]
    if match := _NAMED_TOOL.search(message):
        return f"tools[0].function_declarations[{match[1]}]{f'.{match[2]}' if match[2] else ''}"
    return None


def _error_object(obj: Any) -> dict[str, Any]:
    """The object with `message` and `code`, from any wrapping seen in recorded answers; empty when there is none."""
    if isinstance(obj, list):
        obj = next((item for item in obj if isinstance(item, dict) and "error" in item), obj[0] if obj else None)
    if not isinstance(obj, dict):
        return {"message": obj} if isinstance(obj, str) else {}
    error = obj.get("error", obj)
    if isinstance(error, dict):
        return error
    # OAuth answers: {"error": "invalid_grant", "error_description": "..."}
    return {"message": obj.get("error_description") or error}


def _nested(message: str) -> dict[str, Any] | None:
    """The error in a message that is itself the JSON text of an error."""
    if not message.lstrip().startswith(("{", "[")):
        return None
    try:
        inner = _error_object(jsonio.loads(message))
    except (ValueError, RecursionError):
        return None
    return inner if _string(inner.get("message")) else None


def _status(error: dict[str, Any], name: str) -> int:
    """The HTTP status that an error object names: as `code` (HTTP or gRPC number) or as `status`."""
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return code
    if name in _BY_NAME:
        return _BY_NAME[name]
    return _BY_NUMBER.get(code, 500) if isinstance(code, int) else 500


def _add_reason(failure: Failure, detail: dict[str, Any]) -> None:
    if reason := _word(detail.get("reason")):
        failure.reasons.append(reason)


def _read_error_info(failure: Failure, detail: dict[str, Any]) -> None:
    # Before the reasons of `errors`, which are coarser.
    if reason := _word(detail.get("reason")):
        failure.reasons.insert(0, reason)
    metadata = detail.get("metadata")
    if failure.delay is None and isinstance(metadata, dict):
        failure.delay = duration(metadata.get("quotaResetDelay"))


def _read_retry_info(failure: Failure, detail: dict[str, Any]) -> None:
    delay = duration(detail.get("retryDelay"))
    if delay is not None:
        failure.delay = delay


def _read_quota_failure(failure: Failure, detail: dict[str, Any]) -> None:
    for violation in _dicts(detail.get("violations")):
        failure.quotas += filter(None, (_string(violation.get("quotaId")), _string(violation.get("quotaMetric"))))


def _read_bad_request(failure: Failure, detail: dict[str, Any]) -> None:
    for violation in _dicts(detail.get("fieldViolations")):
        failure.param = failure.param or _string(violation.get("field")) or None


def _read_help(failure: Failure, detail: dict[str, Any]) -> None:
    for link in _dicts(detail.get("links")):
        failure.link = failure.link or _string(link.get("url")) or None


_DETAILS = {
    "ErrorInfo": _read_error_info,
    "RetryInfo": _read_retry_info,
    "QuotaFailure": _read_quota_failure,
    "BadRequest": _read_bad_request,
    "Help": _read_help,
}
"""The last word of a detail's `@type` -> its reader. RetryInfo overrules every other delay."""

_WORD = re.compile(r"\w{1,80}", re.ASCII)


def _string(value: Any) -> str:
    return value[:_MAX_MESSAGE] if isinstance(value, str) else ""


def _word(value: Any) -> str:
    """An enum-like name; nothing else may reach logs and headers as one."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


_TITLE = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def plain_text(body: bytes) -> str:
    """A readable line of a body that is not JSON: the title of a page, or short text as it is; else nothing."""
    text = body[: 4 * _MAX_MESSAGE].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else ""
    text = _CONTROLS.sub(" ", text).strip()
    return "" if len(text) > 500 or "\ufffd" in text else text


# ---- delays

_DELAY_IN_TEXT = re.compile(rf"(?:retry|try again|reset) (?:in|after) ({durations.IN_TEXT})", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{0,18})?", re.ASCII)


def duration(value: Any) -> float | None:
    """Seconds of `"34.07s"`, `"900ms"`, `"1h2m3.5s"`, or a Duration object `{"seconds": "34", "nanos": 0}`.

    None for anything else. At most `MAX_DELAY`.
    """
    if isinstance(value, dict):
        parts = [_number(value.get("seconds", 0)), _number(value.get("nanos", 0))]
        if None in parts or not value.keys() & {"seconds", "nanos"}:
            return None
        return min((parts[0] or 0.0) + (parts[1] or 0.0) / 1e9, MAX_DELAY)
    told = durations.seconds(value) if isinstance(value, str) else None
    return None if told is None else min(told, MAX_DELAY)


def _number(value: Any) -> float | None:
    """A JSON number, or one in a string as protobuf writes 64-bit integers; not negative."""
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(min(value, 10**18)) if value >= 0 else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The header Retry-After in seconds. A date is ignored: what it means depends on a clock."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), None)
    seconds = _number(value.strip()) if value else None
    return None if seconds is None else min(seconds, MAX_DELAY)


# ---- secrets

_REDACTIONS = (
    (r"(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:bearer|basic)\s+)?)[\w.~+/=-]+", r"\1[redacted]"),
    (r"(\bbearer\s+)[\w.~+/=-]{16,}", r"\1[redacted]"),
    (r"(\b(?:api_?key|key|access_token)[=:]\s*['\"]?)[\w.~+/=-]{8,}", r"\1[redacted]"),
    (r"\b(?:AIza[\w-]{10,}|AQ\.[\w-]{10,}|ya29\.[\w.~+/=-]+|1//[\w-]{10,})", "[redacted]"),
    (r"(\bprojects?/)[\w.:-]+", r"\1[redacted]"),
    (r"(\bproject(?:_?number|_?id)?[=: ]\s*['\"#]?)\d{6,}", r"\1[redacted]"),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _REDACTIONS)


def redact(text: str) -> str:
    """`text` without keys, tokens, and the names and numbers of Google Cloud projects."""
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return text
