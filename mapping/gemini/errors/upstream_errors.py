"""Errors of the upstream, in all the forms Google gives them, as one value that says what to do and what to tell.

Rules of this module:

* No body makes it raise: HTML, half a JSON text and foreign shapes become errors too.
* What to do (`Kind`) and what to tell (`Fault`) come from the table of `mapping.gemini.errors.rules`.
* Google's message stays as it is, because people and tools match on its words; sentences are only added at the end.
  Where a limit of a minute passes by itself, OpenAI's words stand instead: clients take "check your plan" for final.
* What an HTTP library says of a connection is in `UpstreamError.detail`, for logs; clients get plain words.
* Keys, tokens and project names and numbers are taken out of messages (`redact`).
* `Fault.param` is a place in Gemini's request here, in either spelling; `mapping.answer.blame` makes it the client's.

Sources: the Gemini API reference (troubleshooting), the OpenAI API reference (error codes), and recorded answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mapping import jsonio
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.google_errors import NOT_JSON, Failure, plain_text, read, redact, retry_after
from mapping.gemini.errors.rules import CONTEXT_LENGTH, DENIED, ODD_STATUS, RATE_LIMIT, RULES, Kind, Rule

MAX_SDK_DELAY = 120.0
"""Seconds. The OpenAI SDKs do not wait longer than this for a Retry-After."""


class UpstreamError(Exception):
    """A failed attempt.

    `error` is what the client gets if no other attempt follows. `delay` is the time in seconds until it makes sense to
    try again, None when the upstream did not say. `per_day` tells of a quota that does not come back within minutes.
    `status` is the upstream's HTTP status (0: it gave none, 200: the answer broke later). `reason` is short, for logs
    and notes. `todo` is what the owner of the account can do about it, a sentence. `limit` names the limit that was
    reached. `detail` is what a library said of the connection, for logs. `field` is set for `Kind.SCHEMA`: what is
    refused, a key of `mapping.request.second_try.LADDERS`. `tool` is the function declaration that it is about: its
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


PROXY = "the proxy "
"""What is said of a proxy begins so, and is meant for people."""


def connect_failed(detail: str) -> UpstreamError:
    """No connection to the upstream, or it was lost before an answer came. `detail` is what the library said."""
    low = detail.lower()
    if detail.startswith(PROXY):
        cause = f"{detail}."
    else:
        cause = next((said for words, said in _CAUSES if any(word in low for word in words)), _OTHER_CAUSE)
    error = Fault(
        502,
        f"Gemini could not be reached: {cause}",
        kind=FaultKind.SERVER,
        code="upstream_unreachable",
        should_retry=True,
    )
    return UpstreamError(error, Kind.SERVER, status=0, reason="upstream unreachable", detail=redact(detail))


_CAUSES = (
    (
        ("too many open files",),
        "the gateway may open no further file. Raise the limit of its process (ulimit -n, LimitNOFILE of systemd).",
    ),
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
    kind = Kind.AUTH if permanent else Kind.SERVER
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
    return UpstreamError(error, Kind.SERVER, status=0, reason="upstream timeout")


def _classify(failure: Failure) -> UpstreamError:
    hints = failure.hints
    rule = next((r for r in RULES if r.fits(failure.status, hints)), ODD_STATUS)
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
        per_day=rule.per_day,
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
    if rule.code == RATE_LIMIT:
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
    if rule.code == CONTEXT_LENGTH and (counts := _TOKEN_COUNTS.search(message)):
        return (
            f"{message} This model's maximum context length is {counts[2]} tokens. "
            f"However, your messages resulted in {counts[1]} tokens."
        )
    if rule.code == DENIED:
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
