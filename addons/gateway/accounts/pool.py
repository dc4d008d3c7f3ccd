"""Which account serves the next attempt.

* Only accounts that may serve the model, are not set aside, and are not cooling down for it. Among those the strategy
  decides (`[routing] strategy`).
* An exhausted account cools down per model (`cooldowns`).
* An account that Gemini refuses as a whole (its key, its project, its money) is set aside for all models. It is asked
  again by one request after a while, longer each time in a row; where no other is left, by whoever asks, but not more
  often than every few seconds. An answer ends it.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable
from typing import Literal

from addons.gateway.accounts.account import Account, Aside, PoolNews
from addons.gateway.accounts.affinity import Conversation
from addons.gateway.accounts.cooldowns import ALL_MODELS, Cause, Cooldowns, Rest

type Strategy = Literal["round_robin", "fill_first", "sticky"]


logger = logging.getLogger("antigravity")

FIRST_ASIDE = 30.0
"""Seconds for which a refused account is set aside; doubled each time in a row."""
LONGEST_ASIDE = 600.0
"""Seconds; what the doubling comes to."""
MIN_ASIDE = 10.0
"""Seconds between two requests to a refused account, whoever asks."""


_QUOTAS = (Cause.RATE, Cause.DAY)


class Pool:
    """The accounts of the settings, and how they are doing. `cooldown` False: none of them ever rests for its quota.

    `longest_aside`: seconds after which a refused account is asked again at the latest. `clock` is in seconds.
    """

    def __init__(
        self,
        accounts: Iterable[Account],
        *,
        strategy: Strategy = "round_robin",
        cooldown: bool = True,
        cooldowns: Cooldowns | None = None,
        longest_aside: float = LONGEST_ASIDE,
        news: PoolNews | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.accounts = list(accounts)
        self.lacks = ""
        """What to do where no account is of the kind that is needed."""
        self.sticky = strategy == "sticky"
        self._fill_first = strategy == "fill_first"
        self._cooldown = cooldown
        self._cooldowns = cooldowns or Cooldowns()
        self._longest_aside = longest_aside
        self._news = news or PoolNews()
        self._clock = clock

    def only(self, which: Callable[[Account], bool], lacks: str = "") -> Pool:
        """Some of the accounts, with the same rests. `lacks`: what to do where there are none of them."""
        found = Pool(
            filter(which, self.accounts),
            strategy="fill_first" if self._fill_first else "sticky" if self.sticky else "round_robin",
            cooldown=self._cooldown,
            cooldowns=self._cooldowns,
            longest_aside=self._longest_aside,
            news=self._news,
            clock=self._clock,
        )
        found.lacks = lacks if self.accounts else ""
        return found

    def beside(self, model: str, cooldowns: Cooldowns) -> Pool:
        """The accounts in turn, with rests of their own: for calls to the model that no quota of answers counts.

        Those that rest for the model for another reason than their quota are not among them.
        """
        fit = [a for a in self.accounts if (rest := self.rest_of(a, model)) is None or rest.cause in _QUOTAS]
        return Pool(
            fit,
            cooldown=self._cooldown,
            cooldowns=cooldowns,
            longest_aside=self._longest_aside,
            clock=self._clock,
        )

    def ready(self, model: str) -> int:
        """How many accounts can be asked at once."""
        return len(self._ready(model, ()))

    def candidates(self, model: str) -> list[Account]:
        """The accounts that may serve the model, cooling ones included, but not those that are set aside."""
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
            account = ready[0] if self._fill_first else self._in_turn(ready)
        else:
            account = next((a for a in ready if a.label == conversation.account), None) or self._in_turn(ready)
            conversation.move(account.label)
        if account.aside:  # until that one is answered, no other request asks it
            account.aside.asked = self._clock()
            account.aside.until = max(account.aside.until, account.aside.asked + self._gap)
            self._tell_aside(account)
        return account

    def is_ready(self, model: str, tried: Collection[Account] = ()) -> bool:
        """Whether `choose` would find an account."""
        return bool(self._ready(model, tried))

    def cool(
        self,
        account: Account,
        model: str,
        seconds: float | None,
        reason: str,
        cause: Cause = Cause.RATE,
        said: str = "",
    ) -> None:
        """Let an account rest for a model. `seconds` None: the upstream did not say how long."""
        if self._cooldown:
            self._cooldowns.rest(account.label, model, seconds, reason, cause, said)

    def served(self, account: Account, model: str, asked: float = math.inf) -> None:
        """An account has brought an answer: what it did before it was `asked` (`time.monotonic`) is forgotten."""
        self._cooldowns.served(account.label, model, asked)
        self.accepted(account, asked)

    def accepted(self, account: Account, asked: float = math.inf) -> None:
        """Gemini has taken an account's credential: what it refused before the account was `asked` is forgotten."""
        if account.aside and account.aside.began <= asked:
            account.aside = None
            self._tell_aside(account)
            logger.info(f"Account {account.label} is no longer set aside: Gemini takes it again")

    def hold(self, account: Account, model: str, seconds: float) -> None:
        """Let an account rest because a person wants it; for all models when `model` is empty."""
        self.cool(account, model or ALL_MODELS, seconds, "told to rest", Cause.TOLD)

    def release(self, account: Account) -> None:
        """End the rests of an account, and give it another chance if it was set aside."""
        self._cooldowns.release(account.label)
        self.try_again(account)

    def try_again(self, account: Account) -> None:
        """Give an account another chance if it was set aside."""
        if account.aside:
            account.aside = None
            self._tell_aside(account)

    def set_aside(self, account: Account, reason: str, asked: float = math.inf, *, money: bool = False) -> None:
        """Gemini refuses an account as a whole: don't ask it for a while.

        `asked`: when it was (`time.monotonic`). Of several requests that were refused at once, one counts.
        """
        now, before = self._clock(), account.aside
        if before and before.began > asked:
            return
        strikes = before.strikes + 1 if before else 1
        until = now + min(FIRST_ASIDE * 2.0 ** min(strikes - 1, 10), self._longest_aside)
        account.aside = Aside(reason, now, until, now, strikes, money)
        self._tell_aside(account)

    def rest_of(self, account: Account, model: str) -> Rest | None:
        """The cooldown that an account is in for a model, if it is."""
        return self._cooldowns.rest_of(account.label, model) if self._cooldown else None

    def resting(self, model: str) -> list[tuple[Account, float, Rest]]:
        """(account, seconds left, why) of all that cool down for a model, the shortest first."""
        found = [
            (account, self._cooldowns.left(rest), rest)
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

    @property
    def _gap(self) -> float:
        return min(MIN_ASIDE, self._longest_aside / 5)

    def _ready(self, model: str, tried: Collection[Account]) -> list[Account]:
        """Those that can be asked at once. To wait for a token that is not to be had is for when there is no other."""
        ready = [a for a in self.accounts if self._is_due(a) and a.serves(model) and self.rest_of(a, model) is None]
        if not ready:
            ready = [a for a in self._set_aside(model) if a.aside and a.aside.asked + self._gap <= self._clock()]
        sound = [a for a in ready if a.credential.trouble is None]
        return [a for a in sound or ready if a not in tried]

    def _is_due(self, account: Account) -> bool:
        return account.faulty is None and (account.aside is None or account.aside.until <= self._clock())

    def _set_aside(self, model: str) -> list[Account]:
        return [
            a
            for a in self.accounts
            if a.aside and a.faulty is None and a.serves(model) and self.rest_of(a, model) is None
        ]

    def _in_turn(self, ready: list[Account]) -> Account:
        """Smooth weighted round robin: the account whose turn it is.

        Equal weights make a plain rotation; others spread evenly, not in runs.
        """
        best = max(ready, key=lambda account: account.credit + account.weight)
        take_turn(best, ready)
        if self._news.turn:
            self._news.turn(best, ready)
        return best

    def _tell_aside(self, account: Account) -> None:
        if self._news.aside:
            self._news.aside(account)


def take_turn(served: Account, ready: Iterable[Account]) -> None:
    """Each ready account's credit grows by its weight, and the one that serves pays all weights."""
    for account in ready:
        account.credit += account.weight
        served.credit -= account.weight
