"""Who rests, for which model, and for how long.

* An account rests for as long as the upstream says; where it does not say, longer each time in a row.
* It also rests for a model that is closed to it, and when a person says so.
* An answer that was asked for since ends the rest.
* The rests outlive a change of the settings, and a restart where there is a file for them.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from addons.gateway.storage.state import LONGEST_REST, KeptCooldown, StateStore

DEFAULT_COOLDOWN = 30.0
"""Seconds that an exhausted account rests when the upstream does not say how long; doubled each time in a row."""
LONGEST_COOLDOWN = 960.0
"""Seconds; what the doubling comes to."""

MAX_UNEXPLAINED = 3
"""Accounts that rest for a model at the same time because of a 429 that did not say how long."""


ALL_MODELS = "*"
"""In a model's place."""

MAX_RESTS = 2000
"""That are remembered."""

MAX_SAID = 500
"""Characters of what the upstream said."""


class Cause(enum.Enum):
    """What an account rests for. The values are kept on disk."""

    RATE = "rate"
    """A limit that passes within minutes, or after a time that the upstream named."""
    DAY = "day"
    """The quota of a day is used up."""
    CLOSED = "closed"
    """The model is closed to the account."""
    TOLD = "told"
    """A person wants it."""


@dataclass(frozen=True, slots=True)
class Rest:
    """From when until when (on the clock of `Cooldowns`) an account cools down, and why."""

    began: float
    until: float
    reason: str
    strikes: int = 0
    """How often in a row the upstream did not say how long. They count on when the rest has ended."""
    told: bool = False
    """The upstream said how long."""
    cause: Cause = Cause.RATE
    said: str = ""
    """What the client is told of it: Google's words, or the name of the limit for `Cause.RATE`."""


class Cooldowns:
    """The rests, by account label and model. `clock` tells a time in seconds, which need not be that of the day."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests: dict[tuple[str, str], Rest] = {}
        self._unexplained: dict[str, set[str]] = {}
        self._state: StateStore | None = None
        self.tell: Callable[[str, str, Rest | None], None] | None = None
        """Is told, where other workers want to know, of an account and a model: its rest, or that it has ended."""

    def rest(
        self,
        account: str,
        model: str,
        seconds: float | None,
        reason: str,
        cause: Cause = Cause.RATE,
        said: str = "",
    ) -> None:
        """Let an account rest for a model. `seconds` None: the upstream did not say how long.

        A 429 without a time does little to tell whose limit was reached. When several accounts in a row meet one, with
        no answer in between, it is most likely a limit that they share (a project's, an address's) or the model's own,
        and letting further accounts rest would take the whole pool out of service for it. So after `MAX_UNEXPLAINED`
        accounts the others go on.

        An account that rests already was asked before the rest began, so it is not struck again; and of two times
        that the upstream gave, the later one counts.
        """
        now = self._clock()
        known = self._rests.get((account, model))
        resting = known is not None and known.until > now
        strikes = known.strikes if known else 0
        if seconds is not None:
            until = now + min(seconds, LONGEST_REST)
            if known and resting and known.told and known.until >= until:
                return
            told = True
        else:
            if resting or self._is_shared(account, model):
                return
            until = now + min(LONGEST_COOLDOWN, DEFAULT_COOLDOWN * 2 ** min(strikes, 10))
            strikes, told = strikes + 1, False
        self._rests[account, model] = rest = Rest(now, until, reason, strikes, told, cause, said[:MAX_SAID])
        self._forget_some()
        self._keep(account, model, rest)

    def served(self, account: str, model: str, asked: float = math.inf) -> None:
        """An account has brought an answer: what it did before it was asked is forgotten.

        `asked`: when that was, on the clock. Under load answers come in that were asked for before the quota ran out;
        they don't end the rest that began since.
        """
        if not self._rests and not self._unexplained:
            return
        self._unexplained.pop(model, None)
        rest = self._rests.get((account, model))
        if rest and rest.began <= asked:
            self._drop(account, model)

    def release(self, account: str) -> None:
        """End the rests of an account."""
        for label, model in [key for key in self._rests if key[0] == account]:
            self._drop(label, model)

    def rest_of(self, account: str, model: str) -> Rest | None:
        """The rest that an account is in for a model, if it is; the longer one, if it rests for all models too."""
        if not self._rests:
            return None
        found = [rest for name in (model, ALL_MODELS) if (rest := self._rests.get((account, name)))]
        longest = max(found, key=lambda rest: rest.until, default=None)
        return longest if longest and longest.until > self._clock() else None

    def left(self, rest: Rest) -> float:
        """The seconds that a rest still lasts."""
        return max(0.0, rest.until - self._clock())

    def all(self) -> list[tuple[str, str, float]]:
        """(account label, model, seconds left) of every rest that has not ended."""
        now = self._clock()
        return [(label, model, rest.until - now) for (label, model), rest in self._rests.items() if rest.until > now]

    def keep_in(self, state: StateStore, kept_before: Iterable[KeptCooldown]) -> None:
        """Go on with the rests that were kept there (`kept_before`), and keep there what changes from now on."""
        self._state = state
        now = self._clock()
        kept = {
            (one.account, one.model): Rest(
                now, now + one.seconds, one.reason, one.strikes, told=True, cause=cause_of(one.cause), said=one.said
            )
            for one in kept_before
        }
        for (account, model), rest in self._rests.items():
            self._keep(account, model, rest)
        self._rests = kept | self._rests

    def _is_shared(self, account: str, model: str) -> bool:
        """Whether as many accounts as may rest for a 429 without a time; the account is one of them otherwise."""
        row = {label for label in self._unexplained.get(model, ()) if self.rest_of(label, model)}
        if len(row) >= MAX_UNEXPLAINED:
            return True
        self._unexplained[model] = row | {account}
        return False

    def _forget_some(self) -> None:
        """Clients name models as they like, and an upstream may say of each that it is closed."""
        if len(self._rests) <= MAX_RESTS:
            return
        by_end = sorted(self._rests, key=lambda key: self._rests[key].until)
        closed = [key for key in by_end if self._rests[key].cause is Cause.CLOSED]
        for account, model in (closed or by_end)[: MAX_RESTS // 10]:
            self._drop(account, model)

    def rests(self) -> dict[tuple[str, str], Rest]:
        """All that is remembered, by account label and model."""
        return dict(self._rests)

    def take(self, account: str, model: str, rest: Rest | None) -> None:
        """Another worker has this rest of an account for a model, or none any more."""
        if rest is not None:
            self._rests[account, model] = rest
        elif self._rests.pop((account, model), None):
            self._unexplained.pop(model, None)

    def _drop(self, account: str, model: str) -> None:
        del self._rests[account, model]
        if self.tell:
            self.tell(account, model, None)
        if self._state:
            self._state.drop_cooldown(account, model)

    def _keep(self, account: str, model: str, rest: Rest) -> None:
        if self.tell:
            self.tell(account, model, rest)
        if self._state:
            self._state.keep_cooldown(
                KeptCooldown(account, model, self.left(rest), rest.strikes, rest.reason, rest.cause.value, rest.said)
            )


def cause_of(kept: str) -> Cause:
    """A cause that was kept; one of another version is a limit."""
    return next((cause for cause in Cause if cause.value == kept), Cause.RATE)
