"""The summary of an exchange that has ended, made of its facts."""

from __future__ import annotations

import time

from addons.gateway.exchange.facts import Facts
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
    totals = job.totals() if job is not None and good else None
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
        tokens=Tokens(totals.prompt, totals.completion, totals.cached, totals.reasoning) if totals else None,
        attempts=tuple(
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
                )
                for attempt in facts.attempts
            ]
        ),
        notes=tuple(facts.notes),
        outcome=outcome,
        message=one_line(facts.message, MESSAGE) if facts.message and not left else None,
        events=facts.events if facts.sent_stream else None,
        finish=tuple(job.finish_reasons()) if job is not None and good else (),
        received=facts.begun - started if facts.begun else None,
        spoke=facts.spoke - started if facts.spoke else None,
        fault=(order.shown or None) if order is not None else None,
    )
