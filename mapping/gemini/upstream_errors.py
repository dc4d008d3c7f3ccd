"""Errors of the upstream, in all the forms Google gives them, as one value that says what to do and what to tell.

Rules of this module:

* No body makes it raise: HTML, half a JSON text and foreign shapes become errors too.
* What to do (`Kind`) and what to tell (`Fault`) come from one table, `RULES`; the first row that fits counts.
* Google's message stays as it is, because people and tools match on its words; sentences are only added at the end.
  Where a limit of a minute passes by itself, OpenAI's words stand instead: clients take "check your plan" for final.
* What an HTTP library says of a connection is in `UpstreamError.detail`, for logs; clients get plain words.
* Keys, tokens and project names and numbers are taken out of messages (`redact`).
* `Fault.param` is a place in Gemini's request here, in either spelling; `mapping.answer.blame` makes it the client's.

Sources: the Gemini API reference (troubleshooting), the OpenAI API reference (error codes), and recorded answers.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mapping import jsonio
from mapping.faults import Fault, FaultKind
from mapping.gemini.google_errors import NOT_JSON, Failure, plain_text, read, redact, retry_after

MAX_SDK_DELAY = 120.0
"""Seconds. The OpenAI SDKs do not wait longer than this for a Retry-After."""


class Kind(enum.Enum):
    """What a failure means for the next attempt."""

    REQUEST = "request"
    """The request is at fault: every account would refuse it. Never rotate."""
    AUTH = "auth"
    """The credential or its project is at fault: set the account aside."""
    BILLING = "billing"
    """The account's money has run out: set it aside for all models."""
    CLOSED = "closed"
    """The model is closed to this account: it rests for it, and another may have it."""
    QUOTA = "quota"
    """The account's quota is used up: it cools down for this model."""
    CAPACITY = "capacity"
    """The model is overloaded for everyone: another attempt, the account does not cool down."""
    SERVER = "server"
    """The server, or the way to it, failed: another attempt."""
    SIGNATURE = "signature"
    """A thought signature is missing or not valid: build the request again with placeholders, once."""
    SCHEMA = "schema"
    """A part of the request is refused: may be tried once in another form. `UpstreamError.field` says which."""
    ANSWER = "answer"
    """The answer is malformed, has no candidate or is cut off: another attempt."""
    EMPTY = "empty"
    """The answer ended well and holds nothing: once more, and then it is taken as it is."""


class UpstreamError(Exception):
    """A failed attempt.

    `error` is what the client gets if no other attempt follows. `delay` is the time in seconds until it makes sense to
    try again, None when the upstream did not say. `per_day` tells of a quota that does not come back within minutes.
    `status` is the upstream's HTTP status (0: it gave none, 200: the answer broke later). `reason` is short, for logs
    and notes. `todo` is what the owner of the account can do about it, a sentence. `limit` names the limit that was
    reached. `detail` is what a library said of the connection, for logs. `field` is set for `Kind.SCHEMA`: what is
    refused, a key of `mapping.gemini.second_try.LADDERS`. `tool` is the function declaration that it is about: its
    index, or its name.
    """

    def __init__(
        self,
        error: Fault,
        kind: Kind,
        *,
        status: int,
        reason: str,
        delay: float | None = None,
        per_day: bool = False,
        field: str | None = None,
        todo: str = "",
        limit: str = "",
        detail: str = "",
        tool: int | str | None = None,
    ) -> None:
        super().__init__(f"{reason}: {error.message}")
        self.error = error
        self.kind = kind
        self.status = status
        self.reason = reason
        self.delay = delay
        self.per_day = per_day
        self.field = field
        self.todo = todo
        self.limit = limit
        self.detail = detail
        self.tool = tool

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
    told: FaultKind = FaultKind.REQUEST
    param: str | None = None
    """The member of Gemini's request, where Google does not name it closer; `model` whatever Google names."""
    retry: bool | None = None
    """The header `x-should-retry`. None: the SDKs decide by the status."""
    per_day: bool = False
    field: str | None = None
    todo: str = ""
    """What the owner of the account can do about it."""


def _rule(
    upstream: int | Iterable[int], says: str | None, kind: Kind, status: int, code: str | None, **more: Any
) -> Rule:
    """A row, with `upstream` as one status or several, and `says` as a regular expression."""
    statuses = frozenset((upstream,) if isinstance(upstream, int) else upstream)
    pattern = re.compile(says, re.MULTILINE | re.IGNORECASE) if says else None
    if kind in (Kind.REQUEST, Kind.AUTH, Kind.BILLING, Kind.CLOSED, Kind.SIGNATURE, Kind.SCHEMA):
        more.setdefault("retry", False)
    return Rule(statuses, pattern, kind, status, code, **more)


_REQUEST, _AUTH, _QUOTA, _SERVER = Kind.REQUEST, Kind.AUTH, Kind.QUOTA, Kind.SERVER
_CONTEXT_LENGTH = "context_length_exceeded"
_DENIED = "permission_denied"
_RATE_LIMIT = "rate_limit_exceeded"
_NO_MONEY = "insufficient_quota"

# What the owner of an account can do.
_NEW_KEY = "Give this account another key (https://aistudio.google.com/apikey), or sign in anew."
_LIFT_RESTRICTION = "The key is restricted: change its restrictions in Google's console, or use another key."
_ENABLE = "Enable the API for its project in Google's console; that takes a few minutes to be in force."
_OTHER_PROJECT = "See the project's state in Google's console, or use a key of another project."
_SIGN_IN = "Sign in anew with the scope https://www.googleapis.com/auth/cloud-platform, or use an API key."
_PERMIT = "Give it the permission in Google's console, or use another account."
_ELSEWHERE = "Gemini can't be used from where the gateway runs with this account: use Vertex AI, or another network."
_BILLING_ON = "Switch on billing for its project in Google's console, or use another account."
_ADD_MONEY = "Add credits or raise the cap (https://ai.studio/projects), or use another account."

# A cached content or a file belongs to one account. Another account does not have it, and this one is not to blame.
_OWNED = r"access the File\b|CachedContent|cached content|tuned ?model"
_NO_CAPACITY = r"^MODEL_CAPACITY_EXHAUSTED$|no capacity available|model is overloaded"
_USED_UP = (
    r"PerDay|^QUOTA_EXHAUSTED$|^INSUFFICIENT_G1_CREDITS_BALANCE$|\bdaily (quota|limit)|\bper day\b|limit: 0(?![\d.])"
)
_KEY = r"^API_KEY_(INVALID|EXPIRED)$|API key (not valid|expired|not found)|API key was reported as leaked"
_KEY_RESTRICTED = r"^API_KEY_\w+_BLOCKED$"
_SUSPENDED = r"^CONSUMER_(SUSPENDED|INVALID)$|has been suspended"
_SCOPE = r"^ACCESS_TOKEN_SCOPE_INSUFFICIENT$|insufficient authentication scopes"
_DISABLED = r"^SERVICE_DISABLED$"
_RATE_REASON = r"^(RATE_LIMIT_EXCEEDED|rateLimitExceeded|userRateLimitExceeded|quotaExceeded)$"
_DAY_REASON = r"^dailyLimitExceeded$"
_MONEY = (
    r"prepayment credits|credits? (balance )?(are|is|have been) (depleted|exhausted)|out of credits|"
    r"(monthly )?spend(ing)? (cap|limit)|insufficient (funds|credits?|balance)"
)
_CLOSED = (
    r"(closed|no longer available|not available) (to|for) new (users|customers|projects)|"
    r"(does|do)(n't| not) have access to|no access to (it|this model)"
)
_LOCATION = r"location is not supported|not available in your (country|region)"
_BILLING = r"^BILLING_DISABLED$|billing (to be enabled|is disabled|account is disabled)|enable billing"
_SIGNATURE = r"thought[_ ]?signature"
_TOKENS = r"input token count|exceeds the maximum number of tokens|exceed the context window"
_THINKING = r"\bthinking(_?config|_?budget|_?level|_mode)?\b"
# Vertex AI: "`f` functionDeclaration `parameters.a` schema didn't specify the schema type field"
_TOOL_SCHEMA = (
    r"function_?declarations?(\[\d+\])?\.parameters|parameters_?json_?schema|function parameters? didn't"
    r"|function_?declarations?\b.*\bschema\b"
)
_SCHEMA = r"response[_ ]?(json[_ ]?)?schemas?\b"
_STATES = r"too many states|produces a constraint|(schema|constraint)\b.*too complex"
_DEPTH = r"\bschema\b.*nesting depth|nest(ed|ing)\b.*\bschema\b.*\b(deep|depth)"
_PREFILL = r"ending with a model turn|(must|should|to) end with a user|\bprefill"
_CANDIDATES = r"candidate_?count|multiple candidates|number of candidates"
_JSON_MODE = r"(response[ _]?mime[ _]?type|controlled generation|structured outputs?|json mode)"
_FUNCTIONS = r"(function[ _]?call\w*|tools?\b|tool[ _]use)"
_TOOLS_WITH_JSON = rf"{_FUNCTIONS}.*{_JSON_MODE}|{_JSON_MODE}.*{_FUNCTIONS}"
_TOOLS_TOGETHER = (
    r"tool use with function calling|built-?in tools?\b.*function|function calling\b.*(built-?in|cannot be combined)"
    r"|google_?search\w*.*function|multiple tools are supported|include_?server_?side|tool call context circulation"
)
_SAMPLED = r"\b(temperature|top_?[pk]|sampling param\w*)\b"
_SAMPLING = rf"{_SAMPLED}.*\b(not|no longer|cannot|un\w+|deprecated|only)\b|\b(un\w+|no longer|not)\b.*{_SAMPLED}"
_UNSAID = r"^request contains an invalid argument\.?$"
_LOGPROBS = r"\blogprobs\b.* not (enabled|supported)"
_PENALTY = r"\bpenalty\b.* not (enabled|supported)"

RULES: tuple[Rule, ...] = (
    _rule(range(400, 404), _KEY, _AUTH, 401, "invalid_api_key", todo=_NEW_KEY),
    _rule(range(400, 404), _LOCATION, _AUTH, 403, "unsupported_country_region_territory", todo=_ELSEWHERE),
    _rule(range(400, 404), _BILLING, _AUTH, 403, "billing_not_active", todo=_BILLING_ON),
    _rule((402, 403, 429), _MONEY, Kind.BILLING, 429, _NO_MONEY, told=FaultKind.QUOTA, todo=_ADD_MONEY),
    _rule(402, None, Kind.BILLING, 429, _NO_MONEY, told=FaultKind.QUOTA, todo=_ADD_MONEY),
    _rule(400, _SIGNATURE, Kind.SIGNATURE, 400, None),
    _rule(400, _TOKENS, _REQUEST, 400, _CONTEXT_LENGTH, param="contents"),
    _rule(400, r"payload size exceeds", _REQUEST, 413, "request_too_large"),
    _rule(400, _STATES, Kind.SCHEMA, 400, None, field="schemas"),
    _rule(400, _TOOL_SCHEMA, Kind.SCHEMA, 400, None, field="tools", param="tools"),
    _rule(
        400,
        _DEPTH,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.responseJsonSchema.depth",
        param="generationConfig.responseJsonSchema",
    ),
    _rule(400, _PREFILL, Kind.SCHEMA, 400, None, field="contents", param="contents"),
    _rule(
        400,
        _CANDIDATES,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.candidateCount",
        param="generationConfig.candidateCount",
    ),
    _rule(400, _TOOLS_TOGETHER, Kind.SCHEMA, 400, None, field="tools.google", param="tools"),
    _rule(
        400,
        _TOOLS_WITH_JSON,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.responseMimeType",
        param="generationConfig.responseMimeType",
    ),
    _rule(
        400,
        _SCHEMA,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.responseJsonSchema",
        param="generationConfig.responseJsonSchema",
    ),
    _rule(
        400,
        _THINKING,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.thinkingConfig",
        param="generationConfig.thinkingConfig",
    ),
    _rule(
        400,
        _LOGPROBS,
        Kind.SCHEMA,
        400,
        None,
        field="generationConfig.responseLogprobs",
        param="generationConfig.responseLogprobs",
    ),
    _rule(400, _PENALTY, Kind.SCHEMA, 400, None, field="generationConfig.presencePenalty"),
    _rule(400, _SAMPLING, Kind.SCHEMA, 400, None, field="generationConfig.temperature"),
    _rule(400, _UNSAID, Kind.SCHEMA, 400, None, field="request"),
    _rule(400, None, _REQUEST, 400, None),
    _rule((401, 403), _SCOPE, _AUTH, 403, _DENIED, todo=_SIGN_IN),
    _rule(401, None, _AUTH, 401, "invalid_api_key", todo=_NEW_KEY),
    _rule(403, _OWNED, _REQUEST, 403, _DENIED),
    _rule(403, _DAY_REASON, _QUOTA, 429, _NO_MONEY, told=FaultKind.QUOTA, retry=False, per_day=True),
    _rule(403, _RATE_REASON, _QUOTA, 429, _RATE_LIMIT, told=FaultKind.REQUEST_LIMIT),
    _rule(403, _KEY_RESTRICTED, _AUTH, 403, _DENIED, todo=_LIFT_RESTRICTION),
    _rule(403, _DISABLED, _AUTH, 403, _DENIED, todo=_ENABLE),
    _rule(403, _SUSPENDED, _AUTH, 403, _DENIED, todo=_OTHER_PROJECT),
    _rule(403, None, _AUTH, 403, _DENIED, todo=_PERMIT),
    _rule(404, _CLOSED, Kind.CLOSED, 404, "model_not_found", param="model"),
    _rule(404, r"\bmodels?[ /]", _REQUEST, 404, "model_not_found", param="model"),
    _rule(404, None, _REQUEST, 404, "not_found"),
    _rule(408, None, _SERVER, 408, "timeout", told=FaultKind.SERVER),
    _rule(409, None, _SERVER, 409, "conflict"),
    _rule(413, None, _REQUEST, 413, "request_too_large"),
    _rule(429, _NO_CAPACITY, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(429, _USED_UP, _QUOTA, 429, _NO_MONEY, told=FaultKind.QUOTA, retry=False, per_day=True),
    _rule(429, r"Tokens?Per|token_count", _QUOTA, 429, _RATE_LIMIT, told=FaultKind.TOKEN_LIMIT),
    _rule(429, None, _QUOTA, 429, _RATE_LIMIT, told=FaultKind.REQUEST_LIMIT),
    _rule(499, None, _SERVER, 499, "cancelled", told=FaultKind.SERVER, retry=True),
    _rule(501, None, _REQUEST, 400, "unsupported_parameter"),
    _rule(503, None, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(504, None, _SERVER, 504, "timeout", told=FaultKind.SERVER),
    _rule(529, None, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(range(400, 500), None, _REQUEST, 0, None),
    _rule(range(500, 600), None, _SERVER, 0, None, told=FaultKind.SERVER),
)
"""From the most special to the most general, within one status."""

_ODD_STATUS = Rule(frozenset(), None, _SERVER, 502, None, told=FaultKind.SERVER)
"""For a status that is neither success nor error, such as a redirect."""


def from_http(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> UpstreamError:
    """The error of an HTTP answer with another status than 2xx. Raises nothing, whatever the body."""
    try:
        failure = read(status, jsonio.loads(body))
    except (ValueError, RecursionError):
        failure = Failure(status, plain_text(body), name=NOT_JSON)
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
    error = Fault(500, redact(message), kind=FaultKind.SERVER, code=code, should_retry=True)
    return UpstreamError(error, Kind.ANSWER, status=200, reason=code or "broken answer")


def connect_failed(detail: str) -> UpstreamError:
    """No connection to the upstream, or it was lost before an answer came. `detail` is what the library said."""
    low = detail.lower()
    cause = next((said for words, said in _CAUSES if any(word in low for word in words)), _OTHER_CAUSE)
    error = Fault(
        502,
        f"Gemini could not be reached: {cause}",
        kind=FaultKind.SERVER,
        code="upstream_unreachable",
        should_retry=True,
    )
    return UpstreamError(error, _SERVER, status=0, reason="upstream unreachable", detail=redact(detail))


_CAUSES = (
    (
        ("name resolution", "name or service", "nodename nor", "getaddrinfo", "no address associated", "name does not"),
        "its name could not be looked up. Check the network and the DNS of the gateway's machine.",
    ),
    (("certificate", "tls", "ssl"), "TLS failed. Check the gateway's log, its clock, and proxies on the way."),
    (("refused",), "the connection was refused. Check the account's base_url, firewalls, and proxies on the way."),
    (("timed out", "timeout"), "it did not take the connection in time. Check the network, firewalls and proxies."),
    (("unreachable", "no route"), "there is no way to it. Check the network of the gateway's machine."),
    (("url can't be used",), "the account's base_url can't be used."),
)
"""(words of a library, any of which tells the cause; what is told)."""
_OTHER_CAUSE = "the connection was closed before an answer came. This often passes; the gateway's log says more."


def no_credential(detail: str, *, permanent: bool) -> UpstreamError:
    """There is nothing to show to the upstream: its token server refused (`permanent`), or could not be reached."""
    message = f"The account has no valid credential: {redact(detail)}"
    error = Fault(503, message, kind=FaultKind.SERVER, code="no_credential")
    kind = Kind.AUTH if permanent else _SERVER
    return UpstreamError(error, kind, status=0, reason="no credential")


def broken_off(detail: str) -> UpstreamError:
    """The connection to the upstream was lost in the middle of its answer. `detail` is what the library said."""
    message = "The stream was interrupted: Gemini's connection closed in the middle of the answer."
    error = Fault(502, message, kind=FaultKind.SERVER, code="upstream_broke_off")
    return UpstreamError(error, Kind.ANSWER, status=0, reason="upstream broke off", detail=redact(detail))


def unusable(message: str, *, code: str) -> UpstreamError:
    """An answer that can't be taken in: it is too large, or in an encoding that can't be read."""
    error = Fault(502, message, kind=FaultKind.SERVER, code=code)
    return UpstreamError(error, Kind.ANSWER, status=200, reason=code)


def timed_out() -> UpstreamError:
    """The upstream did not answer in time."""
    error = Fault(504, "The upstream did not answer in time.", kind=FaultKind.SERVER, code="upstream_timeout")
    return UpstreamError(error, _SERVER, status=0, reason="upstream timeout")


def _classify(failure: Failure) -> UpstreamError:
    hints = failure.hints
    rule = next(
        (r for r in RULES if failure.status in r.upstream and (r.says is None or r.says.search(hints))), _ODD_STATUS
    )
    retry = rule.retry
    if failure.delay is not None and failure.delay > MAX_SDK_DELAY:
        retry = False
    error = Fault(
        rule.status or failure.status,
        _message(failure, rule),
        kind=rule.told,
        code=rule.code,
        param="model" if rule.param == "model" else failure.param or rule.param,
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
        todo=rule.todo,
        limit=_limit(failure),
        tool=_tool(hints) if rule.field else None,
    )


_DECLARATION = re.compile(
    r"function_?declarations?\[(\d{1,4})\]|`([\w.:-]{1,128})` function_?declaration", re.IGNORECASE
)


def _tool(hints: str) -> int | str | None:
    """The function declaration that a refusal names: by its index (Gemini), or by its name (Vertex AI)."""
    match = _DECLARATION.search(hints)
    if match is None:
        return None
    return int(match[1]) if match[1] else match[2]


_TOKEN_COUNTS = re.compile(r"token count \(?(\d+)\)? exceeds the maximum number of tokens allowed \(?(\d+)")


def _message(failure: Failure, rule: Rule) -> str:
    """Google's message, and behind it what clients of OpenAI look for."""
    if rule.code == _RATE_LIMIT:
        # Codex reads its delay from this sentence.
        wait = "" if failure.delay is None else f": try again in {max(1, math.ceil(failure.delay))} s"
        return rate_limit(wait, _limit(failure))
    message = redact(failure.message).strip()
    if failure.name == NOT_JSON:
        return _of_no_json(failure.status, message)
    if not message:
        return f"Gemini answered {failure.status}, and did not say why."
    if rule.per_day:  # the time that the gateway obeys is another one
        message = _RETRY_SENTENCE.sub("", message).strip()
    if rule.code == _CONTEXT_LENGTH and (counts := _TOKEN_COUNTS.search(message)):
        return (
            f"{message} This model's maximum context length is {counts[2]} tokens. "
            f"However, your messages resulted in {counts[1]} tokens."
        )
    if rule.code == _DENIED:
        reason = failure.reasons[0] if failure.reasons else ""
        extra = [f"({reason})"] if reason and reason not in message else []
        extra += [failure.link] if failure.link and reason == "VALIDATION_REQUIRED" else []
        return " ".join([message, *extra])
    return message


_RETRY_SENTENCE = re.compile(r"\s*Please (?:retry|try again) in [\d.dhmsuµn]+(?<!\.)\.?", re.IGNORECASE)


_METRIC = re.compile(r"quota exceeded for (?:quota )?metric:? ['\"]?([\w./-]{1,120})", re.IGNORECASE | re.ASCII)


def _limit(failure: Failure) -> str:
    """The name of the limit that was reached, if the answer has it."""
    if failure.quotas:
        return redact(failure.quotas[0])
    return match[1] if (match := _METRIC.search(failure.message)) else ""


def rate_limit(wait: str, limit: str, *, model: str = "") -> str:
    """The sentence for a limit that passes. `wait` follows the model; `limit` is the name of the limit, or empty."""
    named = f" The limit is {limit}." if limit else ""
    return f"Rate limit reached{f' for {model}' if model else ''}{wait}.{named}"


def _of_no_json(status: int, said: str) -> str:
    """For a body that is none of the Gemini API's, with what it said, if anything."""
    said = f' ("{said}")' if said else ""
    if status >= 500:
        return f"Gemini answered {status} with a page instead of an answer{said}. This passes: try again in a minute."
    return (
        f"Gemini's address answered {status} with something that is no answer of its API{said}. "
        "Check the account's base_url, and proxies on the way."
    )
