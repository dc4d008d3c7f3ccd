"""The comments of an exchange's rows in mitmproxy's list.

* What is wrong, and what tells rows apart, comes first: mitmweb shows some twenty characters.
* Rows of one conversation have the same coloured mark: before all else where nothing is wrong, otherwise behind what
  is. Its id stands near the end.
* `✖` stands before what failed, `↩` before what the client has left, `↳` before a call to Gemini, which belongs to the
  client's row above it.
* All rows of an exchange end with its id in brackets.

No marks of mitmproxy's (`@marked`): those are the person's own.
"""

from __future__ import annotations

from mitmproxy import http

from addons.gateway.exchange.summary import LEFT, AttemptSummary, Summary, models, parts, status_of
from addons.gateway.grouping.marks import mark
from addons.gateway.live.doing import RUNNING
from mapping import dialects
from mapping.faults import FaultKind
from mapping.inspect.printable import one_line

FAILED = "✖"
GONE = "↩"
CALL = "↳"

_LARGEST = 100_000
"""Bytes of an error's body that is looked into."""
_PLAIN = frozenset((FaultKind.REQUEST.value, FaultKind.SERVER.value))
"""Names of errors that say no more than the status does."""


def of_client(summary: Summary, response: http.Response | None) -> str:
    """`gpt-4o -> gemini-3.8-flash · ...`, or `✖ 400 tools[1].function.parameters · ...`."""
    told = parts(summary)
    if not (summary.failed or summary.left):
        first, *rest = told
        return _joined(summary.id, f"{mark(summary.conversation)} {first}".lstrip(), *rest, _conversation(summary))
    told.remove(one_line(status_of(summary)))
    if summary.left:
        return _of(summary, f"{GONE} {one_line(status_of(summary))}", *told)
    status = "" if summary.status is None else str(summary.status)
    param = one_line(_param(summary, response), 60)
    about = "" if param and summary.error in _PLAIN else one_line(summary.error or "")
    begin = " ".join(filter(None, (FAILED, status, mark(summary.conversation), about, param)))
    return _joined(summary.id, begin, *told, _conversation(summary))


def of_attempt(attempt: AttemptSummary, number: int, count: int, summary: Summary) -> str:
    """`↳ ✖ 429 first · attempt 1/2 · ...`, of an account `first@example.com`."""
    sign = CALL if is_good(attempt) else f"{CALL} {GONE if attempt.outcome == LEFT else FAILED}"
    status, _, reason = attempt.outcome.partition(" ")
    if not status.isdigit():
        status, reason = attempt.outcome, ""
    waited = f"waited {attempt.waited:.1f} s" if attempt.waited >= 0.05 else ""
    return _of(
        summary,
        one_line(f"{sign} {status} {attempt.account.partition('@')[0]}"),
        f"attempt {number}/{count}",
        one_line(reason),
        waited,
        one_line(attempt.account),
        f"{attempt.seconds:.2f} s",
        one_line(models(summary)),
    )


def of_running(id: str, client_model: str | None, model: str | None, attempt: int = 0) -> str:
    """While it runs: `running · gpt-4o -> gemini-3.8-flash · attempt 2`; of the client's request without an attempt."""
    name = f"{client_model} -> {model}" if client_model and client_model != model else model or ""
    return _joined(id, RUNNING, one_line(name, 120), f"attempt {attempt}" if attempt else "")


def is_good(attempt: AttemptSummary) -> bool:
    """Whether it brought what was wanted."""
    return attempt.status == 200 and attempt.outcome == "200"


def _of(summary: Summary, first: str, *rest: str) -> str:
    """With the mark behind the first text, and the id of the conversation, if it is of one."""
    return _joined(summary.id, f"{first} {mark(summary.conversation)}".rstrip(), *rest, _conversation(summary))


def _conversation(summary: Summary) -> str:
    return " ".join(filter(None, ("conversation", summary.conversation, summary.agent))) if summary.conversation else ""


def _joined(id: str, *told: str) -> str:
    return f"{' · '.join(part for part in told if part)} [{id}]"


def _param(summary: Summary, response: http.Response | None) -> str:
    """The parameter that the client's error names."""
    content = response.raw_content if response is not None else None
    if not content or len(content) > _LARGEST:
        return ""
    told = dialects.spoken(summary.endpoint).read_error(summary.status or 0, content)
    return (told.param if told else None) or ""
