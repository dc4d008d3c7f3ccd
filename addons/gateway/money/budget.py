"""The budget of a day (`[limits] budget_per_day`): once so much is spent, no model is called until the day is over.

* A day ends at midnight Pacific time, as those of Google's bills do.
* What counts is what is known: exchanges whose cost is unknown count as nothing, and the error says how many there are.
* What is under way when the budget is used up goes on, so it may be passed by that. It can be cancelled.
* What recordings answer is free, of a cassette or of mitmproxy's server replay: it is not refused, unless the replay
  sends up what it does not have.
* Workers that share their state count together, each with what it has heard of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from addons.gateway.accounts.quota_day import seconds_to_reset
from addons.gateway.accounts.unavailable import wait_words
from addons.gateway.http.routes import INTERACTIONS
from addons.gateway.money.days import Costs
from mapping import dialects
from mapping.faults import Fault, FaultKind
from mapping.prices.shown import dollars

CODE = "budget_exhausted"
_FREE = frozenset(("count_tokens", "input_tokens", "countTokens"))
"""Dialects that only count."""
_CANCELS = "/cancel"
"""How the path of a request ends that has an interaction end."""


class SpentTogether(Protocol):
    """What several workers have spent: `shared.uses.costs.SharedCosts`."""

    def spent(self, usd: float, when: float) -> None:
        """This worker has spent that much, on the day of this moment (Unix seconds)."""

    def today(self) -> float:
        """What all have spent today, in US dollars."""


class Budget:
    """See the module. `here`: what was counted here today. `clock` tells Unix seconds."""

    def __init__(self, here: Callable[[], Costs], clock: Callable[[], float] = time.time) -> None:
        self.together: SpentTogether | None = None
        """None: there are no others."""
        self._here = here
        self._clock = clock

    def spend(self, usd: float, when: float) -> None:
        """So much was spent."""
        if self.together is not None:
            self.together.spent(usd, when)

    def today(self) -> float:
        """What was spent today, in US dollars, as far as costs are known."""
        return self._here().cost if self.together is None else self.together.today()

    def check(self, limit: float, method: str, endpoint: str, path: str = "") -> None:
        """Whether a request may still ask a model. `path`: of the request. Raises Fault."""
        asks = endpoint in dialects.names() and endpoint not in _FREE
        if endpoint == INTERACTIONS:
            asks = not path.rstrip("/").endswith(_CANCELS)
        if method != "POST" or not asks:
            return
        if (spent := self.today()) >= limit:
            raise self._exhausted(spent, limit)

    def _exhausted(self, spent: float, limit: float) -> Fault:
        now = datetime.fromtimestamp(self._clock(), UTC)
        left = seconds_to_reset(now)
        unknown = self._here().unpriced
        what = "request" if unknown == 1 else "requests"
        beside = f" Not counted: {unknown} {what} whose cost is unknown." if unknown else ""
        return Fault(
            429,
            f"The budget of {dollars(limit)} a day (limits.budget_per_day in the gateway's settings) is used up"
            f"{wait_words(left, lambda: now.astimezone().replace(tzinfo=None))}: {dollars(spent)} was spent since "
            f"midnight Pacific time.{beside}",
            kind=FaultKind.QUOTA,
            code=CODE,
            retry_after=left,
            should_retry=False,
            per_day=True,
        )
