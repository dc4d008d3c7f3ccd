"""Which account makes the next attempt, after what pause, and when it is enough.

* Never more than `max_attempts`, each on another account where there is one. A fault that may pass in a second (5xx, an
  overload, no connection) is tried again on the same account too: each is asked twice at most. A broken answer is asked
  for again once, whoever gives it. Any other failure is tried once on each account.
* 429 moves on to the next account at once, and waits only where all of them cool down and the shortest rest is short.
* An overloaded or failing upstream gets a pause, longer each time and not the same for all who wait, or the one that it
  asks for.
* An account that is refused, has no money left, or may not use the model has not tried: the next one is asked, and that
  does not count.
* A fault of the request (400 class) is final: no other account would take it either.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from addons.gateway.accounts import unavailable
from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.cooldowns import Cause
from addons.gateway.accounts.pool import Pool
from addons.gateway.accounts.quota_day import seconds_to_reset
from addons.gateway.settings.settings import RetrySettings
from mapping.faults import Fault
from mapping.gemini.errors.rules import Kind
from mapping.gemini.errors.upstream_errors import UpstreamError, rate_limit

logger = logging.getLogger("antigravity")

BACKOFF = 0.5
"""Seconds before the second attempt at a failing upstream; doubled for each one after."""

JITTER = 0.5
"""The part of a pause by which it is longer at most, so that those who failed together don't come back together."""

CLOSED_FOR = 3600.0
"""Seconds for which an account rests for a model that is closed to it."""

_NOT_TRIED = (Kind.AUTH, Kind.BILLING, Kind.CLOSED)
"""What is wrong is the account, and Gemini has not taken up the request."""

_SLOW = (408, 504)
"""Statuses of the upstream's timeouts: they have cost the client a long time already."""

SHORT_FOR_A_DAY = 600.0
"""Seconds. Gemini has been seen to ask for a retry within a minute where the quota of a day was used up; a shorter time
than this is not believed then."""


@dataclass(slots=True)
class Attempt:
    """One try at the upstream, for the record."""

    account: Account
    started: float
    outcome: str = ""
    status: int | None = None
    """The upstream's HTTP status, if it gave one."""
    seconds: float = 0.0
    waited: float = 0.0
    """Seconds of pause before it."""
    token: float = 0.0
    """Seconds for which its credential was waited for."""
    connecting: float = 0.0
    """When a connection was asked for, on the clock of `started`, as the following. 0: there was a free one."""
    sent: float = 0.0
    """When it went up; 0: it never did."""
    reused: bool = False
    """It went up on a connection that was open already."""
    answered: float = 0.0
    """When the head of an answer came; 0: none has."""


@dataclass(slots=True)
class Wait:
    """All accounts are cooling down; the first one is ready in so many seconds."""

    seconds: float


@dataclass(slots=True)
class Failover:
    """The attempts of one exchange."""

    pool: Pool
    retry: RetrySettings
    model: str
    conversation: Conversation | None = None
    attempts: list[Attempt] = field(default_factory=list)
    jitter: Callable[[], float] = random.random
    """From 0 to 1."""
    shown: int = 0
    """The version of the credential that went up with the latest attempt."""
    refused: int | None = None
    """The version of the credential that is to be renewed before the next attempt."""
    _renewed: Account | None = None
    """Whose credential was renewed after a refusal."""
    _accounts: int = 1
    """How many may serve."""
    _failures: int = 0
    _waited: float = 0.0

    @property
    def account(self) -> Account | None:
        """The account of the latest attempt."""
        return self.attempts[-1].account if self.attempts else None

    def start(self, *, paused: float, stay: bool = False) -> float | None:
        """Begin the next attempt, on `account` then. Seconds: wait so long, and try again. See `begin`."""
        chosen = self.begin(paused=paused, stay=stay)
        return chosen.seconds if isinstance(chosen, Wait) else None

    def begin(self, *, paused: float, stay: bool = False) -> Account | Wait:
        """The account for the next attempt, or how long to wait for one. Raises Fault when there is none.

        `stay`: on the same account as before, because the answer goes on there. `paused`: the seconds just waited.
        """
        if not self.attempts:
            self._accounts = len(self.pool.candidates(self.model))
        account = self.account if stay else None
        if account is None:
            account = self._choose()
        if account is None:
            rest = self.pool.shortest_rest(self.model)
            if rest is None or self._waited + rest > self.retry.max_wait:
                raise unavailable.error(self.pool, self.model)
            self._waited += rest
            return Wait(rest + 0.01)
        self.attempts.append(Attempt(account, time.monotonic(), waited=paused))
        return account

    def sent(self, *, reused: bool) -> None:
        """The latest attempt goes up. `reused`: on a connection that was open already."""
        attempt = self.attempts[-1]
        self.shown = attempt.account.credential.version
        attempt.sent, attempt.reused = time.monotonic(), reused

    @contextmanager
    def waiting_for_token(self) -> Iterator[None]:
        """The credential of the latest attempt is waited for."""
        attempt, begin = self.attempts[-1], time.monotonic()
        try:
            yield
        finally:
            attempt.token += time.monotonic() - begin

    def discount(self, reason: str, status: int) -> None:
        """The latest attempt was none of the account's failures: a stale connection, or a request that was mended."""
        self._note(reason, status)

    def renew(self) -> bool:
        """Whether the account of the latest attempt may show another credential (`refused` is not to be used again).

        Once for an account.
        """
        account = self.attempts[-1].account
        if not account.credential.renewable or self._renewed is account:
            return False
        self._renewed, self.refused = account, self.shown
        return True

    def succeeded(self) -> None:
        """The latest attempt has brought the answer."""
        if self.attempts:
            self._note("200", 200)
            self.pool.served(self.attempts[-1].account, self.model, self.attempts[-1].started)

    def failed(self, problem: UpstreamError, *, stay: bool = False) -> float | None:
        """The latest attempt has failed. Returns the seconds to pause before the next; None: there is to be none."""
        self._note(problem.reason, problem.status)
        attempt = self.attempts[-1]
        account, kind = attempt.account, problem.kind
        if kind not in _NOT_TRIED:
            self._failures += 1
        if kind is Kind.QUOTA:
            cause = Cause.DAY if problem.per_day else Cause.RATE
            said = problem.error.message if problem.per_day else problem.limit
            self.pool.cool(account, self.model, _rest(problem), problem.reason, cause, said)
            self.pool.accepted(account, attempt.started)
        elif kind is Kind.CLOSED:
            self.pool.cool(account, self.model, CLOSED_FOR, problem.reason, Cause.CLOSED, problem.error.message)
            logger.info(f"Account {account.label} may not use {self.model}: {problem.error.message}")
        elif kind in (Kind.AUTH, Kind.BILLING):
            what = "its credential was refused" if kind is Kind.AUTH else "its money has run out"
            reason = f"{what} ({problem.reason}): {problem.error.message} {problem.todo}".rstrip()
            self.pool.set_aside(account, reason, attempt.started, money=kind is Kind.BILLING)
            logger.warning(f"Account {account.label} is set aside: {problem.reason}: {problem.error.message}")
        pause = self._pause(problem, stay)
        return pause if pause is not None and pause <= self.retry.max_wait else None

    def error(self, problem: UpstreamError) -> Fault:
        """What the client is told when `problem` was the last straw."""
        pool, model, kind = self.pool, self.model, problem.kind
        if kind in (Kind.QUOTA, Kind.BILLING, Kind.CLOSED) and not pool.is_ready(model) and self._is_known(problem):
            return unavailable.error(pool, model)
        if kind is Kind.AUTH:
            if any(rest.cause is not Cause.CLOSED for _, _, rest in pool.resting(model)):
                return unavailable.error(pool, model)  # another account comes back by itself
            return _refused(problem, self.attempts[-1].account) if self.attempts else problem.error
        if kind is Kind.QUOTA and not problem.per_day:
            wait = "" if problem.delay is None else unavailable.wait_words(problem.delay)
            problem.error.message = rate_limit(wait, problem.limit, model=model)
        elif kind is Kind.BILLING and problem.todo:
            problem.error.message = f"{problem.error.message} {problem.todo}"
        return problem.error

    def _is_known(self, problem: UpstreamError) -> bool:
        """Whether the pool knows of what has happened; it does not when cooldowns are switched off."""
        return problem.kind is Kind.BILLING or bool(self.pool.resting(self.model))

    def _choose(self) -> Account | None:
        """An account that was not asked yet, where there is one; else another than the latest."""
        account = self.pool.choose(self.model, self._tried, self.conversation)
        if account is None and self.attempts:
            latest = [self.attempts[-1].account]
            account = self.pool.choose(self.model, latest, self.conversation)
            account = account or self.pool.choose(self.model, conversation=self.conversation)
        return account

    @property
    def _tried(self) -> list[Account]:
        return [attempt.account for attempt in self.attempts]

    def _pause(self, problem: UpstreamError, stay: bool) -> float | None:
        if problem.kind in (Kind.REQUEST, Kind.SCHEMA, Kind.SIGNATURE):
            return None
        if self._failures >= self._limit_for(problem):
            return None
        backoff: float = BACKOFF * 2 ** max(0, self._failures - 1) * (1 + JITTER * self.jitter())
        if stay:
            return None if problem.kind in _NOT_TRIED else problem.delay or backoff
        if not self.pool.is_ready(self.model):
            return self.pool.shortest_rest(self.model)
        if problem.kind in _NOT_TRIED:
            return 0.0 if self.pool.is_ready(self.model, self._tried) else None
        if problem.kind in (Kind.CAPACITY, Kind.SERVER):
            return backoff if problem.delay is None else problem.delay
        if problem.kind is Kind.QUOTA and not self.pool.is_ready(self.model, self._tried):
            return backoff
        return 0.0

    def _limit_for(self, problem: UpstreamError) -> int:
        """How many attempts may fail before the failure is final."""
        if problem.kind in (Kind.CAPACITY, Kind.SERVER) and problem.status not in _SLOW:
            return min(self.retry.max_attempts, 2 * self._accounts)
        if problem.kind is Kind.ANSWER:  # the model's fault: the same account may well bring a good one
            return min(self.retry.max_attempts, max(2, self._accounts))
        return min(self.retry.max_attempts, self._accounts)

    def _note(self, outcome: str, status: int) -> None:
        attempt = self.attempts[-1]
        attempt.outcome = outcome
        attempt.status = status or None
        attempt.seconds = time.monotonic() - attempt.started


def _rest(problem: UpstreamError) -> float | None:
    """The seconds for which an exhausted account rests; None: the upstream did not say (0 s says nothing)."""
    if problem.per_day and (problem.delay or 0.0) < SHORT_FOR_A_DAY:
        return seconds_to_reset()
    return problem.delay or None


def _refused(problem: UpstreamError, account: Account) -> Fault:
    """The error of a refused account, in words that can't be taken for the client's own key."""
    error = problem.error
    if problem.status:  # else there was no credential to show, and that is said already
        what = "the key of account" if error.code == "invalid_api_key" else "account"
        error.message = f"Gemini refused {what} {account.label}: {error.message} {problem.todo}".rstrip()
    return error
