"""What an exchange is doing at the moment: as values, and as a line.

    running 3 s · gpt-4o -> gemini-3.8-flash · attempt 2 · thinking · 41 events
    running 5 s · gpt-4o -> gemini-3.8-flash · waiting 4 s for attempt 3

No message text and no credential is in it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.verdicts import State
from mapping.inspect.printable import one_line
from mapping.values import JSON

RUNNING = "running"
_NAMES = 120
"""Characters that are shown of the names of models."""


def line(facts: Facts) -> str:
    """All of it on one line."""
    told = [f"{RUNNING} {_seconds(time.monotonic() - facts.started)}", _models(facts)]
    number, paused = len(facts.attempts), facts.paused
    if number and not paused:
        told.append(f"attempt {number}")
    told.append(step(facts))
    if events := events_of(facts):
        told.append(f"{events} event{'s' if events > 1 else ''}")
    return " · ".join(part for part in told if part)


def step(facts: Facts) -> str:
    """What is done, or waited for, in a few words; empty while the answer comes, which events tell."""
    job = facts.job
    return facts.held.words or (job.held_up if job else "") or _STEPS[facts.state](facts)


def events_of(facts: Facts) -> int | None:
    """How many events of a stream the client has got; None: it gets no stream yet."""
    return facts.events if facts.sent_stream else None


def plain(facts: Facts) -> JSON:
    """For JSON, and for pages. Spans are seconds."""
    job, account = facts.job, facts.account
    return {
        "id": facts.id,
        "client_model": facts.asked_model,
        "model": job.shown_model if job else None,
        "account": account.label if account else None,
        "attempt": len(facts.attempts),
        "step": step(facts),
        "pause": facts.pause if facts.paused else None,
        "seconds": time.monotonic() - facts.started,
        "events": events_of(facts),
        "line": line(facts),
    }


def _models(facts: Facts) -> str:
    job = facts.job
    name, model = facts.asked_model, job.shown_model if job else None
    if not name or name == model:
        return one_line(model or "", _NAMES)
    return one_line(f"{name} -> {model}" if model else name, _NAMES)


def _read(facts: Facts) -> str:
    if facts.waits:
        return facts.waits
    return "the request is looked at" if facts.begun else "the request comes in"


def _calling(facts: Facts) -> str:
    attempt = facts.attempts[-1]
    if attempt.connecting:
        return "connecting"
    return "" if attempt.account.credential.is_fresh() else "waiting for a token"


def _paused(facts: Facts) -> str:
    attempts = facts.attempts
    since = attempts[-1].started + attempts[-1].seconds if attempts else facts.begun
    left = max(0.0, since + facts.pause - time.monotonic())
    return f"waiting {_seconds(left)} for attempt {len(attempts) + 1}"


def _streaming(facts: Facts) -> str:
    return "" if facts.spoke else "thinking"


def _gathering(facts: Facts) -> str:
    return "waiting for further calls" if facts.job and facts.job.others_run else "the answer is made"


def _always(words: str) -> Callable[[Facts], str]:
    return lambda facts: words


_STEPS: dict[State, Callable[[Facts], str]] = {
    State.NEW: _read,
    State.CALLING: _calling,
    State.SENT: _always("waiting for the first byte"),
    State.WHOLE: _always("the answer comes"),
    State.STREAMING: _streaming,
    State.GATHERING: _gathering,
    State.PAUSED: _paused,
    State.ANSWERED: _always("the answer is sent"),
    State.ENDED: _always("the answer is sent"),
    State.GONE: _always("the client left"),
}


def _seconds(value: float) -> str:
    """Whole seconds, of less than one that."""
    return f"{math.ceil(value) if value < 1 else value:.0f} s"
