"""Errors of the upstream, in all the forms Google gives them, as one value that says what to do and what to tell.

Rules of this module:

* No body makes it raise: HTML, half a JSON text and foreign shapes become errors too.
* What to do (`Kind`) and what to tell (`OpenAIError`) come from one table, `RULES`; the first row that fits counts.
* Google's message stays as it is, because people and tools match on its words; sentences are only added at the end.
* Keys, tokens and project names and numbers are taken out of messages (`redact`).

Sources: the Gemini API reference (troubleshooting), the OpenAI API reference (error codes), and recorded answers.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.errors import INVALID_REQUEST, SERVER_ERROR, OpenAIError
from mapping.google_errors import Failure, plain_text, read, redact, retry_after

MAX_SDK_DELAY = 120.0
"""Seconds. The OpenAI SDKs do not wait longer than this for a Retry-After."""


class Kind(enum.Enum):
    """What a failure means for the next attempt."""

    REQUEST = "request"
    """The request is at fault: every account would refuse it. Never rotate."""
    AUTH = "auth"
    """The credential or its project is at fault: set the account aside."""
    QUOTA = "quota"
    """The account's quota is used up: it cools down for this model."""
    CAPACITY = "capacity"
    """The model is overloaded for everyone: another attempt, the account does not cool down."""
    SERVER = "server"
    """The server, or the way to it, failed: another attempt."""
    SIGNATURE = "signature"
    """A thought signature is missing or not valid: build the request again with placeholders, once."""
    SCHEMA = "schema"
    """A schema or thinking field is refused: may be tried once without it. `UpstreamError.field` says which."""
    ANSWER = "answer"
    """The answer is malformed, has no candidate or is cut off: another attempt."""
    EMPTY = "empty"
    """The answer ended well and holds nothing: once more, and then it is taken as it is."""


class UpstreamError(Exception):
    """A failed attempt.

    `error` is what the client gets if no other attempt follows. `delay` is the time in seconds until it makes sense to
    try again, None when the upstream did not say. `per_day` tells of a quota that does not come back within minutes.
    `status` is the upstream's HTTP status (0: it gave none, 200: the answer broke later). `reason` is short, for logs
    and notes. `field` is set for `Kind.SCHEMA`: the member of the request body to leave out.
    """

    def __init__(
        self,
        error: OpenAIError,
        kind: Kind,
        *,
        status: int,
        reason: str,
        delay: float | None = None,
        per_day: bool = False,
        field: str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {error.message}")
        self.error = error
        self.kind = kind
        self.status = status
        self.reason = reason
        self.delay = delay
        self.per_day = per_day
        self.field = field

    def __repr__(self) -> str:
        return f"UpstreamError({self.reason!r}, {self.kind.name}, delay={self.delay})"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the upstream errors it fits (`upstream`, `says`), and what they become."""

    upstream: frozenset[int]
    """HTTP statuses of the upstream."""
    says: re.Pattern[str] | None
    """Searched in the lines of `Failure.hints`. None fits all."""
    kind: Kind
    status: int
    """HTTP status for the client. 0: the upstream's own."""
    code: str | None
    type: str = INVALID_REQUEST
    param: str | None = None
    retry: bool | None = None
    """The header `x-should-retry`. None: the SDKs decide by the status."""
    per_day: bool = False
    field: str | None = None


def _rule(upstream: int | range, says: str | None, kind: Kind, status: int, code: str | None, **more: Any) -> Rule:
    """A row, with `upstream` as one status or a range, and `says` as a regular expression."""
    statuses = frozenset((upstream,) if isinstance(upstream, int) else upstream)
    pattern = re.compile(says, re.MULTILINE | re.IGNORECASE) if says else None
    if kind in (Kind.REQUEST, Kind.AUTH, Kind.SIGNATURE, Kind.SCHEMA):
        more.setdefault("retry", False)
    return Rule(statuses, pattern, kind, status, code, **more)


_REQUEST, _AUTH, _QUOTA, _SERVER = Kind.REQUEST, Kind.AUTH, Kind.QUOTA, Kind.SERVER
_CONTEXT_LENGTH = "context_length_exceeded"
_DENIED = "permission_denied"
_RATE_LIMIT = "rate_limit_exceeded"

# A cached content or a file belongs to one account. Another account does not have it, and this one is not to blame.
_OWNED = r"access the File\b|CachedContent|cached content|tuned ?model"
_NO_CAPACITY = r"^MODEL_CAPACITY_EXHAUSTED$|no capacity available|model is overloaded"
_USED_UP = (
    r"PerDay|^QUOTA_EXHAUSTED$|^INSUFFICIENT_G1_CREDITS_BALANCE$|\bdaily (quota|limit)|\bper day\b|limit: 0(?![\d.])"
)
_KEY = r"^API_KEY_(INVALID|EXPIRED)$|API key (not valid|expired|not found)"
_LOCATION = r"location is not supported|not available in your (country|region)"
_BILLING = r"^BILLING_DISABLED$|billing (to be enabled|is disabled|account is disabled)|enable billing"
_SIGNATURE = r"thought[_ ]?signature"
_TOKENS = r"input token count|exceeds the maximum number of tokens|exceed the context window"
_THINKING = r"\bthinking(_?config|_?budget|_?level|_mode)?\b"
_TOOL_SCHEMA = r"function_?declarations?(\[\d+\])?\.parameters|parameters_?json_?schema"
_SCHEMA = r"response_?(json_?)?schema|\bschema\b.*(too many states|nesting depth|too complex|produces a constraint)"
_LOGPROBS = r"\blogprobs\b.* not (enabled|supported)"
_PENALTY = r"\bpenalty\b.* not (enabled|supported)"

RULES: tuple[Rule, ...] = (
    _rule(400, _KEY, _AUTH, 401, "invalid_api_key"),
    _rule(400, _LOCATION, _AUTH, 403, "unsupported_country_region_territory"),
    _rule(range(400, 404), _BILLING, _AUTH, 403, "billing_not_active"),
    _rule(400, _SIGNATURE, Kind.SIGNATURE, 400, None),
    _rule(400, _TOKENS, _REQUEST, 400, _CONTEXT_LENGTH, param="messages"),
    _rule(400, r"payload size exceeds", _REQUEST, 413, "request_too_large"),
    _rule(400, _TOOL_SCHEMA, Kind.SCHEMA, 400, None, field="tools"),
    _rule(400, _SCHEMA, Kind.SCHEMA, 400, None, field="generationConfig.responseJsonSchema"),
    _rule(400, _THINKING, Kind.SCHEMA, 400, None, field="generationConfig.thinkingConfig"),
    _rule(400, _LOGPROBS, Kind.SCHEMA, 400, None, field="generationConfig.responseLogprobs"),
    _rule(400, _PENALTY, Kind.SCHEMA, 400, None, field="generationConfig.presencePenalty"),
    _rule(400, None, _REQUEST, 400, None),
    _rule(401, None, _AUTH, 401, "invalid_api_key"),
    _rule(403, _OWNED, _REQUEST, 403, _DENIED),
    _rule(403, None, _AUTH, 403, _DENIED),
    _rule(404, r"\bmodels?[ /]", _REQUEST, 404, "model_not_found", param="model"),
    _rule(404, None, _REQUEST, 404, "not_found"),
    _rule(408, None, _SERVER, 408, "timeout", type=SERVER_ERROR),
    _rule(409, None, _SERVER, 409, "conflict"),
    _rule(413, None, _REQUEST, 413, "request_too_large"),
    _rule(429, _NO_CAPACITY, Kind.CAPACITY, 503, None, type=SERVER_ERROR),
    _rule(429, _USED_UP, _QUOTA, 429, "insufficient_quota", type="insufficient_quota", retry=False, per_day=True),
    _rule(429, r"Tokens?Per|token_count", _QUOTA, 429, _RATE_LIMIT, type="tokens"),
    _rule(429, None, _QUOTA, 429, _RATE_LIMIT, type="requests"),
    _rule(499, None, _SERVER, 499, "cancelled", type=SERVER_ERROR, retry=True),
    _rule(501, None, _REQUEST, 400, "unsupported_parameter"),
    _rule(503, None, Kind.CAPACITY, 503, None, type=SERVER_ERROR),
    _rule(504, None, _SERVER, 504, "timeout", type=SERVER_ERROR),
    _rule(529, None, Kind.CAPACITY, 503, None, type=SERVER_ERROR),
    _rule(range(400, 500), None, _REQUEST, 0, None),
    _rule(range(500, 600), None, _SERVER, 0, None, type=SERVER_ERROR),
)
"""From the most special to the most general, within one status."""

_ODD_STATUS = Rule(frozenset(), None, _SERVER, 502, None, type=SERVER_ERROR)
"""For a status that is neither success nor error, such as a redirect."""


def from_http(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """The error of an HTTP answer with another status than 2xx. Raises nothing, whatever the body."""
    try:
        failure = read(status, jsonio.loads(body))
    except (ValueError, RecursionError):
        failure = Failure(status, plain_text(status, body), name="not JSON")
    if failure.delay is None and headers:
        failure.delay = retry_after(headers)
    return _classify(failure)


def from_event(obj: Any) -> UpstreamError:
    """The error of a parsed stream event (or element) with a member `error`, alone or in a list.

    Its status comes from `error.code` or `error.status`; 500 when neither is known.
    """
    return _classify(read(None, obj))


def broken(message: str, *, code: str | None = None) -> UpstreamError:
    """A 200 answer that is no answer: malformed, empty, or cut off. 500, and the SDKs are told to try again."""
    error = OpenAIError(500, redact(message), type=SERVER_ERROR, code=code, should_retry=True)
    return UpstreamError(error, Kind.ANSWER, status=200, reason=code or "broken answer")


def connect_failed(detail: str) -> UpstreamError:
    """No connection to the upstream, or it was lost before an answer came. `detail` is the cause in a few words."""
    message = f"The upstream could not be reached: {redact(detail)}" if detail else "The upstream could not be reached."
    error = OpenAIError(502, message, type=SERVER_ERROR, code="upstream_unreachable")
    return UpstreamError(error, _SERVER, status=0, reason="upstream unreachable")


def no_credential(detail: str, *, permanent: bool) -> UpstreamError:
    """There is nothing to show to the upstream: its token server refused (`permanent`), or could not be reached."""
    message = f"The account has no valid credential: {redact(detail)}"
    error = OpenAIError(503, message, type=SERVER_ERROR, code="no_credential")
    kind = Kind.AUTH if permanent else _SERVER
    return UpstreamError(error, kind, status=0, reason="no credential")


def broken_off(detail: str) -> UpstreamError:
    """The connection to the upstream was lost in the middle of its answer. `detail` is the cause in a few words."""
    message = f"The upstream broke off its answer: {redact(detail)}"
    error = OpenAIError(502, message, type=SERVER_ERROR, code="upstream_broke_off")
    return UpstreamError(error, Kind.ANSWER, status=0, reason="upstream broke off")


def unusable(message: str, *, code: str) -> UpstreamError:
    """An answer that can't be taken in: it is too large, or in an encoding that can't be read."""
    error = OpenAIError(502, message, type=SERVER_ERROR, code=code)
    return UpstreamError(error, Kind.ANSWER, status=200, reason=code)


def timed_out() -> UpstreamError:
    """The upstream did not answer in time."""
    error = OpenAIError(504, "The upstream did not answer in time.", type=SERVER_ERROR, code="upstream_timeout")
    return UpstreamError(error, _SERVER, status=0, reason="upstream timeout")


def _classify(failure: Failure) -> UpstreamError:
    hints = failure.hints
    rule = next(
        (r for r in RULES if failure.status in r.upstream and (r.says is None or r.says.search(hints))), _ODD_STATUS
    )
    retry = rule.retry
    if failure.delay is not None and failure.delay > MAX_SDK_DELAY:
        retry = False
    error = OpenAIError(
        rule.status or failure.status,
        _message(failure, rule),
        type=rule.type,
        code=rule.code,
        param=rule.param or failure.param,
        retry_after=failure.delay,
        should_retry=retry,
    )
    return UpstreamError(
        error,
        rule.kind,
        status=failure.status,
        reason=" ".join([str(failure.status), failure.name, *failure.reasons[:1]]).replace("  ", " ").strip(),
        delay=failure.delay,
        per_day=rule.per_day,
        field=rule.field,
    )


_TOKEN_COUNTS = re.compile(r"token count \(?(\d+)\)? exceeds the maximum number of tokens allowed \(?(\d+)")


def _message(failure: Failure, rule: Rule) -> str:
    """Google's message, and behind it what clients of OpenAI look for."""
    message = redact(failure.message).strip() or f"The upstream answered with status {failure.status}."
    if rule.code == _CONTEXT_LENGTH and (counts := _TOKEN_COUNTS.search(message)):
        return (
            f"{message} This model's maximum context length is {counts[2]} tokens. "
            f"However, your messages resulted in {counts[1]} tokens."
        )
    if rule.code == _RATE_LIMIT and failure.delay is not None:
        # Codex reads its delay from this sentence.
        return f"{message} Please try again in {f'{failure.delay:.3f}'.rstrip('0').rstrip('.')}s."
    if rule.code == _DENIED:
        reason = failure.reasons[0] if failure.reasons else ""
        extra = [f"({reason})"] if reason and reason not in message else []
        extra += [failure.link] if failure.link and reason == "VALIDATION_REQUIRED" else []
        return " ".join([message, *extra])
    return message
