"""What an error of the upstream means: for the next attempt, and for the client. One table.

The first row that fits counts: by the HTTP status, and by what Google says, in words or as a reason of its own.

Sources: the Gemini API reference (troubleshooting), the OpenAI API reference (error codes), and recorded answers.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mapping.faults import FaultKind


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


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: the upstream errors it fits (`upstream`, `says`), and what they become."""

    upstream: frozenset[int]
    """HTTP statuses of the upstream."""
    says: str | None
    """A regular expression, searched in the lines of `Failure.hints`. None fits all."""
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

    def fits(self, status: int, hints: str) -> bool:
        """Whether an error is of this row. Compiled for the first error (and kept by `re`): a start has none."""
        return status in self.upstream and (
            self.says is None or re.search(self.says, hints, re.MULTILINE | re.IGNORECASE) is not None
        )


def _rule(
    upstream: int | Iterable[int], says: str | None, kind: Kind, status: int, code: str | None, **more: Any
) -> Rule:
    """A row, with `upstream` as one status or several."""
    statuses = frozenset((upstream,) if isinstance(upstream, int) else upstream)
    if kind in (Kind.REQUEST, Kind.AUTH, Kind.BILLING, Kind.CLOSED, Kind.SIGNATURE, Kind.SCHEMA):
        more.setdefault("retry", False)
    return Rule(statuses, says, kind, status, code, **more)


_REQUEST, _AUTH, _QUOTA, _SERVER = Kind.REQUEST, Kind.AUTH, Kind.QUOTA, Kind.SERVER
CONTEXT_LENGTH = "context_length_exceeded"
DENIED = "permission_denied"
RATE_LIMIT = "rate_limit_exceeded"
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
    _rule(400, _TOKENS, _REQUEST, 400, CONTEXT_LENGTH, param="contents"),
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
    _rule((401, 403), _SCOPE, _AUTH, 403, DENIED, todo=_SIGN_IN),
    _rule(401, None, _AUTH, 401, "invalid_api_key", todo=_NEW_KEY),
    _rule(403, _OWNED, _REQUEST, 403, DENIED),
    _rule(403, _DAY_REASON, _QUOTA, 429, _NO_MONEY, told=FaultKind.QUOTA, retry=False, per_day=True),
    _rule(403, _RATE_REASON, _QUOTA, 429, RATE_LIMIT, told=FaultKind.REQUEST_LIMIT),
    _rule(403, _KEY_RESTRICTED, _AUTH, 403, DENIED, todo=_LIFT_RESTRICTION),
    _rule(403, _DISABLED, _AUTH, 403, DENIED, todo=_ENABLE),
    _rule(403, _SUSPENDED, _AUTH, 403, DENIED, todo=_OTHER_PROJECT),
    _rule(403, None, _AUTH, 403, DENIED, todo=_PERMIT),
    _rule(404, _CLOSED, Kind.CLOSED, 404, "model_not_found", param="model"),
    _rule(404, r"\bmodels?[ /]", _REQUEST, 404, "model_not_found", param="model"),
    _rule(404, None, _REQUEST, 404, "not_found"),
    _rule(408, None, _SERVER, 408, "timeout", told=FaultKind.SERVER),
    _rule(409, None, _SERVER, 409, "conflict"),
    _rule(413, None, _REQUEST, 413, "request_too_large"),
    _rule(429, _NO_CAPACITY, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(429, _USED_UP, _QUOTA, 429, _NO_MONEY, told=FaultKind.QUOTA, retry=False, per_day=True),
    _rule(429, r"Tokens?Per|token_count", _QUOTA, 429, RATE_LIMIT, told=FaultKind.TOKEN_LIMIT),
    _rule(429, None, _QUOTA, 429, RATE_LIMIT, told=FaultKind.REQUEST_LIMIT),
    _rule(499, None, _SERVER, 499, "cancelled", told=FaultKind.SERVER, retry=True),
    _rule(501, None, _REQUEST, 400, "unsupported_parameter"),
    _rule(503, None, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(504, None, _SERVER, 504, "timeout", told=FaultKind.SERVER),
    _rule(529, None, Kind.CAPACITY, 503, None, told=FaultKind.SERVER),
    _rule(range(400, 500), None, _REQUEST, 0, None),
    _rule(range(500, 600), None, _SERVER, 0, None, told=FaultKind.SERVER),
)
"""From the most special to the most general, within one status."""

ODD_STATUS = Rule(frozenset(), None, _SERVER, 502, None, told=FaultKind.SERVER)
"""For a status that is neither success nor error, such as a redirect."""
