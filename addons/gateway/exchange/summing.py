"""The summary of an exchange that has ended, made of its facts."""

from __future__ import annotations

import time

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.summary import CLIENT_LEFT, FAULT, LEFT, MESSAGE, OK, AttemptSummary, Summary, Tokens
from mapping.inspect.printable import one_line


def summarise(facts: Facts) -> Summary:
    """Sum up an exchange that has ended."""
    job, response, account, now = facts.job, facts.flow.response, facts.account, time.monotonic()
    started = facts.started
    status = response.data.status_code if response is not None else facts.status
    left = facts.left
    if left and not facts.sent_stream:
        status = None  # what is in the flow is the upstream's, and went to nobody
    good = status is not None and status < 400
    made = job if good and job is not None and not job.later else None
    order = facts.fault_order
    ordered = FAULT if order is not None and order.ended else None
    outcome = CLIENT_LEFT if left else ordered or facts.error or (OK if good else str(status))
    return Summary(
        id=facts.id,
        flow_id=facts.flow.id,
        time=time.time() - (now - started),
        method=facts.method,
        path=facts.path,
        endpoint=facts.endpoint,
        client_model=(job.client_model if job else None) or facts.asked_model,
        model=job.answering_model if job else None,
        account=account.label if account else None,
        status=status,
        error=None if left else facts.error,
        streamed=facts.sent_stream,
        first=facts.first_sent - started if facts.first_sent else None,
        total=now - started,
        tokens=tokens_of(made) if made is not None else None,
        attempts=_attempts(facts, started, now, status),
        notes=tuple(facts.notes),
        outcome=outcome,
        message=one_line(facts.message, MESSAGE) if facts.message and not left else None,
        events=facts.events if facts.sent_stream else None,
        finish=tuple(made.finish_reasons()) if made is not None else (),
        received=facts.begun - started if facts.begun else None,
        spoke=facts.spoke - started if facts.spoke else None,
        fault=(order.shown or None) if order is not None else None,
        further=further(facts, started, now) if facts.further and not (job is not None and job.later) else (),
    )


def further(facts: Facts, started: float, now: float) -> tuple[AttemptSummary, ...]:
    """The attempts at the further calls of an exchange, as they stand. Both times: `time.monotonic`."""
    return tuple(
        [
            attempt
            for part, one in enumerate(facts.further, 1)
            for attempt in _attempts(one, started, now, None, part, left=facts.left or one.left)
        ]
    )


def tokens_of(job: Job) -> Tokens | None:
    """What an answer took; None: nothing was told."""
    totals = job.totals()
    return Tokens(totals.prompt, totals.completion, totals.cached, totals.reasoning) if totals else None


def _attempts(
    facts: Facts, started: float, now: float, status: int | None, part: int = 0, *, left: bool | None = None
) -> tuple[AttemptSummary, ...]:
    """`status`: that the client got. `left`: somebody waits no longer; None: as the facts have it."""
    left = facts.left if left is None else left
    return tuple(
        [
            AttemptSummary(
                attempt.account.label,
                attempt.account.upstream,
                attempt.outcome or (LEFT if left else "given up"),
                attempt.status or (status if left else None),
                attempt.waited,
                attempt.seconds or now - attempt.started,
                attempt.started - started,
                attempt.token,
                attempt.connecting - started if attempt.connecting and not attempt.reused else None,
                attempt.sent - started if attempt.sent else None,
                attempt.reused,
                attempt.answered - started if attempt.answered else None,
                part,
            )
            for attempt in facts.attempts
        ]
    )
