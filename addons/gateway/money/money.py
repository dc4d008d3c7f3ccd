"""What exchanges cost, where the settings want to know: see `pricing`, which is loaded when the first one is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from addons.gateway.exchange.facts import Facts
from addons.gateway.exchange.job import Job
from addons.gateway.exchange.steps import Steps
from addons.gateway.exchange.summary import Summary
from addons.gateway.money.budget import Budget
from addons.gateway.money.days import Costs
from addons.gateway.observers import Observers
from mapping.late import late

if TYPE_CHECKING:
    from addons.gateway.money import pricing
else:
    pricing = late("addons.gateway.money.pricing")


class CostCounts(Protocol):
    """Where costs are counted: `status.statistics.Statistics`."""

    def today(self) -> Costs:
        """What the day that runs has cost until now."""

    def count_cost(self, model: str, when: float, cost: float | None) -> None:
        """What an answer has cost that is in no exchange of a client's; None: nobody knows."""


class Money:
    """See the module. `counts`: where costs are counted, as it stands."""

    def __init__(self, observers: Observers, steps: Steps, counts: Callable[[], CostCounts]) -> None:
        self.budget = Budget(lambda: counts().today())
        self._counts = counts
        self._steps = steps
        observers.put("telling what an exchange has cost", self._price)

    def show(self, exchange: Facts) -> None:
        """See `exchange.services.Pricing`."""
        prices = exchange.settings.prices
        if prices.header and prices.enabled:
            self._steps.run("showing what an answer has cost", pricing.show, exchange)

    def admit(self, exchange: Facts) -> None:
        """A request has come, and is about to be understood. Raises Fault where the budget is used up."""
        limit = exchange.settings.limits.budget_per_day
        if limit is not None:
            self.budget.check(limit, exchange.method, exchange.endpoint)

    def made_later(self, exchange: Facts, job: Job) -> None:
        """An answer was made in the background, or not to its end: count what it has cost. Raises nothing."""
        if exchange.settings.prices.enabled:
            self._steps.run("telling what an answer in the background has cost", self._price_later, exchange, job)

    def _price_later(self, exchange: Facts, job: Job) -> None:
        now = time.time()
        if (told := pricing.cost(exchange, job, now)) is not None:
            self._counts().count_cost(job.answering_model or "", now, told.usd)
            if told.usd:
                self.budget.spend(told.usd, now)

    def _price(self, exchange: Facts, summary: Summary) -> None:
        if exchange.settings.prices.enabled:
            pricing.price(exchange, summary)
            if summary.cost:
                self.budget.spend(summary.cost, summary.time)
