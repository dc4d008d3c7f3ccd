"""Which account serves the next attempt.

* Only accounts that may serve the model, are not set aside, and are not cooling down for it. Among those the strategy
  decides (`[routing] strategy`).
* An exhausted account cools down per model (`cooldowns`); an account whose credential is refused is set aside with
  the reason.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Literal

from addons.gateway.accounts.account import Account
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.cooldowns import ALL_MODELS, Cooldowns, Rest
from mapping.errors import OpenAIError

type Strategy = Literal["round_robin", "fill_first", "sticky"]


class Pool:
    """The accounts of the settings, and how they are doing. `cooldown` False: none of them ever rests."""

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        strategy: Strategy = "round_robin",
        cooldown: bool = True,
        cooldowns: Cooldowns | None = None,
    ) -> None:
        self.accounts = list(accounts)
        self.sticky = strategy == "sticky"
        self._fill_first = strategy == "fill_first"
        self._cooldown = cooldown
        self._cooldowns = cooldowns or Cooldowns()

    def candidates(self, model: str) -> list[Account]:
        """The accounts that may serve the model, cooling ones included."""
        return [a for a in self.accounts if a.unusable is None and a.serves(model)]

    def choose(
        self, model: str, tried: Collection[Account] = (), conversation: Conversation | None = None
    ) -> Account | None:
        """The account for the next attempt, ready and not in `tried`; None when there is none.

        A conversation stays on its account while that can be chosen. Otherwise, and for good, it moves to the one that
        is chosen now.
        """
        ready = self._ready(model, tried)
        if not ready:
            return None
        if conversation is None:
            return ready[0] if self._fill_first else _in_turn(ready)
        account = next((a for a in ready if a.label == conversation.account), None) or _in_turn(ready)
        conversation.account = account.label
        return account

    def is_ready(self, model: str, tried: Collection[Account] = ()) -> bool:
        """Whether `choose` would find an account."""
        return bool(self._ready(model, tried))

    def cool(self, account: Account, model: str, seconds: float | None, reason: str) -> None:
        """Let an account rest for a model. `seconds` None: the upstream did not say how long."""
        if self._cooldown:
            self._cooldowns.rest(account.label, model, seconds, reason)

    def served(self, account: Account, model: str, asked: float = math.inf) -> None:
        """An account has brought an answer: what it did before it was `asked` (`time.monotonic`) is forgotten."""
        self._cooldowns.served(account.label, model, asked)

    def hold(self, account: Account, model: str, seconds: float) -> None:
        """Let an account rest because a person wants it; for all models when `model` is empty."""
        self.cool(account, model or ALL_MODELS, seconds, "told to rest")

    def release(self, account: Account) -> None:
        """End the rests of an account, and give it another chance if it was set aside."""
        self._cooldowns.release(account.label)
        account.refused = None

    def set_aside(self, account: Account, reason: str) -> None:
        """Stop using an account until its settings or its credentials change: its credential was refused."""
        account.refused = reason

    def rest_of(self, account: Account, model: str) -> Rest | None:
        """The cooldown that an account is in for a model, if it is."""
        return self._cooldowns.rest_of(account.label, model) if self._cooldown else None

    def resting(self, model: str) -> list[tuple[Account, float, str]]:
        """(account, seconds left, reason) of all that cool down for a model, the shortest first."""
        found = [
            (account, self._cooldowns.left(rest), rest.reason)
            for account in self.candidates(model)
            if (rest := self.rest_of(account, model))
        ]
        return sorted(found, key=lambda item: item[1])

    def all_resting(self) -> list[tuple[str, str, float]]:
        """(account label, model, seconds left) of every cooldown that has not ended."""
        labels = {account.label for account in self.accounts} if self._cooldown else set()
        return [rest for rest in self._cooldowns.all() if rest[0] in labels]

    def shortest_rest(self, model: str) -> float | None:
        """Seconds until the first cooling account is ready; None when none cools."""
        resting = self.resting(model)
        return resting[0][1] if resting else None

    def _ready(self, model: str, tried: Collection[Account]) -> list[Account]:
        """Those that can be asked at once. To wait for a token that is not to be had is for when there is no other."""
        ready = [a for a in self.candidates(model) if self.rest_of(a, model) is None]
        sound = [a for a in ready if a.credential.trouble is None]
        return [a for a in sound or ready if a not in tried]

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


def _in_turn(ready: list[Account]) -> Account:
    """Smooth weighted round robin: each account's credit grows by its weight, the richest serves and pays all weights.

    Equal weights make a plain rotation; others spread evenly, not in runs.
    """
    for account in ready:
        account.credit += account.weight
    best = max(ready, key=lambda account: account.credit)
    best.credit -= sum(account.weight for account in ready)
    return best


def _seconds(value: float) -> str:
    value = math.ceil(value)
    return f"{value} s" if value < 120 else f"{math.ceil(value / 60)} min"
