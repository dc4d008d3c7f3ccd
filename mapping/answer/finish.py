"""How an answer ended: Gemini's finish reasons and OpenAI's.

Rules of this module:

* `RULES` has a row for every `FinishReason` of the Gemini API reference; reasons of the future take `UNKNOWN`.
* Only OpenAI's own values go out. Clients with closed enumerations break on any other.
* A reason that spoils the answer is an UpstreamError, so that the gateway can ask again; once the client holds a part
  of the answer, asking again is over, and the rows that say so end the answer with what there is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError, broken
from mapping.notes import Notes

CONTINUATION = "CONTINUATION"
"""Gemini 4 stopped at the limit of one request; `continuationToken` asks for the rest."""

STOP = "stop"
LENGTH = "length"
TOOL_CALLS = "tool_calls"
CONTENT_FILTER = "content_filter"


class Needs(enum.Enum):
    """What there must be for an ending to count as an answer."""

    NOTHING = "nothing"
    OUTPUT = "output"
    """Something besides thoughts."""
    SENT = "sent"
    """Output that the client has already."""
    DECLARED_CALL = "declared call"
    """A call of a function that the client declared, or output that the client has already."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class FinishRule:
    """One row: what a finish reason becomes, and the error where the answer lacks what it `needs`."""

    finish: str = STOP
    """OpenAI's; `stop` becomes `tool_calls` when there are calls."""
    needs: Needs = Needs.NOTHING
    note: bool = True
    """OpenAI has no such reason: say so."""
    code: str | None = None
    kind: Kind = Kind.ANSWER
    status: int = 500
    told: FaultKind = FaultKind.SERVER
    tell: bool = True
    """`finishMessage` may go into the error. For malformed calls it holds what the model wrote."""


_FILTERED = FinishRule(CONTENT_FILTER)
_PARTIAL = FinishRule(needs=Needs.OUTPUT)

UNKNOWN = _PARTIAL

RULES: dict[str, FinishRule] = {
    "STOP": FinishRule(note=False),
    "MAX_TOKENS": FinishRule(LENGTH, note=False),
    CONTINUATION: FinishRule(LENGTH, note=False),
    "SAFETY": FinishRule(CONTENT_FILTER, note=False),
    "RECITATION": _FILTERED,
    "BLOCKLIST": _FILTERED,
    "PROHIBITED_CONTENT": _FILTERED,
    "SPII": _FILTERED,
    "MODEL_ARMOR": _FILTERED,
    "ESCALATION": _FILTERED,
    "IMAGE_SAFETY": _FILTERED,
    "IMAGE_PROHIBITED_CONTENT": _FILTERED,
    "IMAGE_RECITATION": _FILTERED,
    "LANGUAGE": _FILTERED,
    "PUP_LIMITED_DISABLED": FinishRule(
        CONTENT_FILTER, Needs.SENT, code="account_restricted", kind=Kind.AUTH, status=403, told=FaultKind.PERMISSION
    ),
    "NO_IMAGE": _PARTIAL,
    "IMAGE_OTHER": _PARTIAL,
    "OTHER": _PARTIAL,
    "TOO_MANY_TOOL_CALLS": _PARTIAL,
    "FINISH_REASON_UNSPECIFIED": _PARTIAL,
    "MALFORMED_FUNCTION_CALL": FinishRule(needs=Needs.SENT, code="malformed_function_call", tell=False),
    "UNEXPECTED_TOOL_CALL": FinishRule(needs=Needs.DECLARED_CALL, code="unexpected_tool_call", tell=False),
    "MALFORMED_RESPONSE": FinishRule(needs=Needs.SENT, code="malformed_response", tell=False),
    "MISSING_THOUGHT_SIGNATURE": FinishRule(needs=Needs.NEVER, kind=Kind.SIGNATURE, status=400, told=FaultKind.REQUEST),
}


@dataclass(slots=True)
class Ending:
    """What is known of a candidate when it is over."""

    reason: str | None
    """Gemini's `finishReason`; None: the answer ended without one."""
    message: str = ""
    """Gemini's `finishMessage`."""
    output: bool = False
    """There is something besides thoughts."""
    sent: bool = False
    """The client has some of that output already."""
    calls: bool = False
    declared_call: bool = False
    """One of the calls is of a declared function."""


def settle(ending: Ending, notes: Notes) -> str:
    """OpenAI's finish reason, one of `stop`, `length`, `tool_calls`, `content_filter`.

    Raises UpstreamError when the answer is none. Without a finish reason it never is one: the connection was lost.
    """
    if ending.reason is None:
        raise broken("The upstream's answer ended without a finish reason.", code="upstream_incomplete")
    rule = RULES.get(ending.reason, UNKNOWN)
    if not _suffices(rule.needs, ending):
        raise _failure(rule, ending)
    if rule.note:
        notes.add("finish", ending.reason)
    return TOOL_CALLS if ending.calls and rule.finish == STOP else rule.finish


def why_empty(ending: Ending, thoughts: int, limit_name: str) -> str:
    """The detail of the note `empty`: why a candidate that counts as an answer has no content, and what to do.

    `thoughts`: how many tokens they took; `limit_name`: what the client calls the limit.
    """
    reason = ending.reason or ""
    finish = RULES.get(reason, UNKNOWN).finish
    if finish == LENGTH:
        told = f"all {thoughts} tokens were thoughts" if thoughts else "no room for an answer"
        return f"max_tokens: {told}; raise {limit_name}"
    if finish == CONTENT_FILTER:
        return f"{reason}: Gemini's filter held the answer back; word the request otherwise"
    told = "nothing but thoughts came" if thoughts else "nothing came"
    return f"{'stop' if reason == 'STOP' else reason}: {told}; ask again"


def _suffices(needs: Needs, ending: Ending) -> bool:
    match needs:
        case Needs.NOTHING:
            return True
        case Needs.OUTPUT:
            return ending.output
        case Needs.SENT:
            return ending.sent
        case Needs.DECLARED_CALL:
            return ending.declared_call or ending.sent
        case Needs.NEVER:
            return False


def _failure(rule: FinishRule, ending: Ending) -> UpstreamError:
    message = f"Gemini ended the answer with finishReason {ending.reason}."
    if rule.tell and ending.message:
        message += f" {ending.message}"
    failure = broken(message, code=rule.code)
    if rule.kind is Kind.ANSWER:
        return failure
    error = Fault(rule.status, failure.error.message, kind=rule.told, code=rule.code, should_retry=False)
    return UpstreamError(error, rule.kind, status=200, reason=rule.code or f"finish reason {ending.reason}")


def nothing() -> UpstreamError:
    """The fault of an answer that ended well and holds nothing, while it still can be asked for again."""
    problem = broken("Gemini ended the answer with finishReason STOP before it had written anything.")
    return UpstreamError(problem.error, Kind.EMPTY, status=200, reason="empty answer")


def prompt_blocked(reason: str, message: str) -> UpstreamError:
    """The error for a blocked prompt, where the settings ask for an error: every account would block it."""
    error = Fault(400, refusal(reason, message), code="content_policy_violation", should_retry=False)
    return UpstreamError(error, Kind.REQUEST, status=200, reason=f"prompt blocked: {reason}")


def refusal(reason: str, message: str) -> str:
    """The words for a blocked prompt: `promptFeedback.blockReason`, and `blockReasonMessage` where there is one."""
    told = f"The prompt was blocked by Gemini (blockReason={reason})."
    return f"{told} {message}" if message else told
