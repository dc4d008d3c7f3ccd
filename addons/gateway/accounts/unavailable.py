"""What a client is told when no account can be asked: why, for each of them, and what to do or how long to wait."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from addons.gateway.accounts import upstream_kinds
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.cooldowns import Cause, Rest
from addons.gateway.accounts.pool import Pool
from mapping.faults import Fault, FaultKind
from mapping.gemini.errors.upstream_errors import MAX_SDK_DELAY, rate_limit

_NO_MONEY = "insufficient_quota"


def error(pool: Pool, model: str, *, now: Callable[[], datetime] = datetime.now) -> Fault:
    """The error for a model that no account of the pool can serve now. `now`: the local time, for clock times.

    429 where an account can later, and where the money of all has run out; 404 where the model is closed to all; else
    503.
    """
    resting = [(left, rest) for _, left, rest in pool.resting(model)]
    waiting = [(left, rest) for left, rest in resting if rest.cause is not Cause.CLOSED]
    if waiting:
        return _wait(model, waiting, now)
    if not pool.accounts and pool.lacks:
        return Fault(
            503,
            f"No account has this path. {pool.lacks}",
            kind=FaultKind.SERVER,
            code="no_account",
            should_retry=False,
        )
    if not pool.accounts:
        return Fault(
            503,
            "No account is configured. Add one: set the environment variable GEMINI_API_KEY, or write an "
            '[[accounts]] entry with email and api_key = "env:NAME" into the settings file '
            "(--set antigravity_config=FILE).",
            kind=FaultKind.SERVER,
            code="no_account",
            should_retry=False,
        )
    able = [account for account in pool.accounts if account.faulty is None and account.serves(model)]
    if able and len(resting) == len(able):
        said = resting[0][1].said or f"The model {model} is closed to the account."
        return Fault(404, said, kind=FaultKind.REQUEST, code="model_not_found", param="model", should_retry=False)
    reasons = "; ".join(f"{account.label}: {_why(pool, account, model)}" for account in pool.accounts)
    if able and all(account.aside and account.aside.money for account in able):
        return Fault(
            429, f"No account has money left. {reasons}", kind=FaultKind.QUOTA, code=_NO_MONEY, should_retry=False
        )
    return Fault(
        503,
        f"No account can serve {model}. {reasons.rstrip('.')}.",
        kind=FaultKind.SERVER,
        code="no_account",
        should_retry=False,
    )


def _wait(model: str, waiting: list[tuple[float, Rest]], now: Callable[[], datetime]) -> Fault:
    """429: the first account comes back by itself."""
    left, rest = waiting[0]
    wait = wait_words(left, now)
    code, kind = "rate_limit_exceeded", FaultKind.REQUEST_LIMIT
    if rest.cause is Cause.DAY:
        code, kind = _NO_MONEY, FaultKind.QUOTA
        message = f"The quota for {model} is used up{wait}. {rest.said}".strip()
    elif rest.cause is Cause.TOLD:
        message = f"The accounts for {model} rest because a person wants it{wait}."
    else:
        message = rate_limit(wait, rest.said, model=model)
        if len(waiting) > 1:
            message += f" It was reached on all {len(waiting)} accounts."
    retry = None if left <= MAX_SDK_DELAY and rest.cause is not Cause.DAY else False
    per_day = rest.cause is Cause.DAY
    return Fault(429, message, kind=kind, code=code, retry_after=left, should_retry=retry, per_day=per_day)


def wait_words(seconds: float, now: Callable[[], datetime] = datetime.now) -> str:
    """`: try again in 20 s`, or ` until 08:00 (9 h 40 min)` where that is longer than the SDKs wait."""
    whole = max(1, math.ceil(seconds))
    if whole <= MAX_SDK_DELAY:
        return f": try again in {whole} s"
    today = now()
    end = today + timedelta(seconds=whole)
    clock = end.strftime("%H:%M" if end - today < timedelta(days=1) else "%Y-%m-%d %H:%M")
    hours, minutes = divmod(math.ceil(whole / 60), 60)
    return f" until {clock} ({f'{hours} h ' if hours else ''}{minutes} min)"


def _why(pool: Pool, account: Account, model: str) -> str:
    if account.unusable:
        return account.unusable
    if rest := pool.rest_of(account, model):
        return rest.said or rest.reason
    return upstream_kinds.lacks(account.upstream, model) or f"may not serve {model}"
