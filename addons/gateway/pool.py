"""Which account serves the next attempt, and which ones have to rest.

* Round robin, by weight, over the accounts that may serve the model, are not set aside, and are not cooling down
  for it.
* An exhausted account cools down per model; an account whose credential is refused is set aside with the reason.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from addons.gateway.accounts import Account
from mapping.errors import OpenAIError

DEFAULT_COOLDOWN = 30.0
"""Seconds that an exhausted account rests when the upstream does not say how long; doubled each time in a row."""
LONGEST_COOLDOWN = 960.0


@dataclass(slots=True)
class Rest:
    """Until when (on the pool's clock) an account cools down, and why."""

    until: float
    reason: str


class Pool:
    """The accounts of the settings, and how they are doing."""

    def __init__(
        self, accounts: Iterable[Account], *, cooldown: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.accounts = list(accounts)
        self._cooldown = cooldown
        self._clock = clock
        self._resting: dict[tuple[str, str], Rest] = {}
        self._strikes: dict[tuple[str, str], int] = {}

    def candidates(self, model: str) -> list[Account]:
        """The accounts that may serve the model, cooling ones included."""
        return [a for a in self.accounts if a.unusable is None and a.serves(model)]

    def choose(self, model: str, tried: Iterable[Account] = ()) -> Account | None:
        """The next account in turn that is ready and not in `tried`; None when there is none.

        Smooth weighted round robin: each candidate's credit grows by its weight, the richest serves and pays the
        weights of all. Equal weights make a plain rotation; others spread evenly, not in runs.
        """
        best: Account | None = None
        total = 0
        for account in self.accounts:
            if account.unusable is not None or account in tried or not account.serves(model):
                continue
            if self._resting and self.rest_of(account, model):
                continue
            account.credit += account.weight
            total += account.weight
            if best is None or account.credit > best.credit:
                best = account
        if best is not None:
            best.credit -= total
        return best

    def is_ready(self, model: str) -> bool:
        """Whether `choose` would find an account."""
        return any(self.rest_of(account, model) is None for account in self.candidates(model))

    def cool(self, account: Account, model: str, seconds: float | None, reason: str) -> None:
        """Let an account rest for a model. `seconds` None: the upstream did not say how long."""
        if not self._cooldown:
            return
        key = (account.label, model)
        if seconds is None:
            strikes = self._strikes[key] = self._strikes.get(key, 0) + 1
            seconds = min(LONGEST_COOLDOWN, DEFAULT_COOLDOWN * 2 ** (strikes - 1))
        self._resting[key] = Rest(self._clock() + seconds, reason)

    def served(self, account: Account, model: str) -> None:
        """An account has brought an answer: what it did before is forgotten."""
        if self._strikes or self._resting:
            self._strikes.pop((account.label, model), None)
            self._resting.pop((account.label, model), None)

    def set_aside(self, account: Account, reason: str) -> None:
        """Stop using an account until its settings or its credentials change: its credential was refused."""
        account.refused = reason

    def rest_of(self, account: Account, model: str) -> Rest | None:
        """The cooldown that an account is in for a model, if it is."""
        rest = self._resting.get((account.label, model))
        if rest and rest.until <= self._clock():
            del self._resting[account.label, model]
            return None
        return rest

    def resting(self, model: str) -> list[tuple[Account, float, str]]:
        """(account, seconds left, reason) of all that cool down for a model, the shortest first."""
        now = self._clock()
        found = [
            (account, rest.until - now, rest.reason)
            for account in self.candidates(model)
            if (rest := self.rest_of(account, model))
        ]
        return sorted(found, key=lambda item: item[1])

    def all_resting(self) -> list[tuple[str, str, float]]:
        """(account label, model, seconds left) of every cooldown that has not ended."""
        now = self._clock()
        return [(label, model, rest.until - now) for (label, model), rest in self._resting.items() if rest.until > now]

    def shortest_rest(self, model: str) -> float | None:
        """Seconds until the first cooling account is ready; None when none cools."""
        resting = self.resting(model)
        return resting[0][1] if resting else None

    def take_rests_from(self, other: Pool) -> None:
        """Go on with the cooldowns of the pool that this one replaces."""
        self._resting, self._strikes = other._resting, other._strikes

    def none_error(self, model: str) -> OpenAIError:
        """503 (no account can serve), or 429 (all are cooling), with a sentence on what to do."""
        resting = self.resting(model)
        if resting:
            return self.exhausted_error(model)
        if not self.accounts:
            return OpenAIError(
                503,
                "No account is configured. Add one: set the environment variable GEMINI_API_KEY, or write an "
                '[[accounts]] entry with email and api_key = "env:NAME" into the settings file '
                "(--set antigravity_config=FILE).",
                type="server_error",
                code="no_account",
                should_retry=False,
            )
        reasons = [f"{a.label}: {a.unusable or f'may not serve {model}'}" for a in self.accounts]
        return OpenAIError(
            503,
            f"No account can serve {model}. " + "; ".join(reasons) + ".",
            type="server_error",
            code="no_account",
            should_retry=False,
        )

    def exhausted_error(self, model: str, said: str = "") -> OpenAIError:
        """429: every account that may serve the model is cooling down. `said` is what the upstream said last."""
        resting = self.resting(model)
        waiting = ", ".join(f"{account.label} for {_seconds(left)}" for account, left, _ in resting)
        shortest = resting[0][1]
        wait = max(1, math.ceil(shortest))
        message = f"All accounts are cooling down for {model}: {waiting}. Please try again in {wait}s."
        return OpenAIError(
            429,
            f"{said.rstrip()} ({message})" if said else message,
            type="requests",
            code="rate_limit_exceeded",
            retry_after=shortest,
            should_retry=None if wait <= 120 else False,
        )


def _seconds(value: float) -> str:
    value = math.ceil(value)
    return f"{value} s" if value < 120 else f"{math.ceil(value / 60)} min"
